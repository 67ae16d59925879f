//! A component whose lists lie in a window that is in place: the host doesn't lend what it copies from.

use memctl_core::Directory;
use memctl_tests::hostile::MEMORY_CONTROL;
use memctl_wasmtime::{MemctlCtx, MemctlCtxView, MemctlView, add_to_linker_without_files_sync, attach};
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Config, Engine, Store};

use crate::scene::{IN_PLACE, domain};

const UNSUPPORTED: u32 = 7;

struct State {
    table: ResourceTable,
    memctl: MemctlCtx,
}

impl MemctlView for State {
    fn memctl(&mut self) -> MemctlCtxView<'_> {
        MemctlCtxView { ctx: &mut self.memctl, table: &mut self.table }
    }
}

/// Binds its window to object `a`, lets it settle, and then passes lists that lie in the window. Gives how many windows go with that, and the code that mapping it is
/// refused with.
fn component() -> String {
    let directory: String =
        Directory { memory: 2, windows: vec![1] }.to_bytes().iter().map(|byte| format!("\\{byte:02x}")).collect();
    let lower = |name: &str, of: &str, memory: &str| {
        format!(
            r#"(core func ${name} (canon lower (func {of}) (memory (core memory $m "{memory}")) (realloc (core func $m "realloc"))))"#
        )
    };
    let lowered = [
        lower("open", r#"$object "[static]object.open""#, "memory"),
        lower("bind", r#"$window "bind""#, "memory"),
        lower("count", r#"$window "count""#, "window"),
        lower("map", r#"$mapping "[static]mapping.map""#, "window"),
    ]
    .concat();
    format!(
        r#"(component {MEMORY_CONTROL}
            (import "wasi:memory-control/window@0.1.0-draft" (instance $window
                (alias outer 1 $object-type (type $object))
                (alias outer 1 $mapping-type (type $mapping))
                (type $codes (enum "alignment" "bounds" "overlap" "access" "not-found" "stale" "quota" "unsupported"
                    "busy" "out-of-memory" "io" "timed-out" "deadlock"))
                (export "error-code" (type $error-code (eq $codes)))
                (type $protections (enum "none" "read" "read-write"))
                (export "protection" (type $protection (eq $protections)))
                (type $sharings (enum "shared" "private"))
                (export "sharing" (type $sharing (eq $sharings)))
                (type $coherences (enum "automatic" "leased" "aliasing"))
                (export "coherence" (type $coherence (eq $coherences)))
                (type $map-flag-names (flags "populate" "past-end"))
                (export "map-flags" (type $map-flags (eq $map-flag-names)))
                (type $options (record (field "offset" u64) (field "protection" $protection)
                    (field "sharing" $sharing) (field "coherence" $coherence) (field "flags" $map-flags)))
                (export "map-options" (type $map-options (eq $options)))
                (export "count" (func (param "memory" (list u8)) (result u32)))
                (export "bind" (func (param "memory" (list u8)) (param "window" u32) (param "start" u64) (param "len" u64)
                    (param "object" (borrow $object)) (param "options" $map-options)
                    (result (result (own $mapping) (error $error-code)))))))
            (core module $m
                (memory (export "memory") 1) (memory (export "window") 1 3) (memory $directory 1 1)
                (data (memory 0) (i32.const 0) "a")
                (data (memory $directory) (i32.const 0) "{directory}")
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable))
            (core instance $m (instantiate $m))
            {lowered}
            (core module $g
                (import "m" "memory" (memory $memory 1))
                (import "m" "window" (memory $window 1 3))
                (import "f" "open" (func $open (param i32 i32 i32)))
                (import "f" "bind" (func $bind
                    (param i32 i32 i32 i64 i64 i32 i64 i32 i32 i32 i32 i32)))
                (import "f" "count" (func $count (param i32 i32) (result i32)))
                (import "f" "map" (func $map (param i32 i32 i64 i64 i32 i64 i32 i32 i32 i32 i32)))
                (func (export "run") (result i32) (local $object i32) (local $count i32)
                    (call $open (i32.const 0) (i32.const 1) (i32.const 64))
                    (local.set $object (i32.load (i32.const 68)))
                    (call $bind (i32.const 0) (i32.const 0) (i32.const 1) (i64.const 0) (i64.const 65536)
                        (local.get $object) (i64.const 0) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 0)
                        (i32.const 64))
                    (if (i32.load (i32.const 64)) (then unreachable))
                    (drop (memory.grow $window (i32.const 0)))
                    (i32.store8 $window (i32.const 1) (i32.const 77))
                    (local.set $count (call $count (i32.const 0) (i32.const 4096)))
                    (call $map (i32.const 0) (i32.const 4096) (i64.const 0) (i64.const 4096)
                        (local.get $object) (i64.const 0) (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 0)
                        (i32.const 8192))
                    (i32.or (i32.shl (local.get $count) (i32.const 16))
                        (i32.or (i32.shl (i32.load $window (i32.const 8192)) (i32.const 8))
                            (i32.load $window (i32.const 8196))))))
            (core instance $g (instantiate $g (with "m" (instance $m)) (with "f" (instance
                (export "open" (func $open)) (export "bind" (func $bind))
                (export "count" (func $count)) (export "map" (func $map))))))
            (func (export "run") (result u32) (canon lift (core func $g "run"))))"#
    )
}

#[test]
fn lists_in_a_window_in_place_are_not_lent() {
    for kind in IN_PLACE {
        let domain = domain(kind.mode());
        let mut config = Config::new();
        kind.configure(&mut config);
        domain.configure(&mut config).expect("configured");
        let engine = Engine::new(&config).expect("an engine");
        let component = Component::new(&engine, component()).expect("compiles");
        let mut linker: Linker<State> = Linker::new(&engine);
        add_to_linker_without_files_sync(&mut linker).expect("links");
        let state = State { table: ResourceTable::new(), memctl: domain.context().build() };
        let mut store = Store::new(&engine, state);
        attach(&mut store);
        let instance = linker.instantiate(&mut store, &component).expect("instantiates");
        let run = instance.get_typed_func::<(), (u32,)>(&mut store, "run").expect("exported");
        let (answer,) = run.call(&mut store, ()).expect("runs");
        assert_eq!(domain.stats().in_place, 1);
        assert_eq!((answer >> 16, answer >> 8 & 0xff, answer & 0xff), (0, 1, UNSUPPORTED));
        let mut bytes = [0; 3];
        domain.read_object("a", 0, &mut bytes).expect("nobody is inside");
        assert_eq!(bytes, [0, 77, 0]);
        assert_eq!(domain.usage().mappings, 1);
    }
}
