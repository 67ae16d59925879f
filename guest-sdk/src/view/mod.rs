//! What mappings and windows have in common, so that code can be written once for both.

mod blocks;
mod cursor;
mod guards;
mod scalar;
mod slices;

use core::cmp::Ordering;
use core::ops::Range;

use crate::{Error, Result};

pub use blocks::Blocks;
pub use cursor::Cursor;
pub use scalar::Scalar;

/// Bytes that can be read, wherever they are: in a slice, under the guard of a [`Mapping`](crate::Mapping), or under that of a
/// [`Window`](crate::Window), which no reference can point into.
///
/// Offsets and lengths are in bytes from the view's beginning, and have 64 bits: what a window shows can be longer than this guest's memory.
///
/// ```
/// use memctl_guest::{Result, View};
///
/// fn checksum(bytes: &(impl View + ?Sized)) -> Result<u64> {
///     let mut sum = 0_u64;
///     let mut blocks = bytes.blocks(4096);
///     while let Some(block) = blocks.next()? {
///         sum += block.iter().map(|byte| u64::from(*byte)).sum::<u64>();
///     }
///     Ok(sum)
/// }
///
/// assert_eq!(checksum(&[1_u8, 2, 3][..])?, 6);
/// # Ok::<(), memctl_guest::Error>(())
/// ```
pub trait View {
    /// Length in bytes. It is not called `len` so that slices keep theirs.
    fn size(&self) -> u64;

    /// Reads `bytes.len()` bytes from `offset` on.
    ///
    /// # Errors
    /// [`Error::Bounds`] if the view has fewer: nothing is read then.
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Result<()>;

    /// Reads a number, little-endian.
    ///
    /// # Errors
    /// [`Error::Bounds`] if it is not all inside the view.
    fn load<T: Scalar>(&self, offset: u64) -> Result<T>;

    /// Compares the bytes from `offset` on with `bytes`, the first of them that differ.
    ///
    /// # Errors
    /// [`Error::Bounds`] if the view has fewer bytes, even if an earlier one differs.
    fn compare(&self, offset: u64, bytes: &[u8]) -> Result<Ordering>;

    /// The bytes, if a reference can point to them.
    fn as_slice(&self) -> Option<&[u8]> {
        None
    }

    /// Goes through all bytes, `len` at a time. One buffer serves for all blocks, or none if the bytes can be lent as they are.
    ///
    /// # Panics
    /// If `len` is 0.
    fn blocks(&self, len: usize) -> Blocks<'_, Self> {
        Blocks::new(self, len)
    }

    /// A place in the view that moves on as it is read: `std::io`'s `Read`, `BufRead` and `Seek`.
    fn cursor(&self) -> Cursor<&Self> {
        Cursor::new(self)
    }
}

/// Bytes that can be read and written, wherever they are.
///
/// ```
/// use memctl_guest::{Result, View, ViewMut};
///
/// fn stamp(frame: &mut (impl ViewMut + ?Sized), number: u32) -> Result<()> {
///     frame.fill_range(0..16, 0)?;
///     frame.store(4, number)
/// }
///
/// let mut frame = [0xff_u8; 32];
/// stamp(&mut frame[..], 7)?;
/// assert_eq!(frame.load::<u64>(0)?, 7 << 32);
/// # Ok::<(), memctl_guest::Error>(())
/// ```
pub trait ViewMut: View {
    /// Writes `bytes` from `offset` on.
    ///
    /// # Errors
    /// [`Error::Bounds`] if they don't fit: nothing is written then.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<()>;

    /// Writes a number, little-endian.
    ///
    /// # Errors
    /// [`Error::Bounds`] if it doesn't fit.
    fn store<T: Scalar>(&mut self, offset: u64, value: T) -> Result<()>;

    /// Makes each byte of a range `byte`.
    ///
    /// # Errors
    /// [`Error::Bounds`] if the range is not inside the view: nothing is written then.
    fn fill_range(&mut self, range: Range<u64>, byte: u8) -> Result<()>;

    /// Copies a range of the view to `to`. They may overlap.
    ///
    /// # Errors
    /// [`Error::Bounds`] if either is not inside the view: nothing is written then.
    fn copy_range(&mut self, from: Range<u64>, to: u64) -> Result<()>;

    /// Copies a range of another view to `to`.
    ///
    /// # Errors
    /// [`Error::Bounds`] if either is not inside its view: nothing is written then. What reading `from` says.
    fn copy_from<V: View + ?Sized>(&mut self, to: u64, from: &V, range: Range<u64>) -> Result<()> {
        let len = check(&range, from.size())?;
        check(&(to..to.checked_add(len).ok_or(Error::Bounds)?), self.size())?;
        if let Some(bytes) = from.as_slice() {
            return self.write_at(to, slice(bytes, &range)?);
        }
        let mut buffer = [0; 512];
        let mut done = 0;
        while done < len {
            let part = usize::try_from(len - done).map_or(buffer.len(), |rest| rest.min(buffer.len()));
            from.read_at(range.start + done, &mut buffer[..part])?;
            self.write_at(to + done, &buffer[..part])?;
            done += part as u64;
        }
        Ok(())
    }
}

impl<V: View + ?Sized> View for &V {
    #[inline(always)]
    fn size(&self) -> u64 {
        (**self).size()
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Result<()> {
        (**self).read_at(offset, bytes)
    }

    #[inline(always)]
    fn load<T: Scalar>(&self, offset: u64) -> Result<T> {
        (**self).load(offset)
    }

    fn compare(&self, offset: u64, bytes: &[u8]) -> Result<Ordering> {
        (**self).compare(offset, bytes)
    }

    fn as_slice(&self) -> Option<&[u8]> {
        (**self).as_slice()
    }
}

impl<V: View + ?Sized> View for &mut V {
    #[inline(always)]
    fn size(&self) -> u64 {
        (**self).size()
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Result<()> {
        (**self).read_at(offset, bytes)
    }

    #[inline(always)]
    fn load<T: Scalar>(&self, offset: u64) -> Result<T> {
        (**self).load(offset)
    }

    fn compare(&self, offset: u64, bytes: &[u8]) -> Result<Ordering> {
        (**self).compare(offset, bytes)
    }

    fn as_slice(&self) -> Option<&[u8]> {
        (**self).as_slice()
    }
}

impl<V: ViewMut + ?Sized> ViewMut for &mut V {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        (**self).write_at(offset, bytes)
    }

    #[inline(always)]
    fn store<T: Scalar>(&mut self, offset: u64, value: T) -> Result<()> {
        (**self).store(offset, value)
    }

    fn fill_range(&mut self, range: Range<u64>, byte: u8) -> Result<()> {
        (**self).fill_range(range, byte)
    }

    fn copy_range(&mut self, from: Range<u64>, to: u64) -> Result<()> {
        (**self).copy_range(from, to)
    }
}

/// Length of a range, if it is one inside `len` bytes.
#[inline(always)]
pub(crate) fn check(range: &Range<u64>, len: u64) -> Result<u64> {
    if range.start <= range.end && range.end <= len { Ok(range.end - range.start) } else { Err(Error::Bounds) }
}

/// As `check`, of `part` bytes from `offset` on.
#[inline(always)]
pub(crate) fn check_part(offset: u64, part: usize, len: u64) -> Result<()> {
    if offset <= len && part as u64 <= len - offset { Ok(()) } else { Err(Error::Bounds) }
}

/// A range of a slice.
fn slice<'a>(bytes: &'a [u8], range: &Range<u64>) -> Result<&'a [u8]> {
    check(range, bytes.len() as u64)?;
    let at = |offset: u64| usize::try_from(offset).map_err(|_| Error::Bounds);
    bytes.get(at(range.start)?..at(range.end)?).ok_or(Error::Bounds)
}
