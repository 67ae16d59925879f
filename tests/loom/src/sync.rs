//! Loom's atomics under the names that the host's `sync` modules have.

pub(crate) use loom::sync::atomic;
pub(crate) use loom::thread::yield_now;
