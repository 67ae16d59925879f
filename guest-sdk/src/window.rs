//! Windows that are set aside, but show nothing at the moment.

use crate::sys::Pages;
use crate::{Error, Result, domain};

/// Guest memory set aside to show an object in, aligned to the granule. While it shows nothing its bytes can't be reached.
///
/// Only needed to map again and again without allocating: see [`MapOptions::map_in`](crate::MapOptions::map_in).
///
/// ```
/// let window = memctl_guest::WindowBuf::new(100)?;
/// assert!(window.len() >= 100);
/// # Ok::<(), memctl_guest::Error>(())
/// ```
#[derive(Debug)]
pub struct WindowBuf {
    pages: Pages,
}

impl WindowBuf {
    /// Sets aside `len` bytes, rounded up to the granule.
    ///
    /// # Errors
    /// [`Error::Bounds`] if `len` is 0; [`Error::OutOfMemory`].
    pub fn new(len: usize) -> Result<Self> {
        if len == 0 {
            return Err(Error::Bounds);
        }
        let granule = domain::granule();
        let len = len.checked_next_multiple_of(granule).ok_or(Error::OutOfMemory)?;
        Ok(Self { pages: Pages::new(len, granule)? })
    }

    /// Length in bytes, a multiple of the granule.
    #[expect(clippy::len_without_is_empty, reason = "a window is never empty")]
    #[must_use]
    pub fn len(&self) -> usize {
        self.pages.len()
    }

    /// Where it begins. Before something was mapped there its bytes are uninitialised.
    #[must_use]
    pub fn as_ptr(&self) -> *const u8 {
        self.pages.start()
    }

    pub(crate) fn from_pages(pages: Pages) -> Self {
        Self { pages }
    }

    pub(crate) fn into_pages(self) -> Pages {
        self.pages
    }
}
