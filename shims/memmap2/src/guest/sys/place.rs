//! The bytes of one map.

use std::ptr::{self, NonNull};
use std::slice;

use super::super::Backing;

/// The bytes of one map, and what keeps them.
pub(crate) struct Place {
    // Invariant: `lead` bytes into the extent of `backing`, from where it has at least `len` bytes.
    start: NonNull<u8>,
    lead: usize,
    len: usize,
    backing: Backing,
}

// SAFETY: the backing is, and `start` points to bytes that it keeps.
unsafe impl Send for Place {}
// SAFETY: as above; `&Place` gives references for reading only, and what else it does is done by the host, one call at a time.
unsafe impl Sync for Place {}

impl Place {
    /// The `len` bytes of `backing` from byte `lead` on.
    pub(crate) fn new(backing: Backing, lead: usize, len: usize) -> Self {
        let (first, extent) = backing.extent();
        assert!(lead <= extent && len <= extent - lead, "{len} bytes from {lead} on are not in {extent}");
        // SAFETY: `lead` bytes on there are still bytes of the extent, or there is its end.
        let start = unsafe { first.add(lead) };
        Self { start, lead, len, backing }
    }

    #[inline]
    pub(crate) fn as_ptr(&self) -> *mut u8 {
        self.start.as_ptr()
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn lead(&self) -> usize {
        self.lead
    }

    pub(crate) fn backing(&self) -> &Backing {
        &self.backing
    }

    /// What the result is called on leaves the bytes where they are.
    pub(crate) fn backing_mut(&mut self) -> &mut Backing {
        &mut self.backing
    }

    pub(crate) fn set_len(&mut self, len: usize) {
        let (_, extent) = self.backing.extent();
        assert!(len <= extent - self.lead, "{len} bytes from {} on are not in {extent}", self.lead);
        self.len = len;
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: rules 1 to 3, and the invariant.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }

    #[inline]
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: rules 1 to 3, and the invariant; `self` is borrowed exclusively.
        unsafe { slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }

    /// Copies what is in `other` to the first bytes, which can be stored to and are other memory.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        assert!(
            other.len <= self.len && !ptr::eq(self.as_ptr(), other.as_ptr()),
            "{} bytes take {}",
            self.len,
            other.len
        );
        self.bytes_mut()[..other.len].copy_from_slice(other.bytes());
    }
}
