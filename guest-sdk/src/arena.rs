//! Values in memory that is reserved at once and committed bit by bit.

use core::fmt;

use crate::sys::Bump;
use crate::{Error, Result};

/// Reserves much and commits little: addresses for as many bytes as there will ever be, of which only those in use have storage, and only those can be touched.
/// Nothing moves when it grows, and all is given back at once.
///
/// A 32-bit guest has 4 GiB of addresses, and hosts may set limits below that; a host reserves address space and gives storage when a granule is
/// first touched. Values aren't dropped, only forgotten: what they own elsewhere is leaked.
///
/// ```no_run
/// use memctl_guest::Arena;
///
/// let mut arena = Arena::reserve(1 << 30)?;
/// for round in 0..10 {
///     let header = arena.alloc((round, "header"))?;
///     let body = arena.alloc_zeroed(100_000)?;
///     body[0] = 1;
///     header.0 += 1;
///     arena.reset()?;
/// }
/// # Ok::<(), memctl_guest::Error>(())
/// ```
pub struct Arena {
    bump: Bump,
}

impl Arena {
    /// Reserves `len` bytes, rounded up to the granule.
    ///
    /// # Errors
    /// [`Error::Bounds`] if `len` is 0; [`Error::Unsupported`] if this host can't protect memory; [`Error::OutOfMemory`] if the guest's memory can't grow so far;
    /// [`Error::Quota`].
    pub fn reserve(len: usize) -> Result<Self> {
        if len == 0 {
            return Err(Error::Bounds);
        }
        Ok(Self { bump: Bump::new(len)? })
    }

    /// Moves `value` here. It is never dropped.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if what was reserved is used up; [`Error::Quota`].
    pub fn alloc<T>(&self, value: T) -> Result<&mut T> {
        self.bump.place(value)
    }

    /// Copies `values` here.
    ///
    /// # Errors
    /// Those of [`alloc`](Self::alloc).
    pub fn alloc_slice<T: Copy>(&self, values: &[T]) -> Result<&mut [T]> {
        self.bump.copy(values)
    }

    /// Copies `text` here.
    ///
    /// # Errors
    /// Those of [`alloc`](Self::alloc).
    #[expect(clippy::missing_panics_doc, reason = "a copy of a string is a string")]
    pub fn alloc_str(&self, text: &str) -> Result<&str> {
        let bytes = self.bump.copy(text.as_bytes())?;
        Ok(str::from_utf8(bytes).expect("it was a string"))
    }

    /// `len` zero bytes: memory that nobody stored to yet, which takes storage only where it is touched.
    ///
    /// # Errors
    /// Those of [`alloc`](Self::alloc).
    pub fn alloc_zeroed(&self, len: usize) -> Result<&mut [u8]> {
        self.bump.zeroed(len)
    }

    /// Forgets all values, and gives all storage back: everything is as after [`reserve`](Self::reserve).
    ///
    /// # Errors
    /// [`Error::Quota`], [`Error::OutOfMemory`]. Storage is not given back then; the values may be forgotten.
    pub fn reset(&mut self) -> Result<()> {
        self.bump.clear(0)
    }

    /// Forgets all values, and gives storage back but that of the first `keep` bytes, in which the next values cost no host calls.
    ///
    /// # Errors
    /// Those of [`reset`](Self::reset).
    pub fn reset_keeping(&mut self, keep: usize) -> Result<()> {
        self.bump.clear(keep)
    }

    /// Bytes that are reserved.
    #[must_use]
    pub fn reserved(&self) -> usize {
        self.bump.reserved()
    }

    /// Bytes that can be touched.
    #[must_use]
    pub fn committed(&self) -> usize {
        self.bump.committed()
    }

    /// Bytes that are in use, and what lies between them.
    #[must_use]
    pub fn used(&self) -> usize {
        self.bump.used()
    }
}

impl fmt::Debug for Arena {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arena")
            .field("used", &self.used())
            .field("committed", &self.committed())
            .field("reserved", &self.reserved())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outside_a_guest_nothing_is_reserved() {
        assert_eq!(Arena::reserve(1 << 20).expect_err("no host"), Error::Unsupported);
        assert_eq!(Arena::reserve(0).expect_err("nothing to reserve"), Error::Bounds);
    }
}
