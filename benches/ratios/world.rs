//! A domain with its engine, and guests in it.

use std::path::Path;

use anyhow::{Context, Result};
use memctl_wasmtime::{Domain, DomainBuilder, MemctlCtx, MemctlCtxView, MemctlView, Mode, Rights, Source, attach};
use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions};
use wasmtime::component::{Component, ComponentNamedList, Instance, Lift, Linker, ResourceTable, WasmList};
use wasmtime::{Config, Engine, Store};
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxView, WasiView};

mod bindings {
    //! The exports of `benches/guest`.

    wasmtime::component::bindgen!({
        path: ["../wit", "guest/wit"],
        world: "memctl:bench/guest",
        with: {
            "wasi:memory-control/object.object": memctl_wasmtime::Object,
            "wasi:memory-control/mapping.mapping": memctl_wasmtime::Mapping,
            "wasi:memory-control/mapping.lease": memctl_wasmtime::Lease,
        },
    });
}

const LOOPS: &str = "memctl:windows-guest/loops@0.1.0";
const SINK: &str = "memctl:bench/sink@0.1.0";
const RUNS: &str = "memctl:bench/runs@0.1.0";

pub(crate) use bindings::exports::memctl::bench::runs::{Guest as Runs, Kernel, Scan};
pub(crate) use bindings::exports::memctl::bench::sink::Guest as Sink;

/// The store's data.
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

/// A domain with one object, `object`, and guests that see a folder as `/`.
pub(crate) struct World {
    pub(crate) domain: Domain,
    engine: Engine,
    linker: Linker<State>,
}

/// Whether the domain sees a store's crossings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crossings {
    Seen,
    Unseen,
}

/// A guest in a store of its own.
pub(crate) struct Guest {
    store: Store<State>,
    bindings: bindings::Guest,
}

impl World {
    pub(crate) fn new(mode: Mode, object_len: usize) -> Result<Self> {
        Self::with(Domain::builder().mode(mode), object_len)
    }

    pub(crate) fn with(builder: DomainBuilder, object_len: usize) -> Result<Self> {
        Self::with_config(builder, object_len, |_| {})
    }

    pub(crate) fn with_config(
        builder: DomainBuilder,
        object_len: usize,
        configure: impl FnOnce(&mut Config),
    ) -> Result<Self> {
        let domain = builder.files().build()?;
        domain.publish("object", Source::anonymous(object_len as u64), Rights::all())?;
        // An object that was never written has no pages yet.
        domain.write_object("object", 0, &vec![1; object_len])?;
        let mut config = Config::new();
        domain.configure(&mut config)?;
        configure(&mut config);
        let engine = Engine::new(&config)?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
        memctl_wasmtime::add_to_linker_sync(&mut linker)?;
        linker.instance("memctl:bench/host@0.1.0")?.func_wrap("nothing", |_, ()| Ok(()))?;
        // The consumer's own sink, which nobody calls.
        let mut sink = linker.instance(SINK)?;
        sink.func_wrap("prepare", |_, ()| Ok(()))?;
        sink.func_wrap("frame", |_, (_,): (bool,)| Ok((0_u64,)))?;
        sink.func_wrap("bytes", |_, (_, _): (WasmList<u8>, bool)| Ok((0_u64,)))?;
        Ok(Self { domain, engine, linker })
    }

    pub(crate) fn store(
        &self,
        crossings: Crossings,
        folder: Option<&Path>,
        arguments: &[&str],
    ) -> Result<Store<State>> {
        let mut wasi = WasiCtx::builder();
        wasi.inherit_stderr().args(arguments);
        if let Some(folder) = folder {
            wasi.preopened_dir(folder, "/", FsPerms::ReadOnly)?;
        }
        let memctl = self.domain.context().build();
        let mut store = Store::new(&self.engine, State { wasi: wasi.build(), table: ResourceTable::new(), memctl });
        if crossings == Crossings::Seen {
            attach(&mut store);
        }
        Ok(store)
    }

    /// The guest of the benchmarks, from its file or from what [`pipeline`] gave.
    pub(crate) fn guest(&self, wasm: &[u8], crossings: Crossings, folder: Option<&Path>) -> Result<Guest> {
        let component = self.compile(wasm)?;
        self.guest_of(&component, self.store(crossings, folder, &[])?)
    }

    /// The guest of the benchmarks, to be instantiated many times.
    pub(crate) fn compile(&self, wasm: &[u8]) -> Result<Component> {
        Ok(Component::new(&self.engine, wasm)?)
    }

    /// One more guest, in a store of its own.
    pub(crate) fn instance(&self, component: &Component) -> Result<Guest> {
        self.guest_of(component, self.store(Crossings::Seen, None, &[])?)
    }

    fn guest_of(&self, component: &Component, mut store: Store<State>) -> Result<Guest> {
        let bindings = bindings::Guest::instantiate(&mut store, component, &self.linker)?;
        Ok(Guest { store, bindings })
    }

    /// Compiles a command.
    pub(crate) fn command(&self, wasm: &[u8]) -> Result<Command> {
        let component = Component::new(&self.engine, wasm)?;
        Ok(Command {
            pre: wasmtime_wasi::p2::bindings::sync::CommandPre::new(self.linker.instantiate_pre(&component)?)?,
        })
    }
}

/// The loops of `tests/guests/windows`, in a store of its own.
pub(crate) struct Loops {
    store: Store<State>,
    instance: Instance,
}

impl World {
    /// An instance of `tests/guests/windows`, with its windows.
    pub(crate) fn loops(&self, wasm: &[u8]) -> Result<Loops> {
        let component = Component::new(&self.engine, wasm)?;
        let mut store = self.store(Crossings::Seen, None, &[])?;
        let instance = self.linker.instantiate(&mut store, &component)?;
        Ok(Loops { store, instance })
    }
}

impl Loops {
    fn call<R: ComponentNamedList + Lift + 'static>(&mut self, name: &str, number: u32) -> Result<R> {
        let Self { store, instance } = self;
        let loops = instance.get_export_index(&mut *store, None, LOOPS).context(LOOPS)?;
        let export = instance.get_export_index(&mut *store, Some(&loops), name).context("no such loop")?;
        Ok(instance.get_typed_func::<(u32,), R>(&mut *store, export)?.call(store, (number,))?)
    }

    pub(crate) fn prepare(&mut self, len: u32) -> Result<()> {
        self.call("prepare", len)
    }

    pub(crate) fn run(&mut self, name: &str, times: u32) -> Result<()> {
        self.call(name, times)
    }

    pub(crate) fn sum(&mut self, name: &str, times: u32) -> Result<u64> {
        self.call::<(u64,)>(name, times).map(|(sum,)| sum)
    }
}

/// A command component.
pub(crate) struct Command {
    pre: wasmtime_wasi::p2::bindings::sync::CommandPre<State>,
}

impl Command {
    /// Runs it, from instantiation to exit.
    pub(crate) fn run(&self, world: &World, folder: &Path, arguments: &[&str]) -> Result<()> {
        let mut store = world.store(Crossings::Seen, Some(folder), arguments)?;
        let command = self.pre.instantiate(&mut store)?;
        let ended = command.wasi_cli_run().call_run(&mut store)?;
        ended.ok().context("the command failed")
    }
}

impl Guest {
    /// Calls one of the guest's loops.
    pub(crate) fn run<R>(&mut self, call: impl FnOnce(&Runs, &mut Store<State>) -> wasmtime::Result<R>) -> Result<R> {
        Ok(call(self.bindings.memctl_bench_runs(), &mut self.store)?)
    }
}

/// The component of the benchmarks' guest.
pub(crate) fn guest_wasm() -> Result<Vec<u8>> {
    built("bench-guest", "bench_guest.wasm")
}

/// The component of `examples/file-scan`.
pub(crate) fn file_scan_wasm() -> Result<Vec<u8>> {
    built("example-file-scan", "file-scan.wasm")
}

/// The component of `examples/sealed`.
pub(crate) fn sealed_wasm() -> Result<Vec<u8>> {
    built("example-sealed", "example-sealed.wasm")
}

fn built(package: &str, file: &str) -> Result<Vec<u8>> {
    let path = memctl_tests::guest_wasm(package, "wasm32-wasip2", file);
    std::fs::read(&path).with_context(|| format!("can't read {}", path.display()))
}

/// Two of the guest in one component: a producer whose sink is the other, the consumer. Its `runs` are the producer's and its `sink`
/// is the consumer's.
pub(crate) fn pipeline(guest: Vec<u8>) -> Result<Vec<u8>> {
    let mut graph = CompositionGraph::new();
    let package = Package::from_bytes("memctl:bench-guest", None, guest, graph.types_mut())?;
    let package = graph.register_package(package)?;
    let (producer, consumer) = (graph.instantiate(package), graph.instantiate(package));
    let sink = graph.alias_instance_export(consumer, SINK)?;
    graph.set_instantiation_argument(producer, SINK, sink)?;
    let runs = graph.alias_instance_export(producer, RUNS)?;
    graph.export(runs, RUNS)?;
    graph.export(sink, SINK)?;
    Ok(graph.encode(EncodeOptions::default())?)
}

impl Guest {
    /// Calls the sink: in a pipeline, the consumer.
    pub(crate) fn sink<R>(&mut self, call: impl FnOnce(&Sink, &mut Store<State>) -> wasmtime::Result<R>) -> Result<R> {
        Ok(call(self.bindings.memctl_bench_sink(), &mut self.store)?)
    }
}
