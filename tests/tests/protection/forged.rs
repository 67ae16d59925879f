//! Guests that bring a shield of their own, to be believed what is not so.

use memctl_core::Shield;
use memctl_tests::{GRANULE, State, World};
use memctl_wasmtime::{Bounds, DomainBuilder, MemctlView, Mode};
use wasmtime::component::{Component, Linker};

/// A component with a memory and behind it what says to be its shield.
fn component(shield: [u8; 80]) -> String {
    let bytes: String = shield.iter().map(|byte| format!("\\{byte:02x}")).collect();
    format!(
        r#"(component
            (type $codes (enum "alignment" "bounds" "overlap" "access" "not-found" "stale" "quota" "unsupported" "busy"
                "out-of-memory" "io" "timed-out" "deadlock"))
            (import "wasi:memory-control/protection@0.1.0-draft" (instance $protection
                (alias outer 1 $codes (type $code))
                (export "error-code" (type $error-code (eq $code)))
                (type $bounds-record (record (field "no-access" u64) (field "read-only" u64)))
                (export "bounds" (type $bounds (eq $bounds-record)))
                (export "sealed" (func (param "memory" (list u8)) (result $bounds)))
                (export "seal" (func (param "memory" (list u8)) (param "bounds" $bounds)
                    (result (result $bounds (error $error-code)))))))
            (core module $memory
                (memory (export "memory") 1)
                (memory (export "shield") 1)
                (data (memory 1) (i32.const 0) "{bytes}")
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable))
            (core instance $m (instantiate $memory))
            (core func $sealed (canon lower (func $protection "sealed") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
            (core func $seal (canon lower (func $protection "seal") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
            (core module $program
                (import "" "memory" (memory 1))
                (import "" "sealed" (func $sealed (param i32 i32 i32)))
                (import "" "seal" (func $seal (param i32 i32 i64 i64 i32)))
                (func (export "sealed") (result i64)
                    (call $sealed (i32.const 0) (i32.const 0) (i32.const 64))
                    (i64.load (i32.const 72)))
                (func (export "seal") (result i32)
                    (call $seal (i32.const 0) (i32.const 0) (i64.const 0) (i64.const 8192) (i32.const 9000))
                    (i32.load8_u (i32.const 9000))))
            (core instance $p (instantiate $program (with "" (instance
                (export "memory" (memory $m "memory"))
                (export "sealed" (func $sealed))
                (export "seal" (func $seal))))))
            (func (export "sealed") (result u64) (canon lift (core func $p "sealed")))
            (func (export "seal") (result u32) (canon lift (core func $p "seal"))))"#
    )
}

/// The read-only end that the host tells, and what sealing is answered with: 0 or 1 for an error.
fn asked(shield: &Shield) -> (u64, u32) {
    let world = World::with(Mode::Copy, |builder: DomainBuilder| builder);
    let component = Component::new(world.engine(), component(shield.to_bytes())).expect("it compiles");
    let mut store = world.store();
    let mut linker: Linker<State> = Linker::new(world.engine());
    memctl_wasmtime::add_to_linker_without_files_sync(&mut linker).expect("it links");
    let instance = linker.instantiate(&mut store, &component).expect("it instantiates");
    let sealed = instance.get_typed_func::<(), (u64,)>(&mut store, "sealed").expect("exported");
    let seal = instance.get_typed_func::<(), (u32,)>(&mut store, "seal").expect("exported");
    let told = (sealed.call(&mut store, ()).expect("runs").0, seal.call(&mut store, ()).expect("runs").0);
    assert!(store.data_mut().memctl().ctx.usage().protected_ranges <= 2);
    told
}

#[test]
fn what_a_forged_shield_says_is_checked() {
    let honest = Shield { distance: 1, capacity: 8, granule: 0, declared: Bounds::NONE, checks_table: true };
    assert_eq!(asked(&honest), (0, 0), "it only fools itself");
    let declared = Bounds { no_access: 0, read_only: 4096 };
    assert_eq!(asked(&Shield { granule: GRANULE, declared, ..honest }), (4096, 1), "sealed already");
    for declared in [
        Bounds { no_access: u64::MAX, read_only: 0 },
        Bounds { no_access: 0, read_only: u64::MAX },
        Bounds { no_access: 0, read_only: 65537 },
    ] {
        assert_eq!(asked(&Shield { granule: GRANULE, declared, ..honest }), (0, 1), "{declared:?}");
    }
    let finer = Shield { granule: 32, declared, ..honest };
    assert_eq!(asked(&finer), (4096, 1), "whole granules of the domain, whatever it was made for");
    let within = Bounds { no_access: 0, read_only: 4128 };
    assert_eq!(asked(&Shield { granule: 32, declared: within, ..honest }), (0, 1), "a part of one");
    assert_eq!(asked(&Shield { capacity: u32::MAX, ..honest }), (0, 1), "no room for that table");
    assert_eq!(asked(&Shield { distance: 2, ..honest }), (0, 1), "it guards something else");
    assert_eq!(asked(&Shield { distance: 0, ..honest }), (0, 1), "or itself");
    assert_eq!(asked(&Shield { capacity: 0, ..honest }), (0, 1), "no room for a range");
}
