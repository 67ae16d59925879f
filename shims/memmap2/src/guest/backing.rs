//! What keeps the bytes of a map.

use std::ptr::NonNull;

use super::file::Source;
use super::shared::Share;
use super::sys::{Anonymous, Private};

/// Keeps the bytes of a map where they are.
pub(super) enum Backing {
    /// Ordinary memory.
    Anonymous(Anonymous),
    /// A window on a file.
    File(FileMap),
}

/// A range of a file, and what shows it.
pub(super) struct FileMap {
    pub(super) source: Source,
    pub(super) shown: Shown,
}

/// What shows a range of a file.
pub(super) enum Shown {
    /// The range is empty.
    Nothing,
    /// A snapshot.
    Private(Private),
    /// A window that all maps of these bytes have in common.
    Shared(Share),
}

impl Backing {
    /// The first byte, on the border of a granule, and how many there are. They stay there for as long as this value.
    pub(super) fn extent(&self) -> (NonNull<u8>, usize) {
        match self {
            Self::Anonymous(anonymous) => anonymous.extent(),
            Self::File(FileMap { shown: Shown::Nothing, .. }) => (NonNull::dangling(), 0),
            Self::File(FileMap { shown: Shown::Private(private), .. }) => private.extent(),
            Self::File(FileMap { shown: Shown::Shared(share), .. }) => share.window().extent(),
        }
    }
}
