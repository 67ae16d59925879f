//! Commands, run in the repository.

use std::env;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Where the repository and its build results are.
pub(crate) struct Shell {
    root: PathBuf,
    target: PathBuf,
}

impl Shell {
    pub(crate) fn new() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask is a folder of the repository")?;
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
        Ok(Self { root: root.to_owned(), target })
    }

    /// The repository.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where cargo puts what it builds for this machine.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Where guests are built: apart, so that no build waits for another's lock.
    pub(crate) fn guest_target(&self) -> PathBuf {
        self.target.join("guests")
    }

    /// The cargo that runs this program.
    pub(crate) fn cargo(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        self.program(cargo, args)
    }

    /// Any program.
    pub(crate) fn program(
        &self,
        program: impl AsRef<OsStr>,
        args: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Command {
        let mut command = Command::new(program);
        // Nothing here asks questions.
        command.args(args).current_dir(&self.root).stdin(Stdio::null());
        // What cargo says about the package xtask is not about the package that the command is for.
        for (name, _) in env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
                command.env_remove(name);
            }
        }
        command
    }
}

/// Shows the command and runs it, its output going where this program's goes.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    announce(command)?;
    let status = command.status().with_context(|| cannot_start(command))?;
    if !status.success() {
        bail!("{} failed: {status}", words(command));
    }
    Ok(())
}

/// Shows the command and runs it, passing its stdout on line by line while `look` sees every line.
pub(crate) fn run_watched(command: &mut Command, mut look: impl FnMut(&str)) -> Result<()> {
    announce(command)?;
    let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| cannot_start(command))?;
    let stdout = child.stdout.take().context("stdout is piped")?;
    for line in BufReader::new(stdout).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        writeln!(std::io::stdout(), "{line}")?;
        look(&line);
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("{} failed: {status}", words(command));
    }
    Ok(())
}

/// Runs the command and gives back its stdout; its stderr goes where this program's goes.
pub(crate) fn read(command: &mut Command) -> Result<Vec<u8>> {
    let output = command.stderr(Stdio::inherit()).output().with_context(|| cannot_start(command))?;
    if !output.status.success() {
        bail!("{} failed: {}", words(command), output.status);
    }
    Ok(output.stdout)
}

fn announce(command: &Command) -> Result<()> {
    // Through a pipe this program's lines and the command's should not change places.
    let mut stdout = std::io::stdout();
    writeln!(stdout, "$ {}", words(command))?;
    Ok(stdout.flush()?)
}

fn cannot_start(command: &Command) -> String {
    format!("can't start {}", command.get_program().display())
}

/// The command as one would type it. Long ones are cut.
pub(crate) fn words(command: &Command) -> String {
    const SHOWN: usize = 24;
    let name = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let mut words: Vec<_> = command
        .get_envs()
        .filter_map(|(name, value)| Some(format!("{}='{}'", name.display(), value?.display())))
        .collect();
    words.push(name.display().to_string());
    words.extend(command.get_args().take(SHOWN).map(|word| word.display().to_string()));
    if command.get_args().len() > SHOWN {
        words.push("...".to_owned());
    }
    words.join(" ")
}
