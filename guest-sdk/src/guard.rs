//! Guards: proof that a part of a mapping may be read or written, for a time.

use core::fmt;
use core::ops::{Deref, DerefMut};
use core::time::Duration;

use crate::sys::{Lent, LentMut, LentUpgradable};
use crate::{Error, Result};

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

/// Bytes of a mapping that nobody changes while the guard lives, and that can become a [`WriteGuard`] with nobody writing between. Made by
/// [`MappingMut::read_upgradable`](crate::MappingMut::read_upgradable).
#[must_use = "the lease is released when the guard is dropped"]
pub struct UpgradableGuard<'a> {
    lent: LentUpgradable<'a>,
}

impl<'a> UpgradableGuard<'a> {
    pub(crate) fn new(lent: LentUpgradable<'a>) -> Self {
        Self { lent }
    }

    /// Waits until nobody else reads, at most for `timeout`, and goes on as a guard to write.
    ///
    /// ```no_run
    /// # use core::time::Duration;
    /// # use memctl_guest::{MapOptions, Object};
    /// # let mut mapping = MapOptions::new().map_mut(&Object::open("frames")?)?;
    /// let bytes = mapping.read_upgradable(..8)?;
    /// if bytes[0] == 0 {
    ///     let mut bytes = bytes.upgrade(Duration::from_millis(5)).map_err(|(_still_reading, error)| error)?;
    ///     bytes[0] = 1;
    /// }
    /// # Ok::<(), memctl_guest::Error>(())
    /// ```
    ///
    /// # Errors
    /// This guard, and [`Error::TimedOut`]; [`Error::Deadlock`] if another reader waits to upgrade too; [`Error::Stale`]; [`Error::Quota`].
    pub fn upgrade(self, timeout: Duration) -> Result<WriteGuard<'a>, (Self, Error)> {
        match self.lent.upgrade(nanoseconds(timeout)) {
            Ok(lent) => Ok(WriteGuard::new(lent)),
            Err((lent, error)) => Err((Self { lent }, error)),
        }
    }

    /// Releases the lease, and tells whether it held until now.
    ///
    /// # Errors
    /// [`Error::Stale`] if it was revoked; [`Error::Io`]. The lease is gone in any case.
    pub fn release(self) -> Result<()> {
        self.lent.release()
    }
}

impl Deref for UpgradableGuard<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.lent.bytes()
    }
}

impl AsRef<[u8]> for UpgradableGuard<'_> {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for UpgradableGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpgradableGuard").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// As the wire has it: the largest number is "as long as it takes".
pub(crate) fn nanoseconds(timeout: Duration) -> u64 {
    u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX)
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

    /// Publishes the guard's range and lets others read it, while this guard goes on reading.
    ///
    /// # Errors
    /// [`Error::Stale`] if the lease was revoked, [`Error::Io`] if the range could not be published. The guard is gone then.
    pub fn downgrade(self) -> Result<UpgradableGuard<'a>> {
        let (lent, published) = self.lent.downgrade();
        let guard = UpgradableGuard { lent };
        published.map(|()| guard)
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
