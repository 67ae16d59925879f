//! What can't get in or out: wild pointers, wild windows, and other guests.

use memctl_tests::{BACKENDS, Linking, World};
use memctl_wasmtime::{Domain, DomainBuilder, MemctlCtx, Mode, Rights, Source, add_to_core_linker_sync};
use memctl_window::{Windows, link};
use wasmtime::{Config, Engine, Instance, Linker, Module, Store, Trap, Val};

use crate::scene::{AUTOMATIC, GRANULE, LEASED, NARROW, PRIVATE, Scene, WIDE, component, on_every_backend, sum};

#[test]
fn accesses_outside_a_window_trap_and_change_nothing() {
    on_every_backend(|scene| {
        for (window, end) in [(1, NARROW), (3, WIDE)] {
            for at in [end, end + 1, 1 << 33, (1 << 32) + end, u64::MAX] {
                if at < end {
                    continue;
                }
                let mut program = scene.program();
                program.bound(window, 'a', AUTOMATIC);
                let before = scene.world.object("a");
                let trap = program.try_call(|raw, store| raw.call_get(store, window, at)).expect_err("traps");
                assert!(trap.downcast_ref::<Trap>().is_some(), "{trap:?}");
                let mut program = scene.program();
                program.try_call(|raw, store| raw.call_put(store, window, at, 1)).expect_err("traps");
                let mut program = scene.program();
                program.try_call(|raw, store| raw.call_fill(store, window, end - 1, at, 1)).expect_err("traps");
                assert_eq!(scene.world.object("a"), before);
            }
        }
        for window in [0, 4, u32::MAX] {
            let mut program = scene.program();
            program.try_call(|raw, store| raw.call_get(store, window, 0)).expect_err("there is no such window");
        }
    });
}

#[test]
fn a_guest_that_turns_over_all_of_its_memory_touches_no_window() {
    on_every_backend(|scene| {
        let (mut program, mut other) = (scene.program(), scene.program());
        program.bound(1, 'a', AUTOMATIC);
        program.bound(3, 'b', AUTOMATIC);
        program.fill(1, 0, NARROW, 0x5a);
        program.fill(3, 0, NARROW, 0x5b);
        other.fill(1, 0, NARROW, 0x5c);
        let swept = program.call(|raw, store| raw.call_sweep(store));
        assert_eq!(Ok(swept), program.size(0), "all of it");
        let all: u64 = (1..=NARROW).sum();
        assert_eq!((program.sum(1, 0, NARROW), other.sum(1, 0, NARROW)), (all * 0x5a, all * 0x5c));
        let tail: u64 = (2 * GRANULE + GRANULE / 2 + 1..=3 * GRANULE).sum();
        assert!(
            [all * 0x5b, (all - tail) * 0x5b].contains(&program.sum(3, 0, NARROW)),
            "past the end stores may be lost"
        );
        assert_eq!(sum(&scene.world.object("a")), (1..=4 * GRANULE).sum::<u64>() * 0x5a);
    });
}

/// Stores everywhere in memory 0, in every width, and leaves it so.
const WILD: &str = r#"(module
    (import "memctl:window" "i32.load8_u" (func $load (param i32 i32) (result i32)))
    (import "memctl:window" "fill" (func $fill (param i32 i32 i32 i32)))
    (memory (export "memory") 3)
    (func (export "wild") (local $at i32) (local $end i32)
        (call $fill (i32.const 0) (i32.const 0x77) (i32.const 131072) (i32.const 1))
        (local.set $end (i32.mul (memory.size) (i32.const 65536)))
        (memory.fill (i32.const 0) (i32.const 0xaa) (local.get $end))
        (loop $next
            (i64.store (local.get $at) (i64.const -1))
            (f64.store align=1 (local.get $at) (f64.load align=1 (local.get $at)))
            (i32.store8 (local.get $at) (i32.xor (i32.load8_u (local.get $at)) (i32.const 0x55)))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (br_if $next (i32.le_u (local.get $at) (i32.sub (local.get $end) (i32.const 8)))))
        (memory.copy (i32.const 1) (i32.const 0) (i32.sub (local.get $end) (i32.const 1))))
    (func (export "past") (param i32)
        (i32.store8 (i32.add (i32.mul (memory.size) (i32.const 65536)) (local.get 0)) (i32.const 1)))
    (func (export "untouched") (result i32) (local $at i32)
        (loop $next
            (if (i32.ne (call $load (local.get $at) (i32.const 1)) (i32.const 0x77)) (then (return (i32.const 0))))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (br_if $next (i32.lt_u (local.get $at) (i32.const 131072))))
        (i32.const 1)))"#;

/// A linked module in a store of its own.
fn core(domain: &Domain, engine: &Engine, wasm: &[u8]) -> (Store<MemctlCtx>, Instance) {
    let module = Module::new(engine, wasm).expect("compiles");
    let mut linker: Linker<MemctlCtx> = Linker::new(engine);
    add_to_core_linker_sync(&mut linker, |ctx| ctx).expect("links");
    let mut store = Store::new(engine, domain.context().build());
    let crossing = store.data().crossing(store.engine());
    store.call_hook(move |_, hook| Ok(crossing(hook)?));
    let instance = linker.instantiate(&mut store, &module).expect("instantiates");
    (store, instance)
}

#[test]
fn no_store_to_memory_0_reaches_a_window() {
    let wasm = link(&wat::parse_str(WILD).expect("valid"), &Windows::new().memory32(1, 1 << 17)).expect("links").wasm;
    for mode in BACKENDS {
        let object = Source::anonymous(1 << 17);
        let domain = Domain::builder().mode(mode).object("object", object, Rights::all()).build().expect("built");
        let mut config = Config::new();
        domain.configure(&mut config).expect("configured");
        let engine = Engine::new(&config).expect("the engine can be made");
        let (mut store, instance) = core(&domain, &engine, &wasm);
        let (mut other, beside) = core(&domain, &engine, &wasm);
        let call = |store: &mut Store<MemctlCtx>, instance: &Instance, name: &str, arguments: &[Val]| {
            let func = instance.get_func(&mut *store, name).expect("exported");
            let mut results = vec![Val::I32(0); func.ty(&*store).results().len()];
            func.call(store, arguments, &mut results).map(|()| results.first().and_then(Val::i32))
        };
        call(&mut other, &beside, "wild", &[]).expect("all of it is its memory");
        call(&mut store, &instance, "wild", &[]).expect("all of it is its memory");
        for (store, instance) in [(&mut store, &instance), (&mut other, &beside)] {
            assert_eq!(call(store, instance, "untouched", &[]).expect("does not trap"), Some(1));
            for past in [0, 1 << 16, 1 << 24, i32::MAX] {
                call(store, instance, "past", &[Val::I32(past)]).expect_err("traps");
            }
            assert_eq!(call(store, instance, "untouched", &[]).expect("does not trap"), Some(1));
        }
    }
}

#[test]
fn windows_that_may_not_be_touched_are_not_looked_into() {
    for guard in [DomainBuilder::parallel, DomainBuilder::audit] {
        let scene = Scene::of(World::with(Mode::Alias, guard), component(Linking::Static));
        scene.world.publish("a", 4 * GRANULE);
        scene.world.publish("b", 4 * GRANULE);
        let mut program = scene.program();
        // Closed until it is leased.
        let first = program.bound(1, 'a', LEASED);
        // Both look for windows, and for what guards a memory that is new to the domain.
        program.bound(2, 'b', LEASED);
        program.bound(3, 'a', PRIVATE);
        let lease = program.acquire(first, (0, GRANULE), true).expect("free");
        program.store(1, 5, 7);
        assert_eq!(program.load(1, 5), 7);
        program.release(lease, (0, GRANULE)).expect("releases");
        // Another guest's memories lie before and behind.
        let mut other = scene.program();
        other.bound(1, 'b', PRIVATE);
        assert_eq!(program.load(3, 5), 0, "a snapshot");
    }
}
