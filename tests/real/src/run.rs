//! Where a program runs.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::Programs;

/// A `memctl` to run guests with.
#[derive(Clone, Debug)]
pub struct Memctl {
    program: PathBuf,
}

impl Memctl {
    /// The file `program`.
    #[must_use]
    pub fn new(program: PathBuf) -> Self {
        Self { program }
    }

    /// The file.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The one that `$MEMCTL` names.
    ///
    /// # Errors
    /// It names none.
    pub fn named() -> Result<Self> {
        let program =
            env::var_os("MEMCTL").context("$MEMCTL names no memctl; `cargo xtask test --only real` sets it")?;
        Ok(Self::new(program.into()))
    }
}

/// How windows that can't be stored to are got where pages can't be protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copy {
    /// Not at all: `unsupported`.
    Strict,
    /// They can be stored to, and the embedder says that this is in order.
    Advisory,
    /// By checks in the program.
    Instrumented,
}

/// Where a program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On this machine, as it is.
    Native,
    /// As a guest whose windows show the file's own pages.
    Alias,
    /// As a guest whose windows are copies.
    Copy(Copy),
}

impl Place {
    /// As tables call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Alias => "alias",
            Self::Copy(Copy::Strict) => "copy",
            Self::Copy(Copy::Advisory) => "copy, advisory",
            Self::Copy(Copy::Instrumented) => "copy, instrumented",
        }
    }

    /// The command that runs the driver there, with `folder` as its current directory.
    #[must_use]
    pub fn command(self, programs: &Programs, memctl: &Memctl, folder: &Path) -> Command {
        match self {
            Self::Native => native(&programs.native, folder),
            Self::Alias | Self::Copy(_) => self.guest(&programs.guest, memctl, folder),
        }
    }

    /// The command that runs another guest there.
    pub(crate) fn guest(self, guest: &Path, memctl: &Memctl, folder: &Path) -> Command {
        let options: &[&str] = match self {
            Self::Native | Self::Alias => &["--backend", "alias"],
            Self::Copy(Copy::Strict) => &["--backend", "copy"],
            Self::Copy(Copy::Advisory) => &["--backend", "copy", "--advisory-protection"],
            Self::Copy(Copy::Instrumented) => &["--backend", "copy", "--instrument"],
        };
        let mut command = Command::new(&memctl.program);
        command.arg("run").args(options).arg("--dir").arg(format!("{}::.", folder.display())).arg(guest);
        command.stdin(Stdio::null());
        command
    }
}

/// The command that runs a program of this machine, with `folder` as its current directory.
pub(crate) fn native(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).stdin(Stdio::null());
    command
}

/// What a driver said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// Lines that are the same on every machine.
    pub(crate) same: Vec<String>,
    /// Lines that depend on the machine.
    pub(crate) own: Vec<String>,
}

/// Runs a driver that is to end well.
pub(crate) fn said(command: &mut Command) -> Result<Said> {
    let output = output(command)?;
    if !output.status.success() {
        bail!("{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    let text = String::from_utf8(output.stdout).context("a driver prints text")?;
    let (own, same) = text.lines().map(str::to_owned).partition(|line: &String| line.starts_with('~'));
    Ok(Said { same, own })
}

/// Longer than any command of a driver takes, natively or instrumented, on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);

/// Runs a driver that may end in any way, but has to end.
pub(crate) fn output(command: &mut Command) -> Result<Output> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().with_context(|| format!("can't start {}", command.get_program().display()))?;
    let id = child.id();
    let (ended, end) = mpsc::channel();
    thread::spawn(move || ended.send(child.wait_with_output()));
    let Ok(output) = end.recv_timeout(LIMIT) else {
        // By its id, which is its own until the thread has waited for it.
        Command::new("kill").args(["-KILL", &id.to_string()]).status()?;
        bail!("{command:?}: still running after {} s, and killed", LIMIT.as_secs());
    };
    Ok(output?)
}
