//! A domain, its engine, and the guests in it.

use std::sync::{Mutex, PoisonError};

use memctl_wasmtime::{Domain, DomainBuilder, Mode, attach};
use tempfile::TempDir;
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Config, Engine, Store};
use wasmtime_wasi::{FsPerms, WasiCtx};

use crate::guest::{Bindings, Guest, State};

/// Every backend there is.
pub const BACKENDS: [Mode; 2] = [Mode::Alias, Mode::Copy];

/// Tests one claim on every backend.
pub fn on_every_backend(claim: impl Fn(&World)) {
    for mode in BACKENDS {
        eprintln!("on {mode:?}");
        claim(&World::new(mode));
    }
}

/// A domain with its engine, and a folder that its guests see as `/`.
pub struct World {
    /// The domain.
    pub domain: Domain,
    /// What the guests see as `/`.
    pub dir: TempDir,
    engine: Engine,
    component: Component,
    linker: Linker<State>,
}

impl World {
    /// A domain on one backend with nothing published.
    #[must_use]
    pub fn new(mode: Mode) -> Self {
        Self::with(mode, |builder| builder)
    }

    /// A domain on one backend, made as `build` says.
    ///
    /// # Panics
    /// If the domain can't be built.
    #[must_use]
    pub fn with(mode: Mode, build: impl FnOnce(DomainBuilder) -> DomainBuilder) -> Self {
        let domain = build(Domain::builder().mode(mode).files()).build().expect("the domain can be built");
        let mut config = Config::new();
        domain.configure(&mut config).expect("the fault handler can be put in place");
        let engine = Engine::new(&config).expect("the engine can be made");
        let component = compiled(&engine);
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_sync(&mut linker).expect("wasmtime-wasi links");
        memctl_wasmtime::add_to_linker_sync(&mut linker).expect("memory control links");
        let dir = TempDir::new().expect("a temporary folder");
        Self { domain, dir, engine, component, linker }
    }

    /// One more guest, which may write the folder.
    #[must_use]
    pub fn guest(&self) -> Guest {
        self.guest_with(FsPerms::ReadWrite, |store| attach(store))
    }

    /// One more guest, with these rights to the folder, after `prepare` saw its store.
    ///
    /// # Panics
    /// If it can't be instantiated.
    #[must_use]
    pub fn guest_with(&self, perms: FsPerms, prepare: impl FnOnce(&mut Store<State>)) -> Guest {
        let mut wasi = WasiCtx::builder();
        wasi.inherit_stderr();
        wasi.preopened_dir(self.dir.path(), "/", perms).expect("the folder can be opened");
        let memctl = self.domain.context().build();
        let mut store = Store::new(&self.engine, State { wasi: wasi.build(), table: ResourceTable::new(), memctl });
        prepare(&mut store);
        let bindings =
            Bindings::instantiate(&mut store, &self.component, &self.linker).expect("the probe instantiates");
        Guest { store, bindings }
    }
}

/// The probe, compiled for an engine. Compiled code is the same for all of them, so that it is made once in a process.
fn compiled(engine: &Engine) -> Component {
    static IMAGE: Mutex<Option<Vec<u8>>> = Mutex::new(None);
    let mut image = IMAGE.lock().unwrap_or_else(PoisonError::into_inner);
    let image = image.get_or_insert_with(|| {
        let wasm = crate::guest_wasm("guest-probe", "wasm32-wasip2", "guest_probe.wasm");
        let wasm = std::fs::read(wasm).expect("the probe was built");
        engine.precompile_component(&wasm).expect("the probe compiles")
    });
    deserialize(engine, image)
}

fn deserialize(engine: &Engine, image: &[u8]) -> Component {
    // SAFETY: `image` is what `precompile_component` gave, unchanged.
    unsafe { Component::deserialize(engine, image) }.expect("an engine of the same settings takes the image")
}
