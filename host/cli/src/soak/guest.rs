//! One guest of the soak: a small core module in a store of its own, which does with its memory what it is told.

use std::fmt::Write;
use std::sync::mpsc::Sender;

use anyhow::Result;
use memctl_wasmtime::{Code, Domain, MemctlCtx, add_to_core_linker_sync};
use wasmtime::{Caller, Engine, Extern, Instance, InstancePre, Linker, Memory, Module, Store, WasmParams, WasmResults};

use super::scene::Alarm;
use super::stamps;
use super::tally::End;

/// Where results are put.
pub(crate) const RESULT: i32 = 64;
/// Where names are put.
const NAME: i32 = 128;
/// A wasm page in bytes.
const PAGE: u64 = 1 << 16;

/// Interface, name, parameters and result of every function that is used.
const IMPORTS: &[(&str, &str, &str, &str)] = &[
    ("domain", "granule", "", "i64"),
    ("domain", "capabilities-of", "i32 i32", "i32"),
    ("domain", "limits", "i32", ""),
    ("domain", "usage", "i32", ""),
    ("object", "[static]object.anonymous", "i64 i32", ""),
    ("object", "[static]object.open", "i32 i32 i32", ""),
    ("object", "[method]object.len", "i32 i32", ""),
    ("object", "[method]object.rights", "i32", "i32"),
    ("object", "[method]object.resize", "i32 i64 i32", ""),
    ("object", "[resource-drop]object", "i32", ""),
    ("mapping", "[static]mapping.map", "i32 i32 i64 i64 i32 i64 i32 i32 i32 i32 i32", ""),
    ("mapping", "[method]mapping.publish", "i32 i32 i32 i64 i64 i32", ""),
    ("mapping", "[method]mapping.refresh", "i32 i32 i32 i64 i64 i32", ""),
    ("mapping", "[method]mapping.sync", "i32 i32 i32 i64 i64 i32", ""),
    ("mapping", "[method]mapping.unmap", "i32 i32 i32 i64 i64 i32", ""),
    ("mapping", "[method]mapping.acquire", "i32 i32 i32 i64 i64 i32 i32", ""),
    ("mapping", "[method]mapping.acquire-within", "i32 i32 i32 i64 i64 i32 i64 i32", ""),
    ("mapping", "[static]lease.release", "i32 i32 i32 i64 i64 i32", ""),
    ("mapping", "[method]lease.upgrade", "i32 i32 i32 i64 i64 i64 i32", ""),
    ("mapping", "[method]lease.downgrade", "i32 i32 i32 i64 i64 i32", ""),
    ("mapping", "[resource-drop]mapping", "i32", ""),
    ("mapping", "[resource-drop]lease", "i32", ""),
];

/// Every code, in the order of `types.error-code`.
const CODES: [Code; 13] = [
    Code::Alignment,
    Code::Bounds,
    Code::Overlap,
    Code::Access,
    Code::NotFound,
    Code::Stale,
    Code::Quota,
    Code::Unsupported,
    Code::Busy,
    Code::OutOfMemory,
    Code::Io,
    Code::TimedOut,
    Code::Deadlock,
];

/// Where windows lie in a guest's memory, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub(crate) granule: u64,
}

impl Layout {
    /// Windows at most.
    pub(crate) const WINDOWS: usize = 8;
    /// Granules of a window at most.
    pub(crate) const LONGEST: u64 = 16;

    pub(crate) fn window(self, index: usize) -> u64 {
        self.stage() + self.granule.max(PAGE) + index as u64 * Self::LONGEST * self.granule
    }

    /// A granule of room.
    pub(crate) fn stage(self) -> u64 {
        PAGE
    }

    /// Of the memory when it starts, in wasm pages: the last window is out of bounds until it grows.
    fn pages(self) -> u64 {
        self.window(Self::WINDOWS - 1).div_ceil(PAGE)
    }

    fn limit(self) -> u64 {
        self.pages() + (Self::LONGEST * self.granule).div_ceil(PAGE) + 1
    }
}

/// What a store holds.
pub(crate) struct State {
    pub(crate) memctl: MemctlCtx,
    domain: Domain,
    alarm: Sender<Alarm>,
}

/// Why a guest is told nothing more.
pub(crate) enum Stop {
    /// It was trapped.
    Trapped(wasmtime::Error),
    /// It ended as it should.
    Ended(End),
    /// A promise was broken.
    Broken(String),
}

impl From<wasmtime::Error> for Stop {
    fn from(error: wasmtime::Error) -> Self {
        Self::Trapped(error)
    }
}

/// What came back over the wire.
pub(crate) type Answer = Result<u64, Code>;

/// Where a result's payload lies, in bytes after its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Payload {
    None = 1,
    Handle = 4,
    Number = 8,
}

/// The module, ready for any number of guests.
pub(crate) fn prepare(engine: &Engine, layout: Layout) -> Result<InstancePre<State>> {
    let mut linker = Linker::<State>::new(engine);
    add_to_core_linker_sync(&mut linker, |state| &mut state.memctl)?;
    linker.func_wrap("soak", "peek", |mut caller: Caller<'_, State>, at: i32| {
        i32::from(memory(&mut caller).data(&caller)[at.cast_unsigned() as usize])
    })?;
    linker.func_wrap("soak", "poke", |mut caller: Caller<'_, State>, at: i32, byte: i32| {
        memory(&mut caller).data_mut(&mut caller)[at.cast_unsigned() as usize] = byte.to_le_bytes()[0];
    })?;
    linker.func_wrap("soak", "cross", |caller: Caller<'_, State>, expected: i64, next: i64| {
        i32::from(stamps::exchange(&caller.data().domain, expected.cast_unsigned(), next.cast_unsigned()))
    })?;
    linker.func_wrap("soak", "alarm", |caller: Caller<'_, State>| {
        let engine = caller.engine().clone();
        // Nobody hears it: then the watchdog will.
        let _heard = caller.data().alarm.send(Alarm::Ring(engine));
    })?;
    linker.func_wrap("soak", "end", |mut caller: Caller<'_, State>| caller.data_mut().memctl.end())?;
    Ok(linker.instantiate_pre(&Module::new(engine, wat(layout)?)?)?)
}

fn memory(caller: &mut Caller<'_, State>) -> Memory {
    match caller.get_export("memory") {
        Some(Extern::Memory(memory)) => memory,
        _ => unreachable!("guest.wat exports it"),
    }
}

/// guest.wat, completed.
fn wat(layout: Layout) -> Result<String> {
    let (mut imports, mut exports) = (String::new(), String::new());
    for (at, (interface, name, params, result)) in IMPORTS.iter().enumerate() {
        let result = if result.is_empty() { String::new() } else { format!("(result {result})") };
        let module = format!("wasi:memory-control/{interface}@0.1.0-draft");
        writeln!(imports, r#"(import "{module}" "{name}" (func $f{at} (param {params}) {result}))"#)?;
        let arguments: String = (0..params.split_whitespace().count()).map(|i| format!("local.get {i} ")).collect();
        writeln!(exports, r#"(func (export "{name}") (param {params}) {result} {arguments} call $f{at})"#)?;
    }
    Ok(include_str!("guest.wat")
        .replace("IMPORTS", &imports)
        .replace("EXPORTS", &exports)
        .replace("PAGES", &layout.pages().to_string())
        .replace("LIMIT", &layout.limit().to_string())
        .replace("STAGE", &layout.stage().to_string()))
}

/// A guest.
pub(crate) struct Guest {
    store: Store<State>,
    instance: Instance,
    memory: Memory,
}

impl Guest {
    pub(crate) fn start(domain: &Domain, pre: &InstancePre<State>, alarm: &Sender<Alarm>) -> Result<Self> {
        let state = State { memctl: domain.context().build(), domain: domain.clone(), alarm: alarm.clone() };
        let mut store = Store::new(pre.module().engine(), state);
        store.set_epoch_deadline(u64::MAX / 2);
        let crossing = store.data().memctl.crossing(store.engine());
        store.call_hook(move |_, hook| Ok(crossing(hook)?));
        memctl_wasmtime::note_faults(&mut store);
        let instance = pre.instantiate(&mut store)?;
        let memory = instance.get_memory(&mut store, "memory").expect("guest.wat exports it");
        Ok(Self { store, instance, memory })
    }

    pub(crate) fn context(&self) -> &MemctlCtx {
        &self.store.data().memctl
    }

    pub(crate) fn call<P: WasmParams, R: WasmResults>(&mut self, name: &str, params: P) -> wasmtime::Result<R> {
        self.instance.get_typed_func::<P, R>(&mut self.store, name)?.call(&mut self.store, params)
    }

    /// Spins until it is interrupted.
    pub(crate) fn spin(&mut self) -> wasmtime::Result<()> {
        // Compiled code looks at the deadline when it is called.
        self.store.set_epoch_deadline(1);
        self.call("spin", ())
    }

    /// Calls what puts its result at [`RESULT`].
    pub(crate) fn ask<P: WasmParams>(&mut self, name: &str, params: P, payload: Payload) -> Result<Answer, Stop> {
        let place = RESULT.cast_unsigned() as usize;
        let write = |guest: &mut Self| guest.memory.write(&mut guest.store, place, &[0xff; 16]);
        write(self).map_err(|error| Stop::Broken(error.to_string()))?;
        self.call::<P, ()>(name, params)?;
        let result: [u8; 16] = self.bytes(place);
        let at = payload as usize;
        let number = match payload {
            Payload::None => result[at].into(),
            Payload::Handle => u32::from_le_bytes(std::array::from_fn(|i| result[at + i])).into(),
            Payload::Number => u64::from_le_bytes(std::array::from_fn(|i| result[at + i])),
        };
        // An error's code is a byte at the payload's place, whatever the payload is.
        match (result[0], CODES.get(usize::from(result[at]))) {
            (0, _) => Ok(Ok(number)),
            (1, Some(code)) => Ok(Err(*code)),
            _ => Err(Stop::Broken(format!("{name} was answered with {result:?}, which is no result"))),
        }
    }

    pub(crate) fn bytes<const LEN: usize>(&self, at: usize) -> [u8; LEN] {
        let memory = self.memory.data(&self.store);
        std::array::from_fn(|i| memory[at + i])
    }

    pub(crate) fn open(&mut self, name: &str) -> Result<Answer, Stop> {
        let write = self.memory.write(&mut self.store, NAME.cast_unsigned() as usize, name.as_bytes());
        write.map_err(|error| Stop::Broken(error.to_string()))?;
        let len = i32::try_from(name.len()).expect("a short name");
        self.ask("[static]object.open", (NAME, len, RESULT), Payload::Handle)
    }

    /// What a guest is told of its quotas: objects, object bytes, mappings, mapped bytes, leases, waiters.
    pub(crate) fn quotas(&mut self, name: &str) -> Result<[u64; 6], Stop> {
        self.call::<_, ()>(name, (RESULT,))?;
        let bytes: [u8; 40] = self.bytes(RESULT.cast_unsigned() as usize);
        let u64_at = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        let u32_at = |at: usize| u64::from(u32::from_le_bytes(std::array::from_fn(|i| bytes[at + i])));
        Ok([u32_at(0), u64_at(8), u32_at(16), u64_at(24), u32_at(32), u32_at(36)])
    }
}
