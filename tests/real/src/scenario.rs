//! The same commands everywhere, one process after another, and what they print.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::check::same;
use crate::database::Mode;
use crate::interchange;
use crate::report::{Check, Report};
use crate::run::{Copy, Memctl, Place, Said, said};
use crate::{Database, Programs};

const PLACES: [Place; 4] = [Place::Native, Place::Alias, Place::Copy(Copy::Advisory), Place::Copy(Copy::Instrumented)];

/// What one place did with one mode: what each command said, and how long it took in seconds.
type Runs = Vec<(Said, f64)>;

/// Runs the database natively, on `alias` and on `copy`, and compares.
///
/// # Errors
/// There is nowhere to keep the files. What the programs do wrong is in the report.
pub fn real(programs: &Programs, memctl: &Memctl) -> Result<Report> {
    let scratch = tempfile::tempdir()?;
    let mut report = Report::new(programs, &PLACES);
    for (number, mode) in programs.database.modes().iter().enumerate() {
        let mut everywhere = Vec::new();
        for place in PLACES {
            let folder = scratch.path().join(format!("{number} {}", place.name()));
            std::fs::create_dir(&folder)?;
            everywhere.push(runs(programs, memctl, mode, place, &folder));
        }
        add_rows(&mut report, programs.database, mode, &everywhere);
        add_comparisons(&mut report, programs.database, mode, &everywhere);
    }
    interchange::add(&mut report, programs, memctl, scratch.path())?;
    Ok(report)
}

fn runs(programs: &Programs, memctl: &Memctl, mode: &Mode, place: Place, folder: &Path) -> Result<Runs> {
    let mut runs = Vec::new();
    for words in programs.database.commands() {
        let mut command = place.command(programs, memctl, folder);
        command.args(*words).args(mode.options);
        let start = Instant::now();
        let said = said(&mut command).with_context(|| format!("{}, {}", place.name(), mode.name))?;
        runs.push((said, start.elapsed().as_secs_f64()));
    }
    Ok(runs)
}

fn add_rows(report: &mut Report, database: Database, mode: &Mode, everywhere: &[Result<Runs>]) {
    for (number, words) in database.commands().iter().enumerate() {
        let seconds = everywhere.iter().map(|runs| runs.as_ref().ok().map(|runs| runs[number].1));
        report.row(mode.name, words.join(" "), seconds.collect());
    }
}

fn add_comparisons(report: &mut Report, database: Database, mode: &Mode, everywhere: &[Result<Runs>]) {
    let [native, guests @ ..] = everywhere else { return };
    for (place, runs) in PLACES[1..].iter().zip(guests) {
        let claim =
            format!("{}, {}: every command prints on {} what it does natively", database, mode.name, place.name());
        report.check(Check::of(claim, || {
            let wanted = native.as_ref().map_err(|error| anyhow::anyhow!("{error:#}"))?;
            let found = runs.as_ref().map_err(|error| anyhow::anyhow!("{error:#}"))?;
            for ((words, found), wanted) in database.commands().iter().zip(found).zip(wanted) {
                same(&words.join(" "), &found.0, &wanted.0)?;
            }
            Ok(details(database, found, wanted))
        }));
    }
}

/// How the guest's database lies, or how it was read.
fn details(database: Database, found: &Runs, wanted: &Runs) -> Vec<String> {
    let number = match database {
        Database::Lmdb => found.len() - 1,
        // The first query: what is read before anything is deleted.
        Database::Sqlite => 1,
    };
    let line = |who: &str, runs: &Runs| {
        runs[number].0.own.iter().map(|line| format!("{who}: {}", &line[1..])).collect::<Vec<_>>()
    };
    [line("guest", found), line("native", wanted)].concat()
}
