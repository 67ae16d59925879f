//! Runs the pipeline as two stores of one domain: no handle can be passed from one to the other, so the frames stand in
//! an object that this host publishes under the name `frames`.
//!
//! The consumer's calls of `memctl:pipeline/frames` come here, and are passed on to the producer in its own store. Each guest
//! runs while the other waits in a host call; what one wrote is there when the other is told of it.

mod consumer;
mod producer;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use memctl_wasmtime::{Domain, Mode, Rights, Source};
use wasmtime::component::Component;
use wasmtime::{Config, Engine};

/// Frames that stand in the object at a time, as where the producer makes it.
const SLOTS: u64 = 4;

/// Run a producer and a consumer of frames in two stores that share one object.
#[derive(Parser)]
#[command(after_help = "Example:\n  example-pipeline-host --backend copy producer.wasm consumer.wasm 64 1048576")]
struct Cli {
    /// How windows show the object.
    #[arg(long, default_value = "auto")]
    backend: Backend,
    /// The component that exports memctl:pipeline/frames.
    producer: PathBuf,
    /// The component that imports it and runs as a command.
    consumer: PathBuf,
    /// How many frames.
    #[arg(default_value_t = 64)]
    count: u32,
    /// Bytes in each.
    #[arg(default_value_t = 1 << 20)]
    bytes: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Backend {
    Auto,
    Alias,
    Copy,
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("example-pipeline-host: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<ExitCode> {
    let mode = match cli.backend {
        Backend::Auto => Mode::Auto,
        Backend::Alias => Mode::Alias,
        Backend::Copy => Mode::Copy,
    };
    let frames = Source::anonymous(cli.bytes.next_multiple_of(memctl_wasmtime::host_page_size()) * SLOTS);
    let domain = Domain::builder().mode(mode).object("frames", frames, Rights::READ | Rights::WRITE).build()?;
    let mut config = Config::new();
    domain.configure(&mut config)?;
    let engine = Engine::new(&config)?;

    let load = |file: &PathBuf| {
        Component::from_file(&engine, file).map_err(anyhow::Error::from).with_context(|| file.display().to_string())
    };
    let producer = producer::Producer::new(&engine, &domain, &load(&cli.producer)?)?;
    consumer::run(&engine, &domain, &load(&cli.consumer)?, producer, cli.count, cli.bytes)
}
