//! Objects in the host's memory, whose bytes windows can be put onto.

use alloc::sync::Arc;
use core::ops::Range;

use memctl_core::sorted::Map;
use memctl_core::{Access, Error, Granule, Storage};

use crate::locks::RwLock;
use crate::sys::Allocation;

/// An object's bytes, and room for the rest of its last granule. They stay where they are while a window is there.
#[derive(Debug)]
pub(crate) struct Buffer {
    bytes: Held,
    size: usize,
    granule: Granule,
    access: Access,
}

/// An allocation that [`lies_in_an_object`] knows of.
#[derive(Debug)]
pub(crate) struct Listed(Allocation);

/// One that an object, or a memory, holds.
pub(crate) type Held = Arc<Listed>;

/// Where the bytes of all buffers of the process are, by their start.
static LISTED: RwLock<Map<usize, usize>> = RwLock::new(Map::new());

/// Whether `address` lies in some object's buffer, or just past its end: a guest that has it in a list made a window the memory of its lists. Such bytes
/// must not be lent: the domain copies to and from them.
pub(crate) fn lies_in_an_object(address: usize) -> bool {
    let listed = LISTED.read();
    listed.range(..=address).next_back().is_some_and(|(_, end)| address <= *end)
}

/// The bytes that the host passes are not those of an object, which it can have as a slice of a guest's memory: nothing may be copied onto itself.
fn check_apart(bytes: &[u8]) -> Result<(), Error> {
    let Range { start, end } = bytes.as_ptr_range();
    let listed = LISTED.read();
    let last = listed.range(..end.addr()).next_back();
    if !bytes.is_empty() && last.is_some_and(|(_, listed_end)| *listed_end > start.addr()) {
        return Err(Error::Unsupported {
            why: "these bytes are those of a window that shows an object in place: copy them first",
        });
    }
    Ok(())
}

impl Listed {
    fn new(allocation: Allocation) -> Held {
        let new = Self(allocation);
        let Range { start, end } = new.range();
        LISTED.write().insert(start, end);
        Arc::new(new)
    }

    fn range(&self) -> Range<usize> {
        self.0.address(0).addr()..self.0.address(self.0.len()).addr()
    }

    /// The address of byte `offset`, for as long as this is held.
    pub(crate) fn address(&self, offset: usize) -> *mut u8 {
        self.0.address(offset)
    }

    /// How many bytes there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        // What is always there may be another object's too.
        if self.0.is_static() {
            return;
        }
        LISTED.write().remove(&self.range().start);
    }
}

impl Buffer {
    /// `size` zero bytes.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(crate) fn new(size: u64, granule: Granule) -> Result<Self, Error> {
        let (size, room) = room(size, granule)?;
        Ok(Self { bytes: Listed::new(Allocation::for_region(room)?), size, granule, access: Access::Write })
    }

    /// These bytes, which nobody can write.
    pub(crate) fn read_only(bytes: &'static [u8], granule: Granule) -> Self {
        Self { bytes: Listed::new(Allocation::of(bytes)), size: bytes.len(), granule, access: Access::Read }
    }

    fn check_writable(&self) -> Result<(), Error> {
        match self.access {
            Access::Write => Ok(()),
            Access::Read => Err(Error::Access { right: "write bytes that nobody can write" }),
        }
    }

    /// The bytes, for a window to be put there.
    pub(crate) fn bytes(&self) -> &Held {
        &self.bytes
    }

    /// Makes what lies past the object's end in bytes `offset .. offset + len` zero.
    pub(crate) fn zero_tail(&self, offset: u64, len: u64) {
        let end = usize::try_from(offset.saturating_add(len)).unwrap_or(usize::MAX);
        let from = usize::try_from(offset).unwrap_or(usize::MAX).max(self.size);
        self.bytes.0.zero(from, end.saturating_sub(from));
    }

    /// As many of `len` bytes from `offset` on as the object has.
    fn real(&self, offset: u64, len: usize) -> (usize, usize) {
        let from = usize::try_from(offset).map_or(self.size, |offset| offset.min(self.size));
        (from, (self.size - from).min(len))
    }
}

/// A size, and it in whole granules.
fn room(size: u64, granule: Granule) -> Result<(usize, usize), Error> {
    let what = || Error::OutOfMemory { what: "an anonymous object's bytes" };
    let room = granule.round_up(size);
    if room < size {
        return Err(what());
    }
    Ok((usize::try_from(size).map_err(|_| what())?, usize::try_from(room).map_err(|_| what())?))
}

impl Storage for Buffer {
    fn size(&self) -> Result<u64, Error> {
        Ok(self.size as u64)
    }

    fn reads_can_fail(&self) -> bool {
        false
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Result<(), Error> {
        let (from, len) = self.real(offset, bytes.len());
        check_apart(bytes)?;
        let (real, tail) = bytes.split_at_mut(len);
        self.bytes.0.copy_out(from, real);
        tail.fill(0);
        Ok(())
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        self.check_writable()?;
        let (to, len) = self.real(offset, bytes.len());
        check_apart(bytes)?;
        self.bytes.0.copy_in(to, &bytes[..len]);
        Ok(())
    }

    fn discard(&mut self, offset: u64, len: u64) -> Result<(), Error> {
        self.check_writable()?;
        let (from, len) = self.real(offset, usize::try_from(len).unwrap_or(usize::MAX));
        self.bytes.0.zero(from, len);
        Ok(())
    }

    /// In place where the last granule has room, or where a window is in place. Otherwise the bytes move.
    fn set_size(&mut self, size: u64) -> Result<(), Error> {
        self.check_writable()?;
        let (size, room) = room(size, self.granule)?;
        let alone = Arc::strong_count(&self.bytes) == 1;
        if room > self.bytes.len() && !alone {
            return Err(Error::OutOfMemory {
                what: "room behind an object that a window shows in place: unbind it, resize, and bind it again",
            });
        }
        // What is past either end is zero from now on: guests may have stored past the old one.
        let kept = size.min(self.size);
        if alone && room != self.bytes.len() {
            let moved = Listed::new(Allocation::for_region(room)?);
            let mut bytes = [0; 4096];
            for from in (0..kept).step_by(bytes.len()) {
                let len = bytes.len().min(kept - from);
                let piece = &mut bytes[..len];
                self.bytes.0.copy_out(from, piece);
                moved.0.copy_in(from, piece);
            }
            self.bytes = moved;
        } else {
            self.bytes.0.zero(kept, usize::MAX);
        }
        self.size = size;
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buffer(size: u64) -> Buffer {
        Buffer::new(size, Granule::new(64).expect("a power of two")).expect("small")
    }

    #[test]
    fn a_buffer_that_a_window_holds_stays_where_it_is() {
        let mut buffer = buffer(100);
        let held = buffer.bytes().clone();
        buffer.write_at(90, &[1; 10]).expect("memory");
        held.0.copy_in(100, &[2; 28]); // by the guest, past the end
        buffer.set_size(128).expect("the last granule has room");
        let mut bytes = [9; 40];
        buffer.read_at(88, &mut bytes).expect("memory");
        assert_eq!(bytes[..14], [0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0]);
        assert_eq!(bytes[14..], [0; 26], "new bytes are zero");
        assert_eq!(buffer.set_size(129).map_err(|error| error.code()), Err(memctl_core::Code::OutOfMemory));
        buffer.set_size(1).expect("shorter is always possible");
        assert_eq!(held.address(0), buffer.bytes().address(0));
        assert!(lies_in_an_object(held.address(128).addr()));
        drop(held);
        buffer.set_size(1000).expect("it may move");
        assert_eq!(buffer.bytes().len(), 1024);
    }

    #[test]
    fn tails_are_zeroed_and_nothing_else() {
        let buffer = buffer(100);
        buffer.bytes().0.copy_in(0, &[7; 128]);
        buffer.zero_tail(0, 64);
        buffer.zero_tail(64, 64);
        let mut bytes = [0; 128];
        buffer.bytes().0.copy_out(0, &mut bytes);
        assert_eq!((&bytes[..100], &bytes[100..]), (&[7; 100][..], &[0; 28][..]));
    }
}
