//! Loom's atomics and locks under the names that the host's `sync` modules have.

pub(crate) use loom::sync::{Condvar, Mutex, MutexGuard, atomic};
pub(crate) use std::sync::atomic::AtomicU64 as Counter;

pub(crate) use loom::thread::yield_now;
