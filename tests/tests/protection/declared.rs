//! Static protection that a program declares, in force once its memories are filled.

use memctl_core::Declaration;
use memctl_tests::{State, World};
use memctl_wasmtime::{
    Bounds, Code, DeclarationError, DomainBuilder, FaultKind, MemctlCtx, Mode, StaticProtection, Violation, attach,
    instantiate, instantiate_async,
};
use wasmtime::component::{Component, Instance, Linker};
use wasmtime::{Store, Trap};
use wasmtime_wasi::FsPerms;

const BOUNDS: Bounds = Bounds { no_access: 4096, read_only: 8192 };

/// The section, as the text format writes it.
fn section(memory: u32, bounds: Bounds) -> String {
    let bytes: String = Declaration { memory, bounds }.to_bytes().iter().map(|byte| format!("\\{byte:02x}")).collect();
    format!(r#"(@custom "memory-control.protection" "{bytes}")"#)
}

/// A core module with a constant at 4096, and `more` in it.
fn module(more: &str) -> String {
    format!(
        r#"(core module $program
            (memory (export "memory") 1)
            (data (i32.const 4096) "constant")
            (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
            (func (export "store") (param i32) (i32.store8 (local.get 0) (i32.const 7)))
            {more})"#
    )
}

/// Instantiates `$program` and lifts what it exports.
const LIFTED: &str = r#"
    (core instance $program (instantiate $program))
    (func (export "load") (param "at" u32) (result u32) (canon lift (core func $program "load")))
    (func (export "store") (param "at" u32) (canon lift (core func $program "store")))"#;

struct Program {
    store: Store<State>,
    instance: Instance,
}

fn instantiated(world: &World, wat: &str) -> wasmtime::Result<Program> {
    let wasm = wat::parse_str(wat).expect("the text is right");
    let component = Component::new(world.engine(), &wasm).expect("it compiles");
    let protection = StaticProtection::of(&wasm).expect("what it declares is right");
    assert!(!protection.is_empty());
    let mut store = Store::new(world.engine(), world.state(FsPerms::ReadWrite, |context| context));
    attach(&mut store);
    let linker: Linker<State> = Linker::new(world.engine());
    let instance = instantiate(&mut store, &protection, |store| linker.instantiate(store, &component))?;
    Ok(Program { store, instance })
}

impl Program {
    fn load(&mut self, at: u32) -> wasmtime::Result<u32> {
        let load = self.instance.get_typed_func::<(u32,), (u32,)>(&mut self.store, "load")?;
        Ok(load.call(&mut self.store, (at,))?.0)
    }

    fn store(&mut self, at: u32) -> wasmtime::Result<()> {
        let store = self.instance.get_typed_func::<(u32,), ()>(&mut self.store, "store")?;
        store.call(&mut self.store, (at,))
    }

    fn memctl(&self) -> &MemctlCtx {
        &self.store.data().memctl
    }
}

#[track_caller]
fn trapped<R: std::fmt::Debug>(
    mut program: Program,
    at: u32,
    write: bool,
    act: impl FnOnce(&mut Program) -> wasmtime::Result<R>,
) {
    let error = act(&mut program).expect_err("it traps");
    assert_eq!(error.downcast_ref(), Some(&Trap::MemoryOutOfBounds), "{error:?}");
    let fault = program.memctl().last_fault().expect("for a fault");
    assert_eq!((fault.address, fault.kind, fault.write), (at.into(), FaultKind::Protection, Some(write)));
}

#[track_caller]
fn is_protected(world: &World, wat: &str) {
    let mut program = instantiated(world, wat).expect("it instantiates");
    assert_eq!(program.load(4096).expect("a constant"), u32::from(b'c'));
    program.store(8192).expect("read-write");
    assert_eq!(program.memctl().usage().protected_ranges, 2);
    trapped(program, 4095, false, |program| program.load(4095));
    for at in [0, 8191] {
        trapped(instantiated(world, wat).expect("it instantiates"), at, true, |program| program.store(at));
    }
}

#[test]
fn what_a_module_declares_is_in_force() {
    let world = World::new(Mode::Alias);
    is_protected(&world, &format!("(component {} {LIFTED})", module(&section(0, BOUNDS))));
}

#[test]
fn several_sections_are_one_and_modules_are_told_apart() {
    let world = World::new(Mode::Alias);
    let two = module(&(section(1, Bounds { no_access: 0, read_only: 65536 }) + "(memory 1)" + &section(0, BOUNDS)));
    let others = r#"(core module $first (memory 1) (memory 2)) (core instance (instantiate $first)) (core instance (instantiate $first))"#;
    let wat = format!("(component {others} {two} {LIFTED})");
    let mut program = instantiated(&world, &wat).expect("it instantiates");
    assert_eq!(program.memctl().usage().protected_ranges, 3);
    program.store(8192).expect("read-write");
    trapped(program, 8191, true, |program| program.store(8191));
}

#[test]
fn nested_components_and_aliased_modules_are_found() {
    let world = World::new(Mode::Alias);
    let wat = format!(
        r#"(component
            (core module $other (memory 3))
            {}
            (component $inner
                (core instance (instantiate $other))
                (alias outer 1 $program (core module $program))
                {LIFTED})
            (core instance (instantiate $other))
            (instance $made (instantiate $inner))
            (export "load" (func $made "load"))
            (export "store" (func $made "store")))"#,
        module(&section(0, BOUNDS))
    );
    is_protected(&world, &wat);
}

#[test]
fn a_start_function_may_fill_constants() {
    let world = World::new(Mode::Alias);
    let start = |at: u32| {
        let stores = format!("(func $start (i32.store (i32.const {at}) (i32.const 1))) (start $start)");
        format!("(component {} {LIFTED})", module(&(stores + &section(0, BOUNDS))))
    };
    let mut program = instantiated(&world, &start(5000)).expect("it instantiates");
    assert_eq!(program.load(5000).expect("a constant"), 1);
    trapped(program, 5000, true, |program| program.store(5000));
}

#[test]
fn memories_are_told_apart_when_instances_are_made_by_turns() {
    let world = World::new(Mode::Alias);
    let wat = format!("(component {} {LIFTED})", module(&section(0, BOUNDS)));
    let wasm = wat::parse_str(&wat).expect("the text is right");
    let component = Component::new(world.engine(), &wasm).expect("it compiles");
    let protection = StaticProtection::of(&wasm).expect("what it declares is right");
    let linker: Linker<State> = Linker::new(world.engine());
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let make = async || {
            let mut store = Store::new(world.engine(), world.state(FsPerms::ReadWrite, |context| context));
            attach(&mut store);
            let instance = instantiate_async(&mut store, &protection, async |store| {
                tokio::task::yield_now().await;
                let instance = linker.instantiate_async(&mut *store, &component).await;
                tokio::task::yield_now().await;
                instance
            });
            let instance = instance.await.expect("it instantiates");
            (store, instance)
        };
        for (mut store, instance) in [make().await, make().await] {
            assert_eq!(store.data().memctl.usage().protected_ranges, 2);
            let call = instance.get_typed_func::<(u32,), ()>(&mut store, "store").expect("exported");
            call.call_async(&mut store, (0,)).await.expect_err("it traps");
            assert_eq!(store.data().memctl.last_fault().map(|fault| fault.address), Some(0));
        }
        let (one, other) = tokio::join!(make(), make());
        for (store, _) in [one, other] {
            assert_eq!(store.data().memctl.usage().protected_ranges, 2);
        }
    });
}

#[test]
fn without_means_it_does_not_run() {
    let wat = format!("(component {} {LIFTED})", module(&section(0, BOUNDS)));
    let error = instantiated(&World::new(Mode::Copy), &wat).map(drop).expect_err("nothing can protect it");
    assert_eq!(error.downcast_ref(), Some(&Violation::Unprotected(Code::Unsupported)), "{error:?}");
    let advisory = World::with(Mode::Copy, DomainBuilder::advisory_protection);
    instantiated(&advisory, &wat).expect("advice is enough there").store(0).expect("it is advice");
}

#[test]
fn what_is_wrong_with_a_declaration_is_named() {
    let declares = |memory, no_access, read_only| {
        let program = module(&section(memory, Bounds { no_access, read_only }));
        let wat = format!("(component {program} {LIFTED})");
        StaticProtection::of(&wat::parse_str(&wat).expect("the text is right")).expect_err("refused")
    };
    assert!(matches!(declares(0, 0, 65537), DeclarationError::Size { module: 0, memory: 0, end: 65537, size: 65536 }));
    assert!(matches!(declares(1, 0, 0), DeclarationError::Memory { module: 0, memory: 1 }));
    assert!(matches!(declares(0, 2, 1), DeclarationError::Section { module: 0, .. }));
    let imported = format!(r#"(module (import "" "m" (memory 1)) {})"#, section(0, BOUNDS));
    let imported = StaticProtection::of(&wat::parse_str(imported).expect("the text is right")).expect_err("refused");
    assert_eq!(
        imported.to_string(),
        "core module 0: section \"memory-control.protection\" names memory 0, which the module doesn't define"
    );
    let foreign = format!(
        r#"(component (import "m" (core module $m)) (core instance (instantiate $m)) {} {LIFTED})"#,
        module(&section(0, BOUNDS))
    );
    let foreign = StaticProtection::of(&wat::parse_str(foreign).expect("the text is right")).expect_err("refused");
    assert!(matches!(foreign, DeclarationError::Foreign));
    assert!(matches!(StaticProtection::of(b"text"), Err(DeclarationError::Binary(_))));
}
