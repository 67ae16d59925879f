//! Bytes between guard granules, as libsodium's guarded allocations.

use core::fmt;
use core::hint;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut, Range};

use crate::bindings::types::Protection;
use crate::sys::Fenced;
use crate::{Error, Result, domain};

/// Bytes that end where a granule begins that nothing can touch: who runs over their end traps at the first byte, and so does who runs a granule below their
/// start. Less below the start there is a canary, which is checked when the bytes are dropped. They are zero at first, and are made zero before
/// their memory is used again.
///
/// What may be done to the bytes themselves is part of the type: [`ReadWrite`], [`ReadOnly`] or [`NoAccess`]. Between these a host call changes the
/// protection of the memory too, so that stray pointers trap as well, and host code that acts for this guest.
///
/// For keys and the like: few, and read seldom. Each takes at least three granules and two of the host's protected ranges.
///
/// After `sodium_malloc` of [libsodium](https://doc.libsodium.org/memory_management).
///
/// ```no_run
/// use memctl_guest::GuardedBuf;
///
/// let mut key = GuardedBuf::new(32)?;
/// key.copy_from_slice(&[7; 32]);
/// let key = key.no_access()?;
/// // … nothing can read it here, neither this program nor a host call in its name …
/// let key = key.read_only()?;
/// assert_eq!(key[0], 7);
/// # Ok::<(), memctl_guest::Error>(())
/// ```
pub struct GuardedBuf<P = ReadWrite> {
    walled: Walled,
    protection: PhantomData<P>,
}

/// The bytes of a [`GuardedBuf`] can be loaded and stored.
#[derive(Debug)]
pub enum ReadWrite {}

/// The bytes of a [`GuardedBuf`] can be loaded.
#[derive(Debug)]
pub enum ReadOnly {}

/// The bytes of a [`GuardedBuf`] can't be touched.
#[derive(Debug)]
pub enum NoAccess {}

/// The protection of a [`GuardedBuf`] could not be changed: here it is back as it was, with the reason. `?` turns it into the
/// [`enum@Error`], and drops the bytes.
pub struct Unchanged<P> {
    /// What is still as it was.
    pub buf: GuardedBuf<P>,
    /// Why.
    pub error: Error,
}

impl<P> fmt::Debug for Unchanged<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unchanged").field("buf", &self.buf).field("error", &self.error).finish()
    }
}

impl<P> fmt::Display for Unchanged<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<P> core::error::Error for Unchanged<P> {}

impl<P> From<Unchanged<P>> for Error {
    fn from(unchanged: Unchanged<P>) -> Self {
        unchanged.error
    }
}

impl GuardedBuf {
    /// `len` zero bytes.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if this host can't protect memory; [`Error::Quota`]; [`Error::OutOfMemory`].
    pub fn new(len: usize) -> Result<Self> {
        Ok(Self { walled: Walled::new(len)?, protection: PhantomData })
    }
}

impl<P> GuardedBuf<P> {
    /// Stores trap from now on.
    ///
    /// # Errors
    /// [`Unchanged`] with the error of [`protect`](crate::protection::protect): [`Error::Quota`], [`Error::OutOfMemory`].
    pub fn read_only(self) -> Result<GuardedBuf<ReadOnly>, Unchanged<P>> {
        self.protected(Protection::Read)
    }

    /// Loads and stores trap from now on.
    ///
    /// # Errors
    /// Those of [`read_only`](Self::read_only).
    pub fn no_access(self) -> Result<GuardedBuf<NoAccess>, Unchanged<P>> {
        self.protected(Protection::None)
    }

    /// Loads and stores are possible again.
    ///
    /// # Errors
    /// Those of [`read_only`](Self::read_only).
    pub fn read_write(self) -> Result<GuardedBuf<ReadWrite>, Unchanged<P>> {
        self.protected(Protection::ReadWrite)
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.walled.len
    }

    /// Whether there are no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.walled.len == 0
    }

    /// Where the bytes are, for code that knows what it may do with them.
    #[must_use]
    pub fn as_ptr(&self) -> *const u8 {
        self.walled.fenced.start().wrapping_add(self.walled.bytes().start)
    }

    fn protected<Q>(self, protection: Protection) -> Result<GuardedBuf<Q>, Unchanged<P>> {
        match self.walled.fenced.protect(self.walled.inside(), protection) {
            Ok(()) => Ok(GuardedBuf { walled: self.walled, protection: PhantomData }),
            Err(error) => Err(Unchanged { buf: self, error }),
        }
    }
}

impl Deref for GuardedBuf<ReadWrite> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.walled.fenced.bytes(self.walled.bytes())
    }
}

impl DerefMut for GuardedBuf<ReadWrite> {
    fn deref_mut(&mut self) -> &mut [u8] {
        let bytes = self.walled.bytes();
        self.walled.fenced.bytes_mut(bytes)
    }
}

impl Deref for GuardedBuf<ReadOnly> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.walled.fenced.bytes(self.walled.bytes())
    }
}

impl<P> fmt::Debug for GuardedBuf<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedBuf").field("len", &self.walled.len).finish_non_exhaustive()
    }
}

/// A guard granule, the canary, the bytes, a guard granule.
struct Walled {
    fenced: Fenced,
    // Invariant: fits between the guards, with a canary.
    len: usize,
}

/// What lies before the bytes, at least [`CANARY_LEN`] of them and at most that and a granule.
const CANARY: u8 = 0xdb;
const CANARY_LEN: usize = 16;

impl Walled {
    fn new(len: usize) -> Result<Self> {
        let granule = domain::granule();
        let all = || {
            let inside = len.checked_add(CANARY_LEN)?.checked_next_multiple_of(granule)?;
            inside.checked_add(granule.checked_mul(2)?)
        };
        let fenced = Fenced::reserve(all().ok_or(Error::OutOfMemory)?)?;
        fenced.make_ready(fenced.len())?;
        let mut walled = Self { fenced, len };
        let canary = walled.canary();
        walled.fenced.bytes_mut(canary).fill(CANARY);
        let (inside, end) = (walled.inside(), walled.fenced.len());
        walled.fenced.protect(0..inside.start, Protection::None)?;
        walled.fenced.protect(inside.end..end, Protection::None)?;
        Ok(walled)
    }

    fn inside(&self) -> Range<usize> {
        let granule = domain::granule();
        granule..self.fenced.len() - granule
    }

    fn bytes(&self) -> Range<usize> {
        let end = self.inside().end;
        end - self.len..end
    }

    fn canary(&self) -> Range<usize> {
        self.inside().start..self.bytes().start
    }
}

impl Drop for Walled {
    fn drop(&mut self) {
        let inside = self.inside();
        if self.fenced.protect(inside.clone(), Protection::ReadWrite).is_err() {
            // Nothing more can be done here; the memory is never used again.
            return;
        }
        let unharmed = self.fenced.bytes(self.canary()).iter().all(|&byte| byte == CANARY);
        if self.fenced.discard(inside.clone()).is_err() {
            hint::black_box(self.fenced.bytes_mut(inside)).fill(0);
            hint::black_box(self.fenced.bytes(self.bytes()));
        }
        assert!(unharmed, "something was stored below the start of a guarded buffer of {} bytes", self.len);
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::sys::simulated;

    #[test]
    fn bytes_stay_what_they_are_from_one_protection_to_the_next() {
        simulated(|| {
            for len in [0, 1, 4079, 4080, 4081, 100_000] {
                let mut buf = GuardedBuf::new(len).expect("a buffer");
                assert!(buf.iter().all(|&byte| byte == 0));
                buf.fill(7);
                let buf = buf.no_access().expect("protected").read_only().expect("protected");
                assert_eq!((buf.len(), buf.iter().filter(|&&byte| byte == 7).count()), (len, len));
                assert!((buf.as_ptr().addr() + len).is_multiple_of(domain::granule()), "they end where a granule does");
            }
            let many: Vec<_> = (0..20).map(|_| GuardedBuf::new(10)).collect();
            drop(many);
        });
    }

    #[test]
    #[should_panic(expected = "below the start of a guarded buffer of 3 bytes")]
    fn a_broken_canary_is_noticed() {
        simulated(|| {
            let mut buf = GuardedBuf::new(3).expect("a buffer");
            let below = buf.walled.canary().end - 1;
            buf.walled.fenced.bytes_mut(below..below + 1).fill(0);
        });
    }

    #[test]
    fn outside_a_guest_there_are_none() {
        assert_eq!(GuardedBuf::new(32).expect_err("no host"), Error::Unsupported);
    }
}
