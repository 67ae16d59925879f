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

fn run(cli: &Cli) -> Result<()> {
    ensure!(cli.count > 0, "there are no frames");
    let runs = [
        ("heap on alias", heap::run(&cli.guests, Mode::Alias, cli.count).context("a heap on alias")?),
        ("heap on copy", heap::run(&cli.guests, Mode::Copy, cli.count).context("a heap on copy")?),
        ("list<u8>", lists::run(&cli.guests, cli.count).context("lists")?),
    ];
    let (_, first) = &runs[0];
    print!("{}", first.output);
    for (name, outcome) in &runs {
        ensure!(outcome.output == first.output, "{name} prints something else:\n{}", outcome.output);
    }
    println!("\n{:14}  {:>12}  {:>24}", "", "ms per frame", "MiB copied per frame");
    for (name, Outcome { took, copied, .. }) in &runs {
        let time = took.as_secs_f64() * 1000.0 / f64::from(cli.count);
        let copies = u32::try_from(copied / (FRAME >> 10)).context("so many bytes")?;
        println!("{name:14}  {time:12.2}  {:24.2}", f64::from(copies) / 1024.0 / f64::from(cli.count));
    }
    Ok(())
}
