//! A mapping whose bytes are reached through a raw pointer: for code that was written for `mmap`.

use core::fmt;
use core::ops::RangeBounds;

use super::Shown;
use super::Unmapped;
use crate::{Error, Result, WindowBuf};

/// A live pairing of a window with a range of an object, for code that was written for `mmap`: there are no guards, only a pointer. Made by
/// [`MapOptions::map_raw`](crate::MapOptions::map_raw).
///
/// What the bytes are is said by the mapping's options: those of an [`automatic`](crate::MapOptions::automatic) mapping may change in every host call,
/// and what is stored there is published at the next; those of a private one are this guest's own.
///
/// Dropping it unmaps, after publishing an automatic mapping, and frees the window: no pointer into it may be used afterwards.
///
/// ```no_run
/// use memctl_guest::protection::Protection;
/// use memctl_guest::{MapOptions, Object};
///
/// let mapping = MapOptions::new().automatic().map_raw(&Object::open("counter")?, Protection::ReadWrite)?;
/// // SAFETY: the window has this byte, and nobody has a reference to it.
/// unsafe { mapping.as_ptr().write(7) };
/// mapping.sync(..)?;
/// # Ok::<(), memctl_guest::Error>(())
/// ```
pub struct RawMapping {
    shown: Shown,
}

// SAFETY: the window is owned and aliases nothing of this type's; this type reads and writes none of its bytes, and makes no reference to them.
unsafe impl Send for RawMapping {}
// SAFETY: as above; what takes `&self` changes nothing in the guest but through the host, which does one call at a time.
unsafe impl Sync for RawMapping {}

impl RawMapping {
    pub(crate) fn new(shown: Shown) -> Self {
        Self { shown }
    }

    /// Where the bytes are. The pointer is good for [`len`](Self::len) bytes until the mapping is unmapped, for loads and stores as the window's
    /// protection allows.
    #[must_use]
    pub fn as_ptr(&self) -> *mut u8 {
        self.shown.start()
    }

    /// Length in bytes of the range that is shown.
    #[expect(clippy::len_without_is_empty, reason = "an empty range can't be mapped")]
    #[must_use]
    pub fn len(&self) -> usize {
        self.shown.len()
    }

    /// Makes this guest's stores in `range` visible in the object now, rather than at the next host call. On a private mapping this does nothing.
    ///
    /// # Errors
    /// [`Error::Bounds`] if the range is not inside the mapping; those of [`MappingMut::publish`](crate::MappingMut::publish).
    pub fn publish(&self, range: impl RangeBounds<usize>) -> Result<()> {
        self.shown.publish(range)
    }

    /// Publishes `range`, and waits until the medium under the object has it, as `msync` with `MS_SYNC` does. On a private mapping this does nothing.
    ///
    /// # Errors
    /// [`Error::Bounds`] if the range is not inside the mapping; those of [`MappingMut::sync`](crate::MappingMut::sync).
    pub fn sync(&self, range: impl RangeBounds<usize>) -> Result<()> {
        self.shown.sync(range)
    }

    /// Unmaps, after publishing an automatic mapping, and frees the window.
    ///
    /// # Errors
    /// [`Error::Io`] if stores could not be published, now or earlier: the mapping is gone all the same.
    pub fn unmap(self) -> Result<()> {
        let Unmapped { pages: _, result } = self.shown.unmap();
        result
    }

    /// As [`unmap`](Self::unmap), and gives the window back, to be mapped again: at the same address.
    ///
    /// # Errors
    /// Those of [`unmap`](Self::unmap). The window is freed then.
    pub fn unmap_into_window(self) -> Result<WindowBuf> {
        let Unmapped { pages, result } = self.shown.unmap();
        result?;
        Ok(WindowBuf::from_pages(pages.ok_or(Error::Busy)?))
    }
}

impl fmt::Debug for RawMapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawMapping").field("start", &self.as_ptr()).field("len", &self.len()).finish_non_exhaustive()
    }
}
