//! Atomics and locks as the concurrent parts of this crate use them.
//!
//! Those files name this module and never `std::sync::atomic`, because `tests/loom` includes them and puts its own module of this name beside
//! them, in which every order of every access is tried.

#[cfg(feature = "std")]
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard, atomic};

/// A counter that no other access depends on the order of.
pub(crate) use self::atomic::AtomicU64 as Counter;

/// The same on machines with one core that have no 64-bit atomics.
#[cfg(not(feature = "std"))]
pub(crate) mod atomic {
    pub(crate) use core::sync::atomic::*;

    /// A number that one thread at a time reads and writes, since there is only one.
    #[derive(Debug, Default)]
    pub(crate) struct AtomicU64(spin::Mutex<u64>);

    impl AtomicU64 {
        pub(crate) const fn new(value: u64) -> Self {
            Self(spin::Mutex::new(value))
        }

        fn with<R>(&self, change: impl FnOnce(&mut u64) -> R) -> R {
            change(&mut self.0.try_lock().expect("held for a moment only"))
        }

        pub(crate) fn load(&self, _order: Ordering) -> u64 {
            self.with(|value| *value)
        }

        pub(crate) fn store(&self, new: u64, _order: Ordering) {
            self.with(|value| *value = new);
        }

        pub(crate) fn fetch_add(&self, more: u64, _order: Ordering) -> u64 {
            self.with(|value| core::mem::replace(value, value.wrapping_add(more)))
        }

        pub(crate) fn compare_exchange(
            &self,
            current: u64,
            new: u64,
            _success: Ordering,
            _failure: Ordering,
        ) -> Result<u64, u64> {
            self.with(|value| {
                if *value != current {
                    return Err(*value);
                }
                *value = new;
                Ok(current)
            })
        }
    }
}
