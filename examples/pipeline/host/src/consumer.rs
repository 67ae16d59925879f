//! The consumer, in its own store, and the frames that it asks for.

use std::process::ExitCode;

use anyhow::Result;
use memctl_wasmtime::{Domain, MemctlCtx, MemctlCtxView, MemctlView, Object, attach};
use wasmtime::component::{Component, HasSelf, Linker, Resource, ResourceTable};
use wasmtime::{Engine, Store};
use wasmtime_wasi::p2::bindings::sync::Command;
use wasmtime_wasi::{I32Exit, WasiCtx, WasiCtxView, WasiView};

use crate::producer::Producer;
use bindings::memctl::pipeline::frames::{self, ErrorCode, Frame};

mod bindings {
    //! The world `memctl:pipeline/consumer`.
    wasmtime::component::bindgen!({
        world: "memctl:pipeline/consumer",
        path: ["../../../wit", "../wit"],
        with: {
            "wasi:memory-control/types": crate::producer::bindings::wasi::memory_control::types,
            "wasi:memory-control/object": crate::producer::bindings::wasi::memory_control::object,
        },
        imports: { default: trappable },
    });
}

struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    memctl: MemctlCtx,
    producer: Producer,
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

impl frames::Host for State {
    fn start(&mut self, count: u32, len: u64) -> wasmtime::Result<Result<(), ErrorCode>> {
        self.producer.call(|frames, store| frames.call_start(store, count, len))
    }

    /// The object is published: no handle of the producer's would mean anything in this store.
    fn share(&mut self) -> wasmtime::Result<Option<Resource<Object>>> {
        Ok(None)
    }

    fn next(&mut self) -> wasmtime::Result<Result<Option<Frame>, ErrorCode>> {
        let frame = self.producer.call(|frames, store| frames.call_next(store))?;
        Ok(frame
            .map(|frame| frame.map(|frame| Frame { sequence: frame.sequence, offset: frame.offset, len: frame.len })))
    }
}

/// Runs the consumer to its end.
pub(crate) fn run(
    engine: &Engine,
    domain: &Domain,
    component: &Component,
    producer: Producer,
    count: u32,
    bytes: u64,
) -> Result<ExitCode> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
    memctl_wasmtime::add_to_linker_sync(&mut linker)?;
    frames::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;

    let mut wasi = WasiCtx::builder();
    wasi.inherit_stdio().args(&["consumer".to_string(), count.to_string(), bytes.to_string()]);
    let memctl = domain.context().build();
    let state = State { wasi: wasi.build(), table: ResourceTable::new(), memctl, producer };
    let mut store = Store::new(engine, state);
    attach(&mut store);
    let command = Command::instantiate(&mut store, component, &linker)?;
    match command.wasi_cli_run().call_run(&mut store) {
        Ok(Ok(())) => Ok(ExitCode::SUCCESS),
        Ok(Err(())) => Ok(ExitCode::FAILURE),
        Err(error) => match error.downcast_ref::<I32Exit>() {
            Some(exit) => Ok(ExitCode::from(u8::try_from(exit.0).unwrap_or(u8::MAX))),
            None => Err(error.into()),
        },
    }
}
