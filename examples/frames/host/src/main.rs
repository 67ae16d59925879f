//! Runs the stages of *frames*, a camera, two filters and a sink, each in a store of its own: over a shared heap on both backends, and with lists.
//!
//! Prints what the sink printed, which must be the same each time, and what each way took.

mod heap;
mod lists;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use memctl_wasmtime::Mode;

/// Bytes in a frame, as `picture::LEN` of the stages says.
const FRAME: u64 = 1 << 20;

/// Run a pipeline of four components over a shared heap, and the same with lists between them.
#[derive(Parser)]
#[command(after_help = "Example:\n  example-frames-host target/guests/wasm32-wasip2/release 64")]
struct Cli {
    /// The folder with frames-camera.wasm, frames-blur.wasm, frames-edge.wasm, frames-sink.wasm and example_frames_lists.wasm.
    guests: PathBuf,
    /// How many frames.
    #[arg(default_value_t = 64)]
    count: u32,
}

/// What came of a run.
pub(crate) struct Outcome {
    /// What the sink printed.
    pub(crate) output: String,
    pub(crate) took: Duration,
    /// Bytes that the host copied.
    pub(crate) copied: u64,
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("example-frames-host: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// What the stages do to a frame.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    All,
    /// Nothing: it is only handed on.
    None,
}

/// How frames get from one stage to the next.
#[derive(Clone, Copy)]
enum Way {
    Heap(Mode),
    Lists,
}

const WAYS: [(&str, Way); 3] =
    [("heap on alias", Way::Heap(Mode::Alias)), ("heap on copy", Way::Heap(Mode::Copy)), ("list<u8>", Way::Lists)];

/// Each figure is of the fastest of so many runs, which take turns.
const RUNS: usize = 3;

impl Way {
    fn run(self, cli: &Cli, work: Work) -> Result<Outcome> {
        match self {
            Self::Heap(mode) => heap::run(&cli.guests, mode, cli.count, work),
            Self::Lists => lists::run(&cli.guests, cli.count, work),
        }
    }
}

fn run(cli: &Cli) -> Result<()> {
    ensure!(cli.count > 0, "there are no frames");
    let mut output = None;
    let mut rows = WAYS.map(|(name, way)| (name, way, [Duration::MAX; 2], 0));
    for _ in 0..RUNS {
        for (name, way, took, copied) in &mut rows {
            let worked = way.run(cli, Work::All).context(*name)?;
            let printed = output.get_or_insert_with(|| worked.output.clone());
            ensure!(worked.output == *printed, "{name} prints something else:\n{}", worked.output);
            let idle = way.run(cli, Work::None).context(*name)?;
            *took = [took[0].min(worked.took), took[1].min(idle.took)];
            *copied = worked.copied;
        }
    }
    print!("{}", output.unwrap_or_default());
    println!("\n{:14}  {:>14}  {:>22}  {:>20}", "", "us for a frame", "without the stages' work", "KiB copied for it");
    for (name, _, took, copied) in rows {
        let [all, idle] = took.map(|took| took.as_secs_f64() * 1e6 / f64::from(cli.count));
        println!("{name:14}  {all:14.0}  {idle:24.1}  {:20}", copied / 1024 / u64::from(cli.count));
    }
    Ok(())
}
