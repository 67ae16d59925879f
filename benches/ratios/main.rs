//! Benchmarks: every figure is a ratio, or a difference, of things that were measured in turn in one run.
//!
//! `cargo bench -p memctl-benches -- [--filter NAME] [--quick] [--json]`. What they say is written down in `docs/performance.md`.

mod allocations;
mod groups;
mod measure;
mod native;
mod report;
mod row;
mod text;
mod world;

use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::Parser;

use groups::{GROUPS, Setup};
use measure::Effort;

/// Prints ratios of things that are measured in turn in one run.
#[derive(Parser)]
struct Arguments {
    /// Only the groups whose names contain this: map, read, hand-over, scan, crossing, publish, lease, protection, heap, window, rebind.
    #[arg(long, default_value = "")]
    filter: String,
    /// Measure for seconds, not for minutes.
    #[arg(long)]
    quick: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// cargo bench passes this. Without it this is cargo test, which times nothing.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if !arguments.bench {
        eprintln!("nothing is timed in tests: use cargo bench -p memctl-benches");
        return ExitCode::SUCCESS;
    }
    match measure(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:?}");
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: &Arguments) -> Result<()> {
    let chosen: Vec<_> = GROUPS.iter().filter(|(name, _)| name.contains(&arguments.filter)).collect();
    ensure!(!chosen.is_empty(), "--filter {}: no such group; --help names them", arguments.filter);
    let setup = Setup::new(if arguments.quick { Effort::QUICK } else { Effort::FULL })?;
    let mut rows = Vec::new();
    for (name, group) in chosen {
        eprintln!("measuring {name}");
        rows.extend(group(&setup)?);
    }
    if arguments.json {
        println!("{:#}", report::json(&rows));
    } else {
        println!("{}", report::table(&rows));
    }
    Ok(())
}
