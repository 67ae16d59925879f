//! Maps that are reached through pointers.

use std::fmt;
use std::io;

use super::common::{advisable, flushable};
use super::place::Medium;
use super::{Advice, Mmap, MmapAsRawDesc, MmapMut, MmapOptions, Place, RemapOptions, UncheckedAdvice};

/// A map that is reached through pointers, so that making it is safe.
pub struct MmapRaw {
    pub(super) place: Place,
}

impl MmapRaw {
    /// Maps all of a file for reading and writing. See [`MmapOptions::map_raw`].
    ///
    /// # Errors
    /// See [`MmapOptions::map_mut`].
    pub fn map_raw<T: MmapAsRawDesc>(file: T) -> io::Result<MmapRaw> {
        MmapOptions::new().map_raw(file)
    }

    /// Where the bytes are.
    #[inline]
    pub fn as_ptr(&self) -> *const u8 {
        self.place.as_ptr()
    }

    /// Where the bytes are. Storing there is undefined behaviour if it was mapped for reading.
    #[inline]
    pub fn as_mut_ptr(&self) -> *mut u8 {
        self.place.as_ptr()
    }

    /// Length in bytes.
    #[inline]
    #[expect(clippy::len_without_is_empty, reason = "memmap2 has none")]
    pub fn len(&self) -> usize {
        self.place.len()
    }

    flushable!();
    advisable!();
}

impl fmt::Debug for MmapRaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MmapRaw").field("ptr", &self.as_ptr()).field("len", &self.len()).finish()
    }
}

impl From<Mmap> for MmapRaw {
    fn from(map: Mmap) -> Self {
        Self { place: map.place }
    }
}

impl From<MmapMut> for MmapRaw {
    fn from(map: MmapMut) -> Self {
        Self { place: map.place }
    }
}
