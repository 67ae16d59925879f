//! A C compiler for WebAssembly.

use anyhow::{Context, Result};
use memctl_cc::{Toolchain, ZIGLANG, Zig};

use crate::setup::twice;
use crate::shell::{self, Shell};

/// Installs zig from PyPI into the target folder if there is no compiler; does nothing, and needs no network, if there is one.
pub(crate) fn set_up(shell: &Shell) -> Result<()> {
    if Toolchain::find().is_err() {
        let pip = ["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--upgrade", "--target"];
        let mut command = shell.program("python3", pip);
        command.arg(Zig::folder()).arg(ZIGLANG);
        twice(|| shell::run(&mut command)).context(
            "pip can't fetch zig; is PyPI within reach, and pip there? \
             Any zig on the PATH will do, or clang and the package wasi-libc",
        )?;
    }
    // After an installation too: what was fetched may not run here.
    let found: Vec<_> = match Toolchain::all() {
        found if found.is_empty() => vec![Toolchain::find()?.to_string()],
        found => found.iter().map(ToString::to_string).collect(),
    };
    println!("C for WebAssembly is compiled by {}", found.join(", and by "));
    Ok(())
}
