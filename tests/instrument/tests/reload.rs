//! Whatever way a module calls an imported function of memory-control, it knows afterwards what the host protects.

use memctl_core::Bounds;
use memctl_instrument::{Options, Table, instrument};
use memctl_instrument_tests::engine::Runs;
use memctl_instrument_tests::guest::{Guest, SUM, SYNC};
use memctl_instrument_tests::model::{Kind, Protected, Reach};
use wasmtime::Val;

/// Names of functions that call the import in some way.
const WAYS: [&str; 11] = [
    "call",
    "tail call",
    "through the table",
    "through a tail call of the table",
    "through table.set",
    "through table.init",
    "by reference",
    "by tail reference",
    "with arguments",
    "exported",
    "by a constant reference",
];

fn text() -> String {
    let ([from, sync], [other, sum]) = (SYNC, SUM);
    format!(
        r#"(module
  (type $none (func))
  (import "{from}" "{sync}" (func $sync (type $none)))
  (import "env" "host" (func $host))
  (import "{other}" "{sum}" (func $sum (param i32 i64) (result i64)))
  (memory (export "memory") 1)
  (table $table funcref (elem $sync $load $host))
  (table $empty 2 funcref)
  (elem $passive func $sync)
  (elem declare func $sync)
  (global $sync (ref $none) (ref.func $sync))
  (func $load (export "load") (drop (i32.load8_u (i32.const 64))))
  (func (export "sync") (call $sync))
  (func (export "call") (call $sync))
  (func (export "tail call") (return_call $sync))
  (func (export "through the table") (call_indirect $table (type $none) (i32.const 0)))
  (func (export "through a tail call of the table") (return_call_indirect $table (type $none) (i32.const 0)))
  (func (export "through table.set")
    (table.set $empty (i32.const 0) (ref.func $sync)) (call_indirect $empty (type $none) (i32.const 0)))
  (func (export "through table.init")
    (table.init $empty $passive (i32.const 1) (i32.const 0) (i32.const 1)) (call_indirect $empty (type $none) (i32.const 1)))
  (func (export "by reference") (call_ref $none (ref.func $sync)))
  (func (export "by tail reference") (return_call_ref $none (ref.func $sync)))
  (func (export "by a constant reference") (call_ref $none (global.get $sync)))
  (func (export "with arguments")
    (if (i64.ne (call $sum (i32.const 30) (i64.const 12)) (i64.const 42)) (then unreachable)))
  (export "exported" (func $sync)))"#
    )
}

#[test]
fn every_way_to_call_the_host_brings_what_it_protects() {
    let wasm = wat::parse_str(text()).expect("a module");
    let (nothing, range) = (Protected::default(), Protected::new(Bounds::NONE, &[(64, 65, Reach::All)]));
    for table in [Table::Always, Table::Auto] {
        let instrumented = instrument(&wasm, &Options { table, ..Options::default() }).expect("it can be").wasm;
        for runs in Runs::SOFTWARE {
            let mut guest = Guest::new(runs, &instrumented);
            for way in WAYS {
                guest.announce(&range);
                guest.call(way, &[]).answer.unwrap_or_else(|trap| panic!("{way}: {trap}"));
                assert_eq!(guest.call("load", &[]).stopped, Some((64, Kind::Load)), "{runs:?}: {way}");
                guest.announce(&nothing);
                guest.call(way, &[]).answer.expect("it returns");
                assert!(guest.call("load", &[]).answer.is_ok(), "{runs:?}: {way}");
            }
        }
    }
}

#[test]
fn what_is_declared_is_in_force_when_the_start_function_has_returned() {
    let text = r#"(module
      (memory (export "memory") 1)
      (data (i32.const 60) "constant")
      (func $start
        (if (i32.ne (i32.load8_u (i32.const 63)) (i32.const 0x73)) (then unreachable))
        (i32.store8 (i32.const 60) (i32.const 0x43))
        (call $grows))
      (func $grows (drop (memory.grow (i32.const 0))) (memory.fill (i32.const 0) (i32.const 7) (i32.const 8)))
      (func (export "store") (param i32) (i32.store8 (local.get 0) (i32.const 1)))
      (func (export "again") (call $start))
      (start $start))"#;
    let wasm = wat::parse_str(text).expect("a module");
    let granule = memctl_core::Granule::new(64).expect("a power of two");
    let bounds = Some(Bounds { no_access: 64, read_only: 128 });
    for (runs, table) in Runs::SOFTWARE.iter().flat_map(|runs| [(*runs, Table::Never), (*runs, Table::Always)]) {
        let options = Options { granule, bounds, table, ..Options::default() };
        let mut guest = Guest::new(runs, &instrument(&wasm, &options).expect("it can be").wasm);
        assert_eq!(guest.bytes()[60..68], *b"Constant");
        assert_eq!(guest.bytes()[..9], [7, 7, 7, 7, 7, 7, 7, 7, 0]);
        assert_eq!(guest.call("again", &[]).stopped, Some((63, Kind::Load)));
        assert_eq!(guest.call("store", &[Val::I32(127)]).stopped, Some((127, Kind::Store)));
        assert_eq!(guest.call("store", &[Val::I32(60)]).stopped, Some((60, Kind::Store)));
        assert!(guest.call("store", &[Val::I32(128)]).answer.is_ok());
    }
}
