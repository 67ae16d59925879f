//! Loads, stores and copies in windows that are extra memories.
//!
//! No byte of such a window is ever behind a reference, so that none of this concerns the rules of [`super`]: the host may change them at any time.
//! Everything here is inlined, so that the window's number is a constant where a call is made, and the linker can put an instruction in its place.

use core::cmp::Ordering;

use super::imports::{self, narrow, wide};

/// An address in a window: `u32`, or `u64` in a window with 64-bit addresses.
pub trait Address: Copy + Into<u64> + sealed::Address {}

impl Address for u32 {}
impl Address for u64 {}

pub(crate) mod sealed {
    /// What the address can be used for.
    pub trait Address: Sized {
        /// The address, which is known to fit.
        fn of(at: u64) -> Self;

        fn load_u8(self, window: u32) -> u8;
        fn load_i8(self, window: u32) -> i8;
        fn load_u16(self, window: u32) -> u16;
        fn load_i16(self, window: u32) -> i16;
        fn load_u32(self, window: u32) -> u32;
        fn load_u64(self, window: u32) -> u64;
        fn load_f32(self, window: u32) -> f32;
        fn load_f64(self, window: u32) -> f64;
        fn store_u8(self, value: u8, window: u32);
        fn store_u16(self, value: u16, window: u32);
        fn store_u32(self, value: u32, window: u32);
        fn store_u64(self, value: u64, window: u32);
        fn store_f32(self, value: f32, window: u32);
        fn store_f64(self, value: f64, window: u32);

        fn atomic_load_u32(self, window: u32) -> u32;
        fn atomic_load_u64(self, window: u32) -> u64;
        fn atomic_store_u32(self, value: u32, window: u32);
        fn atomic_store_u64(self, value: u64, window: u32);
        fn fetch_add_u32(self, value: u32, window: u32) -> u32;
        fn fetch_add_u64(self, value: u64, window: u32) -> u64;
        fn fetch_sub_u32(self, value: u32, window: u32) -> u32;
        fn fetch_sub_u64(self, value: u64, window: u32) -> u64;
        fn fetch_and_u32(self, value: u32, window: u32) -> u32;
        fn fetch_and_u64(self, value: u64, window: u32) -> u64;
        fn fetch_or_u32(self, value: u32, window: u32) -> u32;
        fn fetch_or_u64(self, value: u64, window: u32) -> u64;
        fn fetch_xor_u32(self, value: u32, window: u32) -> u32;
        fn fetch_xor_u64(self, value: u64, window: u32) -> u64;
        fn swap_u32(self, value: u32, window: u32) -> u32;
        fn swap_u64(self, value: u64, window: u32) -> u64;
        fn compare_exchange_u32(self, expected: u32, new: u32, window: u32) -> u32;
        fn compare_exchange_u64(self, expected: u64, new: u64, window: u32) -> u64;

        fn copy_in(self, bytes: &[u8], window: u32);
        fn copy_out(self, bytes: &mut [u8], window: u32);
        fn compare(self, with: &[u8], window: u32) -> i32;
        fn copy_between(self, from: Self, len: Self, window: u32, from_window: u32);
        fn fill(self, byte: u8, len: Self, window: u32);
    }
}

macro_rules! address {
    ($address:ident, $import:ident) => {
        impl sealed::Address for $address {
            #[inline(always)]
            #[expect(clippy::allow_attributes, reason = "for one of two addresses")]
            #[allow(clippy::cast_possible_truncation, reason = "it is known to fit")]
            fn of(at: u64) -> Self {
                at as Self
            }

            address!(@load $import: load_u32 u32, load_u64 u64, load_f32 f32, load_f64 f64, atomic_load_u32 u32, atomic_load_u64 u64);
            address!(@load_part $import: load_u8 u8, load_i8 i8, load_u16 u16, load_i16 i16);
            address!(@store $import: store_u8 u8, store_u16 u16, store_u32 u32, store_u64 u64, store_f32 f32, store_f64 f64);
            address!(@store $import: atomic_store_u32 u32, atomic_store_u64 u64);
            address!(@exchange $import: fetch_add_u32 u32, fetch_add_u64 u64, fetch_sub_u32 u32, fetch_sub_u64 u64, fetch_and_u32 u32);
            address!(@exchange $import: fetch_and_u64 u64, fetch_or_u32 u32, fetch_or_u64 u64, fetch_xor_u32 u32, fetch_xor_u64 u64);
            address!(@exchange $import: swap_u32 u32, swap_u64 u64);

            #[inline(always)]
            fn compare_exchange_u32(self, expected: u32, new: u32, window: u32) -> u32 {
                $import::compare_exchange_u32(self, expected, new, window)
            }

            #[inline(always)]
            fn compare_exchange_u64(self, expected: u64, new: u64, window: u32) -> u64 {
                $import::compare_exchange_u64(self, expected, new, window)
            }

            #[inline(always)]
            fn copy_in(self, bytes: &[u8], window: u32) {
                // SAFETY: only `bytes` is read.
                unsafe { $import::copy_in(self, bytes.as_ptr(), Self::of(bytes.len() as u64), window) }
            }

            #[inline(always)]
            fn copy_out(self, bytes: &mut [u8], window: u32) {
                // SAFETY: only `bytes` is written, and any bytes will do.
                unsafe { $import::copy_out(bytes.as_mut_ptr(), self, Self::of(bytes.len() as u64), window) }
            }

            #[inline(always)]
            fn compare(self, with: &[u8], window: u32) -> i32 {
                // SAFETY: only `with` is read.
                unsafe { $import::compare(self, with.as_ptr(), Self::of(with.len() as u64), window) }
            }

            #[inline(always)]
            fn copy_between(self, from: Self, len: Self, window: u32, from_window: u32) {
                $import::copy_between(self, from, len, window, from_window);
            }

            #[inline(always)]
            fn fill(self, byte: u8, len: Self, window: u32) {
                $import::fill(self, byte.into(), len, window);
            }
        }
    };
    (@load $import:ident: $($name:ident $value:ty),+) => {$(
        #[inline(always)]
        fn $name(self, window: u32) -> $value {
            $import::$name(self, window)
        }
    )+};
    (@load_part $import:ident: $($name:ident $value:ty),+) => {$(
        #[inline(always)]
        #[expect(clippy::cast_possible_truncation, reason = "the function gives no more")]
        fn $name(self, window: u32) -> $value {
            $import::$name(self, window) as $value
        }
    )+};
    (@store $import:ident: $($name:ident $value:ty),+) => {$(
        #[inline(always)]
        fn $name(self, value: $value, window: u32) {
            $import::$name(self, value.into(), window);
        }
    )+};
    (@exchange $import:ident: $($name:ident $value:ty),+) => {$(
        #[inline(always)]
        fn $name(self, value: $value, window: u32) -> $value {
            $import::$name(self, value, window)
        }
    )+};
}

address!(u32, narrow);
address!(u64, wide);

/// The host may have put the window's bytes somewhere else: the engine looks again.
pub(crate) fn settle(window: u32) {
    imports::settle(window);
}

/// What [`sealed::Address::compare`] says.
pub(crate) fn ordering(compared: i32) -> Ordering {
    compared.cmp(&0)
}
