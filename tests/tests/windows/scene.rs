//! A program with three windows, on one backend.

use std::sync::OnceLock;

use memctl_tests::{BACKENDS, Linking, State, World, with_windows};
use memctl_wasmtime::DomainBuilder;
use memctl_window::Windows;
use wasmtime::Store;
use wasmtime::component::Component;

mod bindings {
    //! The exports of `tests/guests/windows`.

    wasmtime::component::bindgen!({
        path: ["../wit", "guests/windows/wit"],
        world: "memctl:windows-guest/guest",
        with: {
            "wasi:memory-control/object.object": memctl_wasmtime::Object,
            "wasi:memory-control/mapping.mapping": memctl_wasmtime::Mapping,
            "wasi:memory-control/mapping.lease": memctl_wasmtime::Lease,
            "wasi:filesystem/types": wasmtime_wasi::p2::bindings::sync::filesystem::types,
            "wasi:io": wasmtime_wasi::p2::bindings::sync::io,
            "wasi:clocks": wasmtime_wasi::p2::bindings::clocks,
        },
    });
}

pub(crate) use bindings::Guest as Bindings;
pub(crate) use bindings::exports::memctl::windows_guest::raw::Guest as Raw;
pub(crate) use bindings::exports::memctl::windows_guest::scenes::Guest as Scenes;

pub(crate) const GRANULE: u64 = 4096;
/// Bytes of windows 1 and 2.
pub(crate) const NARROW: u64 = 1 << 20;
/// Bytes of window 3.
pub(crate) const WIDE: u64 = 6 << 30;

/// Protection, sharing and coherence by number.
pub(crate) type Ask = [u8; 3];
pub(crate) const AUTOMATIC: Ask = [2, 0, 0];
pub(crate) const LEASED: Ask = [2, 0, 1];
pub(crate) const ALIASING: Ask = [2, 0, 2];
pub(crate) const PRIVATE: Ask = [2, 1, 0];
pub(crate) const READ_ONLY: Ask = [1, 0, 0];

/// What a raw call answered: the error by its number.
pub(crate) type Answer<T> = Result<T, u32>;

/// The windows that the program is linked with.
pub(crate) fn windows() -> Windows {
    Windows::new().memory32(2, NARROW).memory64(1, WIDE)
}

/// The program with its windows.
pub(crate) fn component(linking: Linking) -> &'static [u8] {
    static STATIC: OnceLock<Vec<u8>> = OnceLock::new();
    static LIBRARY: OnceLock<Vec<u8>> = OnceLock::new();
    let wasm = match linking {
        Linking::Static => &STATIC,
        Linking::Library => &LIBRARY,
    };
    wasm.get_or_init(|| with_windows("guest-windows", &windows(), linking))
}

/// A domain, and the program compiled for it.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) component: Component,
}

/// The program in a store.
pub(crate) struct Program {
    pub(crate) store: Store<State>,
    pub(crate) bindings: Bindings,
}

/// Tests one claim on every backend, with an object "a" of four granules and an object "b" of two and a half.
pub(crate) fn on_every_backend(claim: impl Fn(&Scene)) {
    on_every_backend_with(|builder| builder, claim);
}

/// As [`on_every_backend`], in domains made as `build` says.
pub(crate) fn on_every_backend_with(build: impl Fn(DomainBuilder) -> DomainBuilder, claim: impl Fn(&Scene)) {
    for mode in BACKENDS {
        eprintln!("on {mode:?}");
        let scene = Scene::of(World::with(mode, &build), component(Linking::Static));
        scene.world.publish("a", 4 * GRANULE);
        scene.world.publish("b", 2 * GRANULE + GRANULE / 2);
        claim(&scene);
    }
}

impl Scene {
    pub(crate) fn of(world: World, wasm: &[u8]) -> Self {
        let component = Component::new(world.engine(), wasm).expect("compiles");
        Self { world, component }
    }

    pub(crate) fn program(&self) -> Program {
        let mut store = self.world.store();
        let bindings = self.instantiate(&mut store);
        Program { store, bindings }
    }

    pub(crate) fn instantiate(&self, store: &mut Store<State>) -> Bindings {
        Bindings::instantiate(store, &self.component, self.world.linker()).expect("instantiates")
    }
}

fn answer(number: i64) -> Answer<u64> {
    u64::try_from(number).map_err(|_| u32::try_from(-1 - number).expect("an error code"))
}

fn handle(number: i64) -> Answer<u32> {
    answer(number).map(|number| u32::try_from(number).expect("an index"))
}

impl Program {
    pub(crate) fn try_call<R>(
        &mut self,
        call: impl FnOnce(&Raw, &mut Store<State>) -> wasmtime::Result<R>,
    ) -> wasmtime::Result<R> {
        call(self.bindings.memctl_windows_guest_raw(), &mut self.store)
    }

    #[track_caller]
    pub(crate) fn call<R>(&mut self, call: impl FnOnce(&Raw, &mut Store<State>) -> wasmtime::Result<R>) -> R {
        match self.try_call(call) {
            Ok(value) => value,
            Err(trap) => panic!("the guest trapped: {trap:?}"),
        }
    }

    pub(crate) fn play<R>(
        &mut self,
        scene: impl FnOnce(&Scenes, &mut Store<State>) -> wasmtime::Result<R>,
    ) -> wasmtime::Result<R> {
        scene(self.bindings.memctl_windows_guest_scenes(), &mut self.store)
    }

    pub(crate) fn open(&mut self, letter: char) -> u32 {
        let letter = u32::from(letter) - u32::from('a');
        handle(self.call(|raw, store| raw.call_open(store, letter))).expect("published")
    }

    pub(crate) fn anonymous(&mut self, len: u64) -> u32 {
        handle(self.call(|raw, store| raw.call_anonymous(store, len))).expect("made")
    }

    #[track_caller]
    pub(crate) fn try_bind(
        &mut self,
        window: u32,
        (start, len): (u64, u64),
        (object, offset): (u32, u64),
        [protection, sharing, coherence]: Ask,
    ) -> Answer<u32> {
        handle(self.call(|raw, store| {
            raw.call_bind(store, window, start, len, object, offset, protection, sharing, coherence)
        }))
    }

    /// Shows all of the object published under a letter at the beginning of a window.
    #[track_caller]
    pub(crate) fn bound(&mut self, window: u32, letter: char, ask: Ask) -> u32 {
        let object = self.open(letter);
        let len = if letter == 'a' { 4 * GRANULE } else { 3 * GRANULE };
        self.try_bind(window, (0, len), (object, 0), ask).expect("it can be bound")
    }

    #[track_caller]
    pub(crate) fn rebind(&mut self, mapping: u32, (object, offset): (u32, u64), ask: Ask) -> Answer<()> {
        let [protection, sharing, coherence] = ask;
        let rebound =
            self.call(|raw, store| raw.call_rebind(store, mapping, object, offset, protection, sharing, coherence));
        answer(rebound).map(drop)
    }

    #[track_caller]
    pub(crate) fn unbind(&mut self, mapping: u32) -> Answer<()> {
        answer(self.call(|raw, store| raw.call_unbind(store, mapping))).map(drop)
    }

    #[track_caller]
    pub(crate) fn acquire(&mut self, mapping: u32, (start, len): (u64, u64), write: bool) -> Answer<u32> {
        handle(self.call(|raw, store| raw.call_acquire(store, mapping, start, len, write)))
    }

    #[track_caller]
    pub(crate) fn release(&mut self, lease: u32, (start, len): (u64, u64)) -> Answer<()> {
        answer(self.call(|raw, store| raw.call_release(store, lease, start, len))).map(drop)
    }

    #[track_caller]
    pub(crate) fn publish(&mut self, mapping: u32, (start, len): (u64, u64)) -> Answer<()> {
        answer(self.call(|raw, store| raw.call_publish(store, mapping, start, len))).map(drop)
    }

    #[track_caller]
    pub(crate) fn refresh(&mut self, mapping: u32, (start, len): (u64, u64)) -> Answer<()> {
        answer(self.call(|raw, store| raw.call_refresh(store, mapping, start, len))).map(drop)
    }

    #[track_caller]
    pub(crate) fn size(&mut self, window: u32) -> Answer<u64> {
        answer(self.call(|raw, store| raw.call_size(store, window)))
    }

    #[track_caller]
    pub(crate) fn capabilities(&mut self, window: u32) -> Answer<u64> {
        answer(self.call(|raw, store| raw.call_capabilities(store, window)))
    }

    #[track_caller]
    pub(crate) fn load(&mut self, window: u32, at: u64) -> u8 {
        self.call(|raw, store| raw.call_get(store, window, at))
    }

    #[track_caller]
    pub(crate) fn store(&mut self, window: u32, at: u64, byte: u8) {
        self.call(|raw, store| raw.call_put(store, window, at, byte));
    }

    #[track_caller]
    pub(crate) fn fill(&mut self, window: u32, at: u64, len: u64, byte: u8) {
        self.call(|raw, store| raw.call_fill(store, window, at, len, byte));
    }

    #[track_caller]
    pub(crate) fn sum(&mut self, window: u32, at: u64, len: u64) -> u64 {
        self.call(|raw, store| raw.call_sum(store, window, at, len))
    }
}

/// What `sum` of a window gives that has these bytes.
pub(crate) fn sum(bytes: &[u8]) -> u64 {
    (1..).zip(bytes).map(|(place, byte)| place * u64::from(*byte)).sum()
}
