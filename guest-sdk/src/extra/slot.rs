//! Which window, and how wide its addresses are: known when the program is compiled, or not.

use core::fmt::Debug;

use crate::sys::Address;

/// Which window, and how wide its addresses are.
pub trait Slot: Copy + Debug + sealed::Slot {
    /// An address in the window.
    type Address: Address;

    /// The window's number, from 1 on.
    fn number(self) -> u32;
}

/// Window `K`, with 32-bit addresses: where a loop stands, an access to it is one instruction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Number<const K: u32>;

/// Window `K`, with 64-bit addresses: where a loop stands, an access to it is one instruction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Number64<const K: u32>;

/// A window whose number is known at run time. Each access looks for the window's instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbered(pub(super) u32);

impl<const K: u32> Slot for Number<K> {
    type Address = u32;

    #[inline(always)]
    fn number(self) -> u32 {
        K
    }
}

impl<const K: u32> Slot for Number64<K> {
    type Address = u64;

    #[inline(always)]
    fn number(self) -> u32 {
        K
    }
}

impl Slot for Numbered {
    type Address = u64;

    #[inline(always)]
    fn number(self) -> u32 {
        self.0
    }
}

pub(super) mod sealed {
    /// How far addresses reach.
    pub trait Slot {
        /// The first address that is none.
        const END: u64;
    }

    impl<const K: u32> Slot for super::Number<K> {
        const END: u64 = 1 << 32;
    }

    impl<const K: u32> Slot for super::Number64<K> {
        const END: u64 = u64::MAX;
    }

    impl Slot for super::Numbered {
        const END: u64 = u64::MAX;
    }
}
