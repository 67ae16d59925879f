//! Granules of the guest's own that can be protected.

use core::cell::Cell;
use core::mem::ManuallyDrop;
use core::ops::Range;
use core::slice;

use super::{Pages, Part, ranges};
use crate::bindings::types::Protection;
use crate::{Error, Result, domain};

/// An allocation of whole granules. Who touches one against its protection traps.
///
/// Its bytes count only when they were made [ready](Self::make_ready): a reservation of much memory shall not cost a host call that touches all of it.
pub(crate) struct Fenced {
    // Invariant: allocated, and owned.
    pages: ManuallyDrop<Pages>,
    // Invariant: so many of the first bytes are initialised, by `discard`. To the others there is no reference.
    ready: Cell<usize>,
}

impl Fenced {
    /// `len` bytes, which is not 0, rounded up to the granule.
    pub(crate) fn reserve(len: usize) -> Result<Self> {
        if !ranges::can_protect() {
            return Err(Error::Unsupported);
        }
        let granule = domain::granule();
        let len = len.checked_next_multiple_of(granule).ok_or(Error::OutOfMemory)?;
        Ok(Self { pages: ManuallyDrop::new(Pages::new(len, granule)?), ready: Cell::new(0) })
    }

    pub(crate) fn len(&self) -> usize {
        self.pages.len()
    }

    fn part(&self, range: Range<usize>) -> Part {
        self.pages.part(range.start, range.end - range.start)
    }

    pub(crate) fn start(&self) -> *const u8 {
        self.at(0)
    }

    pub(super) fn at(&self, at: usize) -> *mut u8 {
        self.part(at..at).start
    }

    /// Changes what may be done to whole granules.
    pub(crate) fn protect(&self, range: Range<usize>, protection: Protection) -> Result<()> {
        if range.is_empty() { Ok(()) } else { ranges::protect(self.part(range), protection) }
    }

    /// Makes bytes below `to`, a multiple of the granule, zero, unless they have been made ready before. They can be stored to.
    pub(crate) fn make_ready(&self, to: usize) -> Result<()> {
        let ready = self.ready.get();
        if to <= ready {
            return Ok(());
        }
        // SAFETY: the bytes are owned, and by the invariant of `ready` nobody refers to them.
        unsafe { ranges::discard(self.part(ready..to)) }?;
        self.ready.set(to);
        Ok(())
    }

    /// Makes whole granules zero, and gives their storage back.
    pub(crate) fn discard(&mut self, range: Range<usize>) -> Result<()> {
        if range.is_empty() {
            return Ok(());
        }
        // SAFETY: the bytes are owned, and `self` is borrowed exclusively.
        unsafe { ranges::discard(self.part(range)) }
    }

    pub(crate) fn bytes(&self, range: Range<usize>) -> &[u8] {
        assert!(range.end <= self.ready.get(), "{range:?} is not ready");
        let Part { start, len } = self.part(range);
        // SAFETY: the bytes are owned and, as was asserted above, initialised; they change only under `&mut self`, or in `Bump`, which doesn't call this.
        unsafe { slice::from_raw_parts(start, len) }
    }

    pub(crate) fn bytes_mut(&mut self, range: Range<usize>) -> &mut [u8] {
        assert!(range.end <= self.ready.get(), "{range:?} is not ready");
        let Part { start, len } = self.part(range);
        // SAFETY: the bytes are owned and, as was asserted above, initialised, and `self` is borrowed exclusively for as long as the result.
        unsafe { slice::from_raw_parts_mut(start, len) }
    }
}

impl Drop for Fenced {
    fn drop(&mut self) {
        if self.protect(0..self.len(), Protection::ReadWrite).is_err() {
            // The allocator must not get what it can't touch. The host's log says why.
            return;
        }
        // An error only means that the storage is not given back now.
        let _ = self.discard(0..self.ready.get());
        // SAFETY: nobody uses `pages` after this.
        unsafe { ManuallyDrop::drop(&mut self.pages) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::simulated;
    use super::*;

    #[test]
    fn ready_bytes_are_zero_and_are_zero_again_when_discarded() {
        simulated(|| {
            let mut fenced = Fenced::reserve(3 * 4096).expect("reserved");
            fenced.make_ready(2 * 4096).expect("ready");
            fenced.bytes_mut(0..2 * 4096).fill(7);
            fenced.make_ready(4096).expect("nothing to do");
            fenced.discard(4096..2 * 4096).expect("discarded");
            assert!(fenced.bytes(0..4096).iter().all(|&byte| byte == 7));
            assert!(fenced.bytes(4096..2 * 4096).iter().all(|&byte| byte == 0));
        });
    }

    #[test]
    #[should_panic(expected = "not ready")]
    fn bytes_that_were_never_made_ready_can_t_be_had() {
        simulated(|| Fenced::reserve(4096).expect("reserved").bytes(0..1).len());
    }
}
