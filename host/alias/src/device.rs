//! Memory that can be mapped and not read as files are: the host's own mapping of it.

use std::sync::Arc;

use memctl_core::Error;

use crate::file::FileObject;
use crate::reservation::Reservation;
use crate::sys::Protection;

/// The host's mapping of a device's memory.
#[derive(Clone, Debug)]
pub(crate) struct DeviceView {
    // Invariant: all of it shows the device's memory.
    shown: Arc<Reservation>,
}

impl DeviceView {
    pub(crate) fn new(file: &FileObject, len: u64) -> Result<Self, Error> {
        if len == 0 {
            return Err(Error::Empty { what: "the device's memory" });
        }
        let size = usize::try_from(len).map_err(|_| Error::OutOfMemory { what: "the device's memory" })?;
        let shown = Reservation::new(size, size, 0)?;
        let protection = if file.writable() { Protection::ReadWrite } else { Protection::Read };
        shown.show_shared_as(0, len, file, 0, protection)?;
        Ok(Self { shown: Arc::new(shown) })
    }

    pub(crate) fn len(&self) -> u64 {
        self.shown.size()
    }

    /// Bytes past the end read as zero.
    pub(crate) fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Result<(), Error> {
        let there = usize::try_from(self.len().saturating_sub(offset)).unwrap_or(usize::MAX).min(bytes.len());
        let (bytes, beyond) = bytes.split_at_mut(there);
        beyond.fill(0);
        if bytes.is_empty() { Ok(()) } else { self.shown.read(offset, bytes) }
    }

    /// All of `bytes` are inside.
    pub(crate) fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        if bytes.is_empty() { Ok(()) } else { self.shown.write(offset, bytes) }
    }
}
