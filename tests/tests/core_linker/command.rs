//! One guest's source serves both kinds of embedder: as a core module, and as a component.

use memctl_tests::guest_wasm;
use memctl_wasmtime::{Domain, MemctlCtx, MemctlCtxView, MemctlView, Mode, Rights, Source, attach};
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Config, Engine, Module, Store};
use wasmtime_wasi::p2::bindings::sync::Command;
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::preview1;

/// What the commands print, one after the other in one domain.
const COMMANDS: [&[&str]; 3] = [
    &["guest-command", "write-shared", "object"],
    &["guest-command", "cat-object", "object"],
    &["guest-command", "echo", "done"],
];

fn domain(mode: Mode) -> (Domain, Engine) {
    let object = Source::anonymous(10_000);
    let domain = Domain::builder().mode(mode).object("object", object, Rights::all()).build().expect("built");
    let mut config = Config::new();
    domain.configure(&mut config).expect("configured");
    let engine = Engine::new(&config).expect("the engine can be made");
    (domain, engine)
}

fn as_a_module(mode: Mode) -> Vec<u8> {
    let (domain, engine) = domain(mode);
    let wasm = guest_wasm("guest-command", "wasm32-wasip1", "guest-command.wasm");
    let module = Module::from_file(&engine, wasm).expect("compiles");
    let run = |arguments: &[&str]| preview1::run(&engine, &module, domain.context().build(), arguments).expect("runs");
    COMMANDS.into_iter().flat_map(run).collect()
}

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

fn as_a_component(mode: Mode) -> Vec<u8> {
    let (domain, engine) = domain(mode);
    let wasm = guest_wasm("guest-command", "wasm32-wasip2", "guest-command.wasm");
    let component = Component::from_file(&engine, wasm).expect("compiles");
    let mut linker: Linker<State> = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_sync(&mut linker).expect("links");
    memctl_wasmtime::add_to_linker_sync(&mut linker).expect("links");
    let run = |arguments: &[&str]| {
        let stdout = MemoryOutputPipe::new(1 << 20);
        let wasi = WasiCtx::builder().args(arguments).stdout(stdout.clone()).inherit_stderr().build();
        let state = State { wasi, table: ResourceTable::new(), memctl: domain.context().build() };
        let mut store = Store::new(&engine, state);
        attach(&mut store);
        let command = Command::instantiate(&mut store, &component, &linker).expect("instantiates");
        command.wasi_cli_run().call_run(&mut store).expect("runs").expect("succeeds");
        drop(store);
        stdout.contents().to_vec()
    };
    COMMANDS.into_iter().flat_map(run).collect()
}

#[test]
fn a_command_prints_the_same_as_a_module_and_as_a_component() {
    let line = b"abcdefghijklmnopqrstuvwxyz\n";
    let expected = [&line.repeat(10_000 / 27 + 1)[..10_000], b"done\n"].concat();
    for mode in memctl_tests::BACKENDS {
        assert!(as_a_module(mode) == expected, "as a module on {mode:?}");
        assert!(as_a_component(mode) == expected, "as a component on {mode:?}");
    }
}
