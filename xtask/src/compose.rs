//! `cargo xtask compose`: two components made one, by the program in `bin/compose.rs`.

use std::path::{Path, absolute};

use anyhow::Result;

use crate::host::Tool;
use crate::shell::{self, Shell};

/// Writes to `output` what comes of plugging the exports of `plug` into the imports of `socket`. The program is built.
pub(crate) fn run(shell: &Shell, plug: &Path, socket: &Path, output: &Path) -> Result<()> {
    let mut command = shell.program(Tool::Compose.built(shell), [""; 0]);
    for file in [plug, socket, output] {
        // The program runs in the repository, wherever this one was called.
        command.arg(absolute(file)?);
    }
    shell::run(&mut command)
}
