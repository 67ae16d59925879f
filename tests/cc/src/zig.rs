//! `zig cc`.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::toolchain::works;
use crate::{Program, target};

/// The package of PyPI, and its version, that `cargo xtask setup` installs.
pub const ZIGLANG: &str = "ziglang==0.17.0";

/// A zig that can be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zig {
    // Invariant: not empty, and `words version` succeeded.
    words: Vec<OsString>,
}

impl Zig {
    /// `$ZIG`, `zig`, the one that `cargo xtask setup` installs, or that of the Python package `ziglang`.
    ///
    /// # Errors
    /// None of them can be started.
    pub fn find() -> Result<Self> {
        if let Some(zig) = env::var_os("ZIG") {
            let zig = Self { words: vec![zig] };
            if !zig.works() {
                bail!("$ZIG is {:?}, and `$ZIG version` fails", zig.words[0]);
            }
            return Ok(zig);
        }
        let candidates =
            [vec!["zig".into()], vec![Self::installed().into()], vec!["python3".into(), "-m".into(), "ziglang".into()]];
        match candidates.into_iter().map(|words| Self { words }).find(Self::works) {
            Some(zig) => Ok(zig),
            None => bail!("neither $ZIG, nor zig, nor `python3 -m ziglang` can be started: pip install {ZIGLANG}"),
        }
    }

    /// The folder that `cargo xtask setup` installs the Python package in.
    #[must_use]
    pub fn folder() -> PathBuf {
        target().join("ziglang")
    }

    /// The program that is in that folder then.
    #[must_use]
    pub fn installed() -> PathBuf {
        Self::folder().join("ziglang").join("zig")
    }

    /// The command `zig`, for arguments of the caller's.
    #[must_use]
    pub fn zig(&self) -> Command {
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]);
        command
    }

    fn works(&self) -> bool {
        works(self.zig().arg("version"))
    }

    pub(crate) fn command(&self, program: &Program, output: &Path) -> Command {
        let mut command = self.zig();
        command.args(["cc", "-target", "wasm32-wasi"]);
        program.put_compiler_args(&mut command);
        command.args(program.sources()).arg("-o").arg(output).args(program.link_args());
        command
    }
}
