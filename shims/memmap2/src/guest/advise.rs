//! What advice does.

use std::io::{self, ErrorKind};
use std::ops::Range;

use memctl_guest::domain;

use super::backing::{FileMap, Shown};
use super::file::Asked;
use super::{Advice, Backing, Place, UncheckedAdvice, error};

impl Place {
    pub(super) fn advise(&self, advice: Advice, offset: usize, len: usize) -> io::Result<()> {
        self.part(offset, len)?;
        match advice {
            Advice::HwPoison => {
                Err(io::Error::new(ErrorKind::PermissionDenied, "a guest can't poison memory (MADV_HWPOISON)"))
            }
            Advice::PopulateWrite if !self.can_write() => {
                Err(io::Error::new(ErrorKind::InvalidInput, "a map for reading can't be populated for writing"))
            }
            Advice::Normal
            | Advice::Random
            | Advice::Sequential
            | Advice::WillNeed
            | Advice::DontFork
            | Advice::DoFork
            | Advice::Mergeable
            | Advice::Unmergeable
            | Advice::HugePage
            | Advice::NoHugePage
            | Advice::DontDump
            | Advice::DoDump
            | Advice::PopulateRead
            | Advice::PopulateWrite => Ok(()),
        }
    }

    /// The caller promised that nobody counts on what is in the granules of these bytes.
    pub(super) fn unchecked_advise(&self, advice: UncheckedAdvice, offset: usize, len: usize) -> io::Result<()> {
        let part = granules(self.part(offset, len)?);
        match (advice, self.backing()) {
            (_, _) if part.is_empty() => Ok(()),
            (UncheckedAdvice::DontNeed | UncheckedAdvice::Free, Backing::Anonymous(anonymous)) => {
                anonymous.discard(part)
            }
            (UncheckedAdvice::DontNeed, Backing::File(file)) => file.forget(part),
            (UncheckedAdvice::Free, Backing::File(_)) => Err(error::out_of_range()),
            (UncheckedAdvice::Remove, Backing::Anonymous(_)) => Err(error::out_of_range()),
            (UncheckedAdvice::Remove, Backing::File(file)) => file.remove(part),
        }
    }

    fn can_write(&self) -> bool {
        match self.backing() {
            Backing::Anonymous(anonymous) => anonymous.can_write(),
            Backing::File(file) => matches!(file.source.asked, Asked::Write | Asked::WriteCopy),
        }
    }
}

impl FileMap {
    /// Shows the file again where there is a copy of it.
    pub(super) fn forget(&self, part: Range<usize>) -> io::Result<()> {
        match &self.shown {
            // What a snapshot for want of protection shows was never changed here.
            Shown::Private(private) if !self.is_shared() => private.repopulate(&self.source, part),
            Shown::Nothing | Shown::Private(_) | Shown::Shared(_) => Ok(()),
        }
    }

    fn remove(&self, part: Range<usize>) -> io::Result<()> {
        match (&self.shown, self.source.asked) {
            (Shown::Shared(share), Asked::Write) => share.window().discard(part),
            _ => Err(io::Error::new(
                ErrorKind::PermissionDenied,
                "only of a map that is shared and writable the file's bytes can be removed",
            )),
        }
    }
}

/// The whole granules that a part lies in.
pub(super) fn granules(part: Range<usize>) -> Range<usize> {
    if part.is_empty() {
        return part;
    }
    let granule = domain::granule();
    part.start - part.start % granule..part.end.next_multiple_of(granule)
}
