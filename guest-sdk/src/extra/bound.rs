//! What a window shows.

use core::ops::RangeBounds;
use core::time::Duration;

use super::binding::Binding;
use super::guard::{BoundReadGuard, BoundWriteGuard};
use super::slot::Slot;
use crate::bindings::types::Access;
use crate::guard::nanoseconds;
use crate::sys::AT_ONCE;
use crate::{MapOptions, Object, Result};

#[cfg(doc)]
use crate::Error;

/// A range of a window that shows an object, for reading. Made by [`WindowOf::bind`](super::WindowOf::bind).
///
/// Dropping it ends that, and the window's bytes there are zero. If a guard was leaked ([`core::mem::forget`]) its lease is still held: then the window goes on
/// showing the object.
#[derive(Debug)]
pub struct Bound<S: Slot> {
    binding: Binding<S>,
}

/// A range of a window that shows an object, for reading and writing. Made by [`WindowOf::bind_mut`](super::WindowOf::bind_mut).
///
/// Dropping it ends that, after publishing an automatic one, and the window's bytes there are zero; [`unbind`](Self::unbind) also returns the error.
/// If a guard was leaked ([`core::mem::forget`]) its lease is still held: then the window goes on showing the object.
#[derive(Debug)]
pub struct BoundMut<S: Slot> {
    binding: Binding<S>,
}

/// The methods of both, with the same words.
macro_rules! common_methods {
    ($choice:ident) => {
        pub(super) fn new(binding: Binding<S>) -> Self {
            Self { binding }
        }

        /// Length in bytes of what is shown.
        #[expect(clippy::len_without_is_empty, reason = "an empty range can't be bound")]
        #[must_use]
        pub fn len(&self) -> u64 {
            self.binding.place().len()
        }

        /// Where in the window it starts, as an address.
        #[must_use]
        pub fn start(&self) -> u64 {
            self.binding.place().start()
        }

        /// All the bytes, for reading. Other readers don't matter; of a private binding this needs no host call.
        ///
        /// # Errors
        /// [`Error::Busy`] if somebody holds a write lease on any of it; [`Error::Stale`]; [`Error::Quota`]; [`Error::Io`].
        pub fn read(&self) -> Result<BoundReadGuard<'_, S>> {
            self.read_range(..)
        }

        /// The bytes in `range`, for reading.
        ///
        /// # Errors
        /// Those of [`read`](Self::read); [`Error::Bounds`] if the range is not inside what is shown.
        pub fn read_range(&self, range: impl RangeBounds<u64>) -> Result<BoundReadGuard<'_, S>> {
            self.binding.lend(range, Access::Read, AT_ONCE).map(BoundReadGuard::new)
        }

        /// As [`read_range`](Self::read_range), but waits for writers, at most for `timeout`; [`Duration::MAX`] is for as long as it takes.
        ///
        /// # Errors
        /// Those of [`read_range`](Self::read_range), but instead of [`Error::Busy`] there is [`Error::TimedOut`], and [`Error::Deadlock`] if who is
        /// in the way waits for this guest.
        pub fn read_range_within(
            &self,
            range: impl RangeBounds<u64>,
            timeout: Duration,
        ) -> Result<BoundReadGuard<'_, S>> {
            self.binding.lend(range, Access::Read, nanoseconds(timeout)).map(BoundReadGuard::new)
        }

        /// All the bytes, for reading, without a lease: every host call may change them, if others write to the object meanwhile. For
        /// [`automatic`](MapOptions::automatic) bindings and private ones. This costs nothing.
        ///
        /// # Errors
        /// [`Error::Unsupported`] for a leased binding: others may hold leases on the same bytes.
        pub fn direct(&self) -> Result<BoundReadGuard<'_, S>> {
            self.binding.bare().map(BoundReadGuard::new)
        }

        /// Makes the object's present bytes visible now. Acquiring a guard does that for its range.
        ///
        /// # Errors
        /// [`Error::Busy`] if somebody holds a write lease on any of it; [`Error::Stale`]; [`Error::Io`].
        pub fn refresh(&mut self) -> Result<()> {
            self.binding.refresh()
        }

        /// Shows something else in the same place: the same or another object, as `options` say. Of a longer object, or the rest of one, as much as
        /// there is room for. With 64 KiB of a window one can walk through any file.
        ///
        /// # Errors
        /// Those of [`MapOptions::map`]; [`Error::Bounds`] too if [`MapOptions::len`] is more than there is room for; [`Error::Io`] if stores to
        /// what was shown could not be published. On any error it shows what it did.
        pub fn rebind(&mut self, object: &Object, options: MapOptions) -> Result<()> {
            self.binding.rebind(object, options.up_to(self.binding.room()).$choice(object)?)
        }

        /// Shows nothing any more, after publishing an automatic binding. The window's bytes there are zero.
        ///
        /// # Errors
        /// [`Error::Io`] if stores could not be published, now or earlier: it ended all the same. [`Error::Busy`] if a guard was leaked: then it goes on.
        pub fn unbind(mut self) -> Result<()> {
            self.binding.end()
        }
    };
}

impl<S: Slot> Bound<S> {
    common_methods!(to_read);
}

impl<S: Slot> BoundMut<S> {
    common_methods!(to_write);

    /// All the bytes, for reading and writing. Of a private binding this needs no host call.
    ///
    /// # Errors
    /// [`Error::Busy`] if anybody else holds a lease on any of it; [`Error::Stale`]; [`Error::Quota`]; [`Error::Io`].
    pub fn write(&mut self) -> Result<BoundWriteGuard<'_, S>> {
        self.write_range(..)
    }

    /// The bytes in `range`, for reading and writing. Only that range is acquired, refreshed, and published later.
    ///
    /// # Errors
    /// Those of [`write`](Self::write); [`Error::Bounds`] if the range is not inside what is shown.
    pub fn write_range(&mut self, range: impl RangeBounds<u64>) -> Result<BoundWriteGuard<'_, S>> {
        self.binding.lend(range, Access::Write, AT_ONCE).map(BoundWriteGuard::new)
    }

    /// As [`write_range`](Self::write_range), but waits for whoever is in the way, at most for `timeout`; [`Duration::MAX`] is for as long as it takes.
    ///
    /// # Errors
    /// Those of [`write_range`](Self::write_range), but instead of [`Error::Busy`] there is [`Error::TimedOut`], and [`Error::Deadlock`] if who is
    /// in the way waits for this guest.
    pub fn write_range_within(
        &mut self,
        range: impl RangeBounds<u64>,
        timeout: Duration,
    ) -> Result<BoundWriteGuard<'_, S>> {
        self.binding.lend(range, Access::Write, nanoseconds(timeout)).map(BoundWriteGuard::new)
    }

    /// All the bytes, without a lease: as [`direct`](Self::direct), for writing too. What is written to an automatic binding is published at the next host call.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a leased binding: others may hold leases on the same bytes.
    pub fn direct_mut(&mut self) -> Result<BoundWriteGuard<'_, S>> {
        self.binding.bare().map(BoundWriteGuard::new)
    }

    /// Makes this guest's stores through [`direct_mut`](Self::direct_mut) visible in the object now, rather than at the next host call.
    ///
    /// # Errors
    /// [`Error::Busy`] if somebody else holds a lease on any of it; [`Error::Access`] for a leased binding, which is published by its guards only;
    /// [`Error::Stale`]; [`Error::Quota`]; [`Error::OutOfMemory`]; [`Error::Io`].
    pub fn publish(&self) -> Result<()> {
        self.binding.publish()
    }

    /// Waits until the medium under the object has what was published, as `msync` with `MS_SYNC` does. An automatic binding is published first.
    ///
    /// # Errors
    /// Those of [`publish`](Self::publish) but [`Error::Access`].
    pub fn sync(&self) -> Result<()> {
        self.binding.sync()
    }
}
