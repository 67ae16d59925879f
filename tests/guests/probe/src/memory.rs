//! This guest's memory by address. The host's test says which, so that nothing here can be proved: the addresses are believed.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr;

fn at<T>(address: u32) -> *mut T {
    ptr::with_exposed_provenance_mut(address as usize)
}

fn layout(len: u32, align: u32) -> Layout {
    assert_ne!(len, 0, "an allocation has bytes");
    Layout::from_size_align(len as usize, align as usize).expect("`align` is a power of two")
}

pub(crate) fn alloc(len: u32, align: u32) -> u32 {
    // SAFETY: `layout` asserts that the length isn't 0.
    let start = unsafe { alloc_zeroed(layout(len, align)) };
    u32::try_from(start.expose_provenance()).expect("addresses have 32 bits")
}

pub(crate) fn free(address: u32, len: u32, align: u32) {
    // SAFETY: the test passes what it passed to `alloc`, and what that returned.
    unsafe { dealloc(at(address), layout(len, align)) }
}

pub(crate) fn load<T: Copy>(address: u32) -> T {
    // SAFETY: the test passes an address in memory it allocated, or expects the trap.
    unsafe { at::<T>(address).read_volatile() }
}

pub(crate) fn store<T: Copy>(address: u32, value: T) {
    // SAFETY: the test passes an address in memory it allocated, or expects the trap.
    unsafe { at::<T>(address).write_volatile(value) }
}

pub(crate) fn fill(address: u32, len: u32, value: u8) {
    // SAFETY: the test passes a range in memory it allocated, or expects the trap.
    unsafe { at::<u8>(address).write_bytes(value, len as usize) }
}

pub(crate) fn copy(to: u32, from: u32, len: u32) {
    // SAFETY: the test passes ranges in memory it allocated, or expects the trap.
    unsafe { ptr::copy(at::<u8>(from), at::<u8>(to), len as usize) }
}

/// `len` bytes at `address`, to pass to std.
pub(crate) fn bytes<'a>(address: u32, len: u32) -> &'a mut [u8] {
    // SAFETY: the test passes a range in memory it allocated, or expects the trap; it uses the slice for one call.
    unsafe { std::slice::from_raw_parts_mut(at(address), len as usize) }
}

#[cfg(target_arch = "wasm32")]
mod instruction {
    use core::arch::wasm32;

    pub(crate) fn grow(pages: u32) -> i32 {
        i32::try_from(wasm32::memory_grow::<0>(pages as usize).cast_signed()).expect("a memory has 32 bits")
    }

    pub(crate) fn size() -> u32 {
        u32::try_from(wasm32::memory_size::<0>()).expect("a memory has 32 bits")
    }

    pub(crate) fn trap() -> ! {
        wasm32::unreachable()
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod instruction {
    pub(crate) fn grow(_pages: u32) -> i32 {
        -1
    }

    pub(crate) fn size() -> u32 {
        0
    }

    pub(crate) fn trap() -> ! {
        panic!("trap")
    }
}

pub(crate) use instruction::{grow, size, trap};
