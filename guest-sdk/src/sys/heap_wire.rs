//! The call that attaches a heap, which carries memory: by its canonical-ABI name and signature, see [`super::wire`]. All others pass numbers only, and are
//! called through the generated bindings.

use super::Part;
use super::wire::UnitResult;
use crate::Result;
use crate::bindings::types::Protection;

mod import {
    use super::UnitResult;

    #[link(wasm_import_module = "wasi:memory-control/heap@0.1.0-draft")]
    unsafe extern "C" {
        pub(super) fn attach(
            heap: u64,
            list: *mut u8,
            list_len: usize,
            window: u32,
            start: u64,
            protection: u32,
            result: *mut UnitResult,
        );
    }
}

/// # Safety
/// No reference to the window's bytes is alive; until the heap is detached they are used by the rules of [`super`].
pub(super) unsafe fn attach(heap: u64, window: Part, protection: Protection) -> Result<()> {
    const MEMORY_0: u32 = 0;
    let mut result = UnitResult::default();
    let (list_len, start) = (window.list_len(), window.start);
    // SAFETY: the signature is the canonical ABI's; the host checks every number, and changes only the window's bytes, to which the caller has no reference.
    unsafe { import::attach(heap, start, list_len, MEMORY_0, start as u64, protection as u32, &raw mut result) }
    result.get()
}
