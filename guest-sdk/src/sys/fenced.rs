//! Granules of the guest's own that can be protected.

use core::mem::ManuallyDrop;
use core::ops::Range;
use core::slice;

use super::{Pages, Part, ranges};
use crate::bindings::domain::Capabilities;
use crate::bindings::types::Protection;
use crate::{Error, Result, domain};

/// An allocation of whole granules, all initialised. Who touches one against its protection traps.
pub(crate) struct Fenced {
    // Invariant: allocated, owned, and initialised by `discard`.
    pages: ManuallyDrop<Pages>,
}

impl Fenced {
    /// `len` zero bytes, which is not 0, rounded up to the granule. All can be loaded and stored.
    pub(crate) fn new(len: usize) -> Result<Self> {
        if !domain::capabilities().contains(Capabilities::PROTECTION) {
            return Err(Error::Unsupported);
        }
        let granule = domain::granule();
        let len = len.checked_next_multiple_of(granule).ok_or(Error::OutOfMemory)?;
        let pages = Pages::new(len, granule)?;
        // SAFETY: the pages were just allocated: nobody else has a reference to them.
        unsafe { ranges::discard(pages.part(0, len)) }?;
        Ok(Self { pages: ManuallyDrop::new(pages) })
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

    /// Makes whole granules zero, and gives their storage back.
    pub(crate) fn discard(&mut self, range: Range<usize>) -> Result<()> {
        if range.is_empty() {
            return Ok(());
        }
        // SAFETY: the bytes are owned, and `self` is borrowed exclusively.
        unsafe { ranges::discard(self.part(range)) }
    }

    pub(crate) fn bytes(&self, range: Range<usize>) -> &[u8] {
        let Part { start, len } = self.part(range);
        // SAFETY: the bytes are owned and initialised; they change only under `&mut self`, or in `Bump`, which doesn't call this.
        unsafe { slice::from_raw_parts(start, len) }
    }

    pub(crate) fn bytes_mut(&mut self, range: Range<usize>) -> &mut [u8] {
        let Part { start, len } = self.part(range);
        // SAFETY: the bytes are owned and initialised, and `self` is borrowed exclusively for as long as the result.
        unsafe { slice::from_raw_parts_mut(start, len) }
    }
}

impl Drop for Fenced {
    fn drop(&mut self) {
        let all = 0..self.len();
        if self.protect(all.clone(), Protection::ReadWrite).is_err() {
            // The allocator must not get what it can't touch. The host's log says why.
            return;
        }
        // An error only means that the storage is not given back now.
        let _ = self.discard(all);
        // SAFETY: nobody uses `pages` after this.
        unsafe { ManuallyDrop::drop(&mut self.pages) }
    }
}
