//! The twin of `imports.rs` where no program has windows: nobody gets one, so nobody gets here.

macro_rules! absent {
    ($name:ident, $address:ty) => {
        pub(super) mod $name {
            absent!(@load $address: load_u8 u32, load_i8 i32, load_u16 u32, load_i16 i32, load_u32 u32, load_u64 u64, load_f32 f32, load_f64 f64);
            absent!(@load $address: atomic_load_u32 u32, atomic_load_u64 u64);
            absent!(@store $address: store_u8 u32, store_u16 u32, store_u32 u32, store_u64 u64, store_f32 f32, store_f64 f64);
            absent!(@store $address: atomic_store_u32 u32, atomic_store_u64 u64);
            absent!(@exchange $address: fetch_add_u32 u32, fetch_add_u64 u64, fetch_sub_u32 u32, fetch_sub_u64 u64, fetch_and_u32 u32, fetch_and_u64 u64);
            absent!(@exchange $address: fetch_or_u32 u32, fetch_or_u64 u64, fetch_xor_u32 u32, fetch_xor_u64 u64, swap_u32 u32, swap_u64 u64);

            pub(in crate::sys) fn compare_exchange_u32(_: $address, _: u32, _: u32, _: u32) -> u32 {
                unreachable!("{}", super::NO_WINDOW)
            }

            pub(in crate::sys) fn compare_exchange_u64(_: $address, _: u64, _: u64, _: u32) -> u64 {
                unreachable!("{}", super::NO_WINDOW)
            }

            pub(in crate::sys) unsafe fn copy_in(_: $address, _: *const u8, _: $address, _: u32) {
                unreachable!("{}", super::NO_WINDOW)
            }

            pub(in crate::sys) unsafe fn copy_out(_: *mut u8, _: $address, _: $address, _: u32) {
                unreachable!("{}", super::NO_WINDOW)
            }

            pub(in crate::sys) unsafe fn compare(_: $address, _: *const u8, _: $address, _: u32) -> i32 {
                unreachable!("{}", super::NO_WINDOW)
            }

            pub(in crate::sys) fn copy_between(_: $address, _: $address, _: $address, _: u32, _: u32) {
                unreachable!("{}", super::NO_WINDOW)
            }

            pub(in crate::sys) fn fill(_: $address, _: u32, _: $address, _: u32) {
                unreachable!("{}", super::NO_WINDOW)
            }
        }
    };
    (@load $address:ty: $($name:ident $value:ty),+) => {$(
        pub(in crate::sys) fn $name(_: $address, _: u32) -> $value {
            unreachable!("{}", super::NO_WINDOW)
        }
    )+};
    (@store $address:ty: $($name:ident $value:ty),+) => {$(
        pub(in crate::sys) fn $name(_: $address, _: $value, _: u32) {
            unreachable!("{}", super::NO_WINDOW)
        }
    )+};
    (@exchange $address:ty: $($name:ident $value:ty),+) => {$(
        pub(in crate::sys) fn $name(_: $address, _: $value, _: u32) -> $value {
            unreachable!("{}", super::NO_WINDOW)
        }
    )+};
}

const NO_WINDOW: &str = "there are no windows outside a wasm guest";

absent!(narrow, u32);
absent!(wide, u64);

pub(super) fn settle(_: u32) {
    unreachable!("{NO_WINDOW}")
}
