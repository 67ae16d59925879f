//! QEMU: there, or installed where that can be done without asking.

use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use super::machine::Machine;
use crate::shell::{self, Shell};

/// What one run may take. It takes seconds; a firmware that hangs must not hold the machine.
const SECONDS: u32 = 120;

/// Installs what plays the machines, if it is missing and this process may. The error says what is missing.
pub(super) fn set_up(shell: &Shell, machines: &[Machine]) -> Result<()> {
    let missing: Vec<_> =
        machines.iter().map(|machine| machine.emulator()).filter(|(program, _)| !works(shell, program)).collect();
    let Some((program, package)) = missing.first() else { return Ok(()) };
    let help = format!("{program} is not on the PATH: install QEMU ({package} on Debian)");
    let root = shell.program("id", ["-u"]).output().is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    if !root || !works(shell, "apt-get") {
        bail!("{help}");
    }
    println!("{help}; installing it");
    let mut packages: Vec<_> = missing.iter().map(|(_, package)| *package).collect();
    packages.dedup();
    let install = || -> Result<()> {
        shell::run(&mut shell.program("apt-get", ["-qq", "update"]))?;
        let mut install = shell.program("apt-get", ["-qq", "install", "--yes", "--no-install-recommends"]);
        shell::run(install.args(&packages).env("DEBIAN_FRONTEND", "noninteractive"))
    };
    install().with_context(|| help.clone())?;
    if let Some((program, _)) = missing.iter().find(|(program, _)| !works(shell, program)) {
        bail!("{program} is still not on the PATH");
    }
    Ok(())
}

fn works(shell: &Shell, program: &str) -> bool {
    shell.program(program, ["--version"]).output().is_ok_and(|output| output.status.success())
}

/// What a firmware left behind.
pub(super) struct Ended {
    /// What it printed.
    pub(super) text: String,
    /// How it failed, if it did.
    pub(super) failure: Option<String>,
}

/// Runs a firmware to its end. What it prints goes to the file `output`: QEMU spins if what reads from it goes away.
pub(super) fn run(shell: &Shell, machine: Machine, firmware: &Path, output: &Path) -> Result<Ended> {
    let file = File::create(output).with_context(|| output.display().to_string())?;
    let mut command = machine.command(shell, firmware, SECONDS);
    command.stdin(Stdio::null()).stderr(file.try_clone()?).stdout(file);
    let words = shell::words(&command);
    let status = command.status().with_context(|| format!("can't start {words}"))?;
    let text = String::from_utf8_lossy(&fs::read(output)?).into_owned();
    let failure = match status.code() {
        Some(0) => None,
        Some(124 | 137) => Some(format!("it had not ended after {SECONDS} s")),
        _ => Some(format!("{status}")),
    };
    Ok(Ended { text, failure })
}
