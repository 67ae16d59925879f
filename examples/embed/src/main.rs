//! A wasmtime host that gives its guest memory control: `cargo run -p example-embed -- GUEST.wasm [ARGS…]`.
//!
//! The guest is any command component. It can open the object `board`, a page of text that this host writes before and prints
//! after, and map any file below the current folder, which it sees as `/`.
//!
//! What names memctl is there for memory control; the rest is any host of wasmtime's.

use memctl_wasmtime::{Domain, MemctlCtx, MemctlCtxView, MemctlView, Rights, Source};
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Config, Engine, Result, Store, format_err};
use wasmtime_wasi::p2::bindings::sync::Command;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxView, WasiView};

struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    memctl: MemctlCtx, // the guest's membership of the domain
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl MemctlView for State {
    fn memctl(&mut self) -> MemctlCtxView<'_> {
        MemctlCtxView { ctx: &mut self.memctl, table: &mut self.table } // the same table will do
    }
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let guest = args.first().ok_or_else(|| format_err!("usage: example-embed GUEST.wasm [ARGS…]"))?;

    // What guests can share: a page under the name "board", and the files that they have open.
    let board = Source::anonymous(4096);
    let domain = Domain::builder().object("board", board, Rights::READ | Rights::WRITE).files().build()?;
    domain.write_object("board", 0, b"hello from the host")?;

    let mut config = Config::new();
    domain.configure(&mut config)?; // memories that can be aliased, and the fault handler
    let engine = Engine::new(&config)?;
    let mut linker: Linker<State> = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
    memctl_wasmtime::add_to_linker_sync(&mut linker)?; // after wasmtime-wasi

    let mut wasi = WasiCtx::builder();
    wasi.inherit_stdio().args(&args).preopened_dir(".", "/", FsPerms::ReadOnly)?;
    let memctl = domain.context().build();
    let mut store = Store::new(&engine, State { wasi: wasi.build(), table: ResourceTable::new(), memctl });
    memctl_wasmtime::attach(&mut store); // lets the domain see the guest's crossings

    let component = Component::from_file(&engine, guest)?;
    let command = Command::instantiate(&mut store, &component, &linker)?;
    command.wasi_cli_run().call_run(&mut store)?.map_err(|()| format_err!("the guest failed"))?;

    let mut text = [0; 64];
    domain.read_object("board", 0, &mut text)?;
    println!("board: {}", text.escape_ascii().to_string().trim_end_matches("\\x00"));
    println!("{:?}", domain.stats());
    Ok(())
}
