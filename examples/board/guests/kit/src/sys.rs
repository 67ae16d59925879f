//! What a program of one thread may take for granted: an allocator without a lock, and values that are kept from turn to turn.
//!
//! The allocator has that the linker left, in blocks of powers of two.
//!
//! A block has no header, so that a window of a granule takes a granule, wherever it has to begin: of 16 KiB, three windows where the granule is 4096 bytes,
//! and some hundred where it is 32.

use core::alloc::Layout;
use core::cell::Cell;

use buddy_system_allocator::{Heap, LockedHeapWithRescue};

/// Blocks are smaller than 2 to the power of this.
const ORDER: usize = 20;

#[global_allocator]
static HEAP: LockedHeapWithRescue<ORDER> = LockedHeapWithRescue::new(claim);

unsafe extern "C" {
    // wasm-ld's own: lld/wasm/Driver.cpp, `createOptionalSymbols`.
    static __heap_base: u8;
    static __heap_end: u8;
}

/// Gives the heap all memory there is, when it is first asked for some.
fn claim(heap: &mut Heap<ORDER>, _wanted: &Layout) {
    if heap.stats_total_bytes() == 0 {
        let (start, end) = ((&raw const __heap_base).addr(), (&raw const __heap_end).addr());
        // SAFETY: wasm-ld lays out nothing between these two addresses, the memory ends at the second, and nobody else takes any of it: this is the only
        // allocator. It happens once, by the condition above.
        unsafe { heap.add_to_heap(start, end) };
    }
}

/// A value that is kept from one turn to the next, if there is one.
pub struct Kept<T> {
    value: Cell<Option<T>>,
}

#[cfg(not(target_feature = "atomics"))]
// SAFETY: without atomics a module has one thread.
unsafe impl<T> Sync for Kept<T> {}

impl<T> Kept<T> {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self { value: Cell::new(None) }
    }

    /// Takes it out.
    #[must_use]
    pub fn take(&self) -> Option<T> {
        self.value.take()
    }

    /// Puts one in.
    pub fn put(&self, value: T) {
        self.value.set(Some(value));
    }
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self::new()
    }
}
