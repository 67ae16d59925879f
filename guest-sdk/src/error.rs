//! Why a call was refused.

use core::fmt;

use crate::WindowBuf;
use crate::bindings::types::ErrorCode;

/// A `Result` whose error is [`enum@Error`].
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// Why a call was refused. A refused call changes nothing that the guest can see, unless its documentation says otherwise.
///
/// ```
/// use memctl_guest::Error;
///
/// assert!(Error::Busy.to_string().contains("try again"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Error {
    /// A window's start, a window's length or an object offset is not a multiple of the granule.
    Alignment,
    /// A range is empty, wraps around, leaves the guest's memory, or starts or ends past the object's end.
    Bounds,
    /// Two windows would share bytes, or a second window would show the same shared writable range.
    Overlap,
    /// The handle doesn't carry the right that the call needs, or the memory is sealed there.
    Access,
    /// No object is published to this guest under that name.
    NotFound,
    /// The mapping, lease or ticket was given up or revoked before.
    Stale,
    /// A quota of this guest or of its domain is used up.
    Quota,
    /// This host, backend, memory or file can't do that.
    Unsupported,
    /// Another holder has a lease that conflicts with the request.
    Busy,
    /// The guest has no room for the window, or the host no memory, address space or file descriptors left.
    OutOfMemory,
    /// The medium under the object failed.
    Io,
    /// The lease that was waited for did not become free in time.
    TimedOut,
    /// Waiting for the lease would never end: whoever is in the way waits for this guest, directly or through others.
    Deadlock,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Alignment => {
                "not aligned: offsets and windows must be multiples of the granule, see `domain::granule`"
            }
            Self::Bounds => {
                "out of bounds: the range is empty or leaves the object, the window or the memory; compare it with `Object::len`"
            }
            Self::Overlap => {
                "overlap: another window shows some of these bytes (unmap it first, or map with leases instead of `automatic`), or they are not of one window"
            }
            Self::Access => {
                "no access: the handle lacks the right (open the file for writing, or map it private), or the memory is sealed there, see `protection::sealed`"
            }
            Self::NotFound => {
                "not found: the embedder published no object of that name to this guest"
            }
            Self::Stale => {
                "stale: it was given up or revoked before; map or acquire again"
            }
            Self::Quota => {
                "quota used up: unmap or drop something, or ask the embedder for more; see `domain::limits` and `domain::usage`"
            }
            Self::Unsupported => {
                "unsupported here: the host's log says why and what would work; see `domain::capabilities`"
            }
            Self::Busy => {
                "busy: another lease conflicts; release your own guards on the range, or try again later"
            }
            Self::OutOfMemory => {
                "out of memory: map less at a time, or unmap something first"
            }
            Self::Io => "input/output error: the medium under the object failed; the host's log has its error",
            Self::TimedOut => "timed out: another lease conflicts still; wait longer, or try again later",
            Self::Deadlock => {
                "deadlock: who holds the lease waits for this guest; release your own guards first, then acquire them in the same order everywhere"
            }
        })
    }
}

impl core::error::Error for Error {}

impl From<ErrorCode> for Error {
    fn from(code: ErrorCode) -> Self {
        match code {
            ErrorCode::Alignment => Self::Alignment,
            ErrorCode::Bounds => Self::Bounds,
            ErrorCode::Overlap => Self::Overlap,
            ErrorCode::Access => Self::Access,
            ErrorCode::NotFound => Self::NotFound,
            ErrorCode::Stale => Self::Stale,
            ErrorCode::Quota => Self::Quota,
            ErrorCode::Unsupported => Self::Unsupported,
            ErrorCode::Busy => Self::Busy,
            ErrorCode::OutOfMemory => Self::OutOfMemory,
            ErrorCode::Io => Self::Io,
            ErrorCode::TimedOut => Self::TimedOut,
            ErrorCode::Deadlock => Self::Deadlock,
        }
    }
}

impl From<Error> for ErrorCode {
    fn from(error: Error) -> Self {
        match error {
            Error::Alignment => Self::Alignment,
            Error::Bounds => Self::Bounds,
            Error::Overlap => Self::Overlap,
            Error::Access => Self::Access,
            Error::NotFound => Self::NotFound,
            Error::Stale => Self::Stale,
            Error::Quota => Self::Quota,
            Error::Unsupported => Self::Unsupported,
            Error::Busy => Self::Busy,
            Error::OutOfMemory => Self::OutOfMemory,
            Error::Io => Self::Io,
            Error::TimedOut => Self::TimedOut,
            Error::Deadlock => Self::Deadlock,
        }
    }
}

#[cfg(feature = "std")]
impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        use std::io::ErrorKind;
        let kind = match error {
            Error::Alignment | Error::Bounds => ErrorKind::InvalidInput,
            Error::Overlap => ErrorKind::AlreadyExists,
            Error::Access => ErrorKind::PermissionDenied,
            Error::NotFound => ErrorKind::NotFound,
            Error::Stale => ErrorKind::StaleNetworkFileHandle,
            Error::Quota => ErrorKind::QuotaExceeded,
            Error::Unsupported => ErrorKind::Unsupported,
            Error::Busy => ErrorKind::ResourceBusy,
            Error::OutOfMemory => ErrorKind::OutOfMemory,
            Error::Io => ErrorKind::Other,
            Error::TimedOut => ErrorKind::TimedOut,
            Error::Deadlock => ErrorKind::Deadlock,
        };
        Self::new(kind, error)
    }
}

/// A window that could not be mapped comes back with the reason, to be used again.
///
/// `?` turns it into an [`enum@Error`] and frees the window.
#[derive(Debug)]
pub struct Refused {
    /// The window, as it was.
    pub window: WindowBuf,
    /// Why nothing was mapped in it.
    pub error: Error,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl core::error::Error for Refused {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(&self.error)
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        refused.error
    }
}

#[cfg(feature = "std")]
impl From<Refused> for std::io::Error {
    fn from(refused: Refused) -> Self {
        refused.error.into()
    }
}
