//! The functions that `memctl link-windows` puts into a program, by their names: each acts on the window whose number comes last.
//!
//! `shims/window/README.md` has their table. Loads and stores of a window can't touch this guest's own memory, so that calling them is safe: outside
//! the window they trap.

macro_rules! import {
    ($name:ident, $module:literal, $address:ty) => {
        pub(super) mod $name {
            #[link(wasm_import_module = $module)]
            unsafe extern "C" {
                #[link_name = "i32.load8_u"]
                pub(in crate::sys) safe fn load_u8(at: $address, window: u32) -> u32;
                #[link_name = "i32.load8_s"]
                pub(in crate::sys) safe fn load_i8(at: $address, window: u32) -> i32;
                #[link_name = "i32.load16_u"]
                pub(in crate::sys) safe fn load_u16(at: $address, window: u32) -> u32;
                #[link_name = "i32.load16_s"]
                pub(in crate::sys) safe fn load_i16(at: $address, window: u32) -> i32;
                #[link_name = "i32.load"]
                pub(in crate::sys) safe fn load_u32(at: $address, window: u32) -> u32;
                #[link_name = "i64.load"]
                pub(in crate::sys) safe fn load_u64(at: $address, window: u32) -> u64;
                #[link_name = "f32.load"]
                pub(in crate::sys) safe fn load_f32(at: $address, window: u32) -> f32;
                #[link_name = "f64.load"]
                pub(in crate::sys) safe fn load_f64(at: $address, window: u32) -> f64;

                #[link_name = "i32.store8"]
                pub(in crate::sys) safe fn store_u8(at: $address, value: u32, window: u32);
                #[link_name = "i32.store16"]
                pub(in crate::sys) safe fn store_u16(at: $address, value: u32, window: u32);
                #[link_name = "i32.store"]
                pub(in crate::sys) safe fn store_u32(at: $address, value: u32, window: u32);
                #[link_name = "i64.store"]
                pub(in crate::sys) safe fn store_u64(at: $address, value: u64, window: u32);
                #[link_name = "f32.store"]
                pub(in crate::sys) safe fn store_f32(at: $address, value: f32, window: u32);
                #[link_name = "f64.store"]
                pub(in crate::sys) safe fn store_f64(at: $address, value: f64, window: u32);

                #[link_name = "i32.atomic.load"]
                pub(in crate::sys) safe fn atomic_load_u32(at: $address, window: u32) -> u32;
                #[link_name = "i64.atomic.load"]
                pub(in crate::sys) safe fn atomic_load_u64(at: $address, window: u32) -> u64;
                #[link_name = "i32.atomic.store"]
                pub(in crate::sys) safe fn atomic_store_u32(at: $address, value: u32, window: u32);
                #[link_name = "i64.atomic.store"]
                pub(in crate::sys) safe fn atomic_store_u64(at: $address, value: u64, window: u32);
                #[link_name = "i32.atomic.rmw.add"]
                pub(in crate::sys) safe fn fetch_add_u32(at: $address, value: u32, window: u32) -> u32;
                #[link_name = "i64.atomic.rmw.add"]
                pub(in crate::sys) safe fn fetch_add_u64(at: $address, value: u64, window: u32) -> u64;
                #[link_name = "i32.atomic.rmw.sub"]
                pub(in crate::sys) safe fn fetch_sub_u32(at: $address, value: u32, window: u32) -> u32;
                #[link_name = "i64.atomic.rmw.sub"]
                pub(in crate::sys) safe fn fetch_sub_u64(at: $address, value: u64, window: u32) -> u64;
                #[link_name = "i32.atomic.rmw.and"]
                pub(in crate::sys) safe fn fetch_and_u32(at: $address, value: u32, window: u32) -> u32;
                #[link_name = "i64.atomic.rmw.and"]
                pub(in crate::sys) safe fn fetch_and_u64(at: $address, value: u64, window: u32) -> u64;
                #[link_name = "i32.atomic.rmw.or"]
                pub(in crate::sys) safe fn fetch_or_u32(at: $address, value: u32, window: u32) -> u32;
                #[link_name = "i64.atomic.rmw.or"]
                pub(in crate::sys) safe fn fetch_or_u64(at: $address, value: u64, window: u32) -> u64;
                #[link_name = "i32.atomic.rmw.xor"]
                pub(in crate::sys) safe fn fetch_xor_u32(at: $address, value: u32, window: u32) -> u32;
                #[link_name = "i64.atomic.rmw.xor"]
                pub(in crate::sys) safe fn fetch_xor_u64(at: $address, value: u64, window: u32) -> u64;
                #[link_name = "i32.atomic.rmw.xchg"]
                pub(in crate::sys) safe fn swap_u32(at: $address, value: u32, window: u32) -> u32;
                #[link_name = "i64.atomic.rmw.xchg"]
                pub(in crate::sys) safe fn swap_u64(at: $address, value: u64, window: u32) -> u64;
                #[link_name = "i32.atomic.rmw.cmpxchg"]
                pub(in crate::sys) safe fn compare_exchange_u32(
                    at: $address,
                    expected: u32,
                    new: u32,
                    window: u32,
                ) -> u32;
                #[link_name = "i64.atomic.rmw.cmpxchg"]
                pub(in crate::sys) safe fn compare_exchange_u64(
                    at: $address,
                    expected: u64,
                    new: u64,
                    window: u32,
                ) -> u64;

                pub(in crate::sys) fn copy_in(at: $address, from: *const u8, len: $address, window: u32);
                pub(in crate::sys) fn copy_out(to: *mut u8, at: $address, len: $address, window: u32);
                pub(in crate::sys) fn compare(at: $address, with: *const u8, len: $address, window: u32) -> i32;
                pub(in crate::sys) safe fn copy_between(
                    to: $address,
                    from: $address,
                    len: $address,
                    to_window: u32,
                    from_window: u32,
                );
                pub(in crate::sys) safe fn fill(at: $address, byte: u32, len: $address, window: u32);
            }
        }
    };
}

import!(narrow, "memctl:window", u32);
import!(wide, "memctl:window64", u64);

#[link(wasm_import_module = "memctl:window")]
unsafe extern "C" {
    pub(super) safe fn settle(window: u32);
}
