//! `cargo xtask real`: LMDB and SQLite as guests.

use std::env;

use anyhow::{Result, bail};
use clap::Args;
use memctl_real::{Database, Memctl, Programs, build};
use serde_json::Value;

use crate::host::{self, Tool};
use crate::setup;
use crate::shell::{self, Shell};
use crate::steps::{Outcome, Tally};

/// What to run.
#[derive(Args)]
pub(crate) struct Real {
    /// Only these: lmdb, sqlite.
    #[arg(value_name = "DATABASE", value_parser = database)]
    only: Vec<Database>,
    /// Print JSON on stdout, and nothing else.
    #[arg(long)]
    json: bool,
    /// Measure reads instead, against native and against guests without memory control.
    #[arg(long)]
    bench: bool,
}

fn database(name: &str) -> Result<Database, String> {
    let found = Database::ALL.into_iter().find(|database| database.name() == name);
    found.ok_or_else(|| format!("there are {}", Database::ALL.map(Database::name).join(" and ")))
}

impl Real {
    /// Measures everything, for `cargo xtask bench`.
    pub(crate) fn measured() -> Self {
        Self { only: Vec::new(), json: false, bench: true }
    }
}

pub(crate) fn run(shell: &Shell, real: &Real) -> Result<()> {
    let memctl = memctl(shell, real.json)?;
    let chosen = if real.only.is_empty() { &Database::ALL[..] } else { &real.only };
    let (mut passed, mut failed) = (0, 0);
    let mut found = Vec::new();
    for database in chosen {
        let programs = build(*database)?;
        let (text, json) = if real.bench {
            let bench = memctl_real::bench(&programs, &memctl)?;
            (bench.to_string(), bench.json())
        } else {
            let report = compared(&programs, &memctl)?;
            passed += report.tally().0;
            failed += report.tally().1;
            (report.to_string(), report.json())
        };
        if !real.json {
            println!("{text}");
        }
        found.push(json);
    }
    if real.json {
        println!("{:#}", Value::Array(found));
    } else if !real.bench {
        println!("{passed} passed, {failed} failed");
    }
    if failed > 0 {
        bail!("{failed} things are not as they should be");
    }
    Ok(())
}

/// The step of `cargo xtask test`: the comparison, and the programs that die.
pub(crate) fn test(shell: &Shell, tally: &mut Tally) -> Result<Outcome> {
    let memctl = memctl(shell, false)?;
    for database in Database::ALL {
        let report = compared(&build(database)?, &memctl)?;
        println!("{report}");
        let (passed, failed) = report.tally();
        tally.passed += passed as u64;
        tally.failed += failed as u64;
    }
    let mut command = shell.cargo(["test", "-p", "memctl-real", "--features", "memctl-real/long"]);
    command.env("MEMCTL", memctl.program());
    let crashes = shell::run_watched(&mut command, |line| tally.note(line));
    if tally.failed > 0 {
        bail!("{} things are not as they should be", tally.failed);
    }
    crashes.map(|()| Outcome::Done)
}

fn compared(programs: &Programs, memctl: &Memctl) -> Result<memctl_real::Report> {
    memctl_real::real(programs, memctl)
}

/// `$MEMCTL`, or the one that is built here.
fn memctl(shell: &Shell, quiet: bool) -> Result<Memctl> {
    if let Some(named) = env::var_os("MEMCTL") {
        return Ok(Memctl::new(named.into()));
    }
    if quiet {
        host::build_quietly(shell, &[Tool::Memctl])?;
    } else {
        setup::run(shell)?;
        host::build(shell, &[Tool::Memctl])?;
    }
    Ok(Memctl::new(Tool::Memctl.built(shell)))
}
