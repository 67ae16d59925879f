//! Changing the length of a map.

use std::io::{self, ErrorKind};
use std::ops::Range;

use super::advise::granules;
use super::backing::{FileMap, Shown};
use super::file::Asked;
use super::sys::Anonymous;
use super::{Backing, Place, error};

/// How `remap` may change the length.
#[derive(Copy, Clone, Default, Debug)]
pub struct RemapOptions {
    may_move: bool,
}

impl RemapOptions {
    /// The map stays where it is.
    pub fn new() -> Self {
        Self::default()
    }

    /// The map may move to another address if there is no room where it is.
    pub fn may_move(mut self, may_move: bool) -> Self {
        self.may_move = may_move;
        self
    }
}

impl Place {
    /// Changes the length. On an error the map is as it was.
    pub(super) fn remap(&mut self, new_len: usize, options: RemapOptions) -> io::Result<()> {
        if isize::try_from(new_len).is_err() {
            return Err(error::too_long());
        }
        let new_end = self.lead().checked_add(new_len).ok_or_else(error::too_long)?;
        if new_len <= self.len() {
            // What is no longer shown is not to be seen again, if it grows again.
            let gone = granules(self.lead() + new_len..self.lead() + self.len());
            let kept = granules(self.lead()..new_end).end;
            self.forget(kept.max(gone.start)..gone.end)?;
        } else if new_end > self.backing().extent().1 {
            if !options.may_move {
                let text = "there is no room for the map to grow where it is: let it move, with RemapOptions::may_move";
                return Err(io::Error::new(ErrorKind::OutOfMemory, text));
            }
            let moved = self.moved(new_len)?;
            *self = moved;
            return Ok(());
        }
        self.set_len(new_len);
        if let Backing::File(file) = self.backing_mut() {
            file.source.set_len(new_len);
        }
        Ok(())
    }

    fn forget(&self, part: Range<usize>) -> io::Result<()> {
        match self.backing() {
            _ if part.is_empty() => Ok(()),
            Backing::Anonymous(anonymous) => anonymous.discard(part),
            Backing::File(file) => file.forget(part),
        }
    }

    /// The same bytes in another place, and more.
    fn moved(&self, new_len: usize) -> io::Result<Self> {
        match self.backing() {
            Backing::Anonymous(anonymous) => {
                let mut place = Self::new(Backing::Anonymous(Anonymous::new(new_len)?), 0, new_len);
                place.copy_from(self);
                if !anonymous.can_write() {
                    place.make_read_only();
                }
                Ok(place)
            }
            Backing::File(FileMap { source, shown: Shown::Nothing }) => source.clone().show(new_len),
            Backing::File(FileMap { source, shown: Shown::Private(_) }) => match source.asked {
                // A snapshot for want of protection, as good as a new one.
                Asked::Read | Asked::Write => source.clone().show(new_len),
                asked @ (Asked::ReadCopy | Asked::WriteCopy) => {
                    let mut place = source.asking(Asked::WriteCopy).show(new_len)?;
                    place.copy_from(self);
                    if asked == Asked::ReadCopy {
                        place.make_read_only();
                    }
                    Ok(place)
                }
            },
            Backing::File(FileMap { source, shown: Shown::Shared(share) }) => {
                if !share.is_sole() {
                    let text = "another map shares this map's window, and would stay behind: drop it before remapping";
                    return Err(io::Error::new(ErrorKind::ResourceBusy, text));
                }
                share.window().while_unmapped(source, || source.clone().show(new_len))
            }
        }
    }
}
