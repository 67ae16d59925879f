//! What a block's bytes are taken for.

use core::ptr::NonNull;

use bytemuck::Pod;

use crate::{Error, Result};

/// What a block can be: one value of a [`Pod`] type, or a slice of them.
///
/// Plain old data: every byte belongs to the value, any bytes are one, and there are no pointers. What other guests store is then a value in any case.
pub trait Shape: sealed::Shape {}

impl<T: Pod> Shape for T {}
impl<T: Pod> Shape for [T] {}

pub(crate) mod sealed {
    use super::{NonNull, Pod, Result, check};

    pub trait Shape {
        /// Whether a block of so many bytes there can be one.
        ///
        /// # Errors
        /// [`Error::Bounds`](crate::Error::Bounds) for a length, [`Error::Alignment`](crate::Error::Alignment) for a place that no such value has.
        fn fits(place: (NonNull<u8>, usize)) -> Result<()>;

        /// # Panics
        /// If it doesn't fit.
        fn of(bytes: &[u8]) -> &Self;

        /// # Panics
        /// If it doesn't fit.
        fn of_mut(bytes: &mut [u8]) -> &mut Self;
    }

    impl<T: Pod> Shape for T {
        fn fits(place: (NonNull<u8>, usize)) -> Result<()> {
            check::<T>(place, |len| len == size_of::<T>())
        }

        fn of(bytes: &[u8]) -> &Self {
            bytemuck::from_bytes(bytes)
        }

        fn of_mut(bytes: &mut [u8]) -> &mut Self {
            bytemuck::from_bytes_mut(bytes)
        }
    }

    impl<T: Pod> Shape for [T] {
        fn fits(place: (NonNull<u8>, usize)) -> Result<()> {
            check::<T>(place, |len| len.checked_rem(size_of::<T>()) == Some(0))
        }

        fn of(bytes: &[u8]) -> &Self {
            bytemuck::cast_slice(bytes)
        }

        fn of_mut(bytes: &mut [u8]) -> &mut Self {
            bytemuck::cast_slice_mut(bytes)
        }
    }
}

fn check<T>((start, len): (NonNull<u8>, usize), fits: impl Fn(usize) -> bool) -> Result<()> {
    if !fits(len) {
        return Err(Error::Bounds);
    }
    if start.addr().get().is_multiple_of(align_of::<T>()) { Ok(()) } else { Err(Error::Alignment) }
}

#[cfg(test)]
mod tests {
    use super::sealed::Shape;
    use super::*;

    fn place(at: usize, len: usize) -> (NonNull<u8>, usize) {
        (NonNull::without_provenance(core::num::NonZero::new(at).expect("not null")), len)
    }

    #[test]
    fn a_block_is_taken_for_what_it_can_be_only() {
        assert_eq!(u32::fits(place(64, 4)), Ok(()));
        assert_eq!(u32::fits(place(64, 8)), Err(Error::Bounds));
        assert_eq!(u32::fits(place(66, 4)), Err(Error::Alignment));
        assert_eq!(<[u32]>::fits(place(64, 8)), Ok(()));
        assert_eq!(<[u32]>::fits(place(64, 7)), Err(Error::Bounds));
        assert_eq!(<[u32]>::fits(place(65, 8)), Err(Error::Alignment));
        assert_eq!(<[u8]>::fits(place(65, 7)), Ok(()));
        assert_eq!(<[()]>::fits(place(64, 8)), Err(Error::Bounds));
    }
}
