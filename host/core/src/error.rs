//! Why a call was refused, with the numbers that explain it.

use alloc::string::String;

/// Why a call was refused.
///
/// On the wire only [`Error::code`] travels, as `types.error-code`; the numbers go to the host's log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A window's start or length, or an object offset, is not a multiple of the granule.
    #[error("{what} {value:#x} is not a multiple of the granule, {granule} bytes")]
    Misaligned {
        /// Which number it was.
        what: &'static str,
        /// The number, in bytes.
        value: u64,
        /// The domain's granule, in bytes.
        granule: u64,
    },
    /// A range has no bytes.
    #[error("{what} is empty")]
    Empty {
        /// Which range it was.
        what: &'static str,
    },
    /// A range's end does not fit in 64 bits.
    #[error("{what} wraps around: {len:#x} bytes from {start:#x}")]
    Wraps {
        /// Which range it was.
        what: &'static str,
        /// First byte.
        start: u64,
        /// Length in bytes.
        len: u64,
    },
    /// A range leaves what it must lie in.
    #[error("{what}, {len:#x} bytes from {start:#x}, ends past {limit:#x}")]
    OutOfBounds {
        /// Which range it was.
        what: &'static str,
        /// First byte.
        start: u64,
        /// Length in bytes.
        len: u64,
        /// First byte that the range may not touch.
        limit: u64,
    },
    /// Two windows share bytes of one memory.
    #[error("the window shares bytes with the live window of {len:#x} bytes at {start:#x}")]
    WindowOverlap {
        /// First byte of the live window.
        start: u64,
        /// Its length in bytes.
        len: u64,
    },
    /// A range of guest memory is protected, which the call would have to change.
    #[error("addresses {start:#x} to {end:#x} are protected: make them read-write first")]
    Protected {
        /// First protected byte.
        start: u64,
        /// The byte after the last.
        end: u64,
    },
    /// A range has bytes of a window and others.
    #[error(
        "the range reaches over an edge of the live window of {len:#x} bytes at {start:#x}: one call for each side"
    )]
    WindowEdge {
        /// First byte of the window.
        start: u64,
        /// Its length in bytes.
        len: u64,
    },
    /// The beginning of a memory is sealed.
    #[error("the memory is sealed below {end:#x}, for good")]
    Sealed {
        /// The first byte that is not.
        end: u64,
    },
    /// A second `automatic` window would show a shared writable range in one store, or a range in use would go.
    #[error("a live mapping already shows bytes {start:#x} to {end:#x} of the object")]
    RangeOverlap {
        /// First byte of the object that the live mapping shows.
        start: u64,
        /// The byte after the last.
        end: u64,
    },
    /// The handle lacks a right.
    #[error("the handle does not have the right to {right}")]
    Access {
        /// The right that is missing.
        right: &'static str,
    },
    /// Nothing is published under that name.
    #[error("no object is published as {name:?}")]
    NotFound {
        /// The name asked for, cut to a printable length.
        name: String,
    },
    /// The thing named is gone.
    #[error("the {what} was given up or revoked before")]
    Stale {
        /// What kind of thing it was.
        what: &'static str,
    },
    /// A quota is used up.
    #[error("the {scope}'s quota of {what} is used up: {used} of {limit} in use, {asked} more asked for")]
    Quota {
        /// What is counted.
        what: &'static str,
        /// Whose quota: "guest" or "domain".
        scope: &'static str,
        /// In use before the call.
        used: u64,
        /// The most that may be in use.
        limit: u64,
        /// What the call asked for.
        asked: u64,
    },
    /// Can't be done here.
    #[error("unsupported: {why}")]
    Unsupported {
        /// What is missing, and what to do about it.
        why: &'static str,
    },
    /// A lease conflicts.
    #[error("bytes {start:#x} to {end:#x} of the object are under a conflicting lease")]
    Busy {
        /// First byte of the object under the other lease.
        start: u64,
        /// The byte after its last.
        end: u64,
    },
    /// The lease that was waited for did not become free in time.
    #[error("a lease on bytes {start:#x} to {end:#x} of the object did not become free in time")]
    TimedOut {
        /// First byte of the object that was asked for.
        start: u64,
        /// The byte after its last.
        end: u64,
    },
    /// Waiting would never end: whoever is in the way waits for the caller, directly or through others.
    #[error(
        "waiting for bytes {start:#x} to {end:#x} of the object would be a deadlock: who holds them waits for the caller"
    )]
    Deadlock {
        /// First byte of the object that was asked for.
        start: u64,
        /// The byte after its last.
        end: u64,
    },
    /// The host is out of memory, address space or file descriptors.
    #[error("the host is out of memory, address space or file descriptors: {what}")]
    OutOfMemory {
        /// What was being allocated.
        what: &'static str,
    },
    /// The medium under the object failed.
    #[error("{what}: operating system error {errno}")]
    Io {
        /// What was being done.
        what: &'static str,
        /// The operating system's error number, 0 if it gave none.
        errno: i32,
    },
}

/// What travels on the wire: `types.error-code`, in the order of its cases there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    /// See [`Error::Misaligned`].
    Alignment,
    /// See [`Error::Empty`], [`Error::Wraps`] and [`Error::OutOfBounds`].
    Bounds,
    /// See [`Error::WindowOverlap`], [`Error::RangeOverlap`], [`Error::WindowEdge`] and [`Error::Protected`].
    Overlap,
    /// See [`Error::Access`] and [`Error::Sealed`].
    Access,
    /// See [`Error::NotFound`].
    NotFound,
    /// See [`Error::Stale`].
    Stale,
    /// See [`Error::Quota`].
    Quota,
    /// See [`Error::Unsupported`].
    Unsupported,
    /// See [`Error::Busy`].
    Busy,
    /// See [`Error::OutOfMemory`].
    OutOfMemory,
    /// See [`Error::Io`].
    Io,
    /// See [`Error::TimedOut`].
    TimedOut,
    /// See [`Error::Deadlock`].
    Deadlock,
}

impl Error {
    /// The error as the guest sees it.
    ///
    /// ```
    /// use memctl_core::{Code, Error};
    /// assert_eq!(Error::Empty { what: "the window" }.code(), Code::Bounds);
    /// ```
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Misaligned { .. } => Code::Alignment,
            Self::Empty { .. } | Self::Wraps { .. } | Self::OutOfBounds { .. } => Code::Bounds,
            Self::WindowOverlap { .. }
            | Self::RangeOverlap { .. }
            | Self::WindowEdge { .. }
            | Self::Protected { .. } => Code::Overlap,
            Self::Access { .. } | Self::Sealed { .. } => Code::Access,
            Self::NotFound { .. } => Code::NotFound,
            Self::Stale { .. } => Code::Stale,
            Self::Quota { .. } => Code::Quota,
            Self::Unsupported { .. } => Code::Unsupported,
            Self::Busy { .. } => Code::Busy,
            Self::OutOfMemory { .. } => Code::OutOfMemory,
            Self::Io { .. } => Code::Io,
            Self::TimedOut { .. } => Code::TimedOut,
            Self::Deadlock { .. } => Code::Deadlock,
        }
    }
}
