//! `memctl component`: makes a component of a core module.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::componentize;
use crate::output;
use crate::program::Program;
use crate::run::print;
use crate::windows::WindowArgs;

/// What `memctl component --help` says at its end.
pub const HELP: &str = "\
IN.wasm is a WASI preview 1 command module, from zig cc or from clang with wasi-libc for instance, or a core module from wasm32-unknown-unknown for which
a bindings generator exported wasi:cli/run and put component types into it; that one gets no adapter, and may have a memory with pages of one byte. If it imports wasi:memory-control by the
canonical ABI's names, as programs with shims/mman do, the interface's types are put into it; if a bindings generator did that already, they
stay as they are. WASI preview 1 comes from wasmtime's adapter, which goes into OUT.wasm. A component is written as it is.

`memctl run` and `memctl compare` take the module itself and do the same on the way. OUT.wasm runs in any host that has wasi:memory-control.

Windows, extra memories in which the host shows objects, are put into IN.wasm first, by `memctl link-windows`. With --window-library they stand
beside it instead, in a library of the component: IN.wasm stays as it is, and each access is a call to another instance, an order of magnitude slower.

Exit code: 0 if OUT.wasm was written, 1 if not: then what was there before still is. 2 if the command line is wrong.

Examples:
  memctl component app.wasm -o app.component.wasm
  zig cc -target wasm32-wasi -O2 -I shims/mman/include app.c shims/mman/src/*.c -o app.wasm && memctl component app.wasm -o app.component.wasm
  memctl component --window-library --count 2 app.wasm -o app.component.wasm";

/// Flags and arguments of `memctl component`.
#[derive(Args, Clone, Debug)]
pub struct ComponentArgs {
    /// The program.
    #[arg(value_name = "IN.wasm")]
    pub input: PathBuf,
    /// Where the component goes.
    #[arg(short, long, value_name = "OUT.wasm")]
    pub output: PathBuf,
    /// Put windows beside the program, as a library; --count, --count64 or both say how many.
    #[arg(long, help_heading = "Windows")]
    pub window_library: bool,
    /// How many windows, and how large.
    #[command(flatten, next_help_heading = "Windows")]
    pub windows: WindowArgs,
}

/// Makes the component, says how large it is, and gives back the code to exit with.
///
/// # Errors
/// The program can't be read or made into a component, or the result can't be written.
pub fn run(args: &ComponentArgs) -> Result<i32> {
    let component = if args.window_library {
        with_library(args)?
    } else if args.windows.are_given() {
        bail!(
            "--count and --count64 need --window-library, unless `memctl link-windows` puts the windows into the program itself"
        );
    } else {
        Program::load(&args.input)?.component().to_vec()
    };
    output::write(&args.output, &component)?;
    print(&format!("a component of {} bytes", component.len()))?;
    Ok(0)
}

fn with_library(args: &ComponentArgs) -> Result<Vec<u8>> {
    let shown = args.input.display();
    let module = fs::read(&args.input).with_context(|| format!("{shown}: can't read the program"))?;
    let libraries = memctl_window::libraries(&module, &args.windows.windows())
        .with_context(|| format!("{shown}: can't put windows beside it"))?;
    componentize::with_libraries(&module, &libraries)
        .with_context(|| format!("{shown}: can't turn this core module into a component with windows"))
}
