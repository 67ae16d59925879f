//! Instructions that touch one address.

use memctl_core::{Forbidden, Span, Stopped};
use wasmtime::{Trap, Val};

use crate::harness::{Outcome, Run, declared, engine, with_table};

/// Instruction, size, whether it stores, whether it is atomic, type of the value operands, type of the result.
type Tested = (&'static str, u64, bool, bool, &'static [&'static str], &'static str);

#[rustfmt::skip]
const INSTRUCTIONS: &[Tested] = &[
    ("i32.load8_u", 1, false, false, &[], "i32"),
    ("i64.load16_s", 2, false, false, &[], "i64"),
    ("f32.load", 4, false, false, &[], "f32"),
    ("i64.load", 8, false, false, &[], "i64"),
    ("v128.load", 16, false, false, &[], "v128"),
    ("v128.load32_splat", 4, false, false, &[], "v128"),
    ("v128.load64_zero", 8, false, false, &[], "v128"),
    ("v128.load16x4_u", 8, false, false, &[], "v128"),
    ("i32.store8", 1, true, false, &["i32"], ""),
    ("i64.store16", 2, true, false, &["i64"], ""),
    ("f32.store", 4, true, false, &["f32"], ""),
    ("f64.store", 8, true, false, &["f64"], ""),
    ("v128.store", 16, true, false, &["v128"], ""),
    ("i32.atomic.load16_u", 2, false, true, &[], "i32"),
    ("i64.atomic.store", 8, true, true, &["i64"], ""),
    ("i32.atomic.rmw8.add_u", 1, true, true, &["i32"], "i32"),
    ("i64.atomic.rmw.cmpxchg", 8, true, true, &["i64", "i64"], "i64"),
];

/// One function for each way in which an address and values can be computed.
fn module((name, _, _, _, values, result): &Tested, address: &str, offset: u64) -> String {
    let constants: String = values
        .iter()
        .map(|ty| if *ty == "v128" { "(v128.const i64x2 5 6)".to_owned() } else { format!("({ty}.const 5)") })
        .collect();
    let calls: String = values.iter().map(|ty| format!("(call $make_{ty})")).collect();
    let (declared, drop) = if result.is_empty() { (String::new(), "") } else { (format!("(result {result})"), "drop") };
    let memory = if address == "i64" { "i64 1 1" } else { "1 1" };
    format!(
        r#"(module
        (import "wasi:memory-control/protection@0.1.0" "refresh" (func $refresh))
        (memory (export "memory") {memory})
        (global $side (mut i32) (i32.const 0))
        (func $make_i32 (result i32) (global.set $side (i32.const 1)) (i32.const 5))
        (func $make_i64 (result i64) (i64.const 5))
        (func $make_f32 (result f32) (f32.const 5))
        (func $make_f64 (result f64) (f64.const 5))
        (func $make_v128 (result v128) (v128.const i64x2 5 6))
        (func $id (param {address}) (result {address}) (local.get 0))
        (func (export "refresh") (call $refresh))
        (func (export "local") (param $a {address}) {declared}
            ({name} offset={offset} (local.get $a) {constants}))
        (func (export "local_called") (param $a {address}) {declared}
            ({name} offset={offset} (local.get $a) {calls}))
        (func (export "computed") (param $a {address}) {declared}
            ({name} offset={offset} ({address}.add (local.get $a) ({address}.const 0)) {constants}))
        (func (export "computed_called") (param $a {address}) {declared}
            ({name} offset={offset} (call $id (local.get $a)) {calls}))
        (func (export "block") (param $a {address}) {declared}
            (block (result {address}) (br 0 (local.get $a))) {calls} {name} offset={offset})
        (func (export "changed") (param $a {address}) {declared}
            (local.get $a) (local.set $a ({address}.const 60000)) {calls} {name} offset={offset})
        (func (export "out") (param $a {address}) {declared}
            (block (br_if 0 ({address}.eqz (local.get $a))) (br 1 ({name} offset={offset} (local.get $a) {calls})))
            (return ({name} offset={offset} (local.get $a) {calls})))
        (func (export "twice") (param $a {address})
            ({name} offset={offset} (local.get $a) {constants}) {drop}
            (if (global.get $side) (then ({name} offset={offset} (local.get $a) {constants}) {drop}))
            ({name} offset={offset} (local.get $a) {constants}) {drop})
        )"#
    )
}

const WAYS: [&str; 8] = ["local", "local_called", "computed", "computed_called", "block", "changed", "out", "twice"];

/// What has to come of an access at `ea` in a memory of 65536 bytes, if `forbidden` are stopped.
fn expected(
    ea: u128,
    size: u64,
    atomic: bool,
    store: bool,
    forbidden: &[(u64, u64)],
) -> Result<(), (Trap, Option<Stopped>)> {
    if atomic && !ea.is_multiple_of(u128::from(size)) {
        return Err((Trap::HeapMisaligned, None));
    }
    if ea + u128::from(size) > 65536 {
        return Err((Trap::MemoryOutOfBounds, None));
    }
    let ea = u64::try_from(ea).expect("in bounds");
    let first = (ea..ea + size).find(|at| forbidden.iter().any(|(start, end)| (start..end).contains(&at)));
    match first {
        Some(address) => Err((Trap::MemoryOutOfBounds, Some(Stopped { count: 1, address, write: store }))),
        None => Ok(()),
    }
}

fn compare(outcome: &Outcome, expected: Result<(), (Trap, Option<Stopped>)>, what: &str) {
    match (expected, outcome) {
        (Ok(()), Outcome { result: Ok(_), stopped: None }) => {}
        (Err((trap, stopped)), Outcome { result: Err(found), stopped: noted })
            if trap == *found && stopped == *noted => {}
        _ => panic!("{what}: {expected:?} was expected, {outcome:?} came"),
    }
}

fn number(address: &str, value: u64) -> Val {
    if address == "i64" {
        Val::I64(value.cast_signed())
    } else {
        Val::I32(u32::try_from(value).expect("32 bits").cast_signed())
    }
}

/// Addresses around which there is something to see, for an instruction with a static offset.
fn bases(address: &str, offset: u64, edges: &[u64]) -> Vec<u64> {
    let largest = if address == "i64" { u64::MAX } else { u32::MAX.into() };
    let mut bases = vec![0, 1, largest, largest - 15, 0x1_0000, 0xfff8];
    for edge in edges {
        for around in 0..=34 {
            if let Some(base) = (edge + around).checked_sub(offset + 17) {
                bases.push(base);
            }
        }
        bases.push((largest - offset.min(largest)).saturating_add(1));
    }
    bases.retain(|base| *base <= largest);
    bases
}

const OFFSETS: [u64; 5] = [0, 1, 40, 4096, 0xffff_fff0];

#[test]
fn declared_bounds_stop_what_begins_below_them() {
    let engine = engine();
    for instruction in INSTRUCTIONS {
        for address in ["i32", "i64"] {
            for offset in OFFSETS {
                for (no_access, read_only) in [(64, 4096), (8, 65536)] {
                    let wat = module(instruction, address, offset);
                    let wasm = wasmtime_wat(&wat);
                    let bound = if instruction.2 { read_only } else { no_access };
                    let outcome =
                        memctl_instrument::instrument(&wasm, &declared(no_access, read_only)).expect("instrumented");
                    let module = wasmtime::Module::new(&engine, &outcome.wasm).expect("valid");
                    let mut run = Run::of(&engine, &module);
                    for base in bases(address, offset, &[no_access, read_only]) {
                        let ea = u128::from(base) + u128::from(offset);
                        let expected = expected(ea, instruction.1, instruction.3, instruction.2, &[(0, bound)]);
                        for way in WAYS {
                            if way == "changed" && instruction.4.is_empty() && !instruction.3 {
                                continue;
                            }
                            let came = run.call(way, &[number(address, base)]);
                            compare(
                                &came,
                                expected,
                                &format!("{} {address} offset {offset} at {base} {way}", instruction.0),
                            );
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn ranges_in_the_table_stop_what_reaches_into_them() {
    let engine = engine();
    let ranges = [(64, 96, false), (96, 128, true), (256, 4096, true), (65520, 65536, false)];
    let forbidden: Vec<Forbidden> = ranges
        .iter()
        .map(|(start, end, readable)| Forbidden {
            span: Span::claim("a range", *start, end - start).expect("a range"),
            readable: *readable,
        })
        .collect();
    for instruction in INSTRUCTIONS {
        let stopped: Vec<(u64, u64)> = ranges
            .iter()
            .filter(|(.., readable)| instruction.2 || !readable)
            .map(|(start, end, _)| (*start, *end))
            .collect();
        for address in ["i32", "i64"] {
            for offset in OFFSETS {
                let wasm = wasmtime_wat(&module(instruction, address, offset));
                let outcome = memctl_instrument::instrument(&wasm, &with_table()).expect("instrumented");
                let module = wasmtime::Module::new(&engine, &outcome.wasm).expect("valid");
                let mut run = Run::of(&engine, &module);
                run.protect(0, &forbidden);
                for base in bases(address, offset, &[64, 96, 128, 256, 4096, 65536]) {
                    let ea = u128::from(base) + u128::from(offset);
                    let expected = expected(ea, instruction.1, instruction.3, instruction.2, &stopped);
                    for way in WAYS {
                        let came = run.call(way, &[number(address, base)]);
                        compare(
                            &came,
                            expected,
                            &format!("{} {address} offset {offset} at {base} {way}", instruction.0),
                        );
                    }
                }
            }
        }
    }
}

fn wasmtime_wat(wat: &str) -> Vec<u8> {
    wat::parse_str(wat).unwrap_or_else(|error| panic!("{error}\n{wat}"))
}
