//! The stages with lists between them: four stores, and this host carries each frame from one to the next.

use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Engine, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::{FRAME, Outcome, Work};
use bindings::Lists;
use bindings::exports::memctl::frames::stages::Guest;

mod bindings {
    //! The world `memctl:frames/lists`.
    wasmtime::component::bindgen!({ world: "memctl:frames/lists", path: "../lists/wit" });
}

struct State {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// A stage.
struct Stage {
    store: Store<State>,
    lists: Lists,
}

impl Stage {
    fn call<R>(&mut self, call: impl FnOnce(&Guest, &mut Store<State>) -> wasmtime::Result<R>) -> Result<R> {
        Ok(call(self.lists.memctl_frames_stages(), &mut self.store)?)
    }
}

/// From the camera to the sink a frame is handed on three times, each time out of one memory and into another.
const COPIES: u64 = 3 * 2;

pub(crate) fn run(guests: &Path, count: u32, work: Work) -> Result<Outcome> {
    let engine = Engine::default();
    let component = Component::from_file(&engine, guests.join("example_frames_lists.wasm"))?;
    let mut linker = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
    let stage = || {
        let wasi = WasiCtx::builder().inherit_stderr().build();
        let mut store = Store::new(&engine, State { wasi, table: ResourceTable::new() });
        let lists = Lists::instantiate(&mut store, &component, &linker)?;
        Ok::<_, anyhow::Error>(Stage { store, lists })
    };
    let (mut camera, mut blur, mut edge, mut sink) = (stage()?, stage()?, stage()?, stage()?);
    let start = Instant::now();
    for sequence in 0..count {
        match work {
            Work::All => {
                let frame = camera.call(|stages, store| stages.call_camera(store, sequence))?;
                let frame = blur.call(|stages, store| stages.call_blur(store, &frame))?;
                let frame = edge.call(|stages, store| stages.call_edge(store, &frame))?;
                sink.call(|stages, store| stages.call_sink(store, &frame))?;
            }
            Work::None => {
                let frame = camera.call(|stages, store| stages.call_blank(store))?;
                let frame = blur.call(|stages, store| stages.call_pass(store, &frame))?;
                let frame = edge.call(|stages, store| stages.call_pass(store, &frame))?;
                sink.call(|stages, store| stages.call_swallow(store, &frame))?;
            }
        }
    }
    let took = start.elapsed();
    let output = sink.call(|stages, store| stages.call_report(store))?;
    Ok(Outcome { output, took, copied: u64::from(count) * COPIES * FRAME })
}
