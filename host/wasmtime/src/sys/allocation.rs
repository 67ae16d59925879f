//! Memory of the host's that stays where it is while anybody holds it: what windows are put onto.

use alloc::alloc::{alloc_zeroed, dealloc};
use core::alloc::Layout;
use core::ptr::{self, NonNull};

use memctl_core::Error;

/// Zeroed bytes that never move. Shared by an object and by the memories whose base is in it.
///
/// The bytes are reached by raw pointers only, and no Rust reference to them is made here: compiled code of a guest whose window is put here loads and stores them
/// too, while no method runs, and its host functions are lent them by the engine.
#[derive(Debug)]
pub(crate) struct Allocation {
    // Invariant: `len` bytes from here on are initialized, and allocated with `layout`, if there is one.
    start: NonNull<u8>,
    // Invariant: not 0.
    len: usize,
    /// None if they are static: nobody's to free, nor to write.
    layout: Option<Layout>,
}

// SAFETY: nothing in it belongs to a thread. Everything that touches the bytes runs under the domain's lock, but for compiled code; that runs while
// the host does not look: windows are put here only in domains whose guests run one at a time, see `Mover::check_free` and the gate.
unsafe impl Send for Allocation {}
// SAFETY: as above.
unsafe impl Sync for Allocation {}

/// Aligned as the engine's own memories are that have no host pages: for every access that wasm has.
const ALIGN: usize = 16;

fn layout(len: usize, align: usize) -> Result<Layout, Error> {
    Layout::from_size_align(len, align).map_err(|_| Error::OutOfMemory { what: "an anonymous object's bytes" })
}

impl Allocation {
    /// `len` zero bytes, at least one.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    #[cfg(any(test, not(feature = "std")))]
    pub(crate) fn new(len: usize) -> Result<Self, Error> {
        let len = len.max(1);
        Self::aligned(len, ALIGN)
    }

    /// `len` zero bytes, at least one, that a protection region of any unit can hold alone if there are a power of two of them.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(crate) fn for_region(len: usize) -> Result<Self, Error> {
        const MOST: usize = 64 << 10;
        let align = if cfg!(feature = "std") { ALIGN } else { len.min(MOST).next_power_of_two().max(ALIGN) };
        Self::aligned(len.max(1), align)
    }

    fn aligned(len: usize, align: usize) -> Result<Self, Error> {
        let layout = layout(len, align)?;
        // SAFETY: the layout's size is not 0.
        let start = unsafe { alloc_zeroed(layout) };
        let start = NonNull::new(start).ok_or(Error::OutOfMemory { what: "an anonymous object's bytes" })?;
        Ok(Self { start, len, layout: Some(layout) })
    }

    /// Bytes of the program's own, at least one. Nobody writes them: `Buffer` refuses to, and guests' stores are checked where windows are put here.
    pub(crate) fn of(bytes: &'static [u8]) -> Self {
        assert!(!bytes.is_empty(), "an object has bytes");
        Self { start: NonNull::from(bytes).cast(), len: bytes.len(), layout: None }
    }

    pub(crate) fn is_static(&self) -> bool {
        self.layout.is_none()
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The address of byte `offset`. It may be reached for as long as the allocation is held, up to its end.
    pub(crate) fn address(&self, offset: usize) -> *mut u8 {
        self.start.as_ptr().wrapping_add(offset.min(self.len))
    }

    /// Copies from byte `from` on into `bytes`. What is past the end stays as it is.
    pub(crate) fn copy_out(&self, from: usize, bytes: &mut [u8]) {
        let len = self.within(from, bytes.len());
        // SAFETY: `within` keeps the source inside. `bytes` is not in here: only the engine makes references to these bytes, as those of a
        // memory, and `Buffer` refuses them (`check_apart`).
        unsafe { ptr::copy(self.address(from).cast_const(), bytes.as_mut_ptr(), len) }
    }

    /// Copies `bytes` to byte `to` and on. What would be past the end is dropped.
    pub(crate) fn copy_in(&self, to: usize, bytes: &[u8]) {
        let len = self.within(to, bytes.len());
        // SAFETY: `within` keeps the destination inside, and `bytes` is not in here, as in `copy_out`. Whoever has
        // a reference to the destination, as a slice of a memory, has borrowed its store, and the guest's calls here have given that back.
        unsafe { ptr::copy(bytes.as_ptr(), self.address(to), len) }
    }

    /// Makes `len` bytes from `from` on zero, as far as there are so many.
    pub(crate) fn zero(&self, from: usize, len: usize) {
        let len = self.within(from, len);
        // SAFETY: `within` keeps it inside; as in `copy_in`.
        unsafe { ptr::write_bytes(self.address(from), 0, len) }
    }

    /// How many of `len` bytes from `from` on there are.
    fn within(&self, from: usize, len: usize) -> usize {
        self.len.saturating_sub(from).min(len)
    }
}

impl Drop for Allocation {
    fn drop(&mut self) {
        if let Some(layout) = self.layout {
            // SAFETY: allocated with this layout, by the invariants. Nobody holds it any more: neither its object, nor a memory that the engine reads its
            // base of, see `Base`.
            unsafe { dealloc(self.start.as_ptr(), layout) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_past_the_end_are_neither_read_nor_written() {
        let allocation = Allocation::new(8).expect("small");
        allocation.copy_in(6, &[1, 2, 3]);
        allocation.copy_in(usize::MAX, &[4]);
        let mut bytes = [9; 4];
        allocation.copy_out(5, &mut bytes);
        assert_eq!(bytes, [0, 1, 2, 9]);
        allocation.zero(7, usize::MAX);
        allocation.copy_out(4, &mut bytes);
        assert_eq!(bytes, [0, 0, 1, 0]);
        assert_eq!(
            Allocation::new(usize::MAX).map(drop).map_err(|error| error.code()),
            Err(memctl_core::Code::OutOfMemory)
        );
    }
}
