//! Numbers that are loaded and stored.

use crate::sys::Address;

/// A number that is loaded and stored as a whole, little-endian: `u8` to `u128`, `i8` to `i128`, `f32`, `f64`; and `v128`, if the program is compiled with
/// `simd128`.
pub trait Scalar: Copy + sealed::Scalar {}

pub(crate) mod sealed {
    use crate::sys::Address;

    /// How it is loaded and stored.
    pub trait Scalar: Sized {
        /// Bytes that it takes.
        const SIZE: usize;

        /// From the address in that window.
        fn load<A: Address>(at: A, window: u32) -> Self;
        /// To the address in that window.
        fn store<A: Address>(self, at: A, window: u32);
        /// From the first [`Self::SIZE`] bytes.
        fn from_bytes(bytes: &[u8]) -> Option<Self>;
        /// To the first [`Self::SIZE`] bytes; `None` if there are fewer.
        fn to_bytes(self, bytes: &mut [u8]) -> Option<()>;
    }
}

macro_rules! scalar {
    ($($scalar:ty: |$at:ident, $window:ident| $load:expr, |$value:ident| $store:expr;)+) => {$(
        impl Scalar for $scalar {}

        impl sealed::Scalar for $scalar {
            const SIZE: usize = size_of::<Self>();

            #[inline(always)]
            fn load<A: Address>($at: A, $window: u32) -> Self {
                $load
            }

            #[inline(always)]
            fn store<A: Address>(self, $at: A, $window: u32) {
                let $value = self;
                $store;
            }

            #[inline(always)]
            fn from_bytes(bytes: &[u8]) -> Option<Self> {
                Some(Self::from_le_bytes(*bytes.first_chunk()?))
            }

            #[inline(always)]
            fn to_bytes(self, bytes: &mut [u8]) -> Option<()> {
                *bytes.first_chunk_mut()? = self.to_le_bytes();
                Some(())
            }
        }
    )+};
}

scalar! {
    u8: |at, window| at.load_u8(window), |value| at.store_u8(value, window);
    i8: |at, window| at.load_i8(window), |value| at.store_u8(value.cast_unsigned(), window);
    u16: |at, window| at.load_u16(window), |value| at.store_u16(value, window);
    i16: |at, window| at.load_i16(window), |value| at.store_u16(value.cast_unsigned(), window);
    u32: |at, window| at.load_u32(window), |value| at.store_u32(value, window);
    i32: |at, window| at.load_u32(window).cast_signed(), |value| at.store_u32(value.cast_unsigned(), window);
    u64: |at, window| at.load_u64(window), |value| at.store_u64(value, window);
    i64: |at, window| at.load_u64(window).cast_signed(), |value| at.store_u64(value.cast_unsigned(), window);
    f32: |at, window| at.load_f32(window), |value| at.store_f32(value, window);
    f64: |at, window| at.load_f64(window), |value| at.store_f64(value, window);
    u128: |at, window| {
        let mut bytes = [0; 16];
        at.copy_out(&mut bytes, window);
        Self::from_le_bytes(bytes)
    }, |value| at.copy_in(&value.to_le_bytes(), window);
    i128: |at, window| u128::load(at, window).cast_signed(), |value| value.cast_unsigned().store(at, window);
}

#[cfg(target_feature = "simd128")]
mod simd {
    //! The 128 bits of `simd128`. Rust can't pass them to an imported function, so that they go in two halves.

    use core::arch::wasm32::{u64x2, u64x2_extract_lane, v128};

    use super::{Scalar, sealed};
    use crate::sys::Address;

    fn vector(number: u128) -> v128 {
        let bytes = number.to_le_bytes();
        let (halves, _) = bytes.as_chunks::<8>();
        u64x2(u64::from_le_bytes(halves[0]), u64::from_le_bytes(halves[1]))
    }

    fn number(vector: v128) -> u128 {
        u128::from(u64x2_extract_lane::<1>(vector)) << 64 | u128::from(u64x2_extract_lane::<0>(vector))
    }

    impl Scalar for v128 {}

    impl sealed::Scalar for v128 {
        const SIZE: usize = size_of::<Self>();

        #[inline(always)]
        fn load<A: Address>(at: A, window: u32) -> Self {
            vector(u128::load(at, window))
        }

        #[inline(always)]
        fn store<A: Address>(self, at: A, window: u32) {
            number(self).store(at, window);
        }

        fn from_bytes(bytes: &[u8]) -> Option<Self> {
            u128::from_bytes(bytes).map(vector)
        }

        fn to_bytes(self, bytes: &mut [u8]) -> Option<()> {
            number(self).to_bytes(bytes)
        }
    }
}
