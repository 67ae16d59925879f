//! This guest's memory by address. The host's test says which, so that nothing here can be proved: the addresses are believed.

use std::cell::Cell;
use std::ptr;

use crate::bindings::exports::memctl::stepper::steps::Range;
use crate::checksum::Checksum;

/// More than all steps together allocate at a time.
const HEAP: usize = 2 << 20;

const WASM_PAGE: u64 = 65536;

thread_local! {
    /// In wasm pages.
    static SIZE: Cell<usize> = const { Cell::new(0) };
}

/// After this the allocator has what it needs, so that what follows stays the end of the memory.
pub(crate) fn prepare() -> u64 {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(HEAP)));
    let start = size() as u64 * WASM_PAGE;
    SIZE.set(size());
    grow();
    start
}

/// Grows the memory that programs use.
pub(crate) fn grow() {
    assert_eq!(grow_by_one(), SIZE.get(), "the allocator grew the memory");
    SIZE.set(SIZE.get() + 1);
}

/// What programs use is still the end of the memory.
pub(crate) fn check() {
    assert_eq!(size(), SIZE.get(), "the allocator grew the memory");
}

fn at(address: u64) -> *mut u8 {
    ptr::with_exposed_provenance_mut(usize::try_from(address).expect("an address has 32 bits"))
}

fn count(len: u64) -> usize {
    usize::try_from(len).expect("a length has 32 bits")
}

pub(crate) fn store(to: Range, value: u8) {
    for offset in 0..to.len {
        let byte = value.wrapping_add(offset.to_le_bytes()[0]);
        // SAFETY: the test passes a range in memory that `prepare` or `grow` made.
        unsafe { at(to.start + offset).write_volatile(byte) }
    }
}

pub(crate) fn fill(to: Range, value: u8) {
    // SAFETY: the test passes a range in memory that `prepare` or `grow` made.
    unsafe { at(to.start).write_bytes(value, count(to.len)) }
}

pub(crate) fn copy(to: u64, from: Range) {
    // SAFETY: the test passes ranges in memory that `prepare` or `grow` made.
    unsafe { ptr::copy(at(from.start), at(to), count(from.len)) }
}

/// Lets the host store what it returns.
pub(crate) fn land(to: Range, call: impl FnOnce() -> Vec<u8>) {
    crate::landing::at(at(to.start).addr(), count(to.len), call);
}

/// The bytes of a range, for one use.
pub(crate) fn bytes<'a>(range: Range) -> &'a [u8] {
    // SAFETY: the test passes a range in memory that `prepare` or `grow` made, and nothing here keeps the slice.
    unsafe { std::slice::from_raw_parts(at(range.start), count(range.len)) }
}

pub(crate) fn look(range: Range, sum: &mut Checksum) {
    sum.add(bytes(range));
}

#[cfg(target_arch = "wasm32")]
mod instruction {
    use core::arch::wasm32;

    pub(super) fn grow_by_one() -> usize {
        wasm32::memory_grow::<0>(1)
    }

    pub(super) fn size() -> usize {
        wasm32::memory_size::<0>()
    }

    pub(crate) fn trap() -> ! {
        wasm32::unreachable()
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod instruction {
    pub(super) fn grow_by_one() -> usize {
        0
    }

    pub(super) fn size() -> usize {
        0
    }

    pub(crate) fn trap() -> ! {
        panic!("trap")
    }
}

pub(crate) use instruction::trap;
use instruction::{grow_by_one, size};
