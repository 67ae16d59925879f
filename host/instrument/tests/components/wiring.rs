//! How the parts of components are joined: whose shield guards which memory, and what can't be joined.

use memctl_instrument::{Error, Options, Table, instrument, is_instrumented};
use wasmtime::component::Val;

use crate::world::{BOUNDS, Ended, World, options, wasm};

fn u32s(values: &[u32]) -> Vec<Val> {
    values.iter().map(|value| Val::U32(*value)).collect()
}

const FINE: Ended = Ended::Returned(Vec::new());

fn refusal(text: &str, options: &Options) -> String {
    instrument(&wasm(text), options).map(|_| ()).unwrap_err().to_string()
}

/// A memory, and a module that stores to it through two bundles and a module that passes it on.
pub(crate) const ADAPTED: &str = r#"(component
  (core module $main (memory (export "mem") 2))
  (core module $passes (import "env" "memory" (memory 1)) (export "memory again" (memory 0)))
  (core module $adapter
    (import "env" "memory" (memory 1))
    (func (export "poke") (param i32 i32) (i32.store (local.get 0) (local.get 1)))
    (func (export "give") (param i32) (result i32) (local.get 0)))
  (core instance $i (instantiate $main))
  (core instance $bundle (export "memory" (memory $i "mem")))
  (core instance $p (instantiate $passes (with "env" (instance $bundle))))
  (core instance $again (export "memory" (memory $p "memory again")))
  (core instance $a (instantiate $adapter (with "env" (instance $again))))
  (func (export "poke") (param "p" u32) (param "v" u32) (canon lift (core func $a "poke")))
  (func (export "give") (param "at" u32) (result string)
    (canon lift (core func $a "give") (memory (core memory $again "memory")))))"#;

#[test]
fn an_imported_memory_is_guarded_by_its_definers_shield() {
    let mut world = World::start(ADAPTED, &options(Table::Always), |_, _| {});
    world.protect(&[(12288, 4096, false)]);
    assert_eq!(world.call("give", &u32s(&[12280])), Ended::Returned(vec![Val::String(String::new())]));
    assert_eq!(world.call("give", &u32s(&[12284])), Ended::load(12288));
}

#[test]
fn a_module_that_imports_a_memory_checks_its_accesses() {
    let start = || {
        let mut world = World::start(ADAPTED, &options(Table::Always), |_, _| {});
        world.protect(&[(12288, 4096, true)]);
        // A function with a guard, which loads the hulls.
        assert_eq!(world.call("give", &u32s(&[20480])), Ended::Returned(vec![Val::String(String::new())]));
        world
    };
    assert_eq!(start().call("poke", &u32s(&[8192, 1])), FINE);
    assert_eq!(start().call("poke", &u32s(&[8190, 1])), Ended::store(8190));
    assert_eq!(start().call("poke", &u32s(&[12286, 1])), Ended::store(12288));
}

#[test]
fn each_memory_has_its_shield() {
    let text = r#"(component
      (import "f" (func $f (param "s" string)))
      (core module $m (memory (export "a") 1) (memory (export "b") 1)
        (@custom "memory-control.protection" "\01\00\00\00\01\00\00\00\00\10\00\00\00\00\00\00\00\10\00\00\00\00\00\00"))
      (core instance $i (instantiate $m))
      (core func $fa (canon lower (func $f) (memory (core memory $i "a"))))
      (core func $fb (canon lower (func $f) (memory (core memory $i "b"))))
      (core module $caller
        (import "" "a" (func $a (param i32 i32))) (import "" "b" (func $b (param i32 i32)))
        (func (export "a") (param i32 i32) (call $a (local.get 0) (local.get 1)))
        (func (export "b") (param i32 i32) (call $b (local.get 0) (local.get 1))))
      (core instance $c (instantiate $caller
        (with "" (instance (export "a" (func $fa)) (export "b" (func $fb))))))
      (func (export "a") (param "p" u32) (param "l" u32) (canon lift (core func $c "a")))
      (func (export "b") (param "p" u32) (param "l" u32) (canon lift (core func $c "b"))))"#;
    let mut world = World::start(text, &Options::default(), |linker, _| {
        linker.root().func_new("f", |_, _, _, _| Ok(())).unwrap();
    });
    assert_eq!(world.call("a", &u32s(&[0, 1])), FINE);
    assert_eq!(world.call("b", &u32s(&[4096, 1])), FINE);
    assert_eq!(world.call("b", &u32s(&[4095, 1])), Ended::load(4095));
}

#[test]
fn nested_components_use_modules_from_outside() {
    let text = r#"(component
      (core module $m
        (memory (export "memory") 1)
        (func (export "give") (param i32) (result i32) (local.get 0)))
      (component $inner
        (alias outer 1 $m (core module $mine))
        (core instance $i (instantiate $mine))
        (func (export "give") (param "at" u32) (result string)
          (canon lift (core func $i "give") (memory (core memory $i "memory")))))
      (instance $one (instantiate $inner))
      (component $passed
        (import "m" (core module $given (export "give" (func (param i32) (result i32)))))
        (core instance $i (instantiate $given))
        (func (export "give") (param "at" u32) (result u32) (canon lift (core func $i "give"))))
      (instance $two (instantiate $passed (with "m" (core module $m))))
      (export "give" (func $one "give"))
      (export "same" (func $two "give")))"#;
    let mut world = World::start(text, &options(Table::Auto), |_, _| {});
    assert_eq!(world.call("same", &u32s(&[7])), Ended::Returned(u32s(&[7])));
    assert_eq!(world.call("give", &u32s(&[4096])), Ended::Returned(vec![Val::String(String::new())]));
    assert_eq!(world.call("give", &u32s(&[4088])), Ended::load(4088));
}

#[test]
fn destructors_and_names_keep_their_functions() {
    let text = r#"(component
      (import "f" (func $f (param "s" string)))
      (core module $m
        (memory (export "memory") 1)
        (global $dropped (mut i32) (i32.const 0))
        (func (export "dtor") (param i32) (global.set $dropped (local.get 0)))
        (func (export "dropped") (result i32) (global.get $dropped)))
      (core instance $i (instantiate $m))
      (core func $lowered (canon lower (func $f) (memory (core memory $i "memory"))))
      (core instance $bundle (export "f" (func $lowered)))
      (alias core export $i "dtor" (core func $dtor))
      (type $r (resource (rep i32) (dtor (core func $dtor))))
      (core func $new (canon resource.new $r))
      (core func $drop (canon resource.drop $r))
      (core module $user
        (import "" "new" (func $new (param i32) (result i32))) (import "" "drop" (func $drop (param i32)))
        (func (export "run") (param i32) (call $drop (call $new (local.get 0)))))
      (core instance $u (instantiate $user
        (with "" (instance (export "new" (func $new)) (export "drop" (func $drop))))))
      (func (export "run") (param "rep" u32) (canon lift (core func $u "run")))
      (func (export "dropped") (result u32) (canon lift (core func $i "dropped"))))"#;
    let mut world = World::start(text, &options(Table::Always), |linker, _| {
        linker.root().func_new("f", |_, _, _, _| Ok(())).unwrap();
    });
    assert_eq!(world.call("run", &u32s(&[42])), FINE);
    assert_eq!(world.call("dropped", &[]), Ended::Returned(u32s(&[42])));
}

#[test]
fn a_module_is_used_twice_if_its_memories_agree() {
    let text = |second: &str| {
        format!(
            r#"(component
              (core module $a (memory (export "memory") 1))
              (core module $b (memory 1) (memory (export "memory") 1))
              (core module $user (import "env" "memory" (memory 1)))
              (core instance $one (instantiate $a))
              (core instance $two (instantiate ${second}))
              (core instance (instantiate $user (with "env" (instance $one))))
              (core instance (instantiate $user (with "env" (instance $two)))))"#
        )
    };
    assert!(instrument(&wasm(&text("a")), &Options::default()).is_ok());
    let error = refusal(&text("b"), &Options::default());
    assert!(error.contains("core module 2") && error.contains("byte 0x"), "{error}");
}

#[test]
fn modules_from_elsewhere_are_refused() {
    let imported = r#"(component (import "m" (core module $m)) (core instance (instantiate $m)))"#;
    let component = r#"(component (import "c" (component $c)) (instance (instantiate $c)))"#;
    let passed = r#"(component
      (component
        (import "m" (core module $given (export "memory" (memory 1)) (export "f" (func (param i32 i32)))))
        (core instance $i (instantiate $given))
        (func (param "s" string) (canon lift (core func $i "f") (memory (core memory $i "memory")) (realloc $realloc)))
        ))"#
    .replace(" (realloc $realloc)", "")
    .replace("(param \"s\" string)", "(param \"a\" u32) (param \"b\" u32)");
    let leaving = r#"(component
      (core module $m (import "env" "memory" (memory 1)))
      (export "m" (core module $m)))"#;
    for (text, what) in [
        (imported, "imports the core module \"m\""),
        (component, "imports the component \"c\""),
        (&passed, "core instance 0"),
        (leaving, "core module 0"),
    ] {
        let error = refusal(text, &Options::default());
        assert!(error.contains(what) && error.contains("byte 0x"), "{error}");
    }
}

#[test]
fn what_no_check_covers_is_refused_where_something_is_protected() {
    let text = r#"(component
      (core module $m (memory (export "memory") 1))
      (core instance $i (instantiate $m))
      (core func (canon waitable-set.wait (memory (core memory $i "memory")))))"#;
    assert!(instrument(&wasm(text), &Options::default()).is_ok());
    for options in [options(Table::Never), Options { table: Table::Always, ..Options::default() }] {
        let error = refusal(text, &options);
        assert!(error.contains("core memory 0") && error.contains("byte 0x"), "{error}");
    }
}

#[test]
fn bounds_are_for_the_one_module_with_a_memory() {
    let two = r#"(component (core module (memory 1)) (core module (memory 1)))"#;
    let error = refusal(two, &options(Table::Auto));
    assert!(error.contains("core modules 0 and 1"), "{error}");
    assert_eq!(instrument(&wasm("(component)"), &options(Table::Auto)).unwrap_err(), Error::NoMemory);
}

#[test]
fn a_component_is_instrumented_once() {
    let once = instrument(&wasm(ADAPTED), &options(Table::Auto)).unwrap();
    assert_eq!(once.report.modules.len(), 3);
    assert_eq!(once.report.modules[0].memories[0].bounds, BOUNDS);
    assert!(once.report.modules[2].memories[0].imported);
    assert!(is_instrumented(&once.wasm).unwrap());
    let error = instrument(&once.wasm, &Options::default()).unwrap_err().to_string();
    assert!(error.contains("already instrumented"), "{error}");
}

#[test]
fn imports_of_memory_control_ask_for_the_table() {
    let text = |import: &str| format!(r#"(component (import "{import}" (instance)) (core module (memory 1)))"#);
    for (import, table) in [
        ("wasi:memory-control/protection@0.1.0-draft", true),
        ("wasi:memory-control/mapping", true),
        ("wasi:memory-control/domain@0.1.0-draft", false),
        ("wasi:memory-control/protection-of-others", false),
    ] {
        let text = text(import)
            .replace("(core module (memory 1))", "(core module $m (memory 1)) (core instance (instantiate $m))");
        let outcome = instrument(&wasm(&text), &Options::default()).unwrap();
        assert_eq!(outcome.report.modules[0].table, table, "{import}");
    }
}
