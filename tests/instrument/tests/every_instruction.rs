//! Every instruction that loads or stores does the same, and is stopped at the same byte, whether host pages or checks protect the memory.

use memctl_core::Bounds;
use memctl_instrument::{Options, Table, instrument};
use memctl_instrument_tests::engine::Runs;
use memctl_instrument_tests::guest::{Guest, Outcome};
use memctl_instrument_tests::instruction::{self, Instruction};
use memctl_instrument_tests::model::{Alignment, Kind, Protected, Reach, Verdict};
use memctl_instrument_tests::text::{Form as Operands, Function, MEMORY, Width, guest, initial};
use wasmtime::{Trap, Val};

const BOUNDS: Bounds = Bounds { no_access: 0x1000, read_only: 0x2000 };
/// Between two of them nothing is protected, and the last two are beside each other.
const RANGES: [(u64, u64, Reach); 4] = [
    (0x3000, 0x4000, Reach::All),
    (0x5000, 0x6000, Reach::Stores),
    (0x7000, 0x8000, Reach::Stores),
    (0x8000, 0x9000, Reach::All),
];
/// Where protection changes, and both ends of the memory.
const EDGES: [u64; 11] = [0, 0x1000, 0x2000, 0x3000, 0x4000, 0x5000, 0x6000, 0x7000, 0x8000, 0x9000, MEMORY];

/// A call of a guest's function.
struct Case {
    function: usize,
    address: u64,
    verdict: [Verdict; 2],
}

/// What a guest did: the outcome of each case with the bytes around it, and the memory in the end.
struct Done {
    cases: Vec<(Outcome, Vec<u8>)>,
    memory: Vec<u8>,
}

fn functions(instruction: &Instruction, width: Width) -> Vec<Function> {
    let last = width.wrap(u64::MAX - 0x1f);
    let mut all = Vec::new();
    for offset in [0, 1, 0x20, 0xfff, 0x2000, last] {
        all.extend([Operands::Locals, Operands::Computed].map(|form| Function { form, offset }));
    }
    for edge in &EDGES[1..6] {
        for address in [edge - instruction.size, edge - 1, *edge] {
            all.push(Function { form: Operands::Constant(address), offset: 0 });
        }
    }
    all.push(Function { form: Operands::Constant(0xfff), offset: 1 });
    all.push(Function { form: Operands::Constant(0x10), offset: width.wrap(u64::MAX - 0xf) });
    all
}

fn cases(instruction: &Instruction, width: Width, functions: &[Function], protected: [&Protected; 2]) -> Vec<Case> {
    let Instruction { size, kind, alignment, .. } = *instruction;
    let verdict =
        |base, offset| protected.map(|protected| protected.access((base, offset), size, kind, alignment, MEMORY));
    let mut all = Vec::new();
    for (function, &Function { form, offset }) in functions.iter().enumerate() {
        if let Operands::Constant(address) = form {
            all.push(Case { function, address, verdict: verdict(address, offset) });
            continue;
        }
        for edge in EDGES {
            let mut places = [-1 - size.cast_signed(), -size.cast_signed(), 1 - size.cast_signed(), -1, 0, 1].to_vec();
            places.sort_unstable();
            places.dedup();
            for place in places {
                let address = width.wrap(edge.wrapping_add_signed(place).wrapping_sub(offset));
                all.push(Case { function, address, verdict: verdict(address, offset) });
            }
        }
    }
    all
}

fn run(
    mut guest: Guest,
    instruction: &Instruction,
    width: Width,
    (functions, cases): (&[Function], &[Case]),
    (protected, table): (&Protected, &Protected),
) -> Done {
    for (at, byte) in guest.bytes().iter_mut().enumerate() {
        *byte = initial(instruction, at);
    }
    guest.protect(table);
    let mut done = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let seed = Val::I64((number as i64 + 1).wrapping_mul(0x0123_4567_89ab_cdef));
        let outcome = guest.call(&case.function.to_string(), &[address(width, case.address), seed]);
        let at = case.address.wrapping_add(functions[case.function].offset);
        let around = at.saturating_sub(16)..at.saturating_add(32).min(MEMORY);
        let readable = around.start < around.end && protected.first(around.start, around.end, Kind::Load).is_none();
        let range = usize::try_from(around.start).unwrap()..usize::try_from(around.end).unwrap();
        done.push((outcome, if readable { guest.bytes()[range].to_vec() } else { Vec::new() }));
    }
    guest.protect(&Protected::default());
    // The sentinel's page is still closed in hardware.
    Done { cases: done, memory: guest.bytes()[..0x1_0000].to_vec() }
}

fn address(width: Width, address: u64) -> Val {
    match width {
        Width::Bits32 => Val::I32(u32::try_from(address).expect("wrapped").cast_signed()),
        Width::Bits64 => Val::I64(address.cast_signed()),
    }
}

/// What is protected how.
#[derive(Clone, Copy, Debug)]
enum Form {
    /// Bounds, declared.
    Declared,
    /// Bounds and ranges, all in the table.
    Table,
    /// Bounds declared, and ranges in the table.
    Both,
}

impl Form {
    fn options(self) -> Options {
        let (table, bounds) = match self {
            Self::Declared => (Table::Never, Some(BOUNDS)),
            Self::Table => (Table::Always, None),
            Self::Both => (Table::Always, Some(BOUNDS)),
        };
        Options { table, bounds, ..Options::default() }
    }
}

fn holds(instruction: &Instruction, width: Width) {
    let functions = functions(instruction, width);
    let text = guest(instruction, width, &functions);
    let wasm = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let (declared, ranges) = (Protected::new(BOUNDS, &[]), Protected::new(Bounds::NONE, &RANGES));
    let all = Protected::new(BOUNDS, &RANGES);
    let cases = cases(instruction, width, &functions, [&declared, &all]);
    let run = |guest, protected, table| run(guest, instruction, width, (&functions, &cases), (protected, table));
    let told =
        |case: &Case| format!("{} {width:?} {:?} {:#x}", instruction.name, functions[case.function], case.address);
    let hardware = [&declared, &all].map(|protected| run(Guest::new(Runs::Hardware, &wasm), protected, protected));
    for (which, protected) in [&declared, &all].into_iter().enumerate() {
        for (case, (outcome, _)) in cases.iter().zip(&hardware[which].cases) {
            follows(&told(case), instruction, protected, case.verdict[which], outcome);
        }
    }
    let nothing = Protected::default();
    for (form, which, table) in [(Form::Declared, 0, &nothing), (Form::Table, 1, &all), (Form::Both, 1, &ranges)] {
        let instrumented = instrument(&wasm, &form.options()).expect("it can be instrumented").wasm;
        for runs in Runs::SOFTWARE {
            if instruction.alignment == Alignment::Natural && !runs.has_atomics() {
                continue;
            }
            let protected = [&declared, &all][which];
            let done = run(Guest::new(runs, &instrumented), protected, table);
            for ((case, hardware), software) in cases.iter().zip(&hardware[which].cases).zip(&done.cases) {
                let what = format!("{form:?} {runs:?} {}", told(case));
                assert_eq!(hardware.0.answer, software.0.answer, "{what}");
                assert_eq!(hardware.1, software.1, "the bytes around, {what}");
                let stopped = matches!(case.verdict[which], Verdict::Stopped(_));
                let stopped = hardware.0.stopped.filter(|_| stopped).map(|(address, _)| (address, instruction.kind));
                assert_eq!(stopped, software.0.stopped, "{what}");
            }
            assert!(
                hardware[which].memory == done.memory,
                "{form:?} {runs:?} {}: the memory differs",
                instruction.name
            );
        }
    }
}

/// The hardware does what the rule says.
fn follows(what: &str, instruction: &Instruction, protected: &Protected, verdict: Verdict, outcome: &Outcome) {
    match verdict {
        Verdict::Allowed => assert!(outcome.answer.is_ok() && outcome.stopped.is_none(), "{what}: {outcome:?}"),
        Verdict::Traps => assert!(outcome.answer.is_err() && outcome.stopped.is_none(), "{what}: {outcome:?}"),
        Verdict::Stopped(address) => {
            assert_eq!(outcome.answer, Err(Trap::MemoryOutOfBounds), "{what}");
            let (at, kind) = outcome.stopped.expect("a fault");
            assert_eq!(at, address, "{what}");
            // Cranelift makes these a loop that loads first, so on a page that nothing may be loaded from the hardware tells of a load.
            let loads_first = instruction.loads_first() && protected.first(at, at + 1, Kind::Load).is_some();
            assert!(kind == instruction.kind || loads_first && kind == Kind::Load, "{what}: {kind:?}");
        }
    }
}

fn all_hold(instructions: &[Instruction], width: Width) {
    for instruction in instructions {
        holds(instruction, width);
    }
}

#[test]
fn numbers_in_small_memories() {
    all_hold(&instruction::numbers(), Width::Bits32);
}

#[test]
fn numbers_in_large_memories() {
    all_hold(&instruction::numbers(), Width::Bits64);
}

#[test]
fn vectors_in_small_memories() {
    all_hold(&instruction::vectors(), Width::Bits32);
}

#[test]
fn vectors_in_large_memories() {
    all_hold(&instruction::vectors(), Width::Bits64);
}

#[test]
fn atomics_in_small_memories() {
    all_hold(&instruction::atomics(), Width::Bits32);
}

#[test]
fn atomics_in_large_memories() {
    all_hold(&instruction::atomics(), Width::Bits64);
}
