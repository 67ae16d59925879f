//! `memctl compare`: one run per backend, and what differs between them.

use std::fs::{self, File};
use std::io::Cursor;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::args::{BackendChoice, CompareArgs, GuestArgs};
use crate::diff::{Difference, Found, compare_files, compare_trees, first_difference};
use crate::guest::Ending;
use crate::host::{Leases, execute};
use crate::program::{Program, as_text};
use crate::progress::Progress;
use crate::replica::{Originals, Replica};
use crate::report::{ComparisonReport, RunReport, ending_words};
use crate::run::{Captured, print};
use crate::setup::Setup;
use crate::stdin::SharedStdin;
use crate::surroundings::{Randomness, Stdin, Surroundings};

/// The backends, in the order in which they run; the first is what the others are compared with.
const BACKENDS: [BackendChoice; 2] = [BackendChoice::Alias, BackendChoice::Copy];

/// What runs on `copy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copying {
    /// The program.
    AsItIs,
    /// The program with checks, as `memctl instrument` makes it.
    Instrumented,
}

/// Compares, prints, and gives back the code to exit with.
///
/// # Errors
/// A run could not be started, or files could not be copied or compared.
pub fn run(args: &CompareArgs) -> Result<i32> {
    let report = compare(&args.guest, if args.instrument { Copying::Instrumented } else { Copying::AsItIs })?;
    if args.guest.json {
        print(&report.to_json())?;
    } else {
        print(&report.to_text())?;
        show_trap(&report);
        show_complaints(&report);
    }
    Ok(i32::from(!report.differences.is_empty()))
}

/// Runs the program on every backend, each with its own copy of what it may change.
///
/// # Errors
/// A run could not be started, or files could not be copied or compared.
pub fn compare(args: &GuestArgs, copying: Copying) -> Result<ComparisonReport> {
    let setup = Setup::check(args)?;
    let programs = Program::load_all(args.apps())?;
    let instrumented: Option<Vec<_>> = match copying {
        Copying::AsItIs => None,
        Copying::Instrumented => Some(programs.iter().map(Program::instrumented).collect::<Result<_>>()?),
    };
    let temporary = tempfile::Builder::new()
        .prefix("memctl-compare-")
        .tempdir()
        .context("no place for copies of the files; TMPDIR says where they go")?;
    let place = fs::canonicalize(temporary.path())?;
    let originals = Originals::of(&setup, &place);
    let stdin = SharedStdin::default();
    let mut traces = Vec::new();
    for backend in BACKENDS {
        let name = backend.name();
        let place = place.join(name);
        let programs = instrumented.as_ref().filter(|_| backend == BackendChoice::Copy).unwrap_or(&programs);
        traces
            .push(trace(programs, backend, &setup, &originals, &stdin, &place).with_context(|| format!("on {name}"))?);
    }

    let _progress = Progress::spinner("comparing what the runs left behind");
    let mut differences = Vec::new();
    if let Some((first, others)) = traces.split_first() {
        for other in others {
            let found = first.differences(other, &setup)?;
            differences.extend(found.into_iter().map(|difference| (other.report.backend, difference)));
        }
    }
    Ok(ComparisonReport { runs: traces.into_iter().map(|trace| trace.report).collect(), differences })
}

/// What a run left behind.
struct Trace {
    report: RunReport,
    replica: Replica,
    // The final bytes of every object that has no file in the replica.
    objects: PathBuf,
}

fn trace(
    programs: &[Program],
    backend: BackendChoice,
    setup: &Setup,
    originals: &Originals,
    stdin: &SharedStdin,
    place: &Path,
) -> Result<Trace> {
    let (files, objects) = (place.join("files"), place.join("objects"));
    fs::create_dir_all(&files)?;
    fs::create_dir_all(&objects)?;
    let replica = originals.copy_into(&files, backend.name())?;
    let captured = Captured::new()?;
    let surroundings = Surroundings {
        stdin: Stdin::Replayed(stdin.replay()),
        output: captured.output()?,
        randomness: Randomness::Fixed,
    };
    let own = setup.with_paths(|path| replica.of(path));
    let execution = {
        let _progress = Progress::spinner(format!("running on {}", backend.name()));
        execute(programs, backend, Leases::Usual, &own, &surroundings)?
    };
    for (number, object) in own.objects.iter().enumerate() {
        if object.source.file().is_none() {
            execution
                .save_object(&object.name, &mut File::create(objects.join(number.to_string()))?)
                .with_context(|| format!("can't read the final bytes of object {}", object.name))?;
        }
    }
    let (stdout, stderr) = captured.read()?;
    let report = RunReport {
        backend: backend.name(),
        turns: execution.turns,
        stdout,
        stderr,
        time: execution.time,
        figures: execution.figures,
    };
    Ok(Trace { report, replica, objects })
}

impl Trace {
    fn differences(&self, other: &Self, setup: &Setup) -> Result<Vec<Difference>> {
        let mut differences = Vec::new();
        for (own, others) in self.report.turns.iter().zip(&other.report.turns) {
            let (left, right) = (ending_words(&own.ending), ending_words(&others.ending));
            if left != right {
                let alone = self.report.turns.len() == 1;
                let subject = if alone { "exit".to_owned() } else { format!("turn {} of {}", own.number, own.program) };
                differences.push(Difference { subject, found: Found::Words { left, right } });
            }
        }
        let streams = [
            ("stdout", &self.report.stdout, &other.report.stdout),
            ("stderr", &self.report.stderr, &other.report.stderr),
        ];
        for (subject, left, right) in streams {
            if let Some(found) = first_difference(&mut Cursor::new(left), &mut Cursor::new(right))? {
                differences.push(Difference { subject: subject.to_owned(), found: Found::Bytes(found) });
            }
        }
        for (number, object) in setup.objects.iter().enumerate() {
            let place = |trace: &Self| match object.source.file() {
                Some((path, _)) => trace.replica.of(path),
                None => trace.objects.join(number.to_string()),
            };
            let subject = format!("object {}", object.name);
            differences.extend(compare_files(&subject, &place(self), &place(other))?);
        }
        for dir in setup.dirs.iter().filter(|dir| self.replica.holds(&dir.host)) {
            differences.extend(compare_trees(&dir.guest, &self.replica.of(&dir.host), &other.replica.of(&dir.host))?);
        }
        Ok(differences)
    }
}

/// Shows the first trap in full, since the table has only its cause.
fn show_trap(report: &ComparisonReport) {
    for run in &report.runs {
        if let Ending::Trap { report, .. } = run.ending() {
            eprintln!("memctl: the program trapped on {}: {report}", run.backend);
            return;
        }
    }
}

/// Shows the last that a run said on stderr if it failed, since the table has only its exit code.
fn show_complaints(report: &ComparisonReport) {
    const LINES: usize = 5;
    for run in &report.runs {
        let Ending::Exit(1..) = run.ending() else { continue };
        let said = as_text(&run.stderr);
        let lines: Vec<_> = said.lines().collect();
        if lines.is_empty() {
            continue;
        }
        eprintln!("memctl: {} on {}, after saying:", ending_words(run.ending()), run.backend);
        for line in &lines[lines.len().saturating_sub(LINES)..] {
            eprintln!("  {line}");
        }
    }
}
