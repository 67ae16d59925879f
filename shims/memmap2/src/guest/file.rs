//! A range of a file, and how it was asked for.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use memctl_guest::protection::Protection;
use memctl_guest::{Error, MapOptions, Object, RawMapping, Rights, domain};

use super::backing::{FileMap, Shown};
use super::shared::Share;
use super::sys::{Identity, Private};
use super::{Backing, Place, error};

/// Which of the constructors it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Read,
    Write,
    ReadCopy,
    WriteCopy,
}

/// A file from one offset on. It stays when the file is closed.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) object: Arc<Object>,
    pub(super) file: Identity,
    /// The first byte of the map.
    offset: u64,
    /// How many bytes the map has.
    len: usize,
    pub(super) asked: Asked,
    populate: bool,
}

impl Source {
    pub(super) fn new(object: Object, file: Identity, offset: u64, asked: Asked, populate: bool) -> Self {
        Self { object: Arc::new(object), file, offset, len: 0, asked, populate }
    }

    /// The same range, asked for in another way.
    pub(super) fn asking(&self, asked: Asked) -> Self {
        Self { asked, ..self.clone() }
    }

    pub(super) fn is_writable(&self) -> bool {
        self.object.rights().contains(Rights::WRITE)
    }

    /// The map has another length from now on.
    pub(super) fn set_len(&mut self, len: usize) {
        self.len = len;
    }

    /// Maps `len` bytes of it.
    pub(super) fn show(mut self, len: usize) -> io::Result<Place> {
        self.set_len(len);
        if self.asked == Asked::Write && !self.is_writable() {
            return Err(error::not_writable());
        }
        let (shown, lead) = if len == 0 {
            // Nothing of a file can be shown of which there is nothing; and nothing can be seen of this.
            (Shown::Nothing, 0)
        } else {
            self.show_some(len)?
        };
        Ok(Place::new(Backing::File(FileMap { shown, source: self }), lead, len))
    }

    fn show_some(&self, len: usize) -> io::Result<(Shown, usize)> {
        let range = self.granules(len)?;
        let snapshot = |protected| Ok((Shown::Private(self.private(&range, protected)?), self.lead(range.start)));
        match self.asked {
            Asked::WriteCopy => snapshot(false),
            Asked::ReadCopy => snapshot(true),
            Asked::Read | Asked::Write => match Share::of(self, &range)? {
                Some(share) => {
                    let lead = self.lead(share.window().range().start);
                    Ok((Shown::Shared(share), lead))
                }
                // A file that may only be read, and a host that can't protect the window, or no more windows.
                None => snapshot(false),
            },
        }
    }

    fn private(&self, range: &Range<u64>, protected: bool) -> io::Result<Private> {
        let mut private = Private::new(self.map(range, Protection::ReadWrite, MapOptions::private)?);
        if protected {
            private.make_read_only();
        }
        Ok(private)
    }

    /// The range of whole granules that `len` bytes of the map lie in.
    pub(super) fn granules(&self, len: usize) -> io::Result<Range<u64>> {
        let granule = domain::granule() as u64;
        let start = self.offset - self.offset % granule;
        let end = self.offset.checked_add(len as u64).and_then(|end| end.checked_next_multiple_of(granule));
        let end = end.ok_or_else(error::too_long)?;
        // No allocation has so many bytes.
        if isize::try_from(end - start).is_err() {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        Ok(start..end)
    }

    /// How far into a window that begins at byte `start` of the file the map begins.
    pub(super) fn lead(&self, start: u64) -> usize {
        usize::try_from(self.offset - start).expect("a map begins inside its window")
    }

    /// A window of its own for whole granules.
    pub(super) fn map(
        &self,
        range: &Range<u64>,
        protection: Protection,
        kind: impl FnOnce(MapOptions) -> MapOptions,
    ) -> io::Result<RawMapping> {
        self.options(range, kind).map_raw(&self.object, protection).map_err(|why| self.refused(range, why))
    }

    pub(super) fn options(&self, range: &Range<u64>, kind: impl FnOnce(MapOptions) -> MapOptions) -> MapOptions {
        // Of whole granules that were checked to be few enough.
        let len = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        let options = kind(MapOptions::new()).offset(range.start).len(len).past_end();
        if self.populate { options.populate() } else { options }
    }

    /// `range` is of whole granules, and could not be mapped.
    pub(super) fn refused(&self, range: &Range<u64>, why: Error) -> io::Error {
        // What was asked for has been mapped, or was found not to wrap around.
        let asked = self.offset..self.offset.saturating_add(self.len as u64);
        match why {
            Error::Overlap => error::overlap(&asked, range),
            why => error::refused(format!("mapping {}", error::bytes(&asked, range)), why),
        }
    }
}

/// Shared, and coherent whenever control passes between guest and host.
pub(super) fn coherent(options: MapOptions) -> MapOptions {
    options.shared().automatic()
}

impl FileMap {
    /// Makes stores possible.
    pub(super) fn make_mut(&mut self) -> io::Result<()> {
        match (self.source.asked, &mut self.shown) {
            (Asked::Read | Asked::Write, _) if !self.source.is_writable() => return Err(error::not_writable()),
            (_, Shown::Nothing) => {}
            (_, Shown::Private(private)) => private.make_mut()?,
            (_, Shown::Shared(share)) => share.make_mut(&self.source)?,
        }
        self.source.asked = match self.source.asked {
            Asked::Read | Asked::Write => Asked::Write,
            Asked::ReadCopy | Asked::WriteCopy => Asked::WriteCopy,
        };
        Ok(())
    }

    pub(super) fn make_read_only(&mut self) {
        self.source.asked = match self.source.asked {
            Asked::Read | Asked::Write => Asked::Read,
            Asked::ReadCopy | Asked::WriteCopy => Asked::ReadCopy,
        };
        match &mut self.shown {
            Shown::Nothing => {}
            Shown::Private(private) => private.make_read_only(),
            Shown::Shared(share) => share.make_read_only(),
        }
    }

    /// Whether the file is changed by stores.
    pub(super) fn is_shared(&self) -> bool {
        matches!(self.source.asked, Asked::Read | Asked::Write)
    }
}
