//! `cargo xtask compose`: two components made one, by the program in `bin/compose.rs`.

use std::path::{Path, absolute};

use anyhow::Result;

use crate::shell::{self, Shell};

/// Writes to `output` what comes of plugging the exports of `plug` into the imports of `socket`.
pub(crate) fn run(shell: &Shell, plug: &Path, socket: &Path, output: &Path) -> Result<()> {
    let mut command = shell.cargo(["run", "--quiet", "-p", "xtask", "--features", "compose", "--bin", "compose", "--"]);
    for file in [plug, socket, output] {
        // The command runs in the repository, wherever this one was called.
        command.arg(absolute(file)?);
    }
    shell::run(&mut command)
}
