//! What a map does beside being read and written.

use std::io;
use std::ops::Range;

use super::backing::{FileMap, Shown};
use super::{Backing, Place, error};

/// Whether to wait for the medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Medium {
    Waited,
    Later,
}

impl Place {
    pub(super) fn flush(&self, offset: usize, len: usize, medium: Medium) -> io::Result<()> {
        let part = self.part(offset, len)?;
        let Backing::File(FileMap { shown: Shown::Shared(share), .. }) = self.backing() else { return Ok(()) };
        let done = match medium {
            Medium::Waited => share.window().sync(part),
            Medium::Later => share.window().publish(part),
        };
        done.map_err(|why| error::refused(format!("flushing {len} bytes from {offset} on"), why))
    }

    pub(super) fn make_read_only(&mut self) {
        match self.backing_mut() {
            Backing::Anonymous(anonymous) => anonymous.make_read_only(),
            Backing::File(file) => file.make_read_only(),
        }
    }

    pub(super) fn make_mut(&mut self) -> io::Result<()> {
        match self.backing_mut() {
            Backing::Anonymous(anonymous) => anonymous.make_mut(),
            Backing::File(file) => file.make_mut(),
        }
    }

    /// A part of the map, as a part of its backing.
    pub(super) fn part(&self, offset: usize, len: usize) -> io::Result<Range<usize>> {
        if offset > self.len() || len > self.len() - offset {
            return Err(error::out_of_range());
        }
        let start = self.lead() + offset;
        Ok(start..start + len)
    }
}
