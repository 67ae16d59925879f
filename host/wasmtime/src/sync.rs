//! Atomics and locks as the concurrent parts of this crate use them.
//!
//! Those files name this module and never `std::sync::atomic`, because `tests/loom` includes them and puts its own module of this name beside
//! them, in which every order of every access is tried.

#[cfg(feature = "std")]
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard, atomic};

/// A counter that no other access depends on the order of.
pub(crate) use self::atomic::AtomicU64 as Counter;

/// 64-bit counters on machines that have none of their own.
#[cfg(not(feature = "std"))]
pub(crate) mod atomic {
    pub(crate) use core::sync::atomic::*;
    pub(crate) use portable_atomic::AtomicU64;
}
