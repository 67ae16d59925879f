//! The functions of `wasi:memory-control` that this firmware holds: those that a guest in it imports.

use memctl_wasmtime::Functions;

/// Those of the guests in flash.
pub(crate) struct OfGuests;

impl Functions for OfGuests {
    const NAMES: Option<&'static [&'static str]> = Some(&include!(concat!(env!("OUT_DIR"), "/functions.rs")));
}
