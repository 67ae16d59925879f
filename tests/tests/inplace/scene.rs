//! Guests with two windows, on every kind of engine.

use std::collections::BTreeMap;

use memctl_wasmtime::{Domain, MemctlCtx, Mode, Rights, Source, Stats, Violation, add_to_core_linker_sync};
use wasmtime::{Config, Engine, Instance, Linker, Memory, Module, Store, Val};

use crate::module::wat;

/// Bytes in each window.
pub(crate) const WINDOW: u64 = 0x1_0000;
pub(crate) const GRANULE: u64 = 4096;
/// Where results are put in the guest's memory.
const RESULT: i32 = 64;

/// How windows come to show objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// By host pages.
    Alias,
    /// By copies, in an engine that reserves memory.
    Copying,
    /// In place, where code is compiled without signals, reservation and guard.
    Board,
    /// In place, where it is interpreted.
    Interpreted,
}

pub(crate) const KINDS: [Kind; 4] = [Kind::Alias, Kind::Copying, Kind::Board, Kind::Interpreted];
pub(crate) const IN_PLACE: [Kind; 2] = [Kind::Board, Kind::Interpreted];

impl Kind {
    pub(crate) fn mode(self) -> Mode {
        if self == Self::Alias { Mode::Alias } else { Mode::Copy }
    }

    pub(crate) fn configure(self, config: &mut Config) {
        if matches!(self, Self::Board | Self::Interpreted) {
            config
                .memory_reservation(0)
                .memory_guard_size(0)
                .memory_reservation_for_growth(0)
                .signals_based_traps(false);
        }
        if self == Self::Interpreted {
            config.target("pulley64").expect("a target of this build");
        }
    }
}

/// A domain with objects `a` and `b`, as long as a window; `short`, which ends in the window's last granule; and `long`, of three windows.
pub(crate) fn domain(mode: Mode) -> Domain {
    let objects = [("a", WINDOW), ("b", WINDOW), ("short", WINDOW - GRANULE / 2), ("long", 3 * WINDOW)];
    let mut builder = Domain::builder().mode(mode);
    for (name, size) in objects {
        builder = builder.object(name, Source::anonymous(size), Rights::all());
    }
    builder.build().expect("built")
}

/// An engine with the guest's module, and the domain of its guests.
pub(crate) struct Scene {
    pub(crate) domain: Domain,
    engine: Engine,
    module: Module,
}

/// A guest in a store of its own.
pub(crate) struct Guest {
    pub(crate) store: Store<MemctlCtx>,
    instance: Instance,
    /// Which window each mapping is in.
    windows: BTreeMap<u32, i32>,
}

/// How something is shown, on the wire: protection, sharing, coherence.
pub(crate) type Ask = [i32; 3];
pub(crate) const AUTOMATIC: Ask = [2, 0, 0];
pub(crate) const LEASED: Ask = [2, 0, 1];
pub(crate) const PRIVATE: Ask = [2, 1, 0];
pub(crate) const READ: Ask = [1, 0, 0];

/// For every kind, with its name.
pub(crate) fn on(kinds: &[Kind], claim: impl Fn(Kind, Scene)) {
    for kind in kinds {
        eprintln!("on {kind:?}");
        claim(*kind, Scene::new(*kind, |_| {}, "1 3"));
    }
}

impl Scene {
    /// An engine of this kind, changed, for windows with these limits.
    pub(crate) fn new(kind: Kind, change: impl FnOnce(&mut Config), limits: &str) -> Self {
        Self::of(kind, change, &wat::parse_str(wat(limits)).expect("a module"))
    }

    /// The same with a module that checks what it stores to.
    pub(crate) fn checked(kind: Kind) -> Self {
        let plain = wat::parse_str(wat("1 3")).expect("a module");
        let checked = memctl_instrument::instrument(&plain, &memctl_instrument::Options::default());
        Self::of(kind, |_| {}, &checked.expect("it can be instrumented").wasm)
    }

    fn of(kind: Kind, change: impl FnOnce(&mut Config), wasm: &[u8]) -> Self {
        let domain = domain(kind.mode());
        let mut config = Config::new();
        kind.configure(&mut config);
        change(&mut config);
        domain.configure(&mut config).expect("configured");
        let engine = Engine::new(&config).expect("an engine");
        let module = Module::new(&engine, wasm).expect("compiles");
        Self { domain, engine, module }
    }

    pub(crate) fn guest(&self) -> Guest {
        let mut linker: Linker<MemctlCtx> = Linker::new(&self.engine);
        add_to_core_linker_sync(&mut linker, |ctx| ctx).expect("links");
        let mut store = Store::new(&self.engine, self.domain.context().build());
        let crossing = store.data().crossing(store.engine());
        store.call_hook(move |_, hook| Ok(crossing(hook)?));
        let instance = linker.instantiate(&mut store, &self.module).expect("instantiates");
        Guest { store, instance, windows: BTreeMap::new() }
    }

    pub(crate) fn stats(&self) -> Stats {
        self.domain.stats()
    }

    pub(crate) fn byte(&self, object: &str, at: u64) -> u8 {
        let mut byte = [0];
        self.domain.read_object(object, at, &mut byte).expect("nobody is inside");
        byte[0]
    }

    pub(crate) fn bytes(&self, object: &str) -> Vec<u8> {
        let len = usize::try_from(self.domain.object_size(object).expect("published")).expect("small");
        let mut bytes = vec![0; len];
        self.domain.read_object(object, 0, &mut bytes).expect("nobody is inside");
        bytes
    }
}

impl Guest {
    pub(crate) fn memory(&mut self, name: &str) -> Memory {
        self.instance.get_memory(&mut self.store, name).expect("exported")
    }

    pub(crate) fn try_call(&mut self, name: &str, arguments: &[Val]) -> wasmtime::Result<i32> {
        let func = self.instance.get_func(&mut self.store, name).expect("exported");
        let mut results = vec![Val::I32(0); func.ty(&self.store).results().len()];
        func.call(&mut self.store, arguments, &mut results)?;
        Ok(results.pop().map_or(0, |result| result.unwrap_i32()))
    }

    pub(crate) fn call(&mut self, name: &str, arguments: &[Val]) -> i32 {
        self.try_call(name, arguments).expect("does not trap")
    }

    /// Why the guest is trapped that makes this call.
    pub(crate) fn violation(&mut self, name: &str, arguments: &[Val]) -> Violation {
        let error = self.try_call(name, arguments).expect_err("traps");
        *error.downcast_ref::<Violation>().unwrap_or_else(|| panic!("another trap: {error:?}"))
    }

    /// Calls what leaves a `result<handle, error-code>`.
    fn ask(&mut self, name: &str, arguments: &[Val]) -> Result<u32, u32> {
        let arguments = [arguments, &[Val::I32(RESULT)]].concat();
        self.call(name, &arguments);
        let memory = self.memory("memory");
        let mut bytes = [0; 8];
        memory.read(&self.store, 64, &mut bytes).expect("in the memory");
        // The code of a unit result is in the second byte, that of a handle in the fifth.
        let unit = name.starts_with("rebind") || name.starts_with("unmap") || name == "resize";
        let payload =
            if unit { u32::from(bytes[1]) } else { u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]) };
        if bytes[0] == 0 { Ok(if unit { 0 } else { payload }) } else { Err(payload) }
    }

    pub(crate) fn open(&mut self, name: &str) -> u32 {
        let memory = self.memory("memory");
        memory.write(&mut self.store, 0, name.as_bytes()).expect("in the memory");
        let len = i32::try_from(name.len()).expect("short");
        self.ask("open", &[Val::I32(0), Val::I32(len)]).expect("published")
    }

    pub(crate) fn anonymous(&mut self, len: u64) -> u32 {
        self.ask("anonymous", &[Val::I64(len.cast_signed())]).expect("within the quota")
    }

    pub(crate) fn resize(&mut self, object: u32, len: u64) -> Result<u32, u32> {
        self.ask("resize", &[Val::I32(object.cast_signed()), Val::I64(len.cast_signed())])
    }

    /// What a window is bound with, but for the place of the result.
    pub(crate) fn to_bind(window: i32, len: u64, object: u32, offset: u64, ask: Ask) -> Vec<Val> {
        let place = [Val::I32(0), Val::I32(0), Val::I32(window), Val::I64(0), Val::I64(len.cast_signed())];
        [&place[..], &show(object, offset, ask)].concat()
    }

    pub(crate) fn bind(&mut self, window: i32, object: u32, offset: u64, ask: Ask) -> Result<u32, u32> {
        let bound = self.ask(&format!("bind{window}"), &Self::to_bind(window, WINDOW, object, offset, ask));
        self.note(bound, window)
    }

    pub(crate) fn bind_part(&mut self, window: i32, len: u64, object: u32) -> Result<u32, u32> {
        let bound = self.ask(&format!("bind{window}"), &Self::to_bind(window, len, object, 0, AUTOMATIC));
        self.note(bound, window)
    }

    fn note(&mut self, bound: Result<u32, u32>, window: i32) -> Result<u32, u32> {
        if let Ok(mapping) = bound {
            self.windows.insert(mapping, window);
        }
        bound
    }

    pub(crate) fn to_rebind(mapping: u32, object: u32, offset: u64, ask: Ask) -> Vec<Val> {
        let place = [Val::I32(0), Val::I32(0), Val::I64(0), Val::I64(0), Val::I32(mapping.cast_signed())];
        [&place[..], &show(object, offset, ask)].concat()
    }

    pub(crate) fn rebind(&mut self, mapping: u32, object: u32, offset: u64, ask: Ask) -> Result<u32, u32> {
        self.ask(&format!("rebind{}", self.windows[&mapping]), &Self::to_rebind(mapping, object, offset, ask))
    }

    pub(crate) fn to_unmap(mapping: u32) -> Vec<Val> {
        let place = [Val::I32(0), Val::I32(0), Val::I64(0), Val::I64(0)];
        [&[Val::I32(mapping.cast_signed())][..], &place].concat()
    }

    pub(crate) fn unmap(&mut self, mapping: u32) -> Result<u32, u32> {
        self.ask(&format!("unmap{}", self.windows[&mapping]), &Self::to_unmap(mapping))
    }

    pub(crate) fn close(&mut self, object: u32) {
        self.call("close", &[Val::I32(object.cast_signed())]);
    }

    /// Drops the mapping, live or not.
    pub(crate) fn drop_mapping(&mut self, mapping: u32) {
        self.call(&format!("drop{}", self.windows[&mapping]), &[Val::I32(mapping.cast_signed())]);
    }

    pub(crate) fn load(&mut self, window: i32, at: u64) -> i32 {
        self.call(&format!("load{window}"), &[address(at)])
    }

    pub(crate) fn store(&mut self, window: i32, at: u64, value: i32) {
        self.call(&format!("store{window}"), &[address(at), Val::I32(value)]);
    }

    /// Whether the window's capabilities have `zero-copy`, and whether they have `aliasing`.
    pub(crate) fn capabilities(&mut self, window: i32) -> (bool, bool) {
        self.call("capabilities", &[Val::I32(window), Val::I32(RESULT)]);
        let memory = self.memory("memory");
        let mut bytes = [0; 4];
        memory.read(&self.store, 64, &mut bytes).expect("in the memory");
        assert_eq!(bytes[0], 0, "there is such a window");
        (bytes[2] & 1 != 0, bytes[2] & 2 != 0)
    }
}

/// [`Guest`]'s arguments, with the place of the result.
pub(crate) fn with_result(mut arguments: Vec<Val>) -> Vec<Val> {
    arguments.push(Val::I32(RESULT));
    arguments
}

fn show(object: u32, offset: u64, ask: Ask) -> Vec<Val> {
    let [protection, sharing, coherence] = ask.map(Val::I32);
    vec![Val::I32(object.cast_signed()), Val::I64(offset.cast_signed()), protection, sharing, coherence, Val::I32(0)]
}

fn address(at: u64) -> Val {
    Val::I32(u32::try_from(at).expect("in a window").cast_signed())
}
