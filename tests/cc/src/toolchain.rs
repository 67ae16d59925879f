//! Which compilers there are.

use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::{Clang, Program, Zig};

/// A compiler, a linker and a libc that make WASI preview 1 command modules from C.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Toolchain {
    /// `zig cc`, which has everything.
    Zig(Zig),
    /// `clang`, with the libc and the linker that rustup installs, and headers.
    Clang(Clang),
}

impl Toolchain {
    /// The first that works: zig, or clang.
    ///
    /// # Errors
    /// There is none. The error says what each lacks and how to get it.
    pub fn find() -> Result<Self> {
        let zig = match Zig::find() {
            Ok(zig) => return Ok(Self::Zig(zig)),
            Err(error) => error,
        };
        match Clang::find() {
            Ok(clang) => Ok(Self::Clang(clang)),
            Err(clang) => bail!(
                "no C compiler for WebAssembly: `cargo xtask setup` fetches one\n  zig: {zig:#}\n  clang: {clang:#}"
            ),
        }
    }

    /// All that work, zig first.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let zig = Zig::find().ok().map(Self::Zig);
        let clang = Clang::find().ok().map(Self::Clang);
        zig.into_iter().chain(clang).collect()
    }

    /// The commands that make `output` of a program: the last one links.
    pub(crate) fn commands(&self, program: &Program, output: &Path) -> Vec<Command> {
        match self {
            Self::Zig(zig) => vec![zig.command(program, output)],
            Self::Clang(clang) => clang.commands(program, output),
        }
    }
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zig(_) => f.write_str("zig"),
            Self::Clang(_) => f.write_str("clang"),
        }
    }
}

/// Whether a command can be started and ends well.
pub(crate) fn works(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).output().is_ok_and(|output| output.status.success())
}
