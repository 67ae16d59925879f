#![doc = include_str!("../README.md")]
#![no_std]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod arena;
pub mod domain;
mod error;
pub mod extra;
#[cfg(all(feature = "std", any(target_os = "wasi", all(unix, not(target_family = "wasm")))))]
mod file;
mod generated;
mod guard;
mod guarded;
pub mod heap;
mod mapping;
mod object;
mod options;
pub mod protection;
mod rodata;
mod sys;
mod view;
mod window;

pub use arena::Arena;
pub use error::{Error, Refused, Result};
pub use extra::{AnyWindow, Window, Window64};
pub use guard::{ReadGuard, UpgradableGuard, WriteGuard};
pub use guarded::{GuardedBuf, NoAccess, ReadOnly, ReadWrite, Unchanged};
pub use heap::Heap;
pub use mapping::{Mapping, MappingMut};
pub use object::{Object, Rights};
pub use options::MapOptions;
pub use protection::seal_rodata;
pub use sys::{Address, RawMapping};
pub use view::{Blocks, Cursor, Scalar, View, ViewMut};
pub use window::WindowBuf;

/// What `wit_bindgen` makes of the world `wasi:memory-control/imports`.
///
/// A component with a world of its own uses these types instead of generating them again, so that it can pass an object's
/// handle to another component of its store:
///
/// ```ignore
/// wit_bindgen::generate!({
///     world: "my:package/my-world",
///     path: ["path/to/memory-control/wit", "wit"],
///     with: {
///         "wasi:memory-control/types@0.1.0-draft": memctl_guest::bindings::types,
///         "wasi:memory-control/object@0.1.0-draft": memctl_guest::bindings::object,
///     },
/// });
/// ```
///
/// [`Object::into_resource`] and [`Object::from_resource`] convert. The functions here that take a `Window` are not meant to be
/// called: a `&[u8]` must not be alive over bytes that the host changes.
pub mod bindings {
    pub use crate::generated::wasi::memory_control::{
        domain, file_ticket, heap, mapping, object, protection, types, window,
    };
}
