//! The domain's answers as `std::io::Error`.

use std::fmt;
use std::io::{self, ErrorKind};
use std::ops::Range;

use memctl_guest::Error;

/// What was asked for, and why there is no such thing.
#[derive(Debug)]
struct Refusal {
    asked: String,
    why: Error,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.asked, self.why)
    }
}

impl std::error::Error for Refusal {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.why)
    }
}

/// The error of a call that was asked for something: a kind to match on, and a text with the numbers.
pub(super) fn refused(asked: impl Into<String>, why: Error) -> io::Error {
    io::Error::new(io::Error::from(why).kind(), Refusal { asked: asked.into(), why })
}

/// Names the bytes of a file that a map has, and the whole granules that they take.
pub(super) fn bytes(asked: &Range<u64>, granules: &Range<u64>) -> String {
    let whole = format!("whole granules: {} to {}", granules.start, granules.end);
    format!("bytes {} to {} of a file ({whole})", asked.start, asked.end)
}

/// A second window would show bytes that a live one shows, and can't be had.
pub(super) fn overlap(asked: &Range<u64>, granules: &Range<u64>) -> io::Error {
    let text = format!(
        "{} can't be mapped: a live map has some of these granules in a window of its own, and one of the two can be written. \
         Drop that map first, or grow it with `remap`, or map the largest range first: maps inside it share its window",
        bytes(asked, granules)
    );
    io::Error::new(ErrorKind::ResourceBusy, text)
}

/// The file was opened for reading only.
pub(super) fn not_writable() -> io::Error {
    io::Error::new(
        ErrorKind::PermissionDenied,
        "the file was opened without write access: it can't be mapped shared and writable",
    )
}

/// There is no executable memory in WebAssembly.
pub(super) fn not_executable() -> io::Error {
    io::Error::new(ErrorKind::Unsupported, "memory can't be executed in WebAssembly")
}

pub(super) fn out_of_range() -> io::Error {
    ErrorKind::InvalidInput.into()
}

pub(super) fn too_long() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "memory map length overflows isize")
}
