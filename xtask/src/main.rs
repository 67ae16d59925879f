//! cargo xtask: set-up, tests and the demo.

mod bench;
mod board;
mod cc;
mod compose;
mod demo;
mod fuzz;
mod guests;
mod host;
mod memmap2;
mod real;
mod setup;
mod shell;
mod steps;
mod test;
mod text;
mod verify;
mod wc;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::shell::Shell;

/// What a developer or a newcomer does with this repository. Every command does its own set-up.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  cargo xtask test                 all that must hold
  cargo xtask test --only clippy   one step of it
  cargo xtask real lmdb            LMDB as a guest and natively, compared
  cargo xtask board --machine rv32 components on a microcontroller that QEMU plays, and on Linux, compared
  cargo xtask verify miri loom     undefined behaviour and interleavings
  cargo xtask fuzz --seconds 600   each fuzz target for ten minutes
  cargo xtask demo                 file-scan and the pipeline on both backends, over real text";

#[derive(Subcommand)]
enum Command {
    /// Install the compilation targets that rust-toolchain.toml names, and a C compiler for WebAssembly, if they are missing.
    Setup,
    /// Check everything: formatting, lints, tests on the host and in guests, builds without std, docs.
    Test {
        /// Run only this step; may be repeated.
        #[arg(long, value_name = "STEP", conflicts_with = "list")]
        only: Vec<String>,
        /// The steps that take minutes too.
        #[arg(long, conflicts_with_all = ["only", "list"])]
        long: bool,
        /// List the steps.
        #[arg(long)]
        list: bool,
    },
    /// Run LMDB and SQLite as guests on both backends, compare them with the same programs compiled for this machine, and exchange databases.
    Real(real::Real),
    /// Run components on microcontrollers that QEMU plays, and on Linux, and compare what they print; say what the firmware takes.
    Board(board::Board),
    /// Look for memory and thread errors: Miri, loom, AddressSanitizer, ThreadSanitizer. All but loom fetch and use Rust's nightly toolchain.
    Verify {
        /// Run only these: miri, miri-contract, loom, asan, tsan.
        #[arg(value_name = "CHECK")]
        only: Vec<String>,
    },
    /// Run the examples on both backends over the sources of this project's dependencies, and compare.
    Demo,
    /// Measure, and print ratios.
    Bench {
        /// What to pass on to the benchmarks.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Fuzz for a time: programs over the rules, calls through the core linker, hostile modules. Fetches a nightly compiler and cargo-fuzz
    /// if they are missing.
    Fuzz {
        /// How long each target runs.
        #[arg(long, default_value_t = 60, conflicts_with = "replay")]
        seconds: u32,
        /// Only this target.
        #[arg(long, value_name = "NAME")]
        target: Option<String>,
        /// Instead run every input that is kept once, as a test: needs neither.
        #[arg(long)]
        replay: bool,
    },
    /// Put two components together: what the plug exports becomes what the socket imports.
    Compose {
        /// The component that exports.
        #[arg(long, value_name = "PLUG.wasm")]
        plug: PathBuf,
        /// The component that imports, and whose exports stay.
        #[arg(long, value_name = "SOCKET.wasm")]
        socket: PathBuf,
        /// The file to write.
        #[arg(long, short, value_name = "OUT.wasm")]
        output: PathBuf,
    },
}

fn main() -> ExitCode {
    // Without the backtrace that `fn main() -> Result` prints: the errors name commands and files.
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cargo xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    let shell = Shell::new()?;
    match command {
        Command::Setup => {
            setup::run(&shell)?;
            cc::set_up(&shell)
        }
        Command::Test { list: true, .. } => {
            test::list();
            Ok(())
        }
        Command::Test { only, long, list: false } => test::run(&shell, &test::Choice { only: &only, long }),
        Command::Real(real) => real::run(&shell, &real),
        Command::Board(board) => board::run(&shell, &board),
        Command::Verify { only } => verify::run(&shell, &only),
        Command::Demo => demo::run(&shell),
        Command::Bench { args } => bench::run(&shell, &args),
        Command::Fuzz { target, replay: true, .. } => fuzz::replay(&shell, target.as_deref()),
        Command::Fuzz { seconds, target, replay: false } => fuzz::run(&shell, seconds, target.as_deref()),
        Command::Compose { plug, socket, output } => {
            host::build(&shell, &[host::Tool::Compose])?;
            compose::run(&shell, &plug, &socket, &output)
        }
    }
}
