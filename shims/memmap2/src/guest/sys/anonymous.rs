//! Ordinary memory, for maps that show no file.

use std::alloc::{Layout, alloc, dealloc};
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::ptr::{self, NonNull};

use memctl_guest::domain;
use memctl_guest::protection::{self, Protection};

use super::super::error;

/// Whole granules of zero bytes.
pub(crate) struct Anonymous {
    // Invariant: allocated with `layout`, owned, and initialised.
    start: NonNull<u8>,
    layout: Layout,
    access: Access,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    ReadWrite,
    /// No safe code stores there.
    Read,
    /// Nothing stores there.
    Protected,
}

impl Anonymous {
    /// At least `len` bytes, and at least one granule.
    pub(crate) fn new(len: usize) -> io::Result<Self> {
        let granule = domain::granule();
        let size = len.max(1).checked_next_multiple_of(granule).ok_or(ErrorKind::OutOfMemory)?;
        let layout = Layout::from_size_align(size, granule).map_err(|_| ErrorKind::OutOfMemory)?;
        // SAFETY: the layout's size is not 0.
        let start = unsafe { alloc(layout) };
        let start = NonNull::new(start).ok_or(ErrorKind::OutOfMemory)?;
        let anonymous = Self { start, layout, access: Access::ReadWrite };
        // Where the host can, no page is touched for it.
        if super::discard(anonymous.all(), 0..size).is_err() {
            // SAFETY: the bytes were allocated here, and nobody else knows of them.
            unsafe { start.write_bytes(0, size) };
        }
        Ok(anonymous)
    }

    pub(crate) fn extent(&self) -> (NonNull<u8>, usize) {
        (self.start, self.layout.size())
    }

    pub(crate) fn can_write(&self) -> bool {
        self.access == Access::ReadWrite
    }

    pub(crate) fn make_read_only(&mut self) {
        if self.access == Access::ReadWrite {
            let protected = protection::protect(self.all(), Protection::Read).is_ok();
            self.access = if protected { Access::Protected } else { Access::Read };
        }
    }

    pub(crate) fn make_mut(&mut self) -> io::Result<()> {
        self.open()?;
        self.access = Access::ReadWrite;
        Ok(())
    }

    /// Makes whole granules zero, and gives their storage back.
    pub(crate) fn discard(&self, part: Range<usize>) -> io::Result<()> {
        self.open()?;
        let discarded = super::discard(self.all(), part);
        if self.access == Access::Protected {
            protection::protect(self.all(), Protection::Read).map_err(|why| error::refused("protecting a map", why))?;
        }
        discarded.map_err(|why| error::refused("discarding a map's bytes", why))
    }

    fn open(&self) -> io::Result<()> {
        match self.access {
            Access::ReadWrite | Access::Read => Ok(()),
            Access::Protected => protection::protect(self.all(), Protection::ReadWrite)
                .map_err(|why| error::refused("making a map writable", why)),
        }
    }

    fn all(&self) -> *mut [u8] {
        ptr::slice_from_raw_parts_mut(self.start.as_ptr(), self.layout.size())
    }
}

impl Drop for Anonymous {
    fn drop(&mut self) {
        if self.open().is_err() {
            // The allocator must not get what it can't touch.
            return;
        }
        // An error only means that the storage is not given back now.
        let _ = super::discard(self.all(), 0..self.layout.size());
        // SAFETY: it was allocated with this layout, and is owned.
        unsafe { dealloc(self.start.as_ptr(), self.layout) }
    }
}
