//! Showing something else in a window of its own, in place, as without an MMU, against copying as many bytes.

use anyhow::{Context, Result};
use memctl_core::Directory;
use memctl_wasmtime::{Domain, MemctlCtx, Mode, Rights, Source, add_to_core_linker_sync};
use wasmtime::{Config, Engine, Instance, Linker, Module, Store, TypedFunc};

use super::{MIB, Setup};
use crate::measure::{Thing, in_turn};
use crate::row::{Aim, Row};

const WASM_PAGE: usize = 1 << 16;

/// A guest that binds its window to one of two objects, and then to each in turn.
struct Guest {
    store: Store<MemctlCtx>,
    turns: TypedFunc<u32, ()>,
    from: Vec<u8>,
    to: Vec<u8>,
}

fn wat(len: usize) -> String {
    let directory: String =
        Directory { memory: 2, windows: vec![1] }.to_bytes().iter().map(|byte| format!("\\{byte:02x}")).collect();
    let pages = len / WASM_PAGE;
    format!(
        r#"(module
            (import "wasi:memory-control/object@0.1.0-draft" "[static]object.open" (func $open (param i32 i32 i32)))
            (import "wasi:memory-control/window@0.1.0-draft" "bind" (func $bind
                (param i32 i32 i32 i64 i64 i32 i64 i32 i32 i32 i32 i32)))
            (import "wasi:memory-control/window@0.1.0-draft" "rebind" (func $rebind
                (param i32 i32 i64 i64 i32 i32 i64 i32 i32 i32 i32 i32)))
            (memory (export "memory") 1) (memory $window {pages} {more}) (memory $directory 1 1)
            (data (memory 0) (i32.const 0) "ab")
            (data (memory $directory) (i32.const 0) "{directory}")
            (global $a (mut i32) (i32.const 0)) (global $b (mut i32) (i32.const 0)) (global $mapping (mut i32) (i32.const 0))
            (func (export "start")
                (call $open (i32.const 0) (i32.const 1) (i32.const 64)) (global.set $a (i32.load (i32.const 68)))
                (call $open (i32.const 1) (i32.const 1) (i32.const 64)) (global.set $b (i32.load (i32.const 68)))
                (call $bind (i32.const 0) (i32.const 0) (i32.const 1) (i64.const 0) (i64.const {len}) (global.get $a)
                    (i64.const 0) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 64))
                (if (i32.load (i32.const 64)) (then unreachable))
                (drop (memory.grow $window (i32.const 0)))
                (global.set $mapping (i32.load (i32.const 68))))
            (func $show (param i32)
                (call $rebind (i32.const 0) (i32.const 0) (i64.const 0) (i64.const 0) (global.get $mapping) (local.get 0)
                    (i64.const 0) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 64))
                (if (i32.load8_u (i32.const 64)) (then unreachable))
                (drop (memory.grow $window (i32.const 0))))
            (func (export "turns") (param i32)
                (loop
                    (call $show (select (global.get $a) (global.get $b) (i32.and (local.get 0) (i32.const 1))))
                    (drop (i32.load $window (i32.const 0)))
                    (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))"#,
        more = pages + 1,
    )
}

fn guest(len: usize) -> Result<(Domain, Guest)> {
    let size = u64::try_from(len)?;
    let domain = Domain::builder()
        .mode(Mode::Copy)
        .object("a", Source::anonymous(size), Rights::all())
        .object("b", Source::anonymous(size), Rights::all())
        .build()?;
    let mut config = Config::new();
    config.memory_reservation(0).memory_guard_size(0).memory_reservation_for_growth(0).signals_based_traps(false);
    domain.configure(&mut config)?;
    let engine = Engine::new(&config)?;
    let module = Module::new(&engine, wat(len))?;
    let mut linker: Linker<MemctlCtx> = Linker::new(&engine);
    add_to_core_linker_sync(&mut linker, |ctx| ctx)?;
    let mut store = Store::new(&engine, domain.context().build());
    let crossing = store.data().crossing(&engine);
    store.call_hook(move |_, hook| Ok(crossing(hook)?));
    let instance: Instance = linker.instantiate(&mut store, &module)?;
    instance.get_typed_func::<(), ()>(&mut store, "start")?.call(&mut store, ())?;
    let turns = instance.get_typed_func::<u32, ()>(&mut store, "turns")?;
    Ok((domain, Guest { store, turns, from: vec![1; len], to: vec![0; len] }))
}

pub(crate) fn rows(setup: &Setup) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (len, size) in [(WASM_PAGE, "64 KiB"), (MIB, "1 MiB"), (16 * MIB, "16 MiB")] {
        let (domain, mut guest) = guest(len).with_context(|| format!("a window of {size}"))?;
        let mut things = [
            Thing::new("rebind", |guest: &mut Guest, times| Ok(guest.turns.call(&mut guest.store, times)?)),
            Thing::new("memcpy", |guest: &mut Guest, times| {
                for _ in 0..times {
                    guest.to.copy_from_slice(std::hint::black_box(&guest.from));
                    std::hint::black_box(&guest.to);
                }
                Ok(())
            }),
        ];
        let costs = in_turn(&mut guest, &mut things, setup.effort)?;
        anyhow::ensure!(domain.stats().bytes_copied == 0, "the window is in place");
        let [rebind, memcpy] = &costs[..] else { unreachable!("as many as things") };
        let names = (format!("rebind of {size} in place, and settle"), format!("memcpy of {size}"));
        rows.push(Row::ratio(names, Aim::None, rebind, memcpy));
    }
    Ok(rows)
}
