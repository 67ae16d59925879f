//! The pieces of `memctl`, the command that runs WebAssembly programs which map memory, and compares their behaviour
//! on every backend.
//!
//! [`args`] reads the command line, [`setup`] checks it against this machine, [`program`] loads the programs, [`host`] runs
//! them in a domain, each as a [`guest`] of it; [`run`] and [`compare`] are commands made of these. [`soak`] brings its own guests. [`instrument`], [`declare`], [`windows`] and [`component`] run none:
//! they write programs anew, and [`compile`] writes images of them for boards.
//!
//! ```no_run
//! use clap::Parser;
//! use memctl_cli::args::{Cli, Command};
//!
//! let cli = Cli::parse_from(["memctl", "compare", "--object", "frames=16MiB", "app.wasm"]);
//! if let Command::Compare(args) = cli.command {
//!     let report = memctl_cli::compare::compare(&args.guest, memctl_cli::compare::Copying::AsItIs)?;
//!     assert!(report.differences.is_empty(), "{}", report.to_text());
//! }
//! # Ok::<(), anyhow::Error>(())
//! ```

pub mod args;
pub mod boards;
pub mod compare;
pub mod compile;
pub mod component;
pub mod componentize;
pub mod declare;
pub mod diff;
mod feed;
pub mod guest;
mod help;
pub mod host;
pub mod instrument;
pub mod log;
pub mod output;
pub mod plan;
pub mod program;
pub mod progress;
pub mod replica;
pub mod report;
pub mod run;
pub mod setup;
pub mod size;
pub mod soak;
pub mod spec;
pub mod stdin;
pub mod surroundings;
pub mod windows;
