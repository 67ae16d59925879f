//! The WebAssembly programs of this repository.

use std::path::PathBuf;

use anyhow::Result;

use crate::shell::{self, Shell};

/// A kind of WebAssembly program that Rust compiles to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// Core modules that import WASI preview 1.
    WasiP1,
    /// Components.
    WasiP2,
}

impl Target {
    pub(crate) fn triple(self) -> &'static str {
        match self {
            Self::WasiP1 => "wasm32-wasip1",
            Self::WasiP2 => "wasm32-wasip2",
        }
    }
}

/// How much the compiler optimizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    Dev,
    Release,
}

/// Every package that is meant for a guest.
pub(crate) const ALL: [&str; 14] = [
    "bench-guest",
    "memctl-guest",
    "guest-command",
    "guest-heap",
    "guest-probe",
    "guest-sealed",
    "guest-stepper",
    "guest-windows",
    "example-file-scan",
    "example-frames-lists",
    "example-frames-stages",
    "example-pipeline-consumer",
    "example-pipeline-producer",
    "example-sealed",
];

/// Builds packages for a target.
pub(crate) fn build(shell: &Shell, packages: &[&str], target: Target, profile: Profile) -> Result<()> {
    let mut command = shell.cargo(["build", "--target", target.triple()]);
    command.arg("--target-dir").arg(shell.guest_target());
    if profile == Profile::Release {
        command.arg("--release");
    }
    for package in packages {
        command.args(["-p", package]);
    }
    shell::run(&mut command)
}

/// Where `build` leaves the file called `name`.
pub(crate) fn built(shell: &Shell, name: &str, target: Target, profile: Profile) -> PathBuf {
    let profile = match profile {
        Profile::Dev => "debug",
        Profile::Release => "release",
    };
    shell.guest_target().join(target.triple()).join(profile).join(format!("{name}.wasm"))
}
