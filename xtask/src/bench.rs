//! `cargo xtask bench`: the ratios that docs/performance.md records.

use anyhow::Result;

use crate::setup;
use crate::shell::{self, Shell};

pub(crate) fn run(shell: &Shell, args: &[String]) -> Result<()> {
    setup::run(shell)?;
    let mut command = shell.cargo(["bench", "-p", "memctl-benches"]);
    if !args.is_empty() {
        command.arg("--").args(args);
    }
    shell::run(&mut command)
}
