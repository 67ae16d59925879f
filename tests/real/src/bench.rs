//! How fast databases are read, as ratios.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::run::{Copy, Memctl, Place, native, said};
use crate::{Database, Programs};

/// How many times each program takes its turn. In each it measures `ROUNDS` times itself.
const TURNS: usize = 7;
const ROUNDS: &str = "--rounds=101";

/// Medians of one database.
#[derive(Debug)]
pub struct Bench {
    database: Database,
    rows: Vec<Row>,
}

/// One program in one place.
#[derive(Debug)]
struct Row {
    name: &'static str,
    // Medians over all turns, in nanoseconds.
    reads: u64,
    compute: u64,
    /// Time of reads, against native in the same turn: median, least and most.
    slower: [f64; 3],
    /// Time of plain computation, against native in the same turn.
    compute_slower: [f64; 3],
    /// Speed of the reads, against what the computation makes one expect: 1 is native times the plain ratio.
    of_expected: [f64; 3],
}

/// A program that takes turns.
struct Runner<'a> {
    name: &'static str,
    place: Place,
    program: &'a Path,
    folder: PathBuf,
    options: &'static [&'static str],
}

impl Runner<'_> {
    fn command(&self, memctl: &Memctl) -> Command {
        let mut command = match self.place {
            Place::Native => native(self.program, &self.folder),
            Place::Alias | Place::Copy(_) => self.place.guest(self.program, memctl, &self.folder),
        };
        command.args(["bench", "bench.db", ROUNDS]).args(self.options);
        command
    }
}

/// Runs every program in turn and makes ratios of what each turn took.
///
/// # Errors
/// A program fails, or reads something else than the others.
pub fn bench(programs: &Programs, memctl: &Memctl) -> Result<Bench> {
    let scratch = tempfile::tempdir()?;
    let runners = runners(programs, scratch.path())?;
    let mut times: BTreeMap<&str, Vec<(u64, u64)>> = BTreeMap::new();
    let mut results = Vec::new();
    for turn in 0..TURNS {
        // Forwards and backwards, so that nobody is always after the same one.
        let order: Vec<_> = if turn % 2 == 0 { runners.iter().collect() } else { runners.iter().rev().collect() };
        for runner in order {
            let lines = said(&mut runner.command(memctl)).with_context(|| runner.name)?.same;
            let number = |what: &str| {
                let line = lines.iter().find_map(|line| line.strip_prefix(what)?.strip_suffix(" ns"));
                line.and_then(|number| number.trim().parse().ok())
                    .with_context(|| format!("{}: no {what}", runner.name))
            };
            times.entry(runner.name).or_default().push((number("reads ")?, number("compute ")?));
            results.push(lines.into_iter().find(|line| line.starts_with("result ")));
        }
    }
    anyhow::ensure!(results.iter().all(|result| *result == results[0]), "programs read different things: {results:?}");
    let native = times["native"].clone();
    let rows = runners.iter().map(|runner| row(runner.name, &times[runner.name], &native));
    Ok(Bench { database: programs.database, rows: rows.collect() })
}

fn runners<'a>(programs: &'a Programs, scratch: &Path) -> Result<Vec<Runner<'a>>> {
    // Pages of the same size for all: natively written ones, with numbers as wide as the reader's.
    let loaded = |name: &str, program: &Path| -> Result<_> {
        let folder = scratch.join(name);
        fs::create_dir(&folder)?;
        said(native(program, &folder).args(["load", "bench.db", "--records=200000", "--mib=128"]))?;
        Ok(folder)
    };
    let for_guests = loaded("for guests", programs.native32.as_ref().unwrap_or(&programs.native))?;
    let for_native = loaded("for native", &programs.native)?;
    let native =
        |name, program, options| Runner { name, place: Place::Native, program, folder: for_native.clone(), options };
    let guest = |name, place, program, options| Runner { name, place, program, folder: for_guests.clone(), options };

    let mapped: &[&str] = match programs.database {
        Database::Lmdb => &["--mib=128"],
        Database::Sqlite => &["--mmap=268435456"],
    };
    let (advisory, instrumented) = (Place::Copy(Copy::Advisory), Place::Copy(Copy::Instrumented));
    let mut runners = vec![
        native("native", &programs.native, mapped),
        guest("alias", Place::Alias, &programs.guest, mapped),
        guest("copy, advisory", advisory, &programs.guest, mapped),
        guest("copy, instrumented", instrumented, &programs.guest, mapped),
    ];
    runners.push(native("native, by cc", &programs.native_by_cc, mapped));
    match programs.database {
        Database::Lmdb => {
            let emulated = programs.emulated.as_deref().context("LMDB is built with the emulation too")?;
            runners.push(guest("without (emulated mmap)", Place::Alias, emulated, mapped));
        }
        Database::Sqlite => {
            runners.push(guest("without (mmap_size=0)", Place::Alias, &programs.guest, &["--mmap=0"]));
            runners.push(native("native, mmap_size=0", &programs.native, &["--mmap=0"]));
            // The same queries without any file: what is left between these two is compiled code.
            runners.push(guest("guest, in memory", Place::Alias, &programs.guest, &["--memory"]));
            runners.push(native("native, in memory", &programs.native, &["--memory"]));
        }
    }
    Ok(runners)
}

fn row(name: &'static str, times: &[(u64, u64)], native: &[(u64, u64)]) -> Row {
    let pairs = || times.iter().zip(native);
    let quotient = |above: u64, below: u64| above as f64 / below.max(1) as f64;
    let reads = pairs().map(|(here, native)| quotient(here.0, native.0));
    let compute = pairs().map(|(here, native)| quotient(here.1, native.1));
    let expected = reads.clone().zip(compute.clone()).map(|(reads, compute)| compute / reads);
    let middle = |which: fn(&(u64, u64)) -> u64| {
        let mut all: Vec<_> = times.iter().map(which).collect();
        all.sort_unstable();
        all[all.len() / 2]
    };
    Row {
        name,
        reads: middle(|time| time.0),
        compute: middle(|time| time.1),
        slower: spread(reads.collect()),
        compute_slower: spread(compute.collect()),
        of_expected: spread(expected.collect()),
    }
}

/// Median, least and most.
fn spread(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [values[values.len() / 2], values[0], values[values.len() - 1]]
}

impl Bench {
    /// All of it.
    #[must_use]
    pub fn json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            json!({
                "name": row.name, "reads_ns": row.reads, "compute_ns": row.compute,
                "reads_of_native": row.slower, "compute_of_native": row.compute_slower, "speed_of_expected": row.of_expected,
            })
        });
        json!({ "program": self.database.name(), "turns": TURNS, "rows": rows.collect::<Vec<_>>() })
    }
}

impl fmt::Display for Bench {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.database {
            Database::Lmdb => "2000 random reads of 200000 records",
            Database::Sqlite => "200 look-ups by number and 2 aggregates over an index, of 200000 records",
        };
        writeln!(f, "{}: {what}; medians of {TURNS} turns [least to most]", self.database)?;
        writeln!(
            f,
            "  {:24}  {:>10}  {:>22}  {:>22}  {:>22}",
            "", "time", "time / native", "compute / native", "speed / expected"
        )?;
        for row in &self.rows {
            let shown = |[median, least, most]: [f64; 3]| format!("{median:.2} [{least:.2} to {most:.2}]");
            let ms = format!("{:.2} ms", row.reads as f64 / 1e6);
            let ratios = [row.slower, row.compute_slower, row.of_expected].map(shown);
            writeln!(f, "  {:24}  {ms:>10}  {:>22}  {:>22}  {:>22}", row.name, ratios[0], ratios[1], ratios[2])?;
        }
        writeln!(
            f,
            "  expected: native's time times the ratio of the plain computation, sorting and looking up in memory"
        )
    }
}
