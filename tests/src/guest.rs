//! One guest in a store of its own.

use memctl_wasmtime::{MemctlCtx, MemctlCtxView, MemctlView, Violation};
use wasmtime::Store;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

mod bindings {
    //! The exports of the probe.
    #![expect(missing_docs, reason = "documented in tests/guests/probe/wit/probe.wit")]

    wasmtime::component::bindgen!({
        path: ["../wit", "guests/probe/wit"],
        world: "memctl:probe/guest",
        with: {
            "wasi:memory-control/object.object": memctl_wasmtime::Object,
            "wasi:memory-control/mapping.mapping": memctl_wasmtime::Mapping,
            "wasi:memory-control/mapping.lease": memctl_wasmtime::Lease,
            "wasi:filesystem/types": wasmtime_wasi::p2::bindings::sync::filesystem::types,
            "wasi:filesystem/preopens": wasmtime_wasi::p2::bindings::sync::filesystem::preopens,
            "wasi:io": wasmtime_wasi::p2::bindings::sync::io,
            "wasi:clocks": wasmtime_wasi::p2::bindings::clocks,
        },
    });
}

pub use bindings::Guest as Bindings;

pub mod probe {
    //! The types of the probe's calls.

    pub use super::bindings::exports::memctl::probe::probe::{
        Access, Capabilities, Coherence, ErrorCode, FileStep, Guest as Exports, MapFlags, Protection, Quotas, Rights,
        Sharing,
    };
}

/// The store's data.
pub struct State {
    pub(crate) wasi: WasiCtx,
    pub(crate) table: ResourceTable,
    /// The guest's membership of the domain.
    pub memctl: MemctlCtx,
}

impl State {
    /// A guest that sees this of the host, and belongs to a domain.
    #[must_use]
    pub fn new(wasi: WasiCtx, memctl: MemctlCtx) -> Self {
        Self { wasi, table: ResourceTable::new(), memctl }
    }
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

/// One guest of the probe, in a store of its own.
pub struct Guest {
    /// Its store.
    pub store: Store<State>,
    pub(crate) bindings: Bindings,
}

/// Why the domain trapped a guest, if it did.
#[must_use]
pub fn violation(error: &wasmtime::Error) -> Option<Violation> {
    error.downcast_ref().copied()
}

/// What a call of the wire answered.
pub type Answer<T> = Result<T, probe::ErrorCode>;

impl Guest {
    /// Runs one of the probe's exports. The error is a trap.
    ///
    /// # Errors
    /// The trap.
    pub fn try_call<R>(
        &mut self,
        call: impl FnOnce(&probe::Exports, &mut Store<State>) -> wasmtime::Result<R>,
    ) -> wasmtime::Result<R> {
        call(self.bindings.memctl_probe_probe(), &mut self.store)
    }

    /// Runs one of the probe's exports.
    ///
    /// # Panics
    /// If the guest traps.
    #[track_caller]
    pub fn call<R>(&mut self, call: impl FnOnce(&probe::Exports, &mut Store<State>) -> wasmtime::Result<R>) -> R {
        match self.try_call(call) {
            Ok(value) => value,
            Err(trap) => panic!("the guest trapped: {trap:?}"),
        }
    }

    /// The store's data.
    pub fn state(&mut self) -> &mut State {
        self.store.data_mut()
    }

    /// Memory of the guest's allocator, `len` zero bytes aligned to 4096.
    pub fn alloc(&mut self, len: u32) -> u64 {
        let address = self.call(|probe, store| probe.call_alloc(store, len, 4096));
        assert_ne!(address, 0, "the guest has memory");
        address.into()
    }

    /// Stores to the guest's memory, as the guest.
    pub fn write(&mut self, start: u64, bytes: &[u8]) {
        let start = u32::try_from(start).expect("a 32-bit address");
        self.call(|probe, store| probe.call_write_bytes(store, start, bytes));
    }

    /// Loads from the guest's memory, as the guest.
    pub fn read(&mut self, start: u64, len: u32) -> Vec<u8> {
        let start = u32::try_from(start).expect("a 32-bit address");
        self.call(|probe, store| probe.call_read_bytes(store, start, len))
    }
}
