//! Random modules with random protection, from bytes: of the fuzzer's, or of a seed.

use arbitrary::{Result, Unstructured};
use memctl_core::{Bounds, Declaration, Granule};
use memctl_instrument::{Options, Table, instrument};
use wasm_encoder::{CustomSection, Encode, Section};
use wasmparser::{Parser, Payload};

use crate::engine::Runs;
use crate::lockstep::{Ran, Ranges, Setting, lockstep};
use crate::model::Reach;
use crate::{program, smith};

/// Where the module comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// [`program`]
    Program,
    /// wasm-smith
    Smith,
}

/// Where declared bounds and ranges begin and end, so that what is beside each other and within an access of each other is frequent.
const EDGES: [u64; 10] = [0, 0, 32, 32, 64, 96, 128, 160, 256, 512];

/// Runs what a fuzzer's bytes stand for: the first says where the module comes from, and what runs it.
///
/// # Errors
/// If the bytes stand for no module.
///
/// # Panics
/// As [`run`] does.
pub fn any(bytes: &[u8]) -> Result<Ran> {
    let (&first, bytes) = bytes.split_first().ok_or(arbitrary::Error::NotEnoughData)?;
    let source = if first & 0xc0 == 0 { Source::Smith } else { Source::Program };
    run(source, Runs::SOFTWARE[usize::from(first % 3)], bytes)
}

/// Runs the module that the bytes stand for, with what they protect, as [`lockstep`] does.
///
/// # Errors
/// If the bytes stand for no module.
///
/// # Panics
/// If the rewriter refuses the module, or the two runs differ; the message has the module's text.
pub fn run(source: Source, runs: Runs, bytes: &[u8]) -> Result<Ran> {
    let u = &mut Unstructured::new(bytes);
    let granule = Granule::new(32).expect("a power of two");
    let setting_bytes = u.bytes(192.min(u.len()))?;
    let wasm = match source {
        Source::Program => {
            let text = program::program(u, runs)?;
            wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
        }
        Source::Smith => smith::module(u)?,
    };
    let sizes = memories(&wasm);
    let (setting, declared, table) = setting(&mut Unstructured::new(setting_bytes), &sizes, granule)?;
    let wasm = declare(wasm, &declared);
    let options = Options { granule, table, ..Options::default() };
    let told = || format!("{runs:?} {setting:?}\n{}", wasmprinter::print_bytes(&wasm).unwrap_or_default());
    let outcome = instrument(&wasm, &options).unwrap_or_else(|error| panic!("{error}\n{}", told()));
    Ok(lockstep(&wasm, &outcome.wasm, runs, &setting).unwrap_or_else(|difference| panic!("{difference}\n{}", told())))
}

/// Initial sizes of a module's memories, in bytes.
fn memories(wasm: &[u8]) -> Vec<u64> {
    let mut all = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        if let Payload::MemorySection(section) = payload.expect("a valid module") {
            let types = section.into_iter().map(|ty| ty.expect("valid"));
            all.extend(types.map(|ty| ty.initial << ty.page_size_log2.unwrap_or(16)));
        }
    }
    all
}

fn setting(u: &mut Unstructured<'_>, sizes: &[u64], granule: Granule) -> Result<(Setting, Vec<Declaration>, Table)> {
    let mut setting = Setting { calls: 2, ..Setting::default() };
    let mut declarations = Vec::new();
    // Declared bounds alone, ranges alone, or both.
    let which: u8 = u.int_in_range(0..=3)?;
    for (memory, size) in (0..).zip(sizes) {
        let mut bounds = Bounds::NONE;
        if which != 1 && u.ratio(7, 8)? {
            let mut ends = [*u.choose(&EDGES)?, *u.choose(&EDGES)? + u.int_in_range(0..=31)?].map(|end| end.min(*size));
            ends.sort_unstable();
            bounds = Bounds { no_access: ends[0], read_only: ends[1] };
            declarations.push(Declaration { memory, bounds });
        }
        let bounds = bounds.rounded(granule);
        setting.declared.push(bounds);
        let mut turns = Vec::new();
        if which != 0 {
            for _ in 0..u.int_in_range(1..=3)? {
                turns.push(ranges(u, bounds.read_only, *size)?);
            }
        }
        setting.ranges.push(turns);
    }
    for _ in 0..8 {
        let near = *u.choose(&EDGES)? + u.int_in_range(0..=40)?;
        let number = match u.int_in_range(0..=15)? {
            0 => u.arbitrary()?,
            1..=7 => near,
            _ => near + 640,
        };
        setting.arguments.push(number);
    }
    Ok((setting, declarations, if which == 0 { Table::Never } else { Table::Always }))
}

/// Disjoint ranges in order, of any bytes behind what is declared.
fn ranges(u: &mut Unstructured<'_>, from: u64, size: u64) -> Result<Ranges> {
    let mut all = Ranges::new();
    let mut at = from;
    for _ in 0..u.int_in_range(0..=4)? {
        let start = at + *u.choose(&[0, 1, 16, 32, 64])?;
        at = start + *u.choose(&[1, 3, 16, 32, 64])?;
        if at > size {
            break;
        }
        all.push((start, at, if u.arbitrary()? { Reach::All } else { Reach::Stores }));
    }
    // One far away makes all that is before it a matter for the table.
    if u.ratio(1, 4)? && at + 64 < size {
        all.push((size - 64, size, Reach::Stores));
    }
    Ok(all)
}

/// The module with its section of declarations.
#[must_use]
pub fn declare(mut wasm: Vec<u8>, declarations: &[Declaration]) -> Vec<u8> {
    let records: Vec<u8> = declarations.iter().flat_map(|declaration| declaration.to_bytes()).collect();
    let section = CustomSection { name: Declaration::SECTION.into(), data: records.into() };
    if !declarations.is_empty() {
        wasm.push(section.id());
        section.encode(&mut wasm);
    }
    wasm
}

/// Bytes of a seed.
#[must_use]
pub fn bytes(seed: u64, len: usize) -> Vec<u8> {
    // SplitMix64.
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    };
    (0..len.div_ceil(8)).flat_map(|_| next().to_le_bytes()).take(len).collect()
}
