//! Atomics and locks as the concurrent parts of this crate use them.
//!
//! Those files name this module and never `std::sync::atomic`, because `tests/loom` includes them and puts its own module of this name beside
//! them, in which every order of every access is tried.

pub(crate) use std::sync::{Condvar, Mutex, MutexGuard, atomic};
