//! The twin of `wire.rs` where there is no host to call. No object exists here (see [`super::require_host`]), so nothing is mapped.

use super::Part;
use crate::bindings::mapping::{Lease, MapOptions, Mapping};
use crate::bindings::object::Object;
use crate::bindings::types::Access;
use crate::{Error, Result};

const NO_OBJECT: &str = "there are no objects outside a wasm guest";

pub(super) unsafe fn map(window: Part, _object: &Object, _options: MapOptions) -> Result<Mapping> {
    let _ = (window.start, window.list_len());
    Err(Error::Unsupported)
}

pub(super) fn publish(_mapping: &Mapping, _part: Part) -> Result<()> {
    unreachable!("{NO_OBJECT}")
}

pub(super) fn sync(_mapping: &Mapping, _part: Part) -> Result<()> {
    unreachable!("{NO_OBJECT}")
}

pub(super) unsafe fn refresh(_mapping: &Mapping, _part: Part) -> Result<()> {
    unreachable!("{NO_OBJECT}")
}

pub(super) unsafe fn unmap(_mapping: &Mapping, _window: Part) -> Result<()> {
    unreachable!("{NO_OBJECT}")
}

pub(super) unsafe fn acquire(_mapping: &Mapping, _part: Part, _access: Access) -> Result<Lease> {
    unreachable!("{NO_OBJECT}")
}

pub(super) unsafe fn acquire_within(_: &Mapping, _: Part, _: Access, _: u64) -> Result<Lease> {
    unreachable!("{NO_OBJECT}")
}

pub(super) fn upgrade(_: &Lease, _: Part, _: u64) -> Result<()> {
    unreachable!("{NO_OBJECT}")
}

pub(super) unsafe fn downgrade(_: &Lease, _: Part) -> Result<()> {
    unreachable!("{NO_OBJECT}")
}

pub(super) unsafe fn release(_lease: Lease, _part: Part) -> Result<()> {
    unreachable!("{NO_OBJECT}")
}

#[cfg(all(feature = "std", unix))]
pub(crate) fn advise(_fd: std::os::fd::BorrowedFd<'_>, _ticket: u64) -> Result<(), core::ffi::c_int> {
    unreachable!("{NO_OBJECT}")
}
