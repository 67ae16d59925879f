//! What a window shows: an object, shared or private, or ordinary guest memory.

use std::os::fd::AsFd;

use memctl_core::Error;
use rustix::io::Errno;

use super::Reservation;
use crate::errno::refused;
use crate::file::FileObject;
use crate::sys::{FOR_HIDE, Protection, Space, View};

/// Windows and object offsets are whole host pages ([`host_page_size`](crate::host_page_size)); a window lies in the memory's size, rounded
/// up to them. A range that breaks these rules is [`Error::Misaligned`], [`Error::Empty`], [`Error::Wraps`] or
/// [`Error::OutOfBounds`], and nothing changes. How much of the window the object fills is the caller's affair:
/// a whole host page past the object's end is shown too, and any access to it is a fault
/// ([`FaultKind::Vanished`](crate::FaultKind::Vanished)).
///
/// Kernels before 6.12 may have taken a window's old pages away when a call fails for lack of memory; then it is inaccessible.
impl Reservation {
    /// Shows the file's own pages: stores reach the file and every other shared view of it, at once.
    ///
    /// See [`mmap(2)`](https://man7.org/linux/man-pages/man2/mmap.2.html), `MAP_SHARED` and `MAP_FIXED`.
    ///
    /// # Errors
    /// [`Error::Access`] if the object is read-only, [`Error::OutOfMemory`], [`Error::Unsupported`] if the file system
    /// can't map its files, [`Error::Io`], and those of the range.
    pub fn show_shared(&self, start: u64, len: u64, file: &FileObject, offset: u64) -> Result<(), Error> {
        self.show_shared_as(start, len, file, offset, Protection::ReadWrite)
    }

    /// As [`Reservation::show_shared`], with a protection that [`Reservation::protect`] can change; for one that lets nobody store, a read-only object will do. It can't be made
    /// writable later, then.
    ///
    /// # Errors
    /// As [`Reservation::show_shared`].
    pub fn show_shared_as(
        &self,
        start: u64,
        len: u64,
        file: &FileObject,
        offset: u64,
        protection: Protection,
    ) -> Result<(), Error> {
        if protection == Protection::ReadWrite && !file.writable() {
            return Err(Error::Access { right: "write the file" });
        }
        self.show(start, len, (View::Shared, protection), file, offset)
    }

    /// Shows the file's own pages until the first store to each, which makes a private copy of it.
    ///
    /// Later changes of the file show through in pages that were not copied: [`Reservation::detach`] before anybody may write it.
    ///
    /// # Errors
    /// As [`Reservation::show_shared`]; a read-only object will do.
    pub fn show_private(&self, start: u64, len: u64, file: &FileObject, offset: u64) -> Result<(), Error> {
        self.show_private_as(start, len, file, offset, Protection::ReadWrite)
    }

    /// As [`Reservation::show_private`], with a protection that [`Reservation::protect`] can change.
    ///
    /// # Errors
    /// As [`Reservation::show_private`].
    pub fn show_private_as(
        &self,
        start: u64,
        len: u64,
        file: &FileObject,
        offset: u64,
        protection: Protection,
    ) -> Result<(), Error> {
        self.show(start, len, (View::Private, protection), file, offset)
    }

    fn show(
        &self,
        start: u64,
        len: u64,
        view: (View, Protection),
        file: &FileObject,
        offset: u64,
    ) -> Result<(), Error> {
        let (start, len) = self.window(start, len)?;
        let granule = crate::host_page_size();
        if !offset.is_multiple_of(granule) {
            return Err(Error::Misaligned { what: "the object offset", value: offset, granule });
        }
        self.space.show(start, len, view, file.as_fd(), offset).map_err(|errno| {
            self.space.mend(start, len);
            refused("map the object", errno)
        })
    }

    /// Makes the window ordinary zeroed guest memory again.
    ///
    /// # Errors
    /// Those of the range, and [`Error::OutOfMemory`] if the process has no room for one more mapping (`vm.max_map_count`): then the
    /// window is inaccessible, or the whole memory if that has to be. In no case is the object still in it.
    pub fn hide(&self, start: u64, len: u64) -> Result<(), Error> {
        let (start, len) = self.window(start, len)?;
        let mut done = self.space.clear(start, len);
        if done == Err(Errno::NOMEM) && FOR_HIDE.give() {
            done = self.space.clear(start, len);
            FOR_HIDE.hold();
        }
        done.map_err(|errno| {
            self.poison(start, len);
            refused("unmap the window", errno)
        })
    }

    /// Makes the window inaccessible, as [`Reservation::protect`] does; and if that can't be done, the whole memory.
    ///
    /// # Errors
    /// Those of the range, and [`Error::OutOfMemory`] if the process has no room for one more mapping (`vm.max_map_count`): then the whole memory is
    /// inaccessible. The window is in any case.
    pub fn guard(&self, start: u64, len: u64) -> Result<(), Error> {
        let (start, len) = self.window(start, len)?;
        self.space.protect(start, len, Protection::None).map_err(|errno| {
            self.poison(start, len);
            refused("take the access to a window", errno)
        })
    }

    /// Makes the window inaccessible, and the whole memory if there is no room for the edges of a mapping of its own.
    fn poison(&self, start: usize, len: usize) {
        if self.space.mend(start, len) || self.space.protect(start, len, Protection::None).is_ok() {
            return;
        }
        // The accessible part is bounded by edges that are there already, so only lack of kernel memory can stop this.
        match self.space.protect(0, self.entry.accessible(), Protection::None) {
            Ok(()) => tracing::error!(id = self.id, "out of mappings: the whole guest memory is inaccessible now"),
            Err(errno) => tracing::error!(id = self.id, %errno, "can't take a window back"),
        }
    }

    /// Turns a private view into ordinary guest memory with the same bytes, so that the object may be written.
    ///
    /// The window must be readable; it is read-write afterwards. The caller sees to it that no guest runs in this memory.
    ///
    /// The bytes are copied aside and moved into place by one system call,
    /// [`mremap(2)`](https://man7.org/linux/man-pages/man2/mremap.2.html): all or nothing.
    ///
    /// # Errors
    /// [`Error::Io`] if a page of the window can't be read, which [`Reservation::take_fault`] then tells; [`Error::OutOfMemory`]; and those of the range. The window
    /// still shows the object, but for pages that could not be read.
    pub fn detach(&self, start: u64, len: u64) -> Result<(), Error> {
        let (start, len) = self.window(start, len)?;
        let out_of_memory = |errno: Errno| refused("copy a private window", errno);
        let copy = Space::zeroed(len).map_err(out_of_memory)?;
        self.contained("copy a private window", || self.space.copy_to(start, len, &copy))?;
        self.space.replace(start, copy).map_err(|errno| {
            self.space.mend(start, len);
            out_of_memory(errno)
        })
    }

    /// Changes what may be done to the window's bytes.
    ///
    /// See [`mprotect(2)`](https://man7.org/linux/man-pages/man2/mprotect.2.html).
    ///
    /// # Errors
    /// [`Error::Access`] to make a view writable that [`Reservation::show_shared_as`] made of a read-only object, [`Error::OutOfMemory`], and those of the range. A part of
    /// the window may have changed.
    pub fn protect(&self, start: u64, len: u64, protection: Protection) -> Result<(), Error> {
        let (start, len) = self.window(start, len)?;
        self.space.protect(start, len, protection).map_err(|errno| refused("change the window's protection", errno))
    }

    /// Makes ordinary guest memory zero, and gives its host pages back; what may be done to it stays. In a window, use
    /// [`Reservation::hide`] or the object.
    ///
    /// See [`madvise(2)`](https://man7.org/linux/man-pages/man2/madvise.2.html), `MADV_DONTNEED`.
    ///
    /// # Errors
    /// Those of the range, and [`Error::Io`].
    pub fn discard(&self, start: u64, len: u64) -> Result<(), Error> {
        let (start, len) = self.window(start, len)?;
        self.space.discard(start, len).map_err(|errno| refused("discard guest memory", errno))
    }

    /// Brings the window's pages in ahead of use. Only advice: it can't fail.
    ///
    /// See [`madvise(2)`](https://man7.org/linux/man-pages/man2/madvise.2.html), `MADV_POPULATE_READ` (Linux 5.14).
    pub fn populate(&self, start: u64, len: u64) {
        let done = self.window(start, len).and_then(|(start, len)| {
            self.space.populate(start, len).map_err(|errno| refused("populate the window", errno))
        });
        if let Err(error) = done {
            tracing::debug!(id = self.id, start, len, %error, "the window is not populated");
        }
    }
}
