//! Results that the host stores right where this guest wants them, as a libc's `read(2)` has it: host code then stores in a window while the
//! guest is outside.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// An allocator whose next allocation of a given size can be told where to be.
struct Landing {
    /// 0 if it is told nothing.
    address: AtomicUsize,
    len: AtomicUsize,
}

#[global_allocator]
static ALLOCATOR: Landing = Landing { address: AtomicUsize::new(0), len: AtomicUsize::new(0) };

/// Calls the host for `len` bytes, that it stores from `address` on.
pub(crate) fn at(address: usize, len: usize, call: impl FnOnce() -> Vec<u8>) {
    ALLOCATOR.len.store(len, Ordering::Relaxed);
    ALLOCATOR.address.store(address, Ordering::Relaxed);
    let landed = call();
    assert_eq!((landed.as_ptr().addr(), landed.len()), (address, len), "the host asked for memory once");
    // No allocation: nothing is to be given back.
    std::mem::forget(landed);
}

// SAFETY: all but what lands is the system allocator's; what lands gets memory that the caller of `at` has, and is never given back.
unsafe impl GlobalAlloc for Landing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let address = self.address.load(Ordering::Relaxed);
        if address != 0 && layout.size() == self.len.load(Ordering::Relaxed) {
            self.address.store(0, Ordering::Relaxed);
            return std::ptr::with_exposed_provenance_mut(address);
        }
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise; what landed is never given back.
        unsafe { System.dealloc(start, layout) }
    }
}
