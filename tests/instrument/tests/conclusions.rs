//! What one access tells of the next is worth nothing once a local, the table or the way there is another one: functions in which a check that is left out too many would show.

use memctl_core::{Bounds, Declaration, Granule};
use memctl_instrument::{Options, Table, instrument};
use memctl_instrument_tests::engine::Runs;
use memctl_instrument_tests::lockstep::{Ran, Setting, lockstep};
use memctl_instrument_tests::model::Reach;
use memctl_instrument_tests::random::declare;

/// Bodies of functions. 1 and 2 stand for accesses, of the local that follows.
const BODIES: [&str; 31] = [
    // Locals that change.
    "1a (local.set $a (local.get $b)) 2a",
    "1a (drop (local.tee $a (local.get $b))) 2a",
    "(local.set $b (local.get $a)) 1b (local.set $a (i32.const 8)) 2b 2a",
    "(i64.store (local.get $a) (block (result i64) (local.set $a (i32.const 700)) (i64.const 1))) 2a",
    "(i64.store (local.tee $a (local.get $b)) (block (result i64) 1a (local.set $b (i32.const 0)) (i64.const 1))) 2b",
    "(drop (i64.load (select (local.get $a) (local.get $b) (i64.eqz (local.get $v))))) 2a 2b",
    // Loops.
    "1a (loop 2a (local.set $a (local.get $b)) (br_if 0 (call $again)))",
    "1a (loop 2a (loop (local.set $a (local.get $b)) (br_if 0 (call $again))) (br_if 0 (call $again)))",
    "1a (loop (block (br_if 0 (call $again)) 2a) (local.set $a (local.get $b)) (br_if 0 (call $again)))",
    "(loop (block 1a (br_if 0 (i32.eqz (call $again))) (local.set $a (local.get $b)) (br 1))) 2a",
    "(loop 1a (local.set $a (i32.sub (local.get $a) (i32.const 24))) (br_if 0 (i32.lt_u (local.get $a) (i32.const 2000))))",
    "(loop 1b 2a (local.set $a (i32.add (local.get $a) (i32.const 24))) (br_if 0 (i32.lt_u (local.get $a) (i32.const 700))))",
    // The table.
    "1a (call $sync) 2a",
    "1a (loop 2a (call $sync) (br_if 0 (call $again)))",
    "1a (loop 2a (loop (call $sync) (br_if 0 (call $again))) (br_if 0 (call $again)))",
    "1a (call $calls) 2a",
    "1a (call_indirect (type $none) (i32.const 0)) 2a",
    "1a (if (i64.eqz (local.get $v)) (then (call $sync))) 2a",
    // Ways that join, and ways that end.
    "(block (br_if 0 (i64.eqz (local.get $v))) 1a) 2a",
    "(if (i64.eqz (local.get $v)) (then 1a) (else 1b)) 2a",
    "(if (i64.eqz (local.get $v)) (then 1a)) 2a",
    "(if (i64.eqz (local.get $v)) (then 1a (return (i64.const 7)))) 2a",
    "(block (block (br_table 0 1 (i32.wrap_i64 (local.get $v)))) 1a) 2a",
    "(if (i64.eqz (local.get $v)) (then 1b (local.set $a (local.get $b))) (else 1a)) 2a",
    "(if (i64.eqz (local.get $v)) (then 1a) (else 2a)) 2a",
    "(drop (local.get $a)) (if (i64.eqz (local.get $v)) (then 1a) (else 2a)) 2a",
    "(block 1a (br_if 0 (i64.eqz (local.get $v))) (local.set $a (local.get $b)) (br 0)) 2a",
    // Sums.
    "(local.set $c (i32.add (local.get $a) (i32.const 600))) 1c 2a",
    "(local.set $c (i32.sub (local.get $a) (i32.const 24))) 1a 2c",
    "(local.set $c (i32.add (local.get $a) (i32.const -24))) 1a 2c (local.set $a (i32.add (local.get $c) (i32.const 600))) 1a 2c",
    "(local.set $c (i32.add (i32.const 16) (local.get $a))) 1a 2c (local.set $c (i32.add (local.get $c) (local.get $b))) 2c",
];

/// Accesses, of which the second is narrower, wider, earlier or of another kind.
const ACCESSES: [[&str; 2]; 8] = [
    ["(drop (i64.load @))", "(drop (i64.load @))"],
    ["(i64.store @ (i64.const -1))", "(i64.store @ (i64.const -1))"],
    ["(drop (i64.load @))", "(i64.store @ (i64.const -1))"],
    ["(drop (i64.load @))", "(drop (i64.load offset=1 @))"],
    ["(drop (i64.load8_u @))", "(drop (i64.load @))"],
    ["(i64.store8 offset=8 @ (i64.const -1))", "(i64.store16 offset=7 @ (i64.const -1))"],
    ["(i64.store offset=8 @ (i64.const -1))", "(i64.store8 @ (i64.const -1))"],
    ["(drop (i64.load offset=8 @))", "(drop (v128.load @))"],
];

fn module(body: &str, accesses: [&str; 2]) -> Vec<u8> {
    let mut code = body.to_owned();
    for local in ["a", "b", "c"] {
        for (number, access) in [("1", accesses[0]), ("2", accesses[1])] {
            let call = access.replace('@', &format!("(local.get ${local})"));
            code = code.replace(&format!("{number}{local}"), &call);
        }
    }
    let text = format!(
        r#"(module
  (type $none (func))
  (import "wasi:memory-control/protection@0.1.0" "sync" (func $sync (type $none)))
  (memory (export "memory") 1)
  (global $left (export "left") (mut i32) (i32.const 3))
  (table funcref (elem $sync))
  (func $again (result i32)
    (global.set $left (i32.sub (global.get $left) (i32.const 1)))
    (i32.gt_s (global.get $left) (i32.const 0)))
  (func $calls (call $sync))
  (func (export "f") (param $a i32) (param $b i32) (param $v i64) (result i64) (local $c i32) (global.set $left (i32.const 5)) (call $sync) {code} (i64.const 1)))"#
    );
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn no_check_is_left_out_too_many() {
    let granule = Granule::new(32).expect("a power of two");
    let bounds = Bounds { no_access: 64, read_only: 128 };
    let places = [0, 40, 57, 64, 100, 121, 128, 590, 592, 600, 616, 640, 1000, 0xffff_ffd0];
    let arguments = places.iter().flat_map(|a| places.iter().flat_map(move |b| [[*a, *b, 0], [*a, *b, 1]])).flatten();
    // Each call begins with another of these.
    let turns = [vec![], vec![(600, 632, Reach::All)], vec![(40, 64, Reach::Stores), (590, 641, Reach::Stores)]];
    let above = turns.clone().map(|ranges| ranges.into_iter().filter(|(start, ..)| *start >= 128).collect());
    let arguments: Vec<u64> = arguments.collect();
    let calls = arguments.len() / 3;
    let mut sum = Ran::default();
    for (number, body) in BODIES.iter().enumerate() {
        for (which, accesses) in ACCESSES.into_iter().enumerate() {
            let wasm = module(body, accesses);
            for (table, bounds, ranges) in [
                (Table::Never, bounds, vec![]),
                (Table::Always, Bounds::NONE, turns.to_vec()),
                (Table::Always, bounds, above.to_vec()),
            ] {
                let wasm = declare(wasm.clone(), &[Declaration { memory: 0, bounds }]);
                let outcome = instrument(&wasm, &Options { granule, table, ..Options::default() }).expect("it can be");
                let setting =
                    Setting { declared: vec![bounds], ranges: vec![ranges], arguments: arguments.clone(), calls };
                let runs = Runs::SOFTWARE[(number + which) % 3];
                sum += lockstep(&wasm, &outcome.wasm, runs, &setting)
                    .unwrap_or_else(|difference| panic!("{body}, {accesses:?}, {runs:?}, {table:?}: {difference}"));
            }
        }
    }
    assert!(sum.returned > 10_000 && sum.stopped > 10_000, "{sum:?}");
}
