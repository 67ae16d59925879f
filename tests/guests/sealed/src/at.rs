//! This guest's memory by address, which a test passes. Nothing here can be proved.

use std::ptr;

fn parse(address: &str) -> usize {
    address.parse().expect("a decimal address")
}

pub(crate) fn load(address: &str) -> u8 {
    // SAFETY: none: the test passes the address of something in this memory, or expects the trap.
    unsafe { ptr::with_exposed_provenance::<u8>(parse(address)).read_volatile() }
}

pub(crate) fn store(address: &str, byte: u8) {
    // SAFETY: none: the test passes the address of a variable, or expects the trap.
    unsafe { ptr::with_exposed_provenance_mut::<u8>(parse(address)).write_volatile(byte) }
}

/// Stores next to something: `offset` bytes from `start`.
pub(crate) fn store_beside(start: *const u8, offset: isize) {
    // SAFETY: none: the test expects the trap, or that it is found out later.
    unsafe { start.wrapping_offset(offset).cast_mut().write_volatile(1) }
}

/// Loads what may not be loaded.
pub(crate) fn load_at(start: *const u8) -> u8 {
    // SAFETY: none: the test expects the trap.
    unsafe { start.read_volatile() }
}
