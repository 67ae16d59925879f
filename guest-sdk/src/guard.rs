//! Guards: proof that a part of a mapping may be read or written, for a time.

use core::fmt;
use core::ops::{Deref, DerefMut};

use crate::Result;
use crate::sys::{Lent, LentMut};

/// Bytes of a mapping that nobody changes while the guard lives. Made by [`Mapping::read`](crate::Mapping::read).
///
/// Of a shared mapping it holds a read lease, which others may hold too; dropping it releases the lease. Guards stay on
/// the thread that made them.
#[must_use = "the lease is released when the guard is dropped"]
pub struct ReadGuard<'a> {
    lent: Lent<'a>,
}

impl<'a> ReadGuard<'a> {
    pub(crate) fn new(lent: Lent<'a>) -> Self {
        Self { lent }
    }

    /// Releases the lease, and tells whether it held until now.
    ///
    /// # Errors
    /// [`Error::Stale`](crate::Error::Stale) if it was revoked; [`Error::Io`](crate::Error::Io). The lease is gone in any case.
    pub fn release(self) -> Result<()> {
        self.lent.release()
    }
}

impl Deref for ReadGuard<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.lent.bytes()
    }
}

impl AsRef<[u8]> for ReadGuard<'_> {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for ReadGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadGuard").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// Bytes of a mapping that nobody else reads or writes while the guard lives. Made by
/// [`MappingMut::write`](crate::MappingMut::write).
///
/// Of a shared mapping it holds a write lease: [`release`](Self::release) publishes exactly the guard's range. Dropping it
/// does the same, but can't report an error. Guards stay on the thread that made them.
#[must_use = "the lease is released when the guard is dropped"]
pub struct WriteGuard<'a> {
    lent: LentMut<'a>,
}

impl<'a> WriteGuard<'a> {
    pub(crate) fn new(lent: LentMut<'a>) -> Self {
        Self { lent }
    }

    /// Publishes the guard's range and releases the lease.
    ///
    /// ```no_run
    /// # use memctl_guest::{MapOptions, Object};
    /// # let mut mapping = MapOptions::new().map_mut(&Object::open("frames")?)?;
    /// let mut bytes = mapping.write_range(..3)?;
    /// bytes.copy_from_slice(b"abc");
    /// bytes.release()?;
    /// # Ok::<(), memctl_guest::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Stale`](crate::Error::Stale) if it was revoked: nothing was published then; [`Error::Io`](crate::Error::Io).
    /// The lease is gone in any case.
    pub fn release(self) -> Result<()> {
        self.lent.release()
    }
}

impl Deref for WriteGuard<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.lent.bytes()
    }
}

impl DerefMut for WriteGuard<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.lent.bytes_mut()
    }
}

impl AsRef<[u8]> for WriteGuard<'_> {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl AsMut<[u8]> for WriteGuard<'_> {
    fn as_mut(&mut self) -> &mut [u8] {
        self
    }
}

impl fmt::Debug for WriteGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteGuard").field("len", &self.len()).finish_non_exhaustive()
    }
}
