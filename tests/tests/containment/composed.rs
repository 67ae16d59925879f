//! Components composed in one store pass values to each other past the host, by code of the engine's.

use memctl_tests::hostile::{Lowered, MEMORY_CONTROL, inside};
use wasmtime::component::Component;

use crate::scene::{BAD, Maker, PAGE, Scene};

const OPTIONS: &str = r#"(memory (core memory $m "memory")) (realloc (core func $m "realloc"))"#;

/// What is passed from the front component to the back one, and what the front calls it.
const PASSED: [(&str, &str); 4] =
    [("string", "string"), ("bytes", "(list u8)"), ("longs", "(list u64)"), ("strings", "(list string)")];

/// The front calls the back with its own bytes (`pass-…`), and the back gives bytes of its own (`give-…`). The window is the front's.
fn maker(scene: &Scene) -> Maker {
    let [mut types, mut lifts, mut core, mut exports] = [const { String::new() }; 4];
    let mut lowered = Lowered::memory_control();
    for (name, wit) in PASSED {
        types += &format!(
            r#"(export "pass-{name}" (func (param "it" {wit}))) (export "give-{name}" (func (result {wit})))"#
        );
        lowered.push(Lowered::of("back", &format!("pass-{name}"), &format!("pass-{name}"), ("i32 i32", "")));
        lowered.push(Lowered::of("back", &format!("give-{name}"), &format!("give-{name}"), ("i32", "")));
        core += &format!(r#"(func (export "pass-{name}") (param i32 i32))"#);
        lifts += &format!(
            r#"(func (export "pass-{name}") (param "it" {wit}) (canon lift (core func $g "pass-{name}") {OPTIONS}))
            (func (export "give-{name}") (result {wit}) (canon lift (core func $g "give") {OPTIONS}))"#
        );
        exports += &format!(
            r#"(export "pass-{name}" (func $front "pass-{name}")) (export "give-{name}" (func $front "give-{name}"))"#
        );
    }
    // The place of what is given: 3,000 zero bytes, or as many elements, at 0x1_0000.
    core += r#"(data (i32.const 64) "\00\00\01\00\b8\0b\00\00") (func (export "give") (result i32) i32.const 64)"#;
    for name in ["open", "map", "load8", "store8", "aim", "fill"] {
        exports += &format!(r#"(export "{name}" (func $front "{name}"))"#);
    }
    let with = r#"(with "wasi:memory-control/object@0.1.0-draft" (instance $object))
        (with "wasi:memory-control/mapping@0.1.0-draft" (instance $mapping))"#;
    let back = inside(&[], &core, &lifts);
    let front = inside(&lowered, "", "");
    let wat = format!(
        r#"(component {MEMORY_CONTROL}
            (component $back {back})
            (component $front {MEMORY_CONTROL} (import "back" (instance $back {types})) {front})
            (instance $back (instantiate $back))
            (instance $front (instantiate $front {with} (with "back" (instance $back))))
            {exports})"#
    );
    let component = Component::new(scene.world.engine(), &wat).unwrap_or_else(|error| panic!("{error:?}\n{wat}"));
    Maker::Component(component, Box::new(scene.world.linker().clone()))
}

#[test]
fn what_is_passed_from_there_to_another_component_traps() {
    let mut scene = Scene::new();
    let maker = maker(&scene);
    let mut cases = Vec::new();
    for (name, element) in [("string", 1), ("bytes", 1), ("longs", 8), ("strings", 8)] {
        for (at, len) in
            [(BAD.start, 2 * PAGE), (BAD.start, 8), (BAD.start - 8, 16), (BAD.end - 8, 8), (BAD.end - 8, 16)]
        {
            cases.push((name, at, len / element));
        }
    }
    maker.contains(&mut scene, &cases, |guest, &(name, at, len)| {
        guest.try_call(&format!("pass-{name}"), &[at.into(), len.into()])
    });
}

#[test]
fn what_another_component_gives_and_realloc_puts_there_traps() {
    let mut scene = Scene::new();
    let maker = maker(&scene);
    let mut cases = Vec::new();
    for (name, _) in PASSED {
        cases.extend([BAD.start, BAD.start - 2000, BAD.end - 8].map(|at| (name, at)));
    }
    maker.contains(&mut scene, &cases, |guest, &(name, at)| {
        guest.call("aim", &[at.into()]);
        guest.try_call(&format!("give-{name}"), &[0x2_0000])
    });
}
