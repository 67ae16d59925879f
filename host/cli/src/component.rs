//! `memctl component`: makes a component of a core module.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::output;
use crate::program::Program;
use crate::run::print;

/// What `memctl component --help` says at its end.
pub const HELP: &str = "\
IN.wasm is a WASI preview 1 command module, from zig cc or from clang with wasi-libc for instance. If it imports wasi:memory-control by the
canonical ABI's names, as programs with shims/mman do, the interface's types are put into it; if a bindings generator did that already, they
stay as they are. WASI preview 1 comes from wasmtime's adapter, which goes into OUT.wasm. A component is written as it is.

`memctl run` and `memctl compare` take the module itself and do the same on the way. OUT.wasm runs in any host that has wasi:memory-control.

Exit code: 0 if OUT.wasm was written, 1 if not: then what was there before still is. 2 if the command line is wrong.

Examples:
  memctl component app.wasm -o app.component.wasm
  zig cc -target wasm32-wasi -O2 -I shims/mman/include app.c shims/mman/src/*.c -o app.wasm && memctl component app.wasm -o app.component.wasm";

/// Flags and arguments of `memctl component`.
#[derive(Args, Clone, Debug)]
pub struct ComponentArgs {
    /// The program.
    #[arg(value_name = "IN.wasm")]
    pub input: PathBuf,
    /// Where the component goes.
    #[arg(short, long, value_name = "OUT.wasm")]
    pub output: PathBuf,
}

/// Makes the component, says how large it is, and gives back the code to exit with.
///
/// # Errors
/// The program can't be read or made into a component, or the result can't be written.
pub fn run(args: &ComponentArgs) -> Result<i32> {
    let program = Program::load(&args.input)?;
    output::write(&args.output, program.component())?;
    print(&format!("a component of {} bytes", program.component().len()))?;
    Ok(0)
}
