//! Why a file was not mapped by `map_if_safe`.

use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};

/// Why `map_if_safe` mapped nothing. In a guest nothing says that a file can't change, so that it is always
/// [`not_supported`](Self::not_supported), if it isn't [`map_failed`](Self::map_failed) before.
pub struct MapIfSafeError {
    reason: Reason,
}

#[derive(Debug)]
enum Reason {
    NotSupported,
    MapFailed(io::Error),
}

impl MapIfSafeError {
    pub(super) fn new_not_supported() -> Self {
        Self { reason: Reason::NotSupported }
    }

    pub(super) fn new_map_failed(reason: io::Error) -> Self {
        Self { reason: Reason::MapFailed(reason) }
    }

    /// Whether this platform can't tell what is safe to map.
    pub fn not_supported(&self) -> bool {
        matches!(self.reason, Reason::NotSupported)
    }

    /// Whether the file could be changed while it is mapped. Never in a guest.
    pub fn not_safe(&self) -> bool {
        false
    }

    /// Whether the range can't be mapped at all.
    pub fn map_failed(&self) -> bool {
        matches!(self.reason, Reason::MapFailed(_))
    }
}

impl Error for MapIfSafeError {}

impl fmt::Display for MapIfSafeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Reason::NotSupported => fmt::Display::fmt(&io::Error::from(ErrorKind::Unsupported), f),
            Reason::MapFailed(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl fmt::Debug for MapIfSafeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.reason, f)
    }
}

impl From<MapIfSafeError> for io::Error {
    fn from(error: MapIfSafeError) -> Self {
        match error.reason {
            Reason::NotSupported => ErrorKind::Unsupported.into(),
            Reason::MapFailed(error) => error,
        }
    }
}
