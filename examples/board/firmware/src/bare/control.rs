//! A host with memory control.

use memctl_wasmtime::{Domain, MemctlCtx, MemctlCtxView, MemctlView};
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Config, Error, Result, Store};

use crate::functions::OfGuests;
use crate::sys::image::{Image, image};

/// The guest, and its image.
pub(super) const GUEST: &str = "objects";
pub(super) const IMAGE: Image = image!("objects");

/// What the store holds.
pub(super) struct State {
    pub(super) table: ResourceTable,
    memctl: MemctlCtx,
}

impl MemctlView for State {
    fn memctl(&mut self) -> MemctlCtxView<'_> {
        MemctlCtxView { ctx: &mut self.memctl, table: &mut self.table }
    }
}

/// The domain.
pub(super) struct Host(Domain);

impl Host {
    pub(super) fn new() -> Result<Self> {
        Ok(Self(Domain::builder().build().map_err(Error::msg)?))
    }

    pub(super) fn configure(&self, config: &mut Config) -> Result<()> {
        self.0.configure(config)?;
        Ok(())
    }

    pub(super) fn state(&self) -> State {
        State { table: ResourceTable::new(), memctl: self.0.context().build() }
    }
}

pub(super) fn add_to_linker(linker: &mut Linker<State>, component: &Component) -> Result<()> {
    memctl_wasmtime::add_imports_to_linker_sync::<_, OfGuests>(linker, component)
}

pub(super) fn attach(store: &mut Store<State>) {
    memctl_wasmtime::attach(store);
}
