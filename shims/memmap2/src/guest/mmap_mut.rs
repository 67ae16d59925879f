//! Maps for reading and writing.

use std::fmt;
use std::io;
use std::ops::{Deref, DerefMut};

use super::common::{advisable, flushable};
use super::file::Asked;
use super::place::Medium;
use super::{Advice, Mmap, MmapAsRawDesc, MmapOptions, Place, RemapOptions, UncheckedAdvice};

/// A map for reading and writing. Made by [`MmapMut::map_mut`], [`MmapMut::map_anon`] or [`MmapOptions`]; it stays when the file is closed.
pub struct MmapMut {
    pub(super) place: Place,
}

impl MmapMut {
    /// Maps all of a file, so that stores reach it. See [`MmapOptions::map_mut`].
    ///
    /// # Safety
    /// See [`MmapOptions::map`].
    ///
    /// # Errors
    /// See [`MmapOptions::map_mut`].
    pub unsafe fn map_mut<T: MmapAsRawDesc>(file: T) -> io::Result<MmapMut> {
        Ok(Self { place: MmapOptions::new().file(&file, Asked::Write)? })
    }

    /// `length` zero bytes.
    ///
    /// # Errors
    /// See [`MmapOptions::map_anon`].
    pub fn map_anon(length: usize) -> io::Result<MmapMut> {
        MmapOptions::new().len(length).map_anon()
    }

    flushable!();

    /// Makes it a map for reading.
    ///
    /// # Errors
    /// None: a host that can protect the bytes does so, elsewhere the type does.
    pub fn make_read_only(mut self) -> io::Result<Mmap> {
        self.place.make_read_only();
        Ok(Mmap { place: self.place })
    }

    /// Makes it a map for reading and executing: not in WebAssembly.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](io::ErrorKind::Unsupported), always.
    pub fn make_exec(self) -> io::Result<Mmap> {
        Err(super::error::not_executable())
    }

    advisable!();
}

impl Deref for MmapMut {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.place.bytes()
    }
}

impl DerefMut for MmapMut {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        self.place.bytes_mut()
    }
}

impl AsRef<[u8]> for MmapMut {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl AsMut<[u8]> for MmapMut {
    #[inline]
    fn as_mut(&mut self) -> &mut [u8] {
        self
    }
}

impl fmt::Debug for MmapMut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MmapMut").field("ptr", &self.as_ptr()).field("len", &self.len()).finish()
    }
}
