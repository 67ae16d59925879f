//! Bytes that references can point to.

use core::cell::Cell;
use core::cmp::Ordering;
use core::ops::Range;

use super::{Scalar, View, ViewMut, check, check_part};
use crate::{Error, Result};

/// An offset that is known to be inside a slice.
#[inline(always)]
fn index(offset: u64) -> Result<usize> {
    usize::try_from(offset).map_err(|_| Error::Bounds)
}

impl View for [u8] {
    #[inline(always)]
    fn size(&self) -> u64 {
        self.len() as u64
    }

    #[inline(always)]
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Result<()> {
        check_part(offset, bytes.len(), self.size())?;
        bytes.copy_from_slice(&self[index(offset)?..][..bytes.len()]);
        Ok(())
    }

    #[inline(always)]
    fn load<T: Scalar>(&self, offset: u64) -> Result<T> {
        self.get(index(offset)?..).and_then(T::from_bytes).ok_or(Error::Bounds)
    }

    fn compare(&self, offset: u64, bytes: &[u8]) -> Result<Ordering> {
        check_part(offset, bytes.len(), self.size())?;
        Ok(self[index(offset)?..][..bytes.len()].cmp(bytes))
    }

    fn as_slice(&self) -> Option<&[u8]> {
        Some(self)
    }
}

impl ViewMut for [u8] {
    #[inline(always)]
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        check_part(offset, bytes.len(), self.size())?;
        self[index(offset)?..][..bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    #[inline(always)]
    fn store<T: Scalar>(&mut self, offset: u64, value: T) -> Result<()> {
        self.get_mut(index(offset)?..).and_then(|bytes| value.to_bytes(bytes)).ok_or(Error::Bounds)
    }

    fn fill_range(&mut self, range: Range<u64>, byte: u8) -> Result<()> {
        check(&range, self.size())?;
        self[index(range.start)?..index(range.end)?].fill(byte);
        Ok(())
    }

    fn copy_range(&mut self, from: Range<u64>, to: u64) -> Result<()> {
        let len = check(&from, self.size())?;
        check(&(to..to.checked_add(len).ok_or(Error::Bounds)?), self.size())?;
        self.copy_within(index(from.start)?..index(from.end)?, index(to)?);
        Ok(())
    }
}

/// An automatic mapping's bytes: [`MappingMut::cells`](crate::MappingMut::cells).
impl View for [Cell<u8>] {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Result<()> {
        check_part(offset, bytes.len(), self.size())?;
        bytes.iter_mut().zip(&self[index(offset)?..]).for_each(|(byte, cell)| *byte = cell.get());
        Ok(())
    }

    fn load<T: Scalar>(&self, offset: u64) -> Result<T> {
        let mut bytes = [0; 16];
        self.read_at(offset, &mut bytes[..T::SIZE])?;
        T::from_bytes(&bytes).ok_or(Error::Bounds)
    }

    fn compare(&self, offset: u64, bytes: &[u8]) -> Result<Ordering> {
        check_part(offset, bytes.len(), self.size())?;
        let cells = self[index(offset)?..][..bytes.len()].iter().map(Cell::get);
        Ok(cells.cmp(bytes.iter().copied()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_inside_a_slice_is_refused_and_changes_nothing() {
        let mut bytes = [1_u8, 2, 3, 4];
        let view = &mut bytes[..];
        let mut three = [9; 3];
        assert_eq!(view.read_at(2, &mut three), Err(Error::Bounds));
        assert_eq!(three, [9; 3]);
        assert_eq!(view.load::<u32>(1), Err(Error::Bounds));
        assert_eq!(view.load::<u8>(u64::MAX), Err(Error::Bounds));
        assert_eq!(view.compare(2, &[9, 9, 9]), Err(Error::Bounds));
        assert_eq!(view.write_at(3, &[7, 7]), Err(Error::Bounds));
        assert_eq!(view.store(3, 7_u16), Err(Error::Bounds));
        assert_eq!(view.fill_range(1..5, 7), Err(Error::Bounds));
        assert_eq!(view.copy_range(0..2, u64::MAX), Err(Error::Bounds));
        assert_eq!(view.copy_range(0..2, 3), Err(Error::Bounds));
        #[expect(clippy::reversed_empty_ranges, reason = "that is the point")]
        let reversed = view.fill_range(2..1, 7);
        assert_eq!(reversed, Err(Error::Bounds));
        assert_eq!(bytes, [1, 2, 3, 4]);
    }

    #[test]
    fn numbers_are_little_endian_at_any_offset() {
        let mut bytes = [0_u8; 20];
        let view = &mut bytes[..];
        view.store(1, 0x0102_0304_u32).expect("fits");
        view.store(4, -2_i128).expect("fits");
        assert_eq!(view.load::<u8>(1), Ok(4));
        assert_eq!(view.load::<i16>(4), Ok(-2));
        let cells = Cell::from_mut(view).as_slice_of_cells();
        assert_eq!(View::load::<u32>(cells, 1), Ok(0xfe02_0304));
        assert_eq!(cells.compare(1, &[4, 3, 2, 0xff]), Ok(Ordering::Less));
    }
}
