//! Whether what is done is said on stdout, which is JSON's alone with `--json`.

use std::fmt::Display;
use std::process::Command;

use anyhow::Result;

use crate::shell;

/// How much is said on stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Voice {
    Aloud,
    Quiet,
}

impl Voice {
    /// Says a line.
    pub(super) fn say(self, line: impl Display) {
        if self == Self::Aloud {
            println!("{line}");
        }
    }

    /// Runs a command that has something to say.
    pub(super) fn run(self, command: &mut Command) -> Result<()> {
        match self {
            Self::Aloud => shell::run(command),
            Self::Quiet => shell::read(command).map(drop),
        }
    }

    /// Runs a command, and says only which.
    pub(super) fn swallow(self, command: &mut Command) -> Result<()> {
        self.say(format_args!("$ {}", shell::words(command)));
        shell::read(command).map(drop)
    }
}
