//! Guests of the interface `heap`, in stores of their own.

use memctl_tests::{Build, State, World};
use memctl_wasmtime::{MemctlCtxBuilder, Mode, attach};
use wasmtime::Store;
use wasmtime_wasi::FsPerms;

pub(crate) mod bindings {
    //! The exports of the guest.

    wasmtime::component::bindgen!({
        path: ["../wit", "guests/heap/wit"],
        world: "memctl:heap-guest/guest",
    });
}

pub(crate) use bindings::Guest as Bindings;
pub(crate) use bindings::exports::memctl::heap_guest::{raw, sdk};
use bindings::wasi::memory_control::{heap, types};
pub(crate) use heap::{HeapStatus, Token};
pub(crate) use types::{ErrorCode, Protection};

/// What a call of the wire answered.
pub(crate) type Answer<T> = Result<T, ErrorCode>;

/// One guest.
pub(crate) struct Guest {
    pub(crate) store: Store<State>,
    pub(crate) bindings: Bindings,
    /// The heap that it opened.
    pub(crate) heap: u64,
    /// Where it attached that.
    pub(crate) start: u32,
}

/// Guests that are compiled as they are.
pub(crate) const PLAIN: Build = Build::Plain;

impl Guest {
    /// A guest that has opened nothing.
    pub(crate) fn new(world: &World, build: Build, ctx: impl FnOnce(MemctlCtxBuilder) -> MemctlCtxBuilder) -> Self {
        let mut store = Store::new(world.engine(), world.state(FsPerms::ReadWrite, ctx));
        attach(&mut store);
        let component = memctl_tests::component(world.engine(), "guest-heap", build);
        let bindings = Bindings::instantiate(&mut store, &component, world.linker()).expect("the guest instantiates");
        Self { store, bindings, heap: 0, start: 0 }
    }

    /// A guest that has attached `heap` for reading and writing.
    pub(crate) fn attached(world: &World) -> Self {
        Self::attached_to(world, "heap")
    }

    pub(crate) fn attached_to(world: &World, name: &str) -> Self {
        let mut guest = Self::new(world, PLAIN, |ctx| ctx);
        guest.open(name);
        guest.attach(Protection::ReadWrite).expect("attaches");
        guest
    }

    /// A guest for the programs with the SDK, which has attached `heap` so.
    pub(crate) fn with_sdk(world: &World) -> Self {
        let mut guest = Self::new(world, PLAIN, |ctx| ctx);
        guest.sdk(|sdk, store| sdk.call_attach(store, "heap")).expect("attaches");
        guest
    }

    pub(crate) fn open(&mut self, name: &str) {
        self.heap = self.raw(|raw, store| raw.call_open(store, name)).expect("published");
    }

    /// Runs a raw call. The error is a trap.
    pub(crate) fn try_raw<R>(
        &mut self,
        call: impl FnOnce(&raw::Guest, &mut Store<State>) -> wasmtime::Result<R>,
    ) -> wasmtime::Result<R> {
        call(self.bindings.memctl_heap_guest_raw(), &mut self.store)
    }

    #[track_caller]
    pub(crate) fn raw<R>(&mut self, call: impl FnOnce(&raw::Guest, &mut Store<State>) -> wasmtime::Result<R>) -> R {
        match self.try_raw(call) {
            Ok(value) => value,
            Err(trap) => panic!("the guest trapped: {trap:?}"),
        }
    }

    /// Runs a program with the SDK.
    #[track_caller]
    pub(crate) fn sdk<R>(&mut self, call: impl FnOnce(&sdk::Guest, &mut Store<State>) -> wasmtime::Result<R>) -> R {
        match call(self.bindings.memctl_heap_guest_sdk(), &mut self.store) {
            Ok(value) => value,
            Err(trap) => panic!("the guest trapped: {trap:?}"),
        }
    }

    pub(crate) fn alloc(&mut self, len: u64) -> Token {
        self.try_alloc(len, 16).expect("there is room")
    }

    pub(crate) fn try_alloc(&mut self, len: u64, align: u64) -> Answer<Token> {
        let heap = self.heap;
        self.raw(|raw, store| raw.call_alloc(store, heap, len, align))
    }

    pub(crate) fn attach(&mut self, protection: Protection) -> Answer<()> {
        let heap = self.heap;
        self.start = self.raw(|raw, store| raw.call_attach(store, heap, protection))?;
        Ok(())
    }

    pub(crate) fn detach(&mut self) -> Answer<()> {
        let heap = self.heap;
        self.raw(|raw, store| raw.call_detach(store, heap))
    }

    pub(crate) fn free(&mut self, block: Token) -> Answer<()> {
        self.raw(|raw, store| raw.call_free(store, block))
    }

    pub(crate) fn share(&mut self, block: Token) -> Answer<()> {
        self.raw(|raw, store| raw.call_share(store, block))
    }

    pub(crate) fn unshare(&mut self, block: Token) -> Answer<()> {
        self.raw(|raw, store| raw.call_unshare(store, block))
    }

    pub(crate) fn give(&mut self, block: Token) -> Answer<()> {
        self.raw(|raw, store| raw.call_give(store, block))
    }

    pub(crate) fn take(&mut self, block: Token) -> Answer<()> {
        self.raw(|raw, store| raw.call_take(store, block))
    }

    pub(crate) fn resolve(&mut self, block: Token) -> Answer<()> {
        self.raw(|raw, store| raw.call_resolve(store, block))
    }

    pub(crate) fn release(&mut self, block: Token) -> Answer<()> {
        self.raw(|raw, store| raw.call_release(store, block))
    }

    pub(crate) fn send(&mut self, queue: u32, block: Token) -> Answer<()> {
        let heap = self.heap;
        self.raw(|raw, store| raw.call_send(store, heap, queue, block))
    }

    pub(crate) fn receive(&mut self, queue: u32, timeout: u64) -> Answer<Token> {
        let heap = self.heap;
        self.raw(|raw, store| raw.call_receive(store, heap, queue, timeout))
    }

    pub(crate) fn inherit(&mut self) -> Answer<Token> {
        let heap = self.heap;
        self.raw(|raw, store| raw.call_inherit(store, heap))
    }

    pub(crate) fn status(&mut self) -> HeapStatus {
        let heap = self.heap;
        self.raw(|raw, store| raw.call_status(store, heap)).expect("there is the heap")
    }

    /// Where the guest sees a block of a heap that is no chain.
    pub(crate) fn place(&self, block: Token) -> u32 {
        self.start + u32::try_from(block.offset).expect("a small heap")
    }

    /// The first bytes of a block, as the guest sees them.
    pub(crate) fn read(&mut self, block: Token, len: u32) -> Vec<u8> {
        let place = self.place(block);
        self.raw(|raw, store| raw.call_read(store, place, len))
    }

    pub(crate) fn write(&mut self, block: Token, bytes: &[u8]) {
        self.try_write(block, bytes).expect("does not trap");
    }

    pub(crate) fn try_write(&mut self, block: Token, bytes: &[u8]) -> wasmtime::Result<()> {
        let place = self.place(block);
        self.try_raw(|raw, store| raw.call_write(store, place, bytes))
    }
}

/// Domains with a heap of 64 KiB named `heap` and one of as much named `other`, on every backend.
pub(crate) fn on_every_backend(claim: impl Fn(&World)) {
    memctl_tests::on_every_backend_with(published, claim);
}

pub(crate) fn published(builder: memctl_wasmtime::DomainBuilder) -> memctl_wasmtime::DomainBuilder {
    use memctl_wasmtime::{HeapOptions, Source};
    let heap = || Source::anonymous(LEN);
    builder.heap("heap", heap(), HeapOptions::default()).heap("other", heap(), HeapOptions::default()).heap_chain(
        "both",
        ["heap", "other"],
        HeapOptions::default(),
    )
}

/// Length in bytes of each heap.
pub(crate) const LEN: u64 = 64 << 10;

/// What was moved between windows and the heap while `act` ran.
pub(crate) fn moved<R>(world: &World, act: impl FnOnce() -> R) -> (R, u64) {
    moved_in(&world.domain, act)
}

pub(crate) fn moved_in<R>(domain: &memctl_wasmtime::Domain, act: impl FnOnce() -> R) -> (R, u64) {
    let before = domain.stats().bytes_copied;
    let result = act();
    (result, domain.stats().bytes_copied - before)
}

/// What a backend moves where `copy` moves so much.
pub(crate) fn on_copy(world: &World, bytes: u64) -> u64 {
    if world.mode == Mode::Copy { bytes } else { 0 }
}
