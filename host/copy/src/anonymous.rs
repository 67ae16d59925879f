//! Objects in memory.

use alloc::vec::Vec;

use memctl_core::{Error, Storage};

/// An object's bytes, in the host's own memory.
///
/// ```
/// use memctl_copy::Anonymous;
/// use memctl_core::Storage;
/// let mut storage = Anonymous::new(10)?;
/// storage.write_at(8, &[1, 2, 3, 4])?; // two of them are past the end
/// let mut bytes = [9; 4];
/// storage.read_at(8, &mut bytes)?;
/// assert_eq!(bytes, [1, 2, 0, 0]);
/// # Ok::<(), memctl_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Anonymous {
    bytes: Vec<u8>,
}

impl Anonymous {
    /// `size` zero bytes.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if the host has not that much.
    pub fn new(size: u64) -> Result<Self, Error> {
        let mut storage = Self { bytes: Vec::new() };
        storage.set_size(size)?;
        Ok(storage)
    }

    /// The stored bytes from `offset` on, at most `len` of them.
    fn range(&self, offset: u64, len: usize) -> core::ops::Range<usize> {
        let start = usize::try_from(offset).map_or(self.bytes.len(), |offset| offset.min(self.bytes.len()));
        start..start.saturating_add(len).min(self.bytes.len())
    }
}

impl Storage for Anonymous {
    fn size(&self) -> Result<u64, Error> {
        Ok(self.bytes.len() as u64)
    }

    fn reads_can_fail(&self) -> bool {
        false
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Result<(), Error> {
        let stored = &self.bytes[self.range(offset, bytes.len())];
        let (real, tail) = bytes.split_at_mut(stored.len());
        real.copy_from_slice(stored);
        tail.fill(0);
        Ok(())
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        let range = self.range(offset, bytes.len());
        let stored = &mut self.bytes[range];
        let len = stored.len();
        stored.copy_from_slice(&bytes[..len]);
        Ok(())
    }

    fn discard(&mut self, offset: u64, len: u64) -> Result<(), Error> {
        let range = self.range(offset, usize::try_from(len).unwrap_or(usize::MAX));
        self.bytes[range].fill(0);
        Ok(())
    }

    fn set_size(&mut self, size: u64) -> Result<(), Error> {
        let what = Error::OutOfMemory { what: "an anonymous object's bytes" };
        let size = usize::try_from(size).map_err(|_| what.clone())?;
        self.bytes.try_reserve_exact(size.saturating_sub(self.bytes.len())).map_err(|_| what)?;
        self.bytes.resize(size, 0);
        self.bytes.shrink_to_fit();
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Error> {
        Ok(())
    }
}
