//! Conformance: guest programs on every backend.
//!
//! [`on_every_backend`] runs one claim on each. A [`World`] is a domain with its engine; [`World::guest`] gives one more guest of the
//! probe, a component whose exports are the raw wire calls, built from `tests/guests/probe` on first use.

mod build;
mod guest;
mod world;

pub use build::guest_wasm;
pub use guest::{Answer, Bindings, Guest, State, probe};
pub use world::{BACKENDS, World, on_every_backend};
