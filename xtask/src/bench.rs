//! `cargo xtask bench`: the ratios that docs/performance.md records.

use anyhow::Result;

use crate::real::{self, Real};
use crate::setup;
use crate::shell::{self, Shell};

/// The group that is no part of memctl-benches: whole programs.
const REAL: [&str; 2] = ["--filter", "real"];

pub(crate) fn run(shell: &Shell, args: &[String]) -> Result<()> {
    setup::run(shell)?;
    if args == REAL {
        return real::run(shell, &Real::measured());
    }
    let mut command = shell.cargo(["bench", "-p", "memctl-benches"]);
    if !args.is_empty() {
        command.arg("--").args(args);
    }
    shell::run(&mut command)?;
    if args.is_empty() {
        real::run(shell, &Real::measured())?;
    }
    Ok(())
}
