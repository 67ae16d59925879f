//! Memory on a machine without an MMU: it is where it was allocated, all of it can be reached, and nothing in it can be replaced by something else.
//!
//! What needs an MMU is refused here as it is where the operating system refuses it; no call gets that far, since the domain never chooses to alias.

use core::sync::atomic::{AtomicUsize, Ordering};

use memctl_core::{Error, Storage};

use crate::sync::atomic::AtomicU64;
use crate::sys::Allocation;

/// A fault inside a guest memory's bytes. Nothing here tells of one: checks in the guest's code do, or the machine's own handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Offset in the guest memory of the byte that faulted.
    pub address: u64,
    /// Why.
    pub kind: FaultKind,
    /// Whether it was a store.
    pub write: Option<bool>,
}

/// Why an access faulted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Protection forbids the access.
    Protection,
    /// Nothing is there any more.
    Vanished,
}

/// What may be done to pages, where there are some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protection {
    None,
    Read,
    ReadWrite,
}

const NO_MMU: Error = Error::Unsupported { why: "there is no memory-management unit" };

/// The unit that guards are made of: there are none.
pub(crate) fn host_page_size() -> u64 {
    1
}

/// There is no handler to be put in place.
pub(crate) fn install() -> Result<(), Error> {
    Ok(())
}

/// Nothing faults and goes on.
pub(crate) fn contained_faults() -> u64 {
    0
}

/// One guest linear memory. It never moves.
#[derive(Debug)]
pub(crate) struct Reservation {
    bytes: Allocation,
    id: u64,
    size: AtomicUsize,
    capacity: usize,
}

impl Reservation {
    /// `min` zero bytes, with room to grow to `capacity` if there is so much memory: it is taken at once. A memory for which there is only just enough can't grow.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(crate) fn new(min: usize, capacity: usize, _guard: usize) -> Result<Self, Error> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        // One byte more, so that the address just past a memory's end, which an empty list may have, is never another memory's.
        let roomy = Allocation::new(capacity.saturating_add(1));
        let (bytes, capacity) = match roomy {
            Ok(bytes) => (bytes, capacity),
            Err(_) => (Allocation::new(min.saturating_add(1))?, min),
        };
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Ok(Self { bytes, id, size: AtomicUsize::new(min), capacity })
    }

    pub(crate) fn base(&self) -> *mut u8 {
        self.bytes.address(0)
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn size(&self) -> u64 {
        self.size.load(Ordering::Relaxed) as u64
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// The new bytes are zero: nobody could reach them before.
    pub(crate) fn grow(&self, new_size: usize) -> Result<(), Error> {
        if new_size > self.capacity {
            return Err(Error::OutOfMemory { what: "room behind a guest memory" });
        }
        self.size.fetch_max(new_size, Ordering::Relaxed);
        Ok(())
    }

    pub(crate) fn contains(&self, address: usize) -> bool {
        let base = self.base().addr();
        (base..=base + self.size.load(Ordering::Relaxed)).contains(&address)
    }

    pub(crate) fn take_fault(&self) -> Option<Fault> {
        None
    }

    pub(crate) fn last_fault(&self) -> Option<Fault> {
        None
    }

    /// A range of bytes, checked against the size.
    pub(crate) fn bytes(&self, start: u64, len: u64) -> Result<(usize, usize), Error> {
        const WHAT: &str = "the range of guest memory";
        let end = start.checked_add(len).ok_or(Error::Wraps { what: WHAT, start, len })?;
        let outside = Error::OutOfBounds { what: WHAT, start, len, limit: self.size() };
        if end > self.size() {
            return Err(outside);
        }
        usize::try_from(start).ok().zip(usize::try_from(len).ok()).ok_or(outside)
    }

    /// Its bytes are lost, with the memory that they are in: they are not given back.
    pub(crate) fn forget(self) {
        core::mem::forget(self.bytes);
    }

    pub(crate) fn allocation(&self) -> &Allocation {
        &self.bytes
    }

    pub(crate) fn read(&self, start: u64, bytes: &mut [u8]) -> Result<(), Error> {
        let (start, _) = self.bytes(start, bytes.len() as u64)?;
        self.bytes.copy_out(start, bytes);
        Ok(())
    }

    pub(crate) fn write(&self, start: u64, bytes: &[u8]) -> Result<(), Error> {
        let (start, _) = self.bytes(start, bytes.len() as u64)?;
        self.bytes.copy_in(start, bytes);
        Ok(())
    }

    pub(crate) fn zero(&self, start: u64, len: u64) -> Result<(), Error> {
        let (start, len) = self.bytes(start, len)?;
        self.bytes.zero(start, len);
        Ok(())
    }

    pub(crate) fn zero_if_dirty(&self, start: u64, len: u64) -> Result<(), Error> {
        self.zero(start, len)
    }

    pub(crate) fn hide(&self, start: u64, len: u64) -> Result<(), Error> {
        self.zero(start, len)
    }

    pub(crate) fn discard(&self, start: u64, len: u64) -> Result<(), Error> {
        self.zero(start, len)
    }

    pub(crate) fn populate(&self, _start: u64, _len: u64) {}

    pub(crate) fn detach(&self, _start: u64, _len: u64) -> Result<(), Error> {
        Err(NO_MMU)
    }

    pub(crate) fn guard(&self, _start: u64, _len: u64) -> Result<(), Error> {
        Err(NO_MMU)
    }

    pub(crate) fn protect(&self, _start: u64, _len: u64, _protection: Protection) -> Result<(), Error> {
        Err(NO_MMU)
    }

    pub(crate) fn show_shared(&self, _start: u64, _len: u64, file: &FileObject, _offset: u64) -> Result<(), Error> {
        match *file {}
    }

    pub(crate) fn show_shared_as(
        &self,
        start: u64,
        len: u64,
        file: &FileObject,
        offset: u64,
        _protection: Protection,
    ) -> Result<(), Error> {
        self.show_shared(start, len, file, offset)
    }

    pub(crate) fn show_private_as(
        &self,
        start: u64,
        len: u64,
        file: &FileObject,
        offset: u64,
        _protection: Protection,
    ) -> Result<(), Error> {
        self.show_shared(start, len, file, offset)
    }
}

/// An object whose pages can be shown: there are none.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FileObject {}

impl FileObject {
    pub(crate) fn anonymous(_len: u64) -> Result<Self, Error> {
        Err(NO_MMU)
    }

    pub(crate) fn writable(&self) -> bool {
        match *self {}
    }
}

impl Storage for FileObject {
    fn size(&self) -> Result<u64, Error> {
        match *self {}
    }

    fn read_at(&self, _offset: u64, _bytes: &mut [u8]) -> Result<(), Error> {
        match *self {}
    }

    fn write_at(&mut self, _offset: u64, _bytes: &[u8]) -> Result<(), Error> {
        match *self {}
    }

    fn discard(&mut self, _offset: u64, _len: u64) -> Result<(), Error> {
        match *self {}
    }

    fn set_size(&mut self, _size: u64) -> Result<(), Error> {
        match *self {}
    }

    fn sync(&mut self) -> Result<(), Error> {
        match *self {}
    }
}
