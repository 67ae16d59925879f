//! The producer, in its own store.

use memctl_wasmtime::{Domain, MemctlCtx, MemctlCtxView, MemctlView, attach};
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Engine, Result, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

pub(crate) mod bindings {
    //! The world `memctl:pipeline/producer`.
    wasmtime::component::bindgen!({
        world: "memctl:pipeline/producer",
        path: ["../../../wit", "../wit"],
        with: { "wasi:memory-control/object.object": memctl_wasmtime::Object },
    });
}

/// A producer that was instantiated.
pub(crate) struct Producer {
    store: Store<State>,
    instance: bindings::Producer,
}

pub(crate) struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    memctl: MemctlCtx,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl MemctlView for State {
    fn memctl(&mut self) -> MemctlCtxView<'_> {
        MemctlCtxView { ctx: &mut self.memctl, table: &mut self.table }
    }
}

impl Producer {
    pub(crate) fn new(engine: &Engine, domain: &Domain, component: &Component) -> Result<Self> {
        let mut linker = Linker::new(engine);
        wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
        memctl_wasmtime::add_to_linker_sync(&mut linker)?;
        let wasi = WasiCtx::builder().inherit_stderr().build();
        let state = State { wasi, table: ResourceTable::new(), memctl: domain.context().build() };
        let mut store = Store::new(engine, state);
        attach(&mut store);
        let instance = bindings::Producer::instantiate(&mut store, component, &linker)?;
        Ok(Self { store, instance })
    }

    /// Runs one of the producer's exports.
    pub(crate) fn call<R>(
        &mut self,
        call: impl FnOnce(&bindings::exports::memctl::pipeline::frames::Guest, &mut Store<State>) -> Result<R>,
    ) -> Result<R> {
        call(self.instance.memctl_pipeline_frames(), &mut self.store)
    }
}
