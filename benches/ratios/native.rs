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
    // Invariant: `base..base + len` is ours, and `margin` bytes before and after it.
    base: *mut c_void,
    len: usize,
    margin: usize,
}

/// What is around a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Around {
    /// Nothing of the program's: as with mmap anywhere.
    Nothing,
    /// Memory in use, as in a guest. The kernel splits that mapping in three, and makes it one again.
    Memory,
}

const STRIDE: usize = 4096;
const READ_WRITE: ProtFlags = ProtFlags::READ.union(ProtFlags::WRITE);
const FRESH: MapFlags = MapFlags::PRIVATE.union(MapFlags::NORESERVE);

impl Window {
    pub(crate) fn new(len: usize, around: Around) -> Result<Self> {
        let object = memfd_create("bench", MemfdFlags::CLOEXEC)?;
        ftruncate(&object, len as u64)?;
        rustix::io::pwrite(&object, &vec![1; len], 0)?;
        let margin = if around == Around::Memory { 16 * STRIDE } else { 0 };
        // SAFETY: the kernel chooses addresses that nobody uses.
        let room = unsafe { mmap_anonymous(ptr::null_mut(), len + 2 * margin, READ_WRITE, FRESH) }?;
        // SAFETY: the margins are ours, and nobody has a reference to their bytes.
        unsafe { room.cast::<u8>().write_bytes(1, margin) };
        let base = room.wrapping_byte_add(margin);
        // SAFETY: as above.
        unsafe { base.wrapping_byte_add(len).cast::<u8>().write_bytes(1, margin) };
        Ok(Self { object, base, len, margin })
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
        let _unmapped = unsafe { munmap(self.base.wrapping_byte_sub(self.margin), self.len + 2 * self.margin) };
    }
}
