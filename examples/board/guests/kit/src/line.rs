//! Lines, put together without `core::fmt`, which would be half of each of these programs.

use memctl_guest::Error;

use crate::generated::wasi::cli::stdout::get_stdout;

/// A line that is being put together. What is longer than it can be is cut off.
pub struct Line {
    bytes: [u8; 128],
    // Invariant: at most the length of `bytes`.
    len: usize,
}

impl Line {
    /// An empty one.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: [0; 128], len: 0 }
    }

    /// Adds text at its end.
    #[inline(never)]
    pub fn push(&mut self, text: &[u8]) {
        for byte in text {
            if let Some(place) = self.bytes.get_mut(self.len) {
                *place = *byte;
                self.len += 1;
            }
        }
    }

    /// Prints it.
    #[inline(never)]
    pub fn print(&mut self) {
        self.push(b"\n");
        // Nobody is left to be told that the console is gone.
        let _ = get_stdout().blocking_write_and_flush(self.bytes.get(..self.len).unwrap_or_default());
    }
}

impl Default for Line {
    fn default() -> Self {
        Self::new()
    }
}

/// What can be part of a line.
pub trait Part {
    /// Adds it, as text.
    fn add_to(self, line: &mut Line);
}

impl Part for &str {
    fn add_to(self, line: &mut Line) {
        line.push(self.as_bytes());
    }
}

impl Part for &[u8] {
    fn add_to(self, line: &mut Line) {
        line.push(self);
    }
}

impl Part for u64 {
    #[inline(never)]
    fn add_to(self, line: &mut Line) {
        if self > 9 {
            (self / 10).add_to(line);
        }
        line.push(&[b'0' + (self % 10).to_le_bytes()[0]]);
    }
}

impl Part for usize {
    fn add_to(self, line: &mut Line) {
        (self as u64).add_to(line);
    }
}

impl Part for bool {
    fn add_to(self, line: &mut Line) {
        if self { "yes" } else { "no" }.add_to(line);
    }
}

/// By name: what `Display` says would take more room than the rest of the program.
impl Part for Error {
    #[inline(never)]
    fn add_to(self, line: &mut Line) {
        match self {
            Self::Alignment => "alignment",
            Self::Bounds => "bounds",
            Self::Overlap => "overlap",
            Self::Access => "access",
            Self::NotFound => "not found",
            Self::Stale => "stale",
            Self::Quota => "quota",
            Self::Unsupported => "unsupported",
            Self::Busy => "busy",
            Self::OutOfMemory => "out of memory",
            Self::Io => "io",
            Self::TimedOut => "timed out",
            Self::Deadlock => "deadlock",
        }
        .add_to(line);
    }
}

/// Why something was refused, or that it wasn't.
impl<T> Part for Result<T, Error> {
    fn add_to(self, line: &mut Line) {
        match self {
            Ok(_) => "not refused".add_to(line),
            Err(error) => error.add_to(line),
        }
    }
}
