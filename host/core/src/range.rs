//! Ranges that somebody names, before and after they are believed.

use crate::Error;

/// A range of bytes that is not empty and does not wrap around. What it lies in, and whether it lies there, is up to
/// the holder: see [`Span::within`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Span {
    start: u64,
    // Invariant: not 0, and `start + len` does not overflow.
    len: u64,
}

impl Span {
    /// Checks a range as claimed: `len` bytes from `start` on. `what` names it in the error.
    ///
    /// # Errors
    /// [`Error::Empty`], or [`Error::Wraps`] if its end does not fit in 64 bits.
    ///
    /// ```
    /// use memctl_core::{Error, Span};
    /// assert!(Span::claim("the window", 4096, 4096).is_ok());
    /// assert_eq!(Span::claim("the window", 4096, 0), Err(Error::Empty { what: "the window" }));
    /// assert!(matches!(Span::claim("the window", 1, u64::MAX), Err(Error::Wraps { .. })));
    /// ```
    pub fn claim(what: &'static str, start: u64, len: u64) -> Result<Self, Error> {
        if len == 0 {
            return Err(Error::Empty { what });
        }
        if start.checked_add(len).is_none() {
            return Err(Error::Wraps { what, start, len });
        }
        Ok(Self { start, len })
    }

    /// First byte.
    #[must_use]
    pub fn start(self) -> u64 {
        self.start
    }

    /// Length in bytes, at least 1.
    #[expect(clippy::len_without_is_empty, reason = "a span is never empty")]
    #[must_use]
    pub fn len(self) -> u64 {
        self.len
    }

    /// The byte after the last.
    #[must_use]
    pub fn end(self) -> u64 {
        self.start + self.len
    }

    /// Its bytes from number `from` up to number `to`, if there are any.
    ///
    /// ```
    /// use memctl_core::Span;
    /// let window = Span::claim("the window", 4096, 8192)?;
    /// assert_eq!(window.cut(4096, 10_000), Some(Span::claim("its second half", 8192, 4096)?));
    /// assert_eq!(window.cut(8192, 10_000), None);
    /// # Ok::<(), memctl_core::Error>(())
    /// ```
    #[must_use]
    pub fn cut(self, from: u64, to: u64) -> Option<Self> {
        let to = to.min(self.len);
        (from < to).then(|| Self { start: self.start + from, len: to - from })
    }

    /// The bytes that the two have in common, if there are any.
    #[must_use]
    pub fn common(self, other: Self) -> Option<Self> {
        let start = self.start.max(other.start);
        let end = self.end().min(other.end());
        (start < end).then(|| Self { start, len: end - start })
    }

    /// Whether the two have a byte in common.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.start < other.end() && other.start < self.end()
    }

    /// Whether every byte of `self` is one of `other`'s.
    #[must_use]
    pub fn inside(self, other: Self) -> bool {
        other.start <= self.start && self.end() <= other.end()
    }

    /// The span itself, if it ends at or before `limit`.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`], calling the span `what`.
    pub fn within(self, what: &'static str, limit: u64) -> Result<Self, Error> {
        if self.end() > limit {
            return Err(Error::OutOfBounds { what, start: self.start, len: self.len, limit });
        }
        Ok(self)
    }
}

/// The alignment and size unit of a domain's mappings: a power of two, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Granule(
    // Invariant: a power of two.
    u64,
);

impl Granule {
    /// What most host pages are: 4096 bytes.
    pub const DEFAULT: Self = Self(4096);

    /// A granule of `bytes`, or `None` unless that is a power of two.
    #[must_use]
    pub fn new(bytes: u64) -> Option<Self> {
        bytes.is_power_of_two().then_some(Self(bytes))
    }

    /// In bytes.
    #[must_use]
    pub fn bytes(self) -> u64 {
        self.0
    }

    /// `value`, if it is a multiple of the granule.
    ///
    /// # Errors
    /// [`Error::Misaligned`], calling the value `what`.
    pub fn aligned(self, what: &'static str, value: u64) -> Result<u64, Error> {
        if !value.is_multiple_of(self.0) {
            return Err(Error::Misaligned { what, value, granule: self.0 });
        }
        Ok(value)
    }

    /// The whole granules that a span has bytes in.
    ///
    /// # Errors
    /// [`Error::Wraps`] if the last one does not end within 64 bits.
    pub fn cover(self, span: Span) -> Result<Span, Error> {
        let start = span.start() - span.start() % self.0;
        Span::claim("the granules", start, self.round_up(span.end()) - start)
    }

    /// The next multiple at or above `value`; [`u64::MAX`] if there is none.
    #[must_use]
    pub fn round_up(self, value: u64) -> u64 {
        value.checked_next_multiple_of(self.0).unwrap_or(u64::MAX)
    }
}
