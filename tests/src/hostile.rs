//! Components and modules written by hand: what they pass to the host, and where results go, is up to the test, byte by byte.

mod caller;
mod guest;

use std::fmt::Write;

use wasmtime::component::Component;
use wasmtime::{Engine, Module};

pub use caller::{Deed, caller};
pub use guest::{Hostile, map_arguments, part_arguments};

/// Imports `wasi:memory-control` as `$object` and `$mapping`, and names the resources `$object-type`, `$mapping-type` and `$lease-type`.
pub const MEMORY_CONTROL: &str = include_str!("hostile/memory-control.wat");

/// Bytes in a hostile guest's memory.
pub const MEMORY: u32 = 32 << 16;

/// Where results go unless a test says otherwise.
pub const RESULT: u32 = 64;

const TEXT: &str = "writing to a string works";

/// A function that the component imports, and passes on to the test under another name with its flattened parameters.
#[derive(Clone, Debug)]
pub struct Lowered {
    /// The WAT of what is lowered.
    pub what: String,
    /// The name of the export.
    pub export: String,
    /// Its parameters and its result as core types.
    pub signature: (&'static str, &'static str),
}

/// `(export, interface, name, parameters)` of the memory-control functions, none of which has a result once it is flattened.
const CALLS: &[(&str, &str, &str, &str)] = &[
    ("anonymous", "object", "[static]object.anonymous", "i64 i32"),
    ("open", "object", "[static]object.open", "i32 i32 i32"),
    ("len", "object", "[method]object.len", "i32 i32"),
    ("map", "mapping", "[static]mapping.map", "i32 i32 i64 i64 i32 i64 i32 i32 i32 i32 i32"),
    ("publish", "mapping", "[method]mapping.publish", "i32 i32 i32 i64 i64 i32"),
    ("refresh", "mapping", "[method]mapping.refresh", "i32 i32 i32 i64 i64 i32"),
    ("sync", "mapping", "[method]mapping.sync", "i32 i32 i32 i64 i64 i32"),
    ("unmap", "mapping", "[method]mapping.unmap", "i32 i32 i32 i64 i64 i32"),
    ("acquire", "mapping", "[method]mapping.acquire", "i32 i32 i32 i64 i64 i32 i32"),
    ("release", "mapping", "[static]lease.release", "i32 i32 i32 i64 i64 i32"),
];

impl Lowered {
    /// `name` of an imported instance.
    #[must_use]
    pub fn of(instance: &str, name: &str, export: &str, signature: (&'static str, &'static str)) -> Self {
        let what = format!(
            r#"canon lower (func ${instance} "{name}") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))"#
        );
        Self { what, export: export.to_owned(), signature }
    }

    /// Drops a handle of the resource type `$name`.
    #[must_use]
    pub fn drop_of(name: &str, export: &str) -> Self {
        Self { what: format!("canon resource.drop ${name}"), export: export.to_owned(), signature: ("i32", "") }
    }

    /// All that the host is asked about memory control.
    #[must_use]
    pub fn memory_control() -> Vec<Self> {
        let drops = ["object", "mapping", "lease"];
        let calls =
            CALLS.iter().map(|&(export, instance, name, params)| Self::of(instance, name, export, (params, "")));
        calls.chain(drops.map(|name| Self::drop_of(&format!("{name}-type"), &format!("drop-{name}")))).collect()
    }
}

/// The WAT of a component's inside: a memory of [`MEMORY`] bytes with loads and stores, a `realloc` that gives what it was aimed at, and
/// each of `lowered` as an export and, in the core module, as `$EXPORT`. `core` is more of the core module, `lifts` more of the component.
#[must_use]
pub fn inside(lowered: &[Lowered], core: &str, lifts: &str) -> String {
    inside_as("", lowered, core, lifts)
}

/// [`inside`] with `tag` before the name of each export, so that a component can hold several.
#[must_use]
pub fn inside_as(tag: &str, lowered: &[Lowered], core: &str, lifts: &str) -> String {
    let [mut lowers, mut imports, mut instances, mut wrappers, mut exports] = [const { String::new() }; 5];
    for Lowered { what, export, signature: (params, result) } in lowered {
        let what = what.replace(" $m ", &format!(" $m{tag} "));
        let lifted = lifted_result(result);
        let result = if result.is_empty() { String::new() } else { format!("(result {result})") };
        let gets: String = (0..params.split_whitespace().count()).map(|i| format!("local.get {i} ")).collect();
        writeln!(lowers, "(core func ${tag}{export} ({what}))").expect(TEXT);
        writeln!(imports, r#"(import "f" "{export}" (func ${export} (param {params}) {result}))"#).expect(TEXT);
        writeln!(instances, r#"(export "{export}" (func ${tag}{export}))"#).expect(TEXT);
        writeln!(wrappers, r#"(func (export "{export}") (param {params}) {result} {gets} call ${export})"#)
            .expect(TEXT);
        exports += &lift(tag, export, params, &lifted);
    }
    for (name, params, result) in ACCESSES {
        exports += &lift(tag, name, params, result);
    }
    format!(
        r#"(core module $m{tag}
            (memory (export "memory") {pages})
            (global $next (mut i32) (i32.const 0x8000))
            (func (export "aim") (param i32) local.get 0 global.set $next)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (local i32)
                (i32.and (i32.sub (i32.add (global.get $next) (local.get 2)) (i32.const 1))
                    (i32.sub (i32.const 0) (local.get 2)))
                local.tee 4 local.get 3 i32.add global.set $next local.get 4))
        (core instance $m{tag} (instantiate $m{tag}))
        {lowers}
        (core module $g{tag}
            (import "m" "memory" (memory $memory {pages}))
            (import "m" "aim" (func $aim (param i32)))
            {imports} {wrappers} {core}
            (func (export "aim") (param i32) local.get 0 call $aim) {MEMORY_ACCESS})
        (core instance $g{tag} (instantiate $g{tag} (with "m" (instance $m{tag})) (with "f" (instance {instances}))))
        {exports} {lifts}"#,
        pages = MEMORY >> 16,
    )
}

/// How the test reaches the memory.
const MEMORY_ACCESS: &str = r#"
    (func (export "load8") (param i32) (result i32) local.get 0 i32.load8_u)
    (func (export "load64") (param i32) (result i64) local.get 0 i64.load)
    (func (export "store8") (param i32 i32) local.get 0 local.get 1 i32.store8)
    (func (export "store64") (param i32 i64) local.get 0 local.get 1 i64.store)
    (func (export "grow") (param i32) (result i32) local.get 0 memory.grow)
    (func (export "fill") (param i32 i32 i32) local.get 0 local.get 1 local.get 2 memory.fill)
    (func (export "copy") (param i32 i32 i32) local.get 0 local.get 1 local.get 2 memory.copy)"#;

/// What each memory has, as the component exports it.
const ACCESSES: &[(&str, &str, &str)] = &[
    ("aim", "i32", ""),
    ("load8", "i32", "(result u32)"),
    ("load64", "i32", "(result u64)"),
    ("store8", "i32 i32", ""),
    ("store64", "i32 i64", ""),
    ("grow", "i32", "(result u32)"),
    ("fill", "i32 i32 i32", ""),
    ("copy", "i32 i32 i32", ""),
];

/// A core result as the test sees it.
fn lifted_result(result: &str) -> String {
    if result.is_empty() { String::new() } else { format!("(result {})", result.replace('i', "u")) }
}

/// A core export whose parameters are numbers, for the test to call.
fn lift(tag: &str, name: &str, params: &str, result: &str) -> String {
    let params: String = params
        .split_whitespace()
        .enumerate()
        .map(|(at, number)| format!(r#"(param "p{at}" {})"#, number.replace('i', "u")))
        .collect();
    format!("(func (export \"{tag}{name}\") {params} {result} (canon lift (core func $g{tag} \"{name}\")))\n")
}

/// A component of `imports` beside memory control, and [`inside`].
///
/// # Panics
/// If it does not compile.
#[must_use]
pub fn hostile_component(engine: &Engine, imports: &str, lowered: &[Lowered], core: &str, lifts: &str) -> Component {
    let lowered = [Lowered::memory_control(), lowered.to_vec()].concat();
    let wat = format!("(component {MEMORY_CONTROL} {imports} {})", inside(&lowered, core, lifts));
    Component::new(engine, &wat).unwrap_or_else(|error| panic!("the hostile guest compiles: {error:?}\n{wat}"))
}

/// A core module with the same exports, but `aim`, and `core`.
///
/// # Panics
/// If it does not compile.
#[must_use]
pub fn hostile_module(engine: &Engine, core: &str) -> Module {
    let [mut imports, mut wrappers] = [const { String::new() }; 2];
    for &(export, interface, name, params) in CALLS {
        let gets: String = (0..params.split_whitespace().count()).map(|i| format!("local.get {i} ")).collect();
        let module = format!("wasi:memory-control/{interface}@0.1.0-draft");
        writeln!(imports, r#"(import "{module}" "{name}" (func ${export} (param {params})))"#).expect(TEXT);
        writeln!(wrappers, r#"(func (export "{export}") (param {params}) {gets} call ${export})"#).expect(TEXT);
    }
    let wat =
        format!(r#"(module {imports} (memory (export "memory") {}) {wrappers} {MEMORY_ACCESS} {core})"#, MEMORY >> 16);
    Module::new(engine, &wat).unwrap_or_else(|error| panic!("the hostile module compiles: {error:?}\n{wat}"))
}
