//! Instructions of a length, and those that wait. In hardware host code acts for the guest there: its fault is contained and told at the next crossing, and may be
//! of any forbidden byte, since memmove has an order of its own. So the first byte is the model's to say, and the hardware says the kind and that the byte is forbidden.

use memctl_core::Bounds;
use memctl_instrument::{Options, Table, instrument};
use memctl_instrument_tests::engine::Runs;
use memctl_instrument_tests::guest::{Guest, Outcome, SENTINEL, SYNC};
use memctl_instrument_tests::instruction::waits;
use memctl_instrument_tests::model::{Alignment, Kind, Protected, Reach, Verdict};
use memctl_instrument_tests::text::{Form, Function, MEMORY, Width, guest};
use wasmtime::{Trap, Val};

const BOUNDS: Bounds = Bounds { no_access: 0x1000, read_only: 0x2000 };
const RANGES: [(u64, u64, Reach); 3] =
    [(0x3000, 0x4000, Reach::All), (0x5000, 0x6000, Reach::Stores), (0x6000, 0x7000, Reach::All)];
const EDGES: [u64; 9] = [0, 0x1000, 0x2000, 0x3000, 0x4000, 0x5000, 0x6000, 0x7000, MEMORY];
/// Bytes of the passive data segment.
const SEGMENT: u64 = 0x40;
/// The part of the memory that hardware lets the tests look at.
const LOOKED_AT: usize = 0x1_0000;

/// A call: the function, and its operands.
type Case = (&'static str, [u64; 3]);

fn text([width, other]: [Width; 2]) -> String {
    let (a, b) = (width.name(), other.name());
    let index = |width| if width == Width::Bits64 { "i64 " } else { "" };
    let len = if a == b { a } else { "i32" };
    let [from, sync] = SYNC;
    format!(
        r#"(module
  (import "{from}" "{sync}" (func $sync))
  (memory (export "memory") {}2 2)
  (memory $other {}2 2)
  (data $bytes "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")
  (func (export "sync") (call $sync))
  (func (export "{}") (drop (i32.load8_u ({a}.const {}))))
  (func (export "fill") (param {a} i32 {a}) (memory.fill (local.get 0) (local.get 1) (local.get 2)))
  (func (export "init") (param {a} i32 i32) (memory.init $bytes (local.get 0) (local.get 1) (local.get 2)))
  (func (export "copy") (param {a} {a} {a}) (memory.copy (local.get 0) (local.get 1) (local.get 2)))
  (func (export "copy in") (param {a} {b} {len}) (memory.copy 0 1 (local.get 0) (local.get 1) (local.get 2)))
  (func (export "copy out") (param {b} {a} {len}) (memory.copy 1 0 (local.get 0) (local.get 1) (local.get 2)))
  (func (export "fill by constants") (param {a} i32 {a})
    (if ({a}.eqz (local.get 0)) (then (memory.fill ({a}.const 0xff0) (i32.const 1) ({a}.const 16))))
    (memory.fill ({a}.const 0x1ff0) (i32.const 1) ({a}.const 17))))"#,
        index(width),
        index(other),
        SENTINEL.0,
        SENTINEL.1
    )
}

fn cases(width: Width) -> Vec<Case> {
    let mut ranges = Vec::new();
    for edge in EDGES {
        for place in [-17_i64, -1, 0] {
            let start = edge.wrapping_add_signed(place);
            if width == Width::Bits64 || u32::try_from(start).is_ok() {
                ranges.extend([0, 1, 17, 0x1800].map(|len| (start, len)));
            }
        }
    }
    ranges.extend([(0x3800, 0x7000), (0x3800, MEMORY - 0x37ff), (0x800, width.wrap(u64::MAX - 0x7ff))]);
    let mut all: Vec<Case> = vec![("fill by constants", [0, 0, 0]), ("fill by constants", [1, 0, 0])];
    for &(start, len) in &ranges {
        let short = u32::try_from(len).is_ok();
        all.push(("fill", [start, 0xa5, len]));
        all.push(("copy", [start, 0x9000, len]));
        all.push(("copy", [0x9000, start, len]));
        all.push(("copy", [start, start.wrapping_add(8) & 0x1_ffff, len]));
        if short {
            all.push(("copy in", [start, 0x9000, len]));
            all.push(("copy out", [0x1000, start, len]));
            all.push(("copy out", [MEMORY - 8, start, len]));
            for from in [0, SEGMENT - len.min(SEGMENT), SEGMENT + 1 - len.min(SEGMENT)] {
                all.push(("init", [start, from, len]));
            }
        }
    }
    all
}

/// What comes of it, and all bytes that it may be stopped for in hardware: which, by kind.
fn verdict(protected: &Protected, (name, [a, b, len]): Case) -> (Verdict, Option<Kind>, Vec<(u64, u64, Kind)>) {
    let (mut sides, mut inside) = (Vec::new(), true);
    match name {
        "fill" => sides.push((a, len, Kind::Store)),
        "fill by constants" if a == 0 => sides.push((0xff0, 16, Kind::Store)),
        "fill by constants" => sides.push((0x1ff0, 17, Kind::Store)),
        "init" => {
            inside = b + len <= SEGMENT;
            sides.push((a, len, Kind::Store));
        }
        "copy" => sides.extend([(b, len, Kind::Load), (a, len, Kind::Store)]),
        "copy in" => {
            inside = b + len <= MEMORY;
            sides.push((a, len, Kind::Store));
        }
        _ => {
            inside = a + len <= MEMORY;
            sides.push((b, len, Kind::Load));
        }
    }
    let verdicts: Vec<_> =
        sides.iter().map(|(start, len, kind)| (protected.bulk(*start, *len, *kind, MEMORY), *kind)).collect();
    if !inside || verdicts.iter().any(|(verdict, _)| *verdict == Verdict::Traps) {
        return (Verdict::Traps, None, Vec::new());
    }
    let touched = sides.into_iter().map(|(start, len, kind)| (start, start + len, kind)).collect();
    // What is loaded is looked at first.
    let first = verdicts.into_iter().find(|(verdict, _)| *verdict != Verdict::Allowed);
    first.map_or((Verdict::Allowed, None, Vec::new()), |(verdict, kind)| (verdict, Some(kind), touched))
}

fn value(ty: &wasmtime::ValType, number: u64) -> Val {
    match ty {
        wasmtime::ValType::I32 => Val::I32(u32::try_from(number).expect("32 bits").cast_signed()),
        _ => Val::I64(number.cast_signed()),
    }
}

/// Each case in a memory that is as at the beginning.
fn run(mut guest: Guest, cases: &[Case], table: &Protected) -> Vec<(Outcome, Vec<u8>)> {
    let mut done = Vec::new();
    let pattern: Vec<_> = (0..=250).cycle().take(LOOKED_AT).collect();
    for (name, numbers) in cases {
        guest.renew();
        guest.protect(&Protected::default());
        guest.bytes()[..LOOKED_AT].copy_from_slice(&pattern);
        guest.protect(table);
        let types = guest.params(name);
        let args: Vec<_> = types.iter().zip(numbers).map(|(ty, number)| value(ty, *number)).collect();
        let outcome = guest.call(name, &args);
        if outcome.stopped.is_some() {
            // In hardware the host page that was touched is a scratch page.
            done.push((outcome, Vec::new()));
            continue;
        }
        guest.protect(&Protected::default());
        done.push((outcome, guest.bytes()[..LOOKED_AT].to_vec()));
    }
    done
}

fn holds(widths: [Width; 2]) {
    let wasm = wat::parse_str(text(widths)).expect("a module");
    let cases = cases(widths[0]);
    let (declared, ranges) = (Protected::new(BOUNDS, &[]), Protected::new(Bounds::NONE, &RANGES));
    let (all, nothing) = (Protected::new(BOUNDS, &RANGES), Protected::default());
    let forms = [
        (Table::Never, Some(BOUNDS), &declared, &nothing),
        (Table::Always, None, &all, &all),
        (Table::Always, Some(BOUNDS), &all, &ranges),
    ];
    let hardware = [&declared, &all].map(|protected| run(Guest::new(Runs::Hardware, &wasm), &cases, protected));
    for (number, (table, bounds, protected, ranges)) in forms.into_iter().enumerate() {
        let hardware = &hardware[number.min(1)];
        let instrumented = instrument(&wasm, &Options { table, bounds, ..Options::default() }).expect("it can be").wasm;
        for runs in Runs::SOFTWARE {
            let software = run(Guest::new(runs, &instrumented), &cases, ranges);
            for ((case, hardware), software) in cases.iter().zip(hardware).zip(software) {
                let what = format!("{widths:?} {table:?} {runs:?} {case:x?}");
                let (verdict, kind, touched) = verdict(protected, *case);
                if let Verdict::Stopped(address) = verdict {
                    let (at, does) = hardware.0.stopped.unwrap_or_else(|| panic!("{what}: {:?}", hardware.0));
                    let forbidden = |(start, end, kind): &(u64, u64, Kind)| {
                        *kind == does && (*start..*end).contains(&at) && protected.first(at, at + 1, does).is_some()
                    };
                    assert!(touched.iter().any(forbidden), "{what}: {does:?} {at:#x}");
                    assert_eq!(software.0.stopped, kind.map(|kind| (address, kind)), "{what}");
                    assert_eq!(software.0.answer, Err(Trap::MemoryOutOfBounds), "{what}");
                } else {
                    assert_eq!(hardware.0.answer.is_ok(), verdict == Verdict::Allowed, "{what}: {:?}", hardware.0);
                    assert_eq!(software.0, hardware.0, "{what}");
                    assert!(software.1 == hardware.1, "{what}: the memory differs");
                }
            }
        }
    }
}

#[test]
fn bulk_instructions_are_checked_whole_before_they_begin() {
    for first in Width::ALL {
        for second in Width::ALL {
            holds([first, second]);
        }
    }
}

#[test]
fn waits_are_loads() {
    let (all, ranges) = (Protected::new(BOUNDS, &RANGES), Protected::new(Bounds::NONE, &RANGES));
    for instruction in waits() {
        for width in Width::ALL {
            let functions = [0, 8].map(|offset| Function { form: Form::Locals, offset });
            let wasm = wat::parse_str(guest(&instruction, width, &functions)).expect("a module");
            let options = Options { table: Table::Always, bounds: Some(BOUNDS), ..Options::default() };
            let instrumented = instrument(&wasm, &options).expect("it can be").wasm;
            let mut hardware = Guest::new(Runs::Hardware, &wasm);
            let mut software = [Runs::Guarded, Runs::Explicit].map(|runs| Guest::new(runs, &instrumented));
            software.iter_mut().for_each(|guest| guest.protect(&ranges));
            for (edge, place) in EDGES.iter().flat_map(|edge| [-16_i64, -8, -4, 0, 4, 8].map(|place| (edge, place))) {
                for (function, offset) in [("0", 0), ("1", 8)] {
                    let base = width.wrap(edge.wrapping_add_signed(place).wrapping_sub(offset));
                    let verdict = all.access((base, offset), instruction.size, Kind::Load, Alignment::Natural, MEMORY);
                    hardware.renew();
                    hardware.protect(&all);
                    let args = [
                        if width == Width::Bits32 {
                            value(&wasmtime::ValType::I32, base)
                        } else {
                            Val::I64(base.cast_signed())
                        },
                        Val::I64(0),
                    ];
                    let expected = hardware.call(function, &args);
                    let what = format!("{} {width:?} {base:#x} {offset}: {verdict:?}", instruction.name);
                    for guest in &mut software {
                        let outcome = guest.call(function, &args);
                        if let Verdict::Stopped(address) = verdict {
                            assert_eq!(expected.stopped, Some((address, Kind::Load)), "{what}");
                            assert_eq!(outcome.answer, Err(Trap::MemoryOutOfBounds), "{what}");
                            assert_eq!(outcome.stopped, expected.stopped, "{what}");
                        } else {
                            assert_eq!(outcome, expected, "{what}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn waits_on_a_memory_that_is_not_shared_are_not_stopped() {
    let text = r#"(module
      (memory (export "memory") 1)
      (func (export "sync"))
      (func (export "wait") (param i32) (result i32) (memory.atomic.wait32 (local.get 0) (i32.const 0) (i64.const 0)))
      (func (export "notify") (param i32) (result i32) (memory.atomic.notify (local.get 0) (i32.const 0))))"#;
    let wasm = wat::parse_str(text).expect("a module");
    let options = Options { table: Table::Always, bounds: Some(BOUNDS), ..Options::default() };
    let mut guest = Guest::new(Runs::Guarded, &instrument(&wasm, &options).expect("it can be").wasm);
    for (address, trap) in [
        (0, Trap::AtomicWaitNonSharedMemory),
        (0xffc, Trap::AtomicWaitNonSharedMemory),
        (0x3000, Trap::AtomicWaitNonSharedMemory),
        (2, Trap::HeapMisaligned),
        (0x1_0000, Trap::MemoryOutOfBounds),
    ] {
        let outcome = guest.call("wait", &[Val::I32(address)]);
        assert_eq!(outcome, Outcome { answer: Err(trap), stopped: None }, "{address:#x}");
    }
    assert_eq!(guest.call("notify", &[Val::I32(0)]), Outcome { answer: Ok(vec![0]), stopped: None });
}
