//! This guest's memory by address. The host's test says which, so that nothing here can be proved: the addresses are believed.

use std::alloc::{Layout, alloc_zeroed};
use std::ptr;

fn at(address: u32) -> *mut u8 {
    ptr::with_exposed_provenance_mut(address as usize)
}

/// Zero bytes at a multiple of `align`, which are never freed.
pub(crate) fn alloc(len: usize, align: usize) -> u32 {
    assert_ne!(len, 0, "an allocation has bytes");
    let layout = Layout::from_size_align(len, align).expect("`align` is a power of two");
    // SAFETY: the length isn't 0, as was asserted.
    let start = unsafe { alloc_zeroed(layout) };
    u32::try_from(start.expose_provenance()).expect("addresses have 32 bits")
}

pub(crate) fn read(address: u32, len: u32) -> Vec<u8> {
    // SAFETY: the test passes a range in memory that was allocated, or expects the trap.
    (0..len).map(|offset| unsafe { at(address + offset).read_volatile() }).collect()
}

pub(crate) fn write(address: u32, bytes: &[u8]) {
    for (address, byte) in (address..).zip(bytes) {
        // SAFETY: the test passes a range in memory that was allocated, or expects the trap.
        unsafe { at(address).write_volatile(*byte) }
    }
}

pub(crate) fn fill(address: u32, len: u32, value: u8) {
    // SAFETY: the test passes a range in memory that was allocated, or expects the trap.
    unsafe { at(address).write_bytes(value, len as usize) }
}

/// Whether nothing but zeros is in a window that shows nothing any more.
pub(crate) fn is_zero(window: &memctl_guest::WindowBuf) -> bool {
    let start = window.as_ptr();
    // SAFETY: the window is allocated, and nobody stores there.
    (0..window.len()).all(|offset| unsafe { start.wrapping_add(offset).read_volatile() } == 0)
}
