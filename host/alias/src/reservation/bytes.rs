//! Bytes in and out of guest memory.

use memctl_core::Error;
use rustix::io::Errno;

use super::Reservation;
use crate::fault::FaultKind;

/// Zeros are looked for in pieces of this many bytes, on the stack.
const PIECE: usize = 1024;

/// These copy through raw pointers and never make a reference to guest memory. The caller, who knows what runs, sees to it that
/// no guest and no other thread uses the bytes meanwhile.
///
/// A range outside the size is [`Error::OutOfBounds`] or [`Error::Wraps`] and nothing changes. A byte that faults is [`Error::Io`]: it can't be told
/// which bytes were copied, and [`Reservation::take_fault`] tells more. The page that faulted is scratch from then on: reading it again gives zeros and no
/// error, until the window shows something again.
impl Reservation {
    /// Copies from `start` on into `bytes`.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`], [`Error::Wraps`], [`Error::Io`].
    pub fn read(&self, start: u64, bytes: &mut [u8]) -> Result<(), Error> {
        let (start, _) = self.bytes(start, bytes.len() as u64)?;
        self.contained("read guest memory", || self.space.copy_out(start, bytes))
    }

    /// Copies `bytes` to `start` and on.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`], [`Error::Wraps`], [`Error::Io`].
    pub fn write(&self, start: u64, bytes: &[u8]) -> Result<(), Error> {
        let (start, _) = self.bytes(start, bytes.len() as u64)?;
        self.contained("write guest memory", || self.space.copy_in(start, bytes))
    }

    /// Makes `len` bytes from `start` on zero.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`], [`Error::Wraps`], [`Error::Io`].
    pub fn zero(&self, start: u64, len: u64) -> Result<(), Error> {
        let (start, len) = self.bytes(start, len)?;
        self.contained("write guest memory", || self.space.fill_zero(start, len))
    }

    /// As [`Reservation::zero`], but does not store where all is zero already, so that a clean page of an object stays clean.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`], [`Error::Wraps`], [`Error::Io`].
    pub fn zero_if_dirty(&self, start: u64, len: u64) -> Result<(), Error> {
        let (start, len) = self.bytes(start, len)?;
        self.contained("zero guest memory", || {
            let mut piece = [0; PIECE];
            for at in (start..start + len).step_by(PIECE) {
                let piece = &mut piece[..PIECE.min(start + len - at)];
                self.space.copy_out(at, piece);
                if piece.iter().any(|byte| *byte != 0) {
                    self.space.fill_zero(at, piece.len());
                }
            }
        })
    }

    /// Runs `copy`; an error if host code faulted in this memory meanwhile.
    pub(crate) fn contained<R>(&self, what: &'static str, copy: impl FnOnce() -> R) -> Result<R, Error> {
        let before = self.entry.contained();
        let result = copy();
        if self.entry.contained() == before {
            return Ok(result);
        }
        let errno = match self.last_fault().map(|fault| fault.kind) {
            Some(FaultKind::Protection) => Errno::FAULT,
            Some(FaultKind::Vanished) | None => Errno::IO,
        };
        Err(Error::Io { what, errno: errno.raw_os_error() })
    }
}
