//! The guards of mappings as views.

use core::cmp::Ordering;
use core::ops::Range;

use super::{Scalar, View, ViewMut};
use crate::{ReadGuard, Result, UpgradableGuard, WriteGuard};

macro_rules! view {
    ($($guard:ident)+) => {$(
        impl View for $guard<'_> {
            #[inline(always)]
            fn size(&self) -> u64 {
                (**self).size()
            }

            #[inline(always)]
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
                Some(self)
            }
        }
    )+};
}

view!(ReadGuard UpgradableGuard WriteGuard);

impl ViewMut for WriteGuard<'_> {
    #[inline(always)]
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
