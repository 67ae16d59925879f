//! Atomic instructions on what a window shows.

use super::guard::BoundWriteGuard;
use super::slot::Slot;
use crate::Result;
use crate::sys::address::Address as _;

#[cfg(doc)]
use crate::Error;

macro_rules! atomic {
    ($number:ident: $load:ident $store:ident $add:ident $sub:ident $and:ident $or:ident $xor:ident $swap:ident $compare_exchange:ident) => {
        impl<S: Slot> BoundWriteGuard<'_, S> {
            /// Loads the number at `offset`, atomically.
            ///
            /// # Errors
            /// [`Error::Bounds`]; [`Error::Alignment`] if its address is not a multiple of its size.
            pub fn $load(&self, offset: u64) -> Result<$number> {
                Ok(self.place().aligned::<$number>(offset)?.$load(self.place().number()))
            }

            /// Stores a number at `offset`, atomically.
            ///
            /// # Errors
            /// [`Error::Bounds`]; [`Error::Alignment`] if its address is not a multiple of its size.
            pub fn $store(&mut self, offset: u64, value: $number) -> Result<()> {
                self.place().aligned::<$number>(offset)?.$store(value, self.place().number());
                Ok(())
            }

            atomic!(@exchange $number: "Adds `value` to the number", $add);
            atomic!(@exchange $number: "Subtracts `value` from the number", $sub);
            atomic!(@exchange $number: "Leaves those bits of the number that `value` has too,", $and);
            atomic!(@exchange $number: "Sets those bits of the number that `value` has", $or);
            atomic!(@exchange $number: "Flips those bits of the number that `value` has", $xor);
            atomic!(@exchange $number: "Puts `value` in the place of the number", $swap);

            /// Puts `new` in the place of the number at `offset` if that is `expected`, atomically. Gives what was there.
            ///
            /// # Errors
            /// [`Error::Bounds`]; [`Error::Alignment`] if its address is not a multiple of its size.
            pub fn $compare_exchange(&mut self, offset: u64, expected: $number, new: $number) -> Result<$number> {
                let at = self.place().aligned::<$number>(offset)?;
                Ok(at.$compare_exchange(expected, new, self.place().number()))
            }
        }
    };
    (@exchange $number:ident: $what:literal, $name:ident) => {
        #[doc = concat!($what, " at `offset`, atomically. Gives what was there.")]
        ///
        /// # Errors
        /// [`Error::Bounds`]; [`Error::Alignment`] if its address is not a multiple of its size.
        pub fn $name(&mut self, offset: u64, value: $number) -> Result<$number> {
            Ok(self.place().aligned::<$number>(offset)?.$name(value, self.place().number()))
        }
    };
}

atomic!(u32: atomic_load_u32 atomic_store_u32 fetch_add_u32 fetch_sub_u32 fetch_and_u32 fetch_or_u32 fetch_xor_u32 swap_u32 compare_exchange_u32);
atomic!(u64: atomic_load_u64 atomic_store_u64 fetch_add_u64 fetch_sub_u64 fetch_and_u64 fetch_or_u64 fetch_xor_u64 swap_u64 compare_exchange_u64);
