//! What to map, and how.

use std::io::{self, ErrorKind};

use super::file::{Asked, Source};
use super::sys::{self, Anonymous, Stat};
use super::{Backing, MapIfSafeError, Mmap, MmapAsRawDesc, MmapMut, MmapRaw, Place, error};

/// What to map, and how: all of the file unless an offset or a length is chosen.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a method of memmap2's")]
pub struct MmapOptions {
    offset: u64,
    len: Option<usize>,
    huge: Option<u8>,
    stack: bool,
    populate: bool,
    no_reserve_swap: bool,
    no_probe_handle: bool,
}

impl MmapOptions {
    /// All of the file.
    pub fn new() -> MmapOptions {
        MmapOptions::default()
    }

    /// Starts at byte `offset` of the file. Any offset will do.
    pub fn offset(&mut self, offset: u64) -> &mut Self {
        self.offset = offset;
        self
    }

    /// Maps `len` bytes. For an anonymous map this must be chosen, or it is empty.
    pub fn len(&mut self, len: usize) -> &mut Self {
        self.len = Some(len);
        self
    }

    /// Suited for a stack. Of no effect in a guest.
    pub fn stack(&mut self) -> &mut Self {
        self.stack = true;
        self
    }

    /// In large pages. Of no effect in a guest.
    pub fn huge(&mut self, page_bits: Option<u8>) -> &mut Self {
        self.huge = Some(page_bits.unwrap_or(0));
        self
    }

    /// Prepares all of it now.
    pub fn populate(&mut self) -> &mut Self {
        self.populate = true;
        self
    }

    /// Without reserving swap. Of no effect in a guest.
    pub fn no_reserve_swap(&mut self) -> &mut Self {
        self.no_reserve_swap = true;
        self
    }

    /// Of no effect but on Windows.
    pub fn no_probe_handle(&mut self) -> &mut Self {
        self.no_probe_handle = true;
        self
    }

    /// Maps `file` for reading.
    ///
    /// # Safety
    /// The bytes change when the file does: whoever has a reference to them must know that it doesn't, or not mind.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidData`] if the offset is past the file's end, or the length more than `isize::MAX`;
    /// [`ErrorKind::PermissionDenied`] if the file was not opened for reading; [`ErrorKind::ResourceBusy`] if a live map shows
    /// some of the same granules and not all, and one of the two can be written; [`ErrorKind::QuotaExceeded`]; [`ErrorKind::Unsupported`] if the host doesn't map files;
    /// [`ErrorKind::OutOfMemory`]; those of the file.
    pub unsafe fn map<T: MmapAsRawDesc>(&self, file: T) -> io::Result<Mmap> {
        Ok(Mmap { place: self.file(&file, Asked::Read)? })
    }

    /// Maps `file` for reading and executing: not in WebAssembly.
    ///
    /// # Safety
    /// See [`map`](Self::map).
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`]; before that those of [`map`](Self::map) that don't need the host.
    pub unsafe fn map_exec<T: MmapAsRawDesc>(&self, file: T) -> io::Result<Mmap> {
        self.len_of(&sys::stat(file.as_raw_desc().0)?)?;
        Err(error::not_executable())
    }

    /// Maps `file` for reading and writing: stores reach the file, and other guests that map it, whenever control leaves this guest.
    ///
    /// # Safety
    /// See [`map`](Self::map).
    ///
    /// # Errors
    /// Those of [`map`](Self::map); [`ErrorKind::PermissionDenied`] if the file was not opened for reading and writing.
    pub unsafe fn map_mut<T: MmapAsRawDesc>(&self, file: T) -> io::Result<MmapMut> {
        Ok(MmapMut { place: self.file(&file, Asked::Write)? })
    }

    /// Maps a copy of `file` as it is now, for reading and writing: stores don't reach the file.
    ///
    /// # Safety
    /// See [`map`](Self::map).
    ///
    /// # Errors
    /// Those of [`map`](Self::map).
    pub unsafe fn map_copy<T: MmapAsRawDesc>(&self, file: T) -> io::Result<MmapMut> {
        Ok(MmapMut { place: self.file(&file, Asked::WriteCopy)? })
    }

    /// Maps a copy of `file` as it is now, for reading.
    ///
    /// # Safety
    /// See [`map`](Self::map).
    ///
    /// # Errors
    /// Those of [`map`](Self::map).
    pub unsafe fn map_copy_read_only<T: MmapAsRawDesc>(&self, file: T) -> io::Result<Mmap> {
        Ok(Mmap { place: self.file(&file, Asked::ReadCopy)? })
    }

    /// Maps a file that can't change while it is mapped. In a guest there is none of which that is known.
    ///
    /// # Errors
    /// Always: see [`MapIfSafeError`].
    pub fn map_if_safe<T: MmapAsRawDesc>(&self, file: T) -> Result<Mmap, MapIfSafeError> {
        let stat = sys::stat(file.as_raw_desc().0).map_err(MapIfSafeError::new_map_failed)?;
        self.len_of(&stat).map_err(MapIfSafeError::new_map_failed)?;
        Err(MapIfSafeError::new_not_supported())
    }

    /// Zero bytes, as many as [`len`](Self::len) says.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidData`] if the length is more than `isize::MAX`; [`ErrorKind::OutOfMemory`].
    pub fn map_anon(&self) -> io::Result<MmapMut> {
        let len = self.len.unwrap_or(0);
        if isize::try_from(len).is_err() {
            return Err(error::too_long());
        }
        Ok(MmapMut { place: Place::new(Backing::Anonymous(Anonymous::new(len)?), 0, len) })
    }

    /// As [`map_mut`](Self::map_mut), to be reached through pointers.
    ///
    /// # Errors
    /// Those of [`map_mut`](Self::map_mut).
    pub fn map_raw<T: MmapAsRawDesc>(&self, file: T) -> io::Result<MmapRaw> {
        Ok(MmapRaw { place: self.file(&file, Asked::Write)? })
    }

    /// As [`map`](Self::map), to be reached through pointers.
    ///
    /// # Errors
    /// Those of [`map`](Self::map).
    pub fn map_raw_read_only<T: MmapAsRawDesc>(&self, file: T) -> io::Result<MmapRaw> {
        Ok(MmapRaw { place: self.file(&file, Asked::Read)? })
    }

    pub(super) fn file<T: MmapAsRawDesc>(&self, file: &T, asked: Asked) -> io::Result<Place> {
        let fd = file.as_raw_desc().0;
        let stat = sys::stat(fd)?;
        let len = self.len_of(&stat)?;
        let source = Source::new(sys::object(fd, &stat)?, stat.file, self.offset, asked, self.populate);
        source.show(len)
    }

    fn len_of(&self, stat: &Stat) -> io::Result<usize> {
        let len = match self.len {
            Some(len) => len as u64,
            None => stat
                .len
                .checked_sub(self.offset)
                .ok_or_else(|| io::Error::new(ErrorKind::InvalidData, "memory map offset is larger than length"))?,
        };
        isize::try_from(len).map(isize::cast_unsigned).map_err(|_| error::too_long())
    }
}
