//! Conformance: guest programs on every backend.
//!
//! [`on_every_backend`] runs one claim on each. A [`World`] is a domain with its engine; [`World::guest`] gives one more guest of the
//! probe, a component whose exports are the raw wire calls, built from `tests/guests/probe` on first use.
#![expect(
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    reason = "refusals are the wire's, and whatever else goes wrong ends the test"
)]

mod async_guest;
mod build;
mod component;
mod guest;
pub mod hostile;
mod windows;
mod wire;
mod world;

pub use async_guest::AsyncGuest;
pub use build::{Profile, guest_wasm, guest_wasm_in};
pub use component::{Build, component};
pub use guest::{Answer, Bindings, Guest, State, probe, violation};
pub use windows::{Linking, with_windows, with_windows_core};
pub use wire::{ALIASING, AUTOMATIC, Ask, FOREVER, GRANULE, LEASED, Mapped, PRIVATE, Reach};
pub use world::{
    BACKENDS, ENGINE_FIRST, World, on_every_backend, on_every_backend_with, on_every_protector, on_every_protector_with,
};
