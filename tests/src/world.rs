//! A domain, its engine, and the guests in it.

use std::path::PathBuf;
use std::sync::Once;

use memctl_wasmtime::{Domain, DomainBuilder, Mode, Rights, Source, attach};
use tempfile::TempDir;
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, Store};
use wasmtime_wasi::{FsPerms, WasiCtx};

use crate::component::Build;
use crate::guest::{Bindings, Guest, State};

/// Every backend there is.
pub const BACKENDS: [Mode; 2] = [Mode::Alias, Mode::Copy];

/// Set in the environment, it makes an engine before the first domain is: the fault handlers then come in the other order.
pub const ENGINE_FIRST: &str = "MEMCTL_TESTS_ENGINE_FIRST";

/// Tests one claim on every backend.
pub fn on_every_backend(claim: impl Fn(&World)) {
    on_every_backend_with(|builder| builder, claim);
}

/// Tests one claim on every backend, in domains made as `build` says.
pub fn on_every_backend_with(build: impl Fn(DomainBuilder) -> DomainBuilder, claim: impl Fn(&World)) {
    for mode in BACKENDS {
        eprintln!("on {mode:?}");
        claim(&World::with(mode, &build));
    }
}

/// Tests one claim wherever memory can be protected.
pub fn on_every_protector(claim: impl Fn(&World)) {
    on_every_protector_with(|builder| builder, claim);
}

/// Tests one claim wherever memory can be protected, in domains made as `build` says.
pub fn on_every_protector_with(build: impl Fn(DomainBuilder) -> DomainBuilder, claim: impl Fn(&World)) {
    eprintln!("by host pages");
    claim(&World::with(Mode::Alias, &build));
    for (name, configure) in CHECKED {
        eprintln!("by checks, {name}");
        claim(&World::instrumented(Mode::Copy, &build, configure));
    }
    eprintln!("by host pages, instrumented all the same");
    claim(&World::instrumented(Mode::Alias, &build, |_| {}));
}

type Configure = fn(&mut Config);

/// Engines that instrumented guests run in.
const CHECKED: [(&str, Configure); 3] = [
    ("Cranelift", |_| {}),
    ("Cranelift without signals", |config| {
        config.signals_based_traps(false);
    }),
    ("Pulley without signals", |config| {
        config.target("pulley64").expect("a target of this build").signals_based_traps(false);
    }),
];

/// A domain with its engine, and a folder that its guests see as `/`.
pub struct World {
    /// The domain.
    pub domain: Domain,
    /// Which backend.
    pub mode: Mode,
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
        Self::with_config(mode, build, |domain, config| {
            domain.configure(config).expect("the fault handler can be put in place");
        })
    }

    /// A domain on one backend, made as `build` says, and an engine made as `configure` says.
    ///
    /// # Panics
    /// If the domain can't be built.
    #[must_use]
    pub fn with_config(
        mode: Mode,
        build: impl FnOnce(DomainBuilder) -> DomainBuilder,
        configure: impl FnOnce(&Domain, &mut Config),
    ) -> Self {
        let domain = build(Domain::builder().mode(mode).files()).build().expect("the domain can be built");
        Self { mode, ..Self::with_domain(&domain, configure) }
    }

    /// A domain on one backend, made as `build` says, an engine made as `configure` says, and guests whose own code checks what they do.
    ///
    /// # Panics
    /// If the domain can't be built.
    #[must_use]
    pub fn instrumented(
        mode: Mode,
        build: impl FnOnce(DomainBuilder) -> DomainBuilder,
        configure: impl FnOnce(&mut Config),
    ) -> Self {
        let domain = build(Domain::builder().mode(mode).files()).build().expect("the domain can be built");
        let configure = |domain: &Domain, config: &mut Config| {
            domain.configure(config).expect("the fault handler can be put in place");
            configure(config);
        };
        Self { mode, ..Self::of(&domain, configure, Build::Instrumented) }
    }

    /// Another engine for guests of a domain, made as `configure` says.
    ///
    /// # Panics
    /// If the engine can't be made.
    #[must_use]
    pub fn with_domain(domain: &Domain, configure: impl FnOnce(&Domain, &mut Config)) -> Self {
        Self::of(domain, configure, Build::Plain)
    }

    fn of(domain: &Domain, configure: impl FnOnce(&Domain, &mut Config), build: Build) -> Self {
        engine_first();
        let mut config = Config::new();
        configure(domain, &mut config);
        let engine = Engine::new(&config).expect("the engine can be made");
        let component = crate::component(&engine, "guest-probe", build);
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_sync(&mut linker).expect("wasmtime-wasi links");
        memctl_wasmtime::add_to_linker_sync(&mut linker).expect("memory control links");
        let dir = TempDir::new().expect("a temporary folder");
        Self { domain: domain.clone(), mode: Mode::Auto, dir, engine, component, linker }
    }

    /// The engine that the guests run in.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The probe.
    #[must_use]
    pub fn component(&self) -> &Component {
        &self.component
    }

    /// An attached store for one more guest, which may write the folder.
    #[must_use]
    pub fn store(&self) -> Store<State> {
        let mut store = Store::new(&self.engine, self.state(FsPerms::ReadWrite, |context| context));
        attach(&mut store);
        store
    }

    /// The linker of the guests.
    #[must_use]
    pub fn linker(&self) -> &Linker<State> {
        &self.linker
    }

    /// One more guest, which may write the folder.
    #[must_use]
    pub fn guest(&self) -> Guest {
        self.guest_with(FsPerms::ReadWrite, attach)
    }

    /// One more guest, with these rights to the folder, after `prepare` saw its store.
    ///
    /// # Panics
    /// If it can't be instantiated.
    #[must_use]
    pub fn guest_with(&self, perms: FsPerms, prepare: impl FnOnce(&mut Store<State>)) -> Guest {
        let mut store = Store::new(&self.engine, self.state(perms, |context| context));
        prepare(&mut store);
        let bindings = self.instantiate(&mut store);
        Guest { store, bindings }
    }

    /// One more probe in a store.
    ///
    /// # Panics
    /// If it can't be instantiated.
    #[must_use]
    pub fn instantiate(&self, store: &mut Store<State>) -> Bindings {
        Bindings::instantiate(store, &self.component, &self.linker).expect("the probe instantiates")
    }

    /// What the store of one more guest holds, with these rights to the folder.
    ///
    /// # Panics
    /// If the folder can't be opened.
    #[must_use]
    pub fn state(
        &self,
        perms: FsPerms,
        context: impl FnOnce(memctl_wasmtime::MemctlCtxBuilder) -> memctl_wasmtime::MemctlCtxBuilder,
    ) -> State {
        let mut wasi = WasiCtx::builder();
        wasi.inherit_stderr().env("NAME", "value").args(&["guest", "argument"]);
        wasi.preopened_dir(self.dir.path(), "/", perms).expect("the folder can be opened");
        State::new(wasi.build(), context(self.domain.context()).build())
    }

    /// Publishes `size` zero bytes with all rights.
    ///
    /// # Panics
    /// If the name is taken.
    pub fn publish(&self, name: &str, size: u64) {
        self.domain.publish(name, Source::anonymous(size), Rights::all()).expect("the object can be published");
    }

    /// The bytes of what is published as `name`.
    ///
    /// # Panics
    /// If there is no such object, or it can't be read.
    #[must_use]
    #[track_caller]
    pub fn object(&self, name: &str) -> Vec<u8> {
        let size = self.domain.object_size(name).expect("the object has a size");
        let mut bytes = vec![0; usize::try_from(size).expect("an object of a test is small")];
        self.domain.read_object(name, 0, &mut bytes).expect("the object can be read");
        bytes
    }

    /// Makes a file in the folder, and gives its path on the host.
    ///
    /// # Panics
    /// If it can't be written.
    pub fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, bytes).expect("the file can be written");
        path
    }
}

/// Makes an engine of the usual kind if [`ENGINE_FIRST`] is set.
fn engine_first() {
    static FIRST: Once = Once::new();
    FIRST.call_once(|| {
        if std::env::var_os(ENGINE_FIRST).is_some() {
            let engine = Engine::new(&Config::new()).expect("the engine can be made");
            drop(engine);
        }
    });
}
