//! Maps for reading.

use std::fmt;
use std::io;
use std::ops::Deref;

use super::common::advisable;
use super::file::Asked;
use super::{Advice, MapIfSafeError, MmapAsRawDesc, MmapMut, MmapOptions, Place, RemapOptions, UncheckedAdvice};

/// A map for reading. Made by [`Mmap::map`] or [`MmapOptions`]; it stays when the file is closed.
pub struct Mmap {
    pub(super) place: Place,
}

impl Mmap {
    /// Maps all of a file. See [`MmapOptions::map`].
    ///
    /// # Safety
    /// See [`MmapOptions::map`].
    ///
    /// # Errors
    /// See [`MmapOptions::map`].
    pub unsafe fn map<T: MmapAsRawDesc>(file: T) -> io::Result<Mmap> {
        Ok(Self { place: MmapOptions::new().file(&file, Asked::Read)? })
    }

    /// Maps all of a file that can't change. See [`MmapOptions::map_if_safe`].
    ///
    /// # Errors
    /// Always: see [`MapIfSafeError`].
    pub fn map_if_safe<T: MmapAsRawDesc>(file: T) -> Result<Mmap, MapIfSafeError> {
        MmapOptions::new().map_if_safe(file)
    }

    /// Makes it a map for reading and writing.
    ///
    /// # Errors
    /// [`ErrorKind::PermissionDenied`](io::ErrorKind::PermissionDenied) if it is shared and the file was opened for reading only.
    pub fn make_mut(mut self) -> io::Result<MmapMut> {
        self.place.make_mut()?;
        Ok(MmapMut { place: self.place })
    }

    advisable!();
}

impl Deref for Mmap {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.place.bytes()
    }
}

impl AsRef<[u8]> for Mmap {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for Mmap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mmap").field("ptr", &self.as_ptr()).field("len", &self.len()).finish()
    }
}
