//! A domain and its engine, kept from one input to the next: a domain lives long, and an engine takes long to make.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use memctl_wasmtime::{Domain, HeapOptions, MemctlCtx, Mode, Quotas, Rights, Source, add_to_core_linker_sync};
use wasmtime::{Caller, Config, Engine, Linker, Module, OptLevel, Store, StoreLimits, StoreLimitsBuilder};

use crate::bystander::Bystander;
use crate::interface::GRANULE;
use crate::module::trampolines;

/// The lengths of the published objects, in bytes.
pub(crate) const SHARED: u64 = 2 * GRANULE + 100;
const FILE: u64 = 3 * GRANULE - 7;
/// Each byte of the objects when an input begins.
pub(crate) const FRESH: u8 = 0x11;
/// Each byte of an object that guests may only read.
pub(crate) const STILL: u8 = 0x22;

/// What a hostile guest may use.
const SMALL: Quotas = Quotas {
    objects: 8,
    object_bytes: 16 * GRANULE,
    mappings: 6,
    mapped_bytes: 12 * GRANULE,
    leases: 5,
    waiters: 2,
    protected_ranges: 3,
    blocks: 4,
    block_bytes: 6 * GRANULE,
};
/// Instructions between two looks at the time, more or less.
const FUEL: u64 = 20_000;

/// A store's data.
pub(crate) struct State {
    pub(crate) memctl: MemctlCtx,
    limits: StoreLimits,
    file: Arc<File>,
    /// Who runs when the guest calls `other`.
    pub(crate) bystander: Option<Bystander>,
}

pub(crate) struct Host {
    pub(crate) domain: Domain,
    pub(crate) engine: Engine,
    pub(crate) linker: Linker<State>,
    pub(crate) trampolines: Module,
    file: Arc<File>,
}

/// The host of a backend. Whoever has it is alone with its domain.
pub(crate) fn host(mode: Mode) -> MutexGuard<'static, Host> {
    // Made with the first input, when libFuzzer's own fault handlers are in place: ours have to get along with them.
    static ALIAS: LazyLock<Mutex<Host>> = LazyLock::new(|| Mutex::new(Host::new(Mode::Alias)));
    static COPY: LazyLock<Mutex<Host>> = LazyLock::new(|| Mutex::new(Host::new(Mode::Copy)));
    let host = if mode == Mode::Copy { &COPY } else { &ALIAS };
    let host = host.lock().unwrap_or_else(PoisonError::into_inner);
    host.reset();
    host
}

impl Host {
    fn new(mode: Mode) -> Self {
        let file = Arc::new(tempfile::tempfile().expect("a temporary file"));
        let mapped = file.try_clone().expect("a second descriptor");
        let both = Rights::READ | Rights::WRITE;
        let domain = Domain::builder().mode(mode).object("shared", Source::anonymous(SHARED), both).object(
            "still",
            Source::anonymous(2 * GRANULE),
            Rights::READ,
        );
        file.set_len(FILE).expect("room for the file");
        let domain = domain
            .heap("heap", Source::anonymous(4 * GRANULE), HeapOptions::default())
            .object("file", Source::file(mapped), both)
            .build()
            .expect("built");
        let mut config = Config::new();
        domain.configure(&mut config).expect("the fault handler is put in place");
        config.consume_fuel(true).cranelift_opt_level(OptLevel::None).parallel_compilation(false);
        let engine = Engine::new(&config).expect("an engine");
        let mut linker = Linker::new(&engine);
        add_to_core_linker_sync(&mut linker, |state: &mut State| &mut state.memctl).expect("links");
        linker.func_wrap("test", "cut", cut).expect("links");
        linker.func_wrap("test", "other", other).expect("links");
        let trampolines = Module::new(&engine, trampolines()).expect("compiles");
        Self { domain, engine, linker, trampolines, file }
    }

    /// All objects are as they were at first. No guest is there.
    fn reset(&self) {
        self.domain.reclaim_blocks("heap").expect("it is published");
        assert_eq!(self.domain.usage(), Quotas::NONE, "the last input's guests are gone, and all that they had");
        self.file.set_len(FILE).expect("room for the file");
        self.file.write_all_at(&[FRESH; FILE as usize], 0).expect("room for the file");
        self.domain.write_object("shared", 0, &[FRESH; SHARED as usize]).expect("nobody has it");
        self.domain.write_object("still", 0, &[STILL; 2 * GRANULE as usize]).expect("nobody has it");
    }

    /// A store for a guest, and what it may use.
    pub(crate) fn store(&self, bystander: Option<Bystander>) -> Store<State> {
        let hostile = bystander.is_some();
        let memctl = self.domain.context().quotas(if hostile { SMALL } else { Quotas::GUEST }).build();
        let limits = StoreLimitsBuilder::new().memory_size(1 << 20).table_elements(1000).build();
        let state = State { memctl, limits, file: self.file.clone(), bystander };
        let mut store = Store::new(&self.engine, state);
        let crossing = store.data().memctl.crossing(store.engine());
        store.call_hook(move |_, hook| Ok(crossing(hook)?));
        store.limiter(|state| &mut state.limits);
        refuel(&mut store);
        store
    }

    /// After all guests: nothing is left of them.
    pub(crate) fn check(&self) {
        self.domain.reclaim_blocks("heap").expect("it is published");
        assert_eq!(self.domain.usage(), Quotas::NONE);
        let mut still = [0; 2 * GRANULE as usize];
        self.domain.read_object("still", 0, &mut still).expect("nobody has it");
        assert!(still.iter().all(|byte| *byte == STILL), "nobody may write this");
    }
}

/// The guest may run on for a while.
pub(crate) fn refuel(store: &mut Store<State>) {
    store.set_fuel(FUEL).expect("fuel is counted");
}

/// Cuts the published file off, or makes it longer, as another process may at any time.
fn cut(caller: Caller<'_, State>, len: i32) {
    set_file_len(caller.data(), len.cast_unsigned().into());
}

/// What [`cut`] does, with the length so many bytes less than some multiple of twice the file's.
pub(crate) fn set_file_len(state: &State, len: u64) {
    state.file.set_len(len % (2 * FILE)).expect("room for the file");
}

/// Runs the bystander in the middle of a call of another guest.
fn other(mut caller: Caller<'_, State>) {
    if let Some(mut bystander) = caller.data_mut().bystander.take() {
        bystander.check();
        caller.data_mut().bystander = Some(bystander);
    }
}
