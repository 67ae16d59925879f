//! Address space that this process owns, and the system calls on its host pages.

use std::ffi::c_void;
use std::os::fd::BorrowedFd;
use std::ptr;

use rustix::io::{Errno, Result};
use rustix::mm::{
    Advice, MapFlags, MprotectFlags, MremapFlags, MsyncFlags, ProtFlags, madvise, mmap, mmap_anonymous, mprotect,
    mremap_fixed, msync, munmap,
};

use super::page_size;

/// What may be done to the bytes of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// Nothing: loads and stores fault.
    None,
    /// Loads; stores fault.
    Read,
    /// Loads and stores.
    ReadWrite,
}

/// How an object is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// Stores reach the object.
    Shared,
    /// The object's own pages until the first store to each.
    Private,
}

/// One stretch of address space, given back when dropped.
pub(crate) struct Space {
    // Invariant: `base..base + len` are whole host pages that `mmap` gave to this value alone. Nothing here makes a Rust reference
    // to their bytes except `slice`, whose caller answers for it.
    base: *mut u8,
    len: usize,
}

// SAFETY: the pages belong to the process and not to a thread, and the value owns them.
unsafe impl Send for Space {}
// SAFETY: all that `&self` does to the pages is system calls, which the kernel puts in order, and copies through raw
// pointers, which say in their docs who keeps them apart.
unsafe impl Sync for Space {}

/// `MAP_NORESERVE`: a guest's address space is far larger than what it will use (`mmap(2)`).
const ANONYMOUS: MapFlags = MapFlags::PRIVATE.union(MapFlags::NORESERVE);
const READ_WRITE: ProtFlags = ProtFlags::READ.union(ProtFlags::WRITE);

/// What the larger page-table entries of x86-64 and aarch64 (with 4 KiB host pages) map: 2 MiB. The kernel maps that much of a file at
/// once where window and file agree on their place in it.
const HUGE: usize = 2 << 20;

impl Space {
    /// `len` bytes of fresh address space, inaccessible. `len` is a non-zero number of whole host pages. The base is a multiple of
    /// [`HUGE`] if that much is asked for.
    pub(crate) fn reserve(len: usize) -> Result<Self> {
        if len < HUGE {
            return Self::fresh(len, ProtFlags::empty());
        }
        let mut space = Self::fresh(len.checked_add(HUGE).ok_or(Errno::NOMEM)?, ProtFlags::empty())?;
        let before = space.base.addr().next_multiple_of(HUGE) - space.base.addr();
        // Should one of these fail, dropping `space` gives back what it still has.
        space.shorten(before + len, HUGE - before)?;
        space.shorten(0, before)?;
        Ok(space)
    }

    /// Gives `len` bytes from `start` on back, which are its first or its last.
    fn shorten(&mut self, start: usize, len: usize) -> Result<()> {
        assert!(start == 0 || start + len == self.len, "an end");
        if len > 0 {
            let at = self.pages(start, len);
            // SAFETY: `pages` checked that these are our own pages, no reference to them is alive (invariant of `base`), and what is
            // left is all that this value has from now on.
            unsafe { munmap(at, len) }?;
            self.len -= len;
            if start == 0 {
                self.base = self.base.wrapping_add(len);
            }
        }
        Ok(())
    }

    /// `len` bytes of fresh zeroed memory. `len` is a non-zero number of whole host pages.
    pub(crate) fn zeroed(len: usize) -> Result<Self> {
        Self::fresh(len, READ_WRITE)
    }

    fn fresh(len: usize, protection: ProtFlags) -> Result<Self> {
        assert!(len.is_multiple_of(page_size()), "whole host pages");
        // SAFETY: with a null address and no MAP_FIXED the kernel takes addresses that nobody uses.
        let base = unsafe { mmap_anonymous(ptr::null_mut(), len, protection, ANONYMOUS) }?;
        Ok(Self { base: base.cast(), len })
    }

    pub(crate) fn base(&self) -> *mut u8 {
        self.base
    }

    /// The address of byte `start`, having checked that `start..start + len` lies in this space.
    pub(super) fn at(&self, start: usize, len: usize) -> *mut u8 {
        assert!(
            start.checked_add(len).is_some_and(|end| end <= self.len),
            "{len:#x} bytes from {start:#x} leave the address space of {:#x} bytes",
            self.len
        );
        self.base.wrapping_add(start)
    }

    /// As [`Space::at`], for a range of whole host pages.
    fn pages(&self, start: usize, len: usize) -> *mut c_void {
        assert!(start.is_multiple_of(page_size()) && len.is_multiple_of(page_size()), "whole host pages");
        self.at(start, len).cast()
    }

    /// `mprotect(2)`. On error some of the pages may have changed.
    pub(crate) fn protect(&self, start: usize, len: usize, protection: Protection) -> Result<()> {
        let flags = match protection {
            Protection::None => MprotectFlags::empty(),
            Protection::Read => MprotectFlags::READ,
            Protection::ReadWrite => MprotectFlags::READ | MprotectFlags::WRITE,
        };
        let at = self.pages(start, len);
        // SAFETY: `pages` checked that these are our own pages, and no reference to them is alive (invariant of `base`).
        unsafe { mprotect(at, len, flags) }
    }

    /// Shows `file` from byte `offset` on. On error see [`Space::mend`].
    pub(crate) fn show(
        &self,
        start: usize,
        len: usize,
        (view, protection): (View, Protection),
        file: BorrowedFd<'_>,
        offset: u64,
    ) -> Result<()> {
        let protection = match protection {
            Protection::None => ProtFlags::empty(),
            Protection::Read => ProtFlags::READ,
            Protection::ReadWrite => READ_WRITE,
        };
        let flags = match view {
            View::Shared => MapFlags::SHARED,
            View::Private => ANONYMOUS,
        };
        let at = self.pages(start, len);
        // SAFETY: `pages` checked that these are our own pages, so MAP_FIXED replaces nothing of anyone else, and no reference
        // to them is alive (invariant of `base`).
        unsafe { mmap(at, len, protection, flags | MapFlags::FIXED, file, offset) }?;
        Ok(())
    }

    /// Replaces pages by fresh zeroed memory. On error see [`Space::mend`].
    pub(crate) fn clear(&self, start: usize, len: usize) -> Result<()> {
        let at = self.pages(start, len);
        // SAFETY: `pages` checked that these are our own pages, so MAP_FIXED replaces nothing of anyone else, and no reference
        // to them is alive (invariant of `base`).
        unsafe { mmap_anonymous(at, len, READ_WRITE, ANONYMOUS | MapFlags::FIXED) }?;
        Ok(())
    }

    /// Moves all of `fresh` over the pages from `start` on, in one system call: no other thread sees them absent. On error
    /// see [`Space::mend`].
    pub(crate) fn replace(&self, start: usize, fresh: Self) -> Result<()> {
        let to = self.pages(start, fresh.len);
        // SAFETY: `pages` checked that the target is our own pages, `fresh` owns the source, and no reference to either is alive
        // (invariant of `base`).
        unsafe { mremap_fixed(fresh.base.cast(), fresh.len, fresh.len, MremapFlags::MAYMOVE, to) }?;
        // Its pages are ours now: nothing is left for it to give back.
        std::mem::forget(fresh);
        Ok(())
    }

    /// After a failed [`Space::show`], [`Space::clear`] or [`Space::replace`]: kernels before 6.12 may have taken the old pages away before
    /// they failed. Fills such a hole with inaccessible pages before somebody else's mapping lands in it. Returns whether there was one.
    pub(crate) fn mend(&self, start: usize, len: usize) -> bool {
        let at = self.pages(start, len);
        // MS_ASYNC does nothing but report addresses that are not mapped (msync(2), NOTES).
        // SAFETY: `pages` checked that these are our own pages; the call does not change them.
        if unsafe { msync(at, len, MsyncFlags::ASYNC) } != Err(Errno::NOMEM) {
            return false;
        }
        let flags = ANONYMOUS | MapFlags::FIXED_NOREPLACE;
        // SAFETY: `pages` checked that these addresses are ours, and MAP_FIXED_NOREPLACE replaces nothing.
        if let Err(errno) = unsafe { mmap_anonymous(at, len, ProtFlags::empty(), flags) } {
            tracing::error!(%errno, start, len, "can't fill a hole in a guest's address space");
        }
        true
    }

    /// Gives back what private anonymous pages hold: they are zero when they are next touched (`MADV_DONTNEED`).
    pub(crate) fn discard(&self, start: usize, len: usize) -> Result<()> {
        let at = self.pages(start, len);
        // SAFETY: `pages` checked that these are our own pages, and no reference to them is alive (invariant of `base`).
        unsafe { madvise(at, len, Advice::LinuxDontNeed) }
    }

    /// Reads the pages in ahead of use (`MADV_POPULATE_READ`, Linux 5.14).
    pub(crate) fn populate(&self, start: usize, len: usize) -> Result<()> {
        let at = self.pages(start, len);
        // SAFETY: `pages` checked that these are our own pages; the advice does not change their contents.
        unsafe { madvise(at, len, Advice::LinuxPopulateRead) }
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        // SAFETY: the value owns the pages, and what it lent (`slice`) ended before it.
        if let Err(errno) = unsafe { munmap(self.base.cast(), self.len) } {
            tracing::error!(%errno, len = self.len, "can't give address space back");
        }
    }
}
