//! A host without memory control.

use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Config, Result, Store};

use crate::sys::image::{Image, image};

/// The guest, and its image.
pub(super) const GUEST: &str = "hello";
pub(super) const IMAGE: Image = image!("hello");

/// What the store holds.
pub(super) struct State {
    pub(super) table: ResourceTable,
}

/// Nothing.
pub(super) struct Host;

impl Host {
    pub(super) fn new() -> Result<Self> {
        Ok(Self)
    }

    pub(super) fn configure(&self, _: &mut Config) -> Result<()> {
        Ok(())
    }

    pub(super) fn state(&self) -> State {
        State { table: ResourceTable::new() }
    }
}

pub(super) fn add_to_linker(_: &mut Linker<State>, _: &Component) -> Result<()> {
    Ok(())
}

pub(super) fn attach(_: &mut Store<State>) {}
