//! Snapshots of files.

use std::io;
use std::ops::Range;
use std::ptr::{self, NonNull};

use memctl_guest::RawMapping;
use memctl_guest::protection::{self, Protection};

use super::super::error;
use super::super::file::Source;

/// A private window on a file.
pub(crate) struct Private {
    mapping: RawMapping,
    protection: Protection,
}

impl Private {
    /// `mapping` is private, and can be written.
    pub(crate) fn new(mapping: RawMapping) -> Self {
        Self { mapping, protection: Protection::ReadWrite }
    }

    pub(crate) fn extent(&self) -> (NonNull<u8>, usize) {
        (NonNull::new(self.mapping.as_ptr()).expect("no window begins at address 0"), self.mapping.len())
    }

    /// Protected if the host can do that; else no safe code stores there.
    pub(crate) fn make_read_only(&mut self) {
        if self.protect(Protection::Read).is_ok() {
            self.protection = Protection::Read;
        }
    }

    pub(crate) fn make_mut(&mut self) -> io::Result<()> {
        if self.protection != Protection::ReadWrite {
            self.protect(Protection::ReadWrite)?;
            self.protection = Protection::ReadWrite;
        }
        Ok(())
    }

    /// Shows the file as it is now in `part`, whole granules.
    pub(crate) fn repopulate(&self, source: &Source, part: Range<usize>) -> io::Result<()> {
        let offset = source.granules(0)?.start;
        let range = offset + part.start as u64..offset + part.end as u64;
        let fresh = source.map(&range, Protection::ReadWrite, memctl_guest::MapOptions::private)?;
        if self.protection != Protection::ReadWrite {
            self.protect(Protection::ReadWrite)?;
        }
        assert!(part.end <= self.mapping.len() && part.len() == fresh.len(), "{part:?} is part of the map");
        // SAFETY: both windows have these bytes, as was asserted above, and are different memory.
        unsafe { ptr::copy_nonoverlapping(fresh.as_ptr(), self.mapping.as_ptr().wrapping_add(part.start), part.len()) };
        if self.protection != Protection::ReadWrite {
            self.protect(self.protection)?;
        }
        Ok(())
    }

    fn protect(&self, protection: Protection) -> io::Result<()> {
        let all = ptr::slice_from_raw_parts(self.mapping.as_ptr(), self.mapping.len());
        protection::protect(all, protection).map_err(|why| error::refused("protecting a map", why))
    }
}
