//! `memctl declare`: says in a program which part of its memory is to be protected.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use memctl_core::{Bounds, Granule};

use crate::instrument::bounds;
use crate::output;
use crate::run::print;
use crate::size::Size;

/// What `memctl declare --help` says at its end.
pub const HELP: &str = "\
The custom section `memory-control.protection` is added to the program, or replaced: from its start on, nothing can be loaded or
stored below --no-access, and nothing stored below --read-only. Hosts with an MMU keep to it with host pages; for others,
`memctl instrument` puts checks into the program. IN.wasm is a core module, or a component with one core module that defines a memory.

--rodata finds the bounds: data begins where the linker put the first segment, and .rodata, which comes first, is read-only. Link flags
that put nothing else there, for rustc, with a null page of 64 KiB:
  -Clink-arg=--append-lld-flag=--no-stack-first -Clink-arg=--global-base=65536   (wasm32-wasip2)
  -Clink-arg=--no-stack-first -Clink-arg=--global-base=65536                     (other targets)
The program keeps its name section, in which the segments have their names.

Exit code: 0 if OUT.wasm was written, 1 if not: then what was there before still is. 2 if the command line is wrong.

Examples:
  memctl declare app.wasm -o sealed.wasm --rodata
  memctl declare app.wasm -o sealed.wasm --no-access 4KiB --read-only 64KiB";

/// Flags and arguments of `memctl declare`.
#[derive(Args, Clone, Debug)]
#[command(group = clap::ArgGroup::new("which").required(true).multiple(true))]
pub struct DeclareArgs {
    /// The program.
    #[arg(value_name = "IN.wasm")]
    pub input: PathBuf,
    /// Where the program with the section goes.
    #[arg(short, long, value_name = "OUT.wasm")]
    pub output: PathBuf,
    /// Below this address nothing can be loaded or stored.
    #[arg(long, value_name = "BYTES", group = "which")]
    pub no_access: Option<Size>,
    /// From there to below this address bytes can be loaded, and not stored.
    #[arg(long, value_name = "BYTES", group = "which")]
    pub read_only: Option<Size>,
    /// Find both bounds: the null page, and the constants of the program.
    #[arg(long, group = "which", conflicts_with_all = ["no_access", "read_only"])]
    pub rodata: bool,
}

/// Declares, prints what, and gives back the code to exit with.
///
/// # Errors
/// The program can't be read or understood, the bounds don't fit it, or the result can't be written.
pub fn run(args: &DeclareArgs) -> Result<i32> {
    let shown = args.input.display();
    let wasm = fs::read(&args.input).with_context(|| format!("{shown}: can't read the program"))?;
    let bounds = match bounds(args.no_access, args.read_only) {
        Some(bounds) => bounds,
        None => {
            memctl_instrument::rodata(&wasm).with_context(|| format!("{shown}: can't tell where its constants are"))?
        }
    };
    let declared =
        memctl_instrument::declare(&wasm, bounds).with_context(|| format!("{shown}: can't declare protection"))?;
    output::write(&args.output, &declared)?;
    let Bounds { no_access, read_only } = bounds.rounded(Granule::DEFAULT);
    print(&format!(
        "no access below {:#x}, read-only below {:#x} ({no_access:#x} and {read_only:#x} where the granule is {} bytes)",
        bounds.no_access,
        bounds.read_only,
        Granule::DEFAULT.bytes()
    ))?;
    Ok(0)
}
