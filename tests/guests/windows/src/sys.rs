//! Bytes of windows by number, and of this guest's memory by address.

use core::ptr;

#[cfg(target_arch = "wasm32")]
#[link(wasm_import_module = "memctl:window64")]
unsafe extern "C" {
    #[link_name = "i32.load8_u"]
    pub(crate) safe fn load(at: u64, window: u32) -> u32;
    #[link_name = "i32.store8"]
    pub(crate) safe fn store(at: u64, value: u32, window: u32);
    pub(crate) safe fn fill(at: u64, value: u32, len: u64, window: u32);
    pub(crate) safe fn settle(window: u32);
}

#[cfg(not(target_arch = "wasm32"))]
mod absent {
    //! There are no windows outside a guest.

    pub(crate) fn load(_: u64, _: u32) -> u32 {
        0
    }

    pub(crate) fn store(_: u64, _: u32, _: u32) {}

    pub(crate) fn fill(_: u64, _: u32, _: u64, _: u32) {}

    pub(crate) fn settle(_: u32) {}
}

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use absent::{fill, load, settle, store};

/// Turns every byte of the memory over and back, and gives how many.
pub(crate) fn sweep() -> u64 {
    let end = end();
    for address in 0..end {
        let byte: *mut u8 = ptr::with_exposed_provenance_mut(address);
        // SAFETY: every address below the end can be loaded from.
        let was = unsafe { byte.read_volatile() };
        // SAFETY: it can be stored to as well, and nothing else runs before it is as it was.
        unsafe { byte.write_volatile(!was) };
        // SAFETY: as above.
        unsafe { byte.write_volatile(was) };
    }
    end as u64
}

#[cfg(target_arch = "wasm32")]
fn end() -> usize {
    core::arch::wasm32::memory_size::<0>() << 16
}

#[cfg(not(target_arch = "wasm32"))]
fn end() -> usize {
    0
}
