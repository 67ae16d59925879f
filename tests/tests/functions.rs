//! Programs that hold only some functions of the package.

use memctl_wasmtime::{
    AllFunctions, Domain, Functions, MemctlCtx, MemctlCtxView, MemctlView, add_imports_to_linker_sync, attach,
};
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Config, Engine, Result, Store};

struct State {
    table: ResourceTable,
    memctl: MemctlCtx,
}

impl MemctlView for State {
    fn memctl(&mut self) -> MemctlCtxView<'_> {
        MemctlCtxView { ctx: &mut self.memctl, table: &mut self.table }
    }
}

/// A component that asks for the granule.
const GUEST: &str = r#"(component
    (import "wasi:memory-control/domain@0.1.0-draft" (instance $domain (export "granule" (func (result u64)))))
    (core func $granule (canon lower (func $domain "granule")))
    (core module $guest
        (import "" "granule" (func $granule (result i64)))
        (func (export "granule") (result i64) (call $granule)))
    (core instance $guest (instantiate $guest (with "" (instance (export "granule" (func $granule))))))
    (func (export "granule") (result u64) (canon lift (core func $guest "granule"))))"#;

/// What the guest is told by a program that holds `F`.
fn granule<F: Functions>() -> Result<u64> {
    let domain = Domain::builder().build()?;
    let mut config = Config::new();
    domain.configure(&mut config)?;
    let engine = Engine::new(&config)?;
    let component = Component::new(&engine, GUEST)?;
    let mut linker = Linker::<State>::new(&engine);
    add_imports_to_linker_sync::<_, F>(&mut linker, &component)?;
    let memctl = domain.context().build();
    let mut store = Store::new(&engine, State { table: ResourceTable::new(), memctl });
    attach(&mut store);
    let guest = linker.instantiate(&mut store, &component)?;
    let granule = guest.get_typed_func::<(), (u64,)>(&mut store, "granule")?;
    Ok(granule.call(&mut store, ())?.0)
}

/// A program that holds the functions of a list.
macro_rules! holding {
    ($name:ident: $($function:literal),*) => {
        struct $name;

        impl Functions for $name {
            const NAMES: Option<&'static [&'static str]> = Some(&[$($function),*]);
        }
    };
}

holding!(Wanted: "wasi:memory-control/domain@0.1.0-draft#granule");
holding!(Others: "wasi:memory-control/domain@0.1.0-draft#limits", "wasi:memory-control/object@0.1.0-draft#granule",
    "wasi:memory-control/domain@0.1.0-draft#granules", "granule");
holding!(Nothing:);

#[test]
fn a_guest_runs_where_what_it_imports_is_held() {
    assert_eq!(granule::<AllFunctions>().expect("all are held"), 4096);
    assert_eq!(granule::<Wanted>().expect("it is held"), 4096);
}

#[test]
fn a_function_that_is_not_held_is_missing_by_name() {
    for refused in [granule::<Others>(), granule::<Nothing>()] {
        let error = format!("{:#}", refused.expect_err("it is not held"));
        assert!(error.contains("wasi:memory-control/domain@0.1.0-draft") && error.contains("granule"), "{error}");
    }
}
