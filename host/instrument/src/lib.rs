//! Protection without hardware: rewrites a program so that it checks its own accesses.
//!
//! Each memory that the module defines gets a *shield*, one more memory that the module's own code can't address (its layout is
//! [`memctl_core::Shield`]). Loads, stores, atomics and bulk instructions are checked against the bounds that the module
//! declares (`docs/static-protection.md`), as constants, and where that is asked for against the table that the host keeps in the
//! shield. A check that stops an access leaves address and kind in the shield and traps as a protected page would.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use memctl_core::Bounds;
//! use memctl_instrument::{Error, Options, instrument};
//!
//! let module = b"\0asm\x01\0\0\0\x05\x03\x01\0\x01"; // (module (memory 1))
//! let bounds = Bounds { no_access: 4096, read_only: 8192 };
//! let outcome = instrument(module, &Options { bounds: Some(bounds), ..Options::default() })?;
//! assert_eq!(outcome.report.modules[0].memories[0].bounds, bounds);
//! assert!(matches!(instrument(&outcome.wasm, &Options::default()), Err(Error::AlreadyInstrumented { .. })));
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod added;
mod body;
mod checks;
mod component;
mod declare;
mod emit;
mod error;
mod exports;
mod facts;
mod flow;
mod layout;
mod marker;
mod module;
mod names;
mod options;
mod prescan;
mod rename;
mod report;
mod rodata;
mod runtime;
mod sections;
mod shields;
mod touch;

pub use component::Problem;
pub use declare::declare;
pub use error::Error;
pub use marker::{declarations, is_instrumented};
pub use memctl_dwarf::DebugInfo;
pub use options::{Options, ShieldPages, Table};
pub use report::{Checks, MemoryReport, ModuleReport, Outcome, Report};
pub use rodata::{Unknown, rodata};

/// Puts the checks into a core module, or into all core modules of a component and in front of what its host loads and stores for it.
///
/// # Errors
/// [`Error`] names what can't be understood or done. There is no output then.
pub fn instrument(wasm: &[u8], options: &Options) -> Result<Outcome, Error> {
    if wasmparser::Parser::is_component(wasm) {
        return component::instrument(wasm, options);
    }
    let table = match options.table {
        Table::Always => true,
        Table::Never => false,
        Table::Auto => marker::imports_memory_control(wasm)?,
    };
    let outcome = declare::with_bounds(wasm, options, |wasm, options| {
        module::instrument(wasm, options, &[], table, module::Exports::ShieldsOnly)
    })?;
    Ok(Outcome { wasm: outcome.wasm, report: Report { modules: vec![outcome.report] } })
}
