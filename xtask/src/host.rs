//! What is built for this machine.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::shell::{self, Shell};

/// Programs of this repository that run on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    Memctl,
    PipelineHost,
    FramesHost,
    Compose,
}

impl Tool {
    fn name(self) -> &'static str {
        match self {
            Self::Memctl => "memctl",
            Self::PipelineHost => "example-pipeline-host",
            Self::FramesHost => "example-frames-host",
            Self::Compose => "compose",
        }
    }

    /// Where `build` leaves it.
    pub(crate) fn built(self, shell: &Shell) -> PathBuf {
        shell.target().join("debug").join(self.name())
    }
}

/// What this machine is called as a target.
pub(crate) fn triple(shell: &Shell) -> Result<String> {
    let version = String::from_utf8(shell::read(&mut shell.program("rustc", ["-vV"]))?)?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc -vV names no host")?;
    Ok(host.to_owned())
}

/// `cargo COMMAND` for the whole workspace. All such commands ask for the same features, so that wasmtime, which takes minutes,
/// is built once for all of them.
pub(crate) fn workspace(shell: &Shell, command: &str) -> Command {
    shell.cargo([command, "--workspace", "--features", "xtask/compose"])
}

/// Builds tools.
pub(crate) fn build(shell: &Shell, tools: &[Tool]) -> Result<()> {
    shell::run(&mut build_command(shell, tools))
}

/// Builds tools with nothing on stdout.
pub(crate) fn build_quietly(shell: &Shell, tools: &[Tool]) -> Result<()> {
    shell::read(&mut build_command(shell, tools)).map(drop)
}

fn build_command(shell: &Shell, tools: &[Tool]) -> Command {
    let mut command = workspace(shell, "build");
    for tool in tools {
        command.args(["--bin", tool.name()]);
    }
    // With a test among the targets, dependencies get the features that `cargo test` gives them.
    command.args(["--test", "memctl"]);
    command
}
