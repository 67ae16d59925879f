//! Who can't reach what.

use memctl_window::Windows;
use wasmtime::{Trap, Val};

use crate::guest::{Guest, Route};

/// Stores everywhere in memory 0 that its addresses reach.
const WILD: &str = r#"(module
    (import "memctl:window" "i32.load" (func $load (param i32 i32) (result i32)))
    (memory (export "memory") 1)
    (memory 1)
    (func (export "store") (param i32) (i64.store (local.get 0) (i64.const -1)))
    (func (export "other") (param i32) (i64.store 1 (local.get 0) (i64.const -1)))
    (func (export "fill") (param i32 i32) (memory.fill (local.get 0) (i32.const 0xff) (local.get 1)))
    (func (export "copy") (param i32 i32 i32) (memory.copy (local.get 0) (local.get 1) (local.get 2)))
    (func (export "grow") (result i32) (memory.grow (i32.const 3)))
    (func (export "first") (result i32) (call $load (i32.const 0) (i32.const 1))))"#;

#[test]
fn a_wild_pointer_in_memory_0_reaches_no_window() {
    for route in [Route::Static, Route::Library] {
        let mut guest = Guest::with(WILD, Windows::new().memory32(2, 1 << 17).memory64(1, 1 << 16), route).unwrap();
        for k in 1..=3 {
            guest.memory(k).fill(0x5a);
        }
        guest.call("grow", &[]).unwrap();
        // Every stride of the whole 32 bits, and each byte near the ends of memories.
        let strides = (0..1_u64 << 32).step_by((1 << 14) + 7);
        let edges = (0..8).flat_map(|page: u64| (0..16).map(move |at| (page << 16) + at - 8.min(page << 16)));
        for address in strides.chain(edges) {
            let address = u32::try_from(address).unwrap().cast_signed();
            for store in ["store", "other"] {
                if let Err(error) = guest.call(store, &[Val::I32(address)]) {
                    assert_eq!(error.downcast_ref(), Some(&Trap::MemoryOutOfBounds));
                }
            }
        }
        assert!(guest.call("fill", &[Val::I32(0), Val::I32(4 << 16)]).is_ok());
        assert!(guest.call("fill", &[Val::I32(0), Val::I32(-1)]).is_err());
        assert!(guest.call("copy", &[Val::I32(1 << 18), Val::I32(0), Val::I32(1)]).is_err());
        for k in 1..=3 {
            assert!(guest.memory(k).iter().all(|byte| *byte == 0x5a), "window {k}");
        }
        assert_eq!(guest.call("first", &[]).unwrap().unwrap().unwrap_i32(), 0x5a5a_5a5a);
    }
}

#[test]
fn a_window_larger_than_4_gib_is_read_and_written_by_a_32_bit_guest() {
    let guest = r#"(module
        (import "memctl:window64" "i64.load" (func $load (param i64 i32) (result i64)))
        (import "memctl:window64" "copy_in" (func $copy_in (param i64 i32 i64 i32)))
        (import "memctl:window64" "size" (func $size (param i32) (result i64)))
        (memory (export "memory") 1)
        (data (i32.const 16) "8 bytes!")
        (func (export "put") (param i64) (call $copy_in (local.get 0) (i32.const 16) (i64.const 8) (i32.const 1)))
        (func (export "get") (param i64) (result i64) (call $load (local.get 0) (i32.const 1)))
        (func (export "size") (result i64) (call $size (i32.const 1))))"#;
    for route in [Route::Static, Route::Library] {
        let mut guest = Guest::with(guest, Windows::new().memory64(1, 5 << 30), route).unwrap();
        let size = guest.call("size", &[]).unwrap().unwrap().unwrap_i64();
        assert_eq!(size, 5 << 30);
        for address in [0, (1 << 32) - 4, 1 << 32, size - 8] {
            guest.call("put", &[Val::I64(address)]).unwrap();
            let got = guest.call("get", &[Val::I64(address)]).unwrap().unwrap().unwrap_i64();
            assert_eq!(&got.to_le_bytes(), b"8 bytes!", "at {address:#x}");
        }
        assert!(guest.call("get", &[Val::I64(size - 7)]).is_err());
    }
}
