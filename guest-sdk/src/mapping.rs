//! Mappings: a range of an object, shown in a window.

use core::cell::Cell;
use core::fmt;
use core::ops::RangeBounds;
use core::time::Duration;

use crate::guard::nanoseconds;
use crate::sys::{AT_ONCE, Shown, Unmapped};
use crate::{Error, ReadGuard, Result, UpgradableGuard, WindowBuf, WriteGuard};

/// A live pairing of a window with a range of an object, for reading. Made by [`MapOptions::map`](crate::MapOptions::map).
///
/// Dropping it unmaps and frees the window. If a guard was leaked ([`core::mem::forget`]) its lease is still held: then the mapping
/// and its window are leaked too.
///
/// ```no_run
/// use memctl_guest::{MapOptions, Object};
///
/// let mapping = MapOptions::new().map(&Object::open("frames")?)?;
/// let first = mapping.read()?[0];
/// mapping.unmap()?;
/// # let _ = first;
/// # Ok::<(), memctl_guest::Error>(())
/// ```
pub struct Mapping {
    shown: Shown,
}

/// A live pairing of a window with a range of an object, for reading and writing. Made by
/// [`MapOptions::map_mut`](crate::MapOptions::map_mut).
///
/// Dropping it unmaps, after publishing an automatic mapping, and frees the window; [`unmap`](Self::unmap) also returns the error.
/// If a guard was leaked ([`core::mem::forget`]) its lease is still held: then the mapping and its window are leaked too.
pub struct MappingMut {
    shown: Shown,
}

/// The methods of both, with the same words.
macro_rules! common_methods {
    () => {
        pub(crate) fn new(shown: Shown) -> Self {
            Self { shown }
        }

        /// Length in bytes of the range that is shown.
        #[expect(clippy::len_without_is_empty, reason = "an empty range can't be mapped")]
        #[must_use]
        pub fn len(&self) -> usize {
            self.shown.len()
        }

        /// All the bytes, for reading. Other readers don't matter; of a private mapping this needs no host call.
        ///
        /// # Errors
        /// [`Error::Busy`] if somebody holds a write lease on any of it; [`Error::Stale`]; [`Error::Quota`]; [`Error::Io`].
        pub fn read(&self) -> Result<ReadGuard<'_>> {
            self.read_range(..)
        }

        /// The bytes in `range`, for reading.
        ///
        /// # Errors
        /// Those of [`read`](Self::read); [`Error::Bounds`] if the range is not inside the mapping.
        pub fn read_range(&self, range: impl RangeBounds<usize>) -> Result<ReadGuard<'_>> {
            self.shown.lend(range, AT_ONCE).map(ReadGuard::new)
        }

        /// As [`read_range`](Self::read_range), but waits for writers, at most for `timeout`; [`Duration::MAX`] is for as long as it takes. Who waits is
        /// served in order.
        ///
        /// # Errors
        /// Those of [`read_range`](Self::read_range), but instead of [`Error::Busy`] there is [`Error::TimedOut`], and [`Error::Deadlock`] if who is
        /// in the way waits for this guest.
        pub fn read_range_within(&self, range: impl RangeBounds<usize>, timeout: Duration) -> Result<ReadGuard<'_>> {
            self.shown.lend(range, nanoseconds(timeout)).map(ReadGuard::new)
        }

        /// Makes the object's present bytes visible now. Acquiring a guard does that for its range.
        ///
        /// # Errors
        /// [`Error::Busy`] if somebody holds a write lease on any of it; [`Error::Stale`]; [`Error::Io`].
        pub fn refresh(&mut self) -> Result<()> {
            self.shown.refresh()
        }

        /// Unmaps, after publishing an automatic mapping, and frees the window.
        ///
        /// # Errors
        /// [`Error::Io`] if stores could not be published, now or earlier: the mapping is gone all the same.
        /// [`Error::Busy`] if a guard was leaked: then the window is too.
        pub fn unmap(self) -> Result<()> {
            let Unmapped { pages: _, result } = self.shown.unmap();
            result
        }

        /// As [`unmap`](Self::unmap), and gives the window back, to be mapped again.
        ///
        /// # Errors
        /// Those of [`unmap`](Self::unmap). The window is freed then, or leaked with [`Error::Busy`].
        pub fn unmap_into_window(self) -> Result<WindowBuf> {
            let Unmapped { pages, result } = self.shown.unmap();
            result?;
            Ok(WindowBuf::from_pages(pages.ok_or(Error::Busy)?))
        }
    };
}

impl Mapping {
    common_methods!();
}

impl MappingMut {
    common_methods!();

    /// All the bytes, for reading and writing. Of a private mapping this needs no host call.
    ///
    /// # Errors
    /// [`Error::Busy`] if anybody else holds a lease on any of it; [`Error::Stale`]; [`Error::Quota`]; [`Error::Io`].
    pub fn write(&mut self) -> Result<WriteGuard<'_>> {
        self.write_range(..)
    }

    /// The bytes in `range`, for reading and writing. Only that range is acquired, refreshed, and published later.
    ///
    /// # Errors
    /// Those of [`write`](Self::write); [`Error::Bounds`] if the range is not inside the mapping.
    pub fn write_range(&mut self, range: impl RangeBounds<usize>) -> Result<WriteGuard<'_>> {
        self.shown.lend_mut(range, AT_ONCE).map(WriteGuard::new)
    }

    /// As [`write_range`](Self::write_range), but waits for whoever is in the way, at most for `timeout`; [`Duration::MAX`] is for as long as it takes.
    /// Who waits is served in order, and nobody who comes later gets past.
    ///
    /// ```no_run
    /// # use core::time::Duration;
    /// # use memctl_guest::{MapOptions, Object};
    /// # let mut mapping = MapOptions::new().map_mut(&Object::open("frames")?)?;
    /// let mut header = mapping.write_range_within(..16, Duration::from_secs(1))?;
    /// header[0] += 1;
    /// # Ok::<(), memctl_guest::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`write_range`](Self::write_range), but instead of [`Error::Busy`] there is [`Error::TimedOut`], and [`Error::Deadlock`] if who is
    /// in the way waits for this guest.
    pub fn write_range_within(&mut self, range: impl RangeBounds<usize>, timeout: Duration) -> Result<WriteGuard<'_>> {
        self.shown.lend_mut(range, nanoseconds(timeout)).map(WriteGuard::new)
    }

    /// The bytes in `range`, for reading, and possibly for writing later: see [`UpgradableGuard::upgrade`].
    ///
    /// # Errors
    /// Those of [`read_range`](Self::read_range).
    pub fn read_upgradable(&mut self, range: impl RangeBounds<usize>) -> Result<UpgradableGuard<'_>> {
        self.shown.lend_upgradable(range, AT_ONCE).map(UpgradableGuard::new)
    }

    /// All the bytes without a lease: every host call may change them, if others write to the object meanwhile.
    ///
    /// For [`automatic`](crate::MapOptions::automatic) mappings, whose bytes are coherent at every host call, and for private ones. This
    /// costs nothing.
    ///
    /// ```no_run
    /// # use memctl_guest::{MapOptions, Object};
    /// let mut mapping = MapOptions::new().automatic().map_mut(&Object::open("counter")?)?;
    /// let counter = &mapping.cells()?[0];
    /// counter.set(counter.get() + 1);
    /// println!("every other mapper sees {} now", counter.get());
    /// # Ok::<(), memctl_guest::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a leased mapping: others may hold leases on the same bytes.
    pub fn cells(&mut self) -> Result<&[Cell<u8>]> {
        self.shown.cells()
    }

    /// Makes the bytes in `range` zero, and gives their storage back to the host where it can; of a shared mapping these are the object's bytes, for
    /// everybody. The range is of whole [granules](crate::domain::granule), of which the last may end with the mapping.
    ///
    /// # Errors
    /// [`Error::Alignment`]; [`Error::Bounds`]; [`Error::Busy`] if anybody has a lease on any of it; [`Error::Stale`]; [`Error::Io`];
    /// [`Error::OutOfMemory`]. No byte has changed then.
    pub fn discard(&mut self, range: impl RangeBounds<usize>) -> Result<()> {
        self.shown.discard(range)
    }

    /// Makes this guest's stores through [`cells`](Self::cells) visible in the object now, rather than at the next host call. Releasing a
    /// write guard does that for its range.
    ///
    /// # Errors
    /// [`Error::Busy`] if somebody else holds a lease on any of it; [`Error::Access`] for a leased mapping, which is published by
    /// its guards only; [`Error::Stale`]; [`Error::Quota`]; [`Error::OutOfMemory`]; [`Error::Io`].
    pub fn publish(&self) -> Result<()> {
        self.shown.publish(..)
    }

    /// Waits until the medium under the object has what was published, as `msync` with `MS_SYNC` does. An automatic mapping is published
    /// first; what was written under guards was published when they were released.
    ///
    /// # Errors
    /// Those of [`publish`](Self::publish) but [`Error::Access`].
    pub fn sync(&self) -> Result<()> {
        self.shown.sync(..)
    }
}

impl fmt::Debug for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapping").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for MappingMut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MappingMut").field("len", &self.len()).finish_non_exhaustive()
    }
}
