//! What a native program would do.

use std::ffi::c_void;
use std::os::fd::OwnedFd;
use std::ptr;

use anyhow::Result;
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap, mmap_anonymous, munmap};

/// Anonymous memory with a descriptor, and address space to map it in.
pub(crate) struct Window {
    object: OwnedFd,
    // Invariant: `base..base + len` is ours.
    base: *mut c_void,
    len: usize,
}

const STRIDE: usize = 4096;
const READ_WRITE: ProtFlags = ProtFlags::READ.union(ProtFlags::WRITE);
const FRESH: MapFlags = MapFlags::PRIVATE.union(MapFlags::NORESERVE);

impl Window {
    pub(crate) fn new(len: usize) -> Result<Self> {
        let object = memfd_create("bench", MemfdFlags::CLOEXEC)?;
        ftruncate(&object, len as u64)?;
        rustix::io::pwrite(&object, &vec![1; len], 0)?;
        // SAFETY: the kernel chooses addresses that nobody uses.
        let base = unsafe { mmap_anonymous(ptr::null_mut(), len, READ_WRITE, FRESH) }?;
        Ok(Self { object, base, len })
    }

    /// Maps the object where the window is, loads one byte of each host page if it is to be read, and makes the window ordinary
    /// memory again.
    pub(crate) fn map_and_unmap(&mut self, read: bool) -> Result<()> {
        let flags = MapFlags::SHARED | MapFlags::FIXED;
        // SAFETY: the window is ours, and nobody has a reference to its bytes.
        unsafe { mmap(self.base, self.len, READ_WRITE, flags, &self.object, 0) }?;
        if read {
            for at in (0..self.len).step_by(STRIDE) {
                let byte = self.base.cast::<u8>().wrapping_add(at);
                // SAFETY: inside the window, which shows the object.
                let _byte = unsafe { byte.read_volatile() };
            }
        }
        // SAFETY: as above.
        unsafe { mmap_anonymous(self.base, self.len, READ_WRITE, FRESH | MapFlags::FIXED) }?;
        Ok(())
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // SAFETY: the window is ours, and nobody uses it any more.
        let _unmapped = unsafe { munmap(self.base, self.len) };
    }
}
