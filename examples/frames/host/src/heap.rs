//! The stages over a shared heap: four stores of one domain on one thread. A stage that waits for a frame is suspended, and others run.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use memctl_wasmtime::{Domain, HeapOptions, MemctlCtx, MemctlCtxView, MemctlView, Mode, Source, attach};
use tokio::task::LocalSet;
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Config, Engine, Store};
use wasmtime_wasi::p2::bindings::Command;
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::{FRAME, Outcome, Work};

/// What the stages are called, from the camera on.
const STAGES: [&str; 4] = ["camera", "blur", "edge", "sink"];
/// Frames that there is room for: as many as go round.
const ROOM: u64 = 4;
/// Bytes that the sink may print.
const PRINTED: usize = 1 << 20;

struct State {
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

pub(crate) fn run(guests: &Path, mode: Mode, count: u32, work: Work) -> Result<Outcome> {
    let frames = Source::anonymous(ROOM * FRAME);
    let domain = Domain::builder().mode(mode).heap("frames", frames, HeapOptions::default()).build()?;
    let mut config = Config::new();
    domain.configure(&mut config)?;
    let engine = Engine::new(&config)?;
    let mut linker = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    memctl_wasmtime::add_to_linker_async(&mut linker)?;
    let components = STAGES.map(|stage| {
        let file = guests.join(format!("frames-{stage}.wasm"));
        Component::from_file(&engine, &file).map_err(anyhow::Error::from).with_context(|| file.display().to_string())
    });

    let word = match work {
        Work::All => "all",
        Work::None => "idle",
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(LocalSet::new().run_until(async {
        let printed = MemoryOutputPipe::new(PRINTED);
        let mut stages = Vec::new();
        for (stage, component) in STAGES.into_iter().zip(components) {
            let mut wasi = WasiCtx::builder();
            wasi.inherit_stderr().stdout(printed.clone()).args(&[stage.to_owned(), count.to_string(), word.to_owned()]);
            let state = State { wasi: wasi.build(), table: ResourceTable::new(), memctl: domain.context().build() };
            let mut store = Store::new(&engine, state);
            attach(&mut store);
            let command = Command::instantiate_async(&mut store, &component?, &linker).await?;
            stages.push((stage, store, command));
        }
        let start = Instant::now();
        let running: Vec<_> = stages
            .into_iter()
            .map(|(stage, mut store, command)| {
                let run = async move { command.wasi_cli_run().call_run(&mut store).await };
                (stage, tokio::task::spawn_local(run))
            })
            .collect();
        for (stage, task) in running {
            let ended = task.await?.map_err(anyhow::Error::from).with_context(|| stage.to_owned())?;
            ensure!(ended.is_ok(), "{stage} failed");
        }
        let took = start.elapsed();
        let output = String::from_utf8(printed.contents().to_vec())?;
        Ok(Outcome { output, took, copied: domain.stats().bytes_copied })
    }))
}
