//! `memctl run`: one run, with this process's stdio and the exit code of the program that failed first.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use anyhow::{Result, bail};

use crate::args::{BackendChoice, EngineChoice, RunArgs};
use crate::guest::{Ending, Turn};
use crate::host::{Leases, execute};
use crate::program::Program;
use crate::report::RunReport;
use crate::setup::Setup;
use crate::surroundings::{Output, Randomness, Stdin, Surroundings};

/// The exit code after a trap, as shells show for a process that aborted (128 + SIGABRT).
pub const TRAPPED: i32 = 134;

/// Runs the program and gives back the code to exit with.
///
/// # Errors
/// It could not be started.
pub fn run(args: &RunArgs) -> Result<i32> {
    let setup = Setup::check(&args.guest)?;
    if setup.engine == EngineChoice::Board && args.backend != BackendChoice::Copy {
        bail!("--engine board: a board has no MMU; add --backend copy");
    }
    if setup.granule.is_some() && args.backend != BackendChoice::Copy {
        bail!("--granule: where windows alias, the granule is the host page; add --backend copy");
    }
    let mut programs = Program::load_all(args.guest.apps())?;
    if args.instrument {
        programs = programs.iter().map(Program::instrumented).collect::<Result<_>>()?;
    }
    let (output, captured) = if args.guest.json {
        let captured = Captured::new()?;
        (captured.output()?, Some(captured))
    } else {
        (Output::Inherited, None)
    };
    let surroundings = Surroundings { stdin: Stdin::Inherited, output, randomness: Randomness::System };
    let leases = if args.audit { Leases::Audited } else { Leases::Usual };
    let execution = execute(&programs, args.backend, leases, &setup, &surroundings)?;

    let (stdout, stderr) = captured.as_ref().map(Captured::read).transpose()?.unwrap_or_default();
    let report = RunReport {
        backend: args.backend.name(),
        turns: execution.turns,
        stdout,
        stderr,
        time: execution.time,
        figures: execution.figures,
    };
    if args.guest.json {
        print(&report.to_json())?;
    }
    if args.guest.verbose {
        eprintln!("memctl: {}", report.summary());
    }
    if !args.guest.json {
        complain(&report.turns);
    }
    Ok(match report.ending() {
        Ending::Exit(code) => *code,
        Ending::Trap { .. } => TRAPPED,
    })
}

/// Says which turns failed, and how.
fn complain(turns: &[Turn]) {
    let alone = turns.len() == 1;
    for Turn { program, number, ending } in turns {
        match ending {
            // An exit code says as much.
            Ending::Exit(code) if alone || *code == 0 => {}
            Ending::Exit(code) => eprintln!("memctl: {program} failed in turn {number}, with exit code {code}"),
            Ending::Trap { report, .. } if alone => eprintln!("memctl: the program trapped: {report}"),
            Ending::Trap { report, .. } => eprintln!("memctl: {program} trapped in turn {number}: {report}"),
        }
    }
}

/// Prints a line; unlike `println!`, a closed pipe is an error and no panic.
pub(crate) fn print(line: &impl Display) -> Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    Ok(stdout.flush()?)
}

/// A run's stdout and stderr in two files without names.
pub(crate) struct Captured {
    stdout: File,
    stderr: File,
}

impl Captured {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self { stdout: tempfile::tempfile()?, stderr: tempfile::tempfile()? })
    }

    pub(crate) fn output(&self) -> Result<Output> {
        Ok(Output::Captured { stdout: self.stdout.try_clone()?, stderr: self.stderr.try_clone()? })
    }

    /// What was written to stdout and to stderr.
    pub(crate) fn read(&self) -> Result<(Vec<u8>, Vec<u8>)> {
        let read = |mut file: &File| -> Result<Vec<u8>> {
            let mut bytes = Vec::new();
            file.seek(SeekFrom::Start(0))?;
            file.read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        Ok((read(&self.stdout)?, read(&self.stderr)?))
    }
}
