//! Every interleaving of small programs over the host's lock-free protocols, by [loom](https://docs.rs/loom).
//!
//! `cargo xtask verify loom` runs it, or here `cargo run [MODEL...]`.
//!
//! The files below are the host's own, included by path. They take atomics from `crate::sync`, and here that is loom's. To add one, say
//! `host/wasmtime/src/new.rs`:
//! 1. in it, `use crate::sync::...` for atomics, mutexes and `Arc`; name in that crate's `sync.rs` and in the one here what it needs;
//! 2. a `#[path]` line below, and for a module of its crate that it uses another one;
//! 3. `models/new.rs` with a `MODELS` list, and that list in `models/mod.rs`.
//!
//! What loom can't see: `SeqCst` on loads and stores, which it takes for acquire and release. A protocol that needs one total order needs a
//! `fence(SeqCst)` or, better, one word.

mod explore;
mod models;
mod sync;

#[path = "../../../host/wasmtime/src/bell.rs"]
mod bell;
#[path = "../../../host/alias/src/fault.rs"]
#[expect(unreachable_pub, reason = "public there")]
mod fault;
#[path = "../../../host/wasmtime/src/gate.rs"]
#[expect(dead_code, reason = "the models use a part of it")]
mod gate;
#[path = "../../../host/wasmtime/src/presence.rs"]
mod presence;
#[path = "../../../host/alias/src/table/slot.rs"]
#[expect(dead_code, reason = "the models use a part of it")]
mod slot;

use std::process::ExitCode;

fn main() -> ExitCode {
    let wanted: Vec<_> = std::env::args().skip(1).collect();
    explore::run(&models::all(), &wanted)
}
