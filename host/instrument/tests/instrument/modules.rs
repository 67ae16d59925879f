//! What is around the code: names, marks, and what is refused.

use memctl_core::{Bounds, Declaration};
use memctl_instrument::{Error, Options, Table, instrument, is_instrumented};
use wasmtime::Trap;

use crate::harness::{Run, declared, engine, with_table};

fn wasm(wat: &str) -> Vec<u8> {
    wat::parse_str(wat).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(wat: &str, options: &Options) -> Error {
    instrument(&wasm(wat), options).expect_err("refused")
}

/// A custom section that declares bounds.
fn declaration(memory: u32, no_access: u64, read_only: u64) -> String {
    let record = Declaration { memory, bounds: Bounds { no_access, read_only } }.to_bytes();
    let bytes: String = record.iter().map(|byte| format!("\\{byte:02x}")).collect();
    format!("(@custom \"{}\" \"{bytes}\")", Declaration::SECTION)
}

#[test]
fn what_had_a_name_keeps_it() {
    let module = wasm(
        r#"(module $m (import "wasi:memory-control/protection@0.1.0" "seal" (func $seal))
        (memory $first 1) (memory $second 1) (global $g (mut i32) (i32.const 0))
        (func $f (export "f") (param $p i32) (local $l i32) (i32.store $second (local.get $p) (i32.const 1)) (call $seal)))"#,
    );
    let outcome = instrument(&module, &with_table()).expect("instrumented");
    assert_eq!(outcome.report.modules[0].name.as_deref(), Some("m"));
    let text = wasmprinter::print_bytes(&outcome.wasm).expect("valid");
    for name in [
        "$seal",
        "$first",
        "$second",
        "$g",
        "$f",
        "$p",
        "$l",
        "$memctl.shield.1",
        "$memctl.stores-more.0",
        "$memctl.load_hulls",
    ] {
        assert!(text.contains(name), "{name} is not in {text}");
    }
    assert!(text.contains("(processed-by \"memctl-instrument\""), "{text}");
    assert_eq!(is_instrumented(&outcome.wasm), Ok(true));
    assert_eq!(is_instrumented(&module), Ok(false));
    assert!(matches!(instrument(&outcome.wasm, &with_table()), Err(Error::AlreadyInstrumented { granule: 1, .. })));
}

#[test]
fn what_is_declared_is_checked_without_options() {
    let module = wasm(&format!(
        r#"(module (memory 1) (memory (export "memory") 2)
        (func (export "set") (i32.store 1 (i32.const 4095) (i32.const 1))) {})"#,
        declaration(1, 0, 5000),
    ));
    let outcome = instrument(&module, &Options::default()).expect("instrumented");
    assert_eq!(outcome.report.modules[0].memories[1].bounds, Bounds { no_access: 0, read_only: 4096 });
    let mut run = Run::instrumented(&engine(), &module, &Options::default());
    let came = run.call("set", &[]);
    assert_eq!(came.result, Err(Trap::MemoryOutOfBounds));
    assert_eq!(came.stopped.map(|stopped| stopped.address), Some(4095));
}

#[test]
fn what_cannot_be_right_is_refused_with_its_place() {
    let options = Options::default();
    let unknown = refused(&format!("(module (memory 1) {})", declaration(1, 0, 4096)), &options);
    assert_eq!(unknown, Error::UnknownMemory { memory: 1, memories: 1 });
    let past = refused(&format!("(module (memory 1) {})", declaration(0, 0, 65537)), &options);
    assert!(matches!(past, Error::Bounds { memory: 0, size: 65536, .. }), "{past}");
    let cut = refused(r#"(module (memory 1) (@custom "memory-control.protection" "\01\00"))"#, &options);
    assert!(matches!(cut, Error::Declaration(_)), "{cut}");
    let imported = refused(r#"(module (import "a" "b" (memory 1)))"#, &options);
    assert_eq!(imported, Error::ImportedMemory { memory: 0, module: "a".to_owned(), field: "b".to_owned() });
    assert_eq!(refused("(module)", &declared(0, 4096)), Error::NoMemory);
    let linking = refused(r#"(module (@custom "linking" "\02"))"#, &options);
    assert!(matches!(linking, Error::Unsupported { .. }), "{linking}");
    for own in
        [r#"(module (memory (export "memctl:shield/0") 1))"#, r#"(module (import "memctl:shield/0" "f" (func)))"#]
    {
        let own = refused(own, &options);
        assert!(own.to_string().contains("memctl:shield/0") && matches!(own, Error::Unsupported { .. }), "{own}");
    }
    let switching =
        refused("(module (type $f (func)) (type $c (cont $f)) (func (drop (cont.new $c (ref.null $f)))))", &options);
    assert!(matches!(switching, Error::Invalid { offset: 1.., .. }), "{switching}");
    let mut broken = wasm("(module (memory 1) (func) (func (drop (i32.load (i32.const 0)))))");
    let last = broken.iter().rposition(|byte| *byte == 0x28).expect("the load");
    broken[last] = 0xff;
    let broken = instrument(&broken, &options).expect_err("not valid");
    assert!(matches!(broken, Error::Invalid { function: Some(1), .. }), "{broken}");
}

#[test]
fn the_table_is_checked_if_something_can_change_it() {
    let table = |import: &str| {
        let module = wasm(&format!("(module (import \"{import}\" \"f\" (func)) (memory 1))"));
        instrument(&module, &Options::default()).expect("instrumented").report.modules[0].table
    };
    assert!(table("wasi:memory-control/protection@0.3.0") && table("wasi:memory-control/mapping@0.1.0"));
    assert!(!table("wasi:memory-control/lease@0.1.0") && !table("env"));
}

#[test]
fn other_proposals_pass_through() {
    let options = Options { table: Table::Always, ..declared(100, 200) };
    // Tests' wasmtime is built without garbage collection: what comes out is valid, which `instrument` makes sure of.
    let module = wasm(
        r#"(module (memory 1) (tag $t (param i32)) (type $s (struct (field i32)))
        (func (export "run") (param i32) (result i32)
            (i32.store (local.get 0) (struct.get $s 0 (struct.new $s (i32.const 20))))
            (block $caught (result i32)
                (try_table (catch $t $caught) (throw $t (i32.load (local.get 0))))
                (unreachable))
            (drop (i32.load (local.get 0)))))"#,
    );
    let report = instrument(&module, &options).expect("instrumented").report;
    assert_eq!(
        (report.modules[0].loads.put_in, report.modules[0].stores.put_in),
        (1, 1),
        "the load in the block follows the store"
    );

    let module = wasm(
        r#"(module (memory (export "memory") 1) (type $f (func (param i32) (result i32)))
        (table 1 funcref) (elem (i32.const 0) $twice)
        (func $twice (type $f) (i32.add (local.get 0) (local.get 0)))
        (func (export "run") (param i32) (result i32)
            (i32.store (local.get 0) (i32.const 20))
            (return_call_indirect (type $f) (i32.load (local.get 0)) (i32.const 0))))"#,
    );
    let mut run = Run::instrumented(&engine(), &module, &options);
    assert_eq!(run.call("run", &[wasmtime::Val::I32(200)]).result, Ok(vec!["I32(40)".to_owned()]));
    assert_eq!(run.call("run", &[wasmtime::Val::I32(199)]).stopped.map(|stopped| stopped.address), Some(199));
}

#[test]
fn many_offsets_and_deep_blocks_are_checked_too() {
    let stores: String =
        (0..700).map(|n| format!("(block (br_if 0 (i32.ne (local.get 1) (i32.const {n}))) (i32.store offset={n} (local.get 0) (i32.const {n})))")).collect();
    let module = wasm(&format!(
        r#"(module (memory (export "memory") 1) (func (export "run") (param i32 i32) (result i32)
        (if (i32.eqz (local.get 1)) (then (br 1 (i32.const 7)))) {stores} (i32.const 9)))"#
    ));
    let mut run = Run::instrumented(&engine(), &module, &declared(0, 1000));
    let mut call = |at: i32, n: i32| run.call("run", &[wasmtime::Val::I32(at), wasmtime::Val::I32(n)]);
    assert_eq!(call(0, 0).result, Ok(vec!["I32(7)".to_owned()]));
    for n in 1..700 {
        assert_eq!(call(999 - n, n).stopped.map(|stopped| stopped.address), Some(999), "offset {n}");
        assert_eq!(call(1000 - n, n).result, Ok(vec!["I32(9)".to_owned()]), "offset {n}");
    }
}
