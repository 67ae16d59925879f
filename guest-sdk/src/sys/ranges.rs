//! The calls of `wasi:memory-control/protection` that carry a range; see [`super::wire`].

use super::Part;
use super::wire::UnitResult;
use crate::bindings::domain::Capabilities;
use crate::bindings::types::Protection;
use crate::{Result, domain};

mod import {
    use super::UnitResult;

    #[link(wasm_import_module = "wasi:memory-control/protection@0.1.0-draft")]
    unsafe extern "C" {
        pub(super) fn protect(
            list: *mut u8,
            list_len: usize,
            start: u64,
            len: u64,
            protection: u32,
            result: *mut UnitResult,
        );

        pub(super) fn discard(list: *mut u8, list_len: usize, start: u64, len: u64, result: *mut UnitResult);
    }
}

pub(super) fn can_protect() -> bool {
    domain::capabilities().contains(Capabilities::PROTECTION)
}

pub(super) fn protect(part: Part, protection: Protection) -> Result<()> {
    let mut result = UnitResult::default();
    let (list_len, start) = (part.list_len(), part.start);
    // SAFETY: the signature is the canonical ABI's; the host checks every number, and changes no byte.
    unsafe { import::protect(start, list_len, start as u64, part.len as u64, protection as u32, &raw mut result) }
    result.get()
}

/// # Safety
/// The part's bytes may be changed as through its pointer: no other reference to them is alive.
pub(super) unsafe fn discard(part: Part) -> Result<()> {
    let mut result = UnitResult::default();
    let (list_len, start) = (part.list_len(), part.start);
    // SAFETY: the signature is the canonical ABI's; the host checks every number, and changes only the part's bytes, which the
    // caller gives up.
    unsafe { import::discard(start, list_len, start as u64, part.len as u64, &raw mut result) }
    result.get()
}
