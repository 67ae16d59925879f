//! A device as an object: its bytes are those of the register at the moment when a guest acquires a lease.

use memctl_wasmtime::{Error, Storage};

use crate::sys::machine::clock;

/// The machine's counter, as an object of eight bytes that can only be read.
pub(crate) struct Clock;

const READ_ONLY: Error = Error::Access { right: "write the clock" };

impl Storage for Clock {
    fn size(&self) -> Result<u64, Error> {
        Ok(8)
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Result<(), Error> {
        let now = u64::from(clock::now()).to_le_bytes();
        for (at, byte) in (offset..).zip(bytes) {
            *byte = usize::try_from(at).ok().and_then(|at| now.get(at)).copied().unwrap_or(0);
        }
        Ok(())
    }

    fn write_at(&mut self, _offset: u64, _bytes: &[u8]) -> Result<(), Error> {
        Err(READ_ONLY)
    }

    fn set_size(&mut self, _size: u64) -> Result<(), Error> {
        Err(READ_ONLY)
    }

    fn sync(&mut self) -> Result<(), Error> {
        Ok(())
    }
}
