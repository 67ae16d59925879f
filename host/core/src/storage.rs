//! Where an object's bytes live, as the state machine sees it.

use crate::Error;

/// The bytes of one object: memory, a file, flash, a device.
///
/// Offsets and lengths are in bytes from the object's first byte. All methods leave the contents as they were
/// when they fail, except that [`Storage::write_at`] may have written a part.
pub trait Storage {
    /// Length in bytes, now. A file may be changed by others.
    ///
    /// # Errors
    /// [`Error::Io`] if the medium can't say.
    fn size(&self) -> Result<u64, Error>;

    /// Whether [`Storage::read_at`] can fail at all. Memory can't.
    fn reads_can_fail(&self) -> bool {
        true
    }

    /// Copies bytes from `offset` on into `bytes`. Bytes past the end read as zero.
    ///
    /// # Errors
    /// [`Error::Io`].
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Result<(), Error>;

    /// Copies `bytes` to `offset` and on. Bytes past the end are dropped, the object never grows by this.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::OutOfMemory`], or [`Error::Access`] if the medium is read-only.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Error>;

    /// Makes `len` bytes from `offset` on zero, and gives their storage back where the medium can. Bytes past the end stay dropped.
    ///
    /// # Errors
    /// Those of [`Storage::write_at`].
    fn discard(&mut self, offset: u64, len: u64) -> Result<(), Error> {
        self.write_zeros(offset, len)
    }

    /// Writes `len` zeros at `offset` and on, for media that can't give storage back.
    ///
    /// # Errors
    /// Those of [`Storage::write_at`].
    fn write_zeros(&mut self, offset: u64, len: u64) -> Result<(), Error> {
        const ZEROS: [u8; 512] = [0; 512];
        let end = offset.saturating_add(len).min(self.size()?);
        let mut at = offset;
        while at < end {
            let here = (end - at).min(ZEROS.len() as u64);
            // At most 512.
            self.write_at(at, &ZEROS[..usize::try_from(here).unwrap_or(ZEROS.len())])?;
            at += here;
        }
        Ok(())
    }

    /// Sets the length. New bytes are zero.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::OutOfMemory`] or [`Error::Unsupported`].
    fn set_size(&mut self, size: u64) -> Result<(), Error>;

    /// Waits until the medium has every byte written so far.
    ///
    /// # Errors
    /// [`Error::Io`].
    fn sync(&mut self) -> Result<(), Error>;
}
