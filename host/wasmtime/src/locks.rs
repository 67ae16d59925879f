//! Locks as this crate wants them: a panic under one can't leave what it guards half changed in a way that matters to others, so there is no poison.
//!
//! Without std they are those of a machine with one core and no threads: who finds one taken called itself, which is a bug, and panics. What is allocated under one
//! is the host's: see [`HostWork`](crate::HostWork).

#[cfg(feature = "std")]
mod threads {
    use std::sync::{self, MutexGuard, PoisonError, RwLockReadGuard, RwLockWriteGuard};

    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    #[derive(Debug, Default)]
    pub(crate) struct RwLock<T>(sync::RwLock<T>);

    impl<T> RwLock<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(sync::RwLock::new(value))
        }

        pub(crate) fn read(&self) -> RwLockReadGuard<'_, T> {
            self.0.read().unwrap_or_else(PoisonError::into_inner)
        }

        pub(crate) fn write(&self) -> RwLockWriteGuard<'_, T> {
            self.0.write().unwrap_or_else(PoisonError::into_inner)
        }
    }

    pub(crate) use std::sync::{MutexGuard as Guard, OnceLock};
}

#[cfg(not(feature = "std"))]
mod alone {
    use core::ops::{Deref, DerefMut};

    use crate::work::{self, Work};

    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(spin::Mutex<T>);

    /// Fields are dropped in this order: unlocked, then no longer the host's work.
    pub(crate) struct Guard<'a, T> {
        inner: spin::MutexGuard<'a, T>,
        _work: Work,
    }

    impl<T> Mutex<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(spin::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> Guard<'_, T> {
            let work = work::begin();
            Guard { inner: self.0.try_lock().expect("nobody is under this lock"), _work: work }
        }
    }

    impl<T> Deref for Guard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            &self.inner
        }
    }

    impl<T> DerefMut for Guard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            &mut self.inner
        }
    }

    /// A cell of the only thread that there is.
    pub(crate) struct OnlyThread<T>(spin::Mutex<T>);

    impl<T> OnlyThread<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(spin::Mutex::new(value))
        }

        pub(crate) fn replace(&self, value: T) -> T {
            core::mem::replace(&mut *self.0.try_lock().expect("used for a moment"), value)
        }

        pub(crate) fn set(&self, value: T) {
            drop(self.replace(value));
        }
    }

    impl<T: Copy> OnlyThread<T> {
        pub(crate) fn get(&self) -> T {
            *self.0.try_lock().expect("used for a moment")
        }
    }

    /// There is nobody to read beside.
    #[derive(Debug, Default)]
    pub(crate) struct RwLock<T>(Mutex<T>);

    impl<T> RwLock<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(Mutex::new(value))
        }

        pub(crate) fn read(&self) -> Guard<'_, T> {
            self.0.lock()
        }

        pub(crate) fn write(&self) -> Guard<'_, T> {
            self.0.lock()
        }
    }

    #[derive(Debug, Default)]
    pub(crate) struct OnceLock<T>(spin::Once<T>);

    impl<T> OnceLock<T> {
        pub(crate) const fn new() -> Self {
            Self(spin::Once::new())
        }

        pub(crate) fn get(&self) -> Option<&T> {
            self.0.get()
        }

        pub(crate) fn get_or_init(&self, value: impl FnOnce() -> T) -> &T {
            self.0.call_once(value)
        }
    }
}

/// A number of the running thread's own. Never 0.
pub(crate) fn this_thread() -> u64 {
    #[cfg(not(feature = "std"))]
    return 1;
    #[cfg(feature = "std")]
    {
        static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
        std::thread_local! {
            static THIS: u64 = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
        THIS.with(|this| *this)
    }
}

/// A value of each thread's own.
macro_rules! per_thread {
    ($(#[$doc:meta])* static $name:ident: $type:ty = $first:expr;) => {
        #[cfg(feature = "std")]
        std::thread_local! {
            $(#[$doc])*
            static $name: core::cell::Cell<$type> = const { core::cell::Cell::new($first) };
        }
        #[cfg(not(feature = "std"))]
        $(#[$doc])*
        static $name: $crate::locks::OnlyThread<$type> = $crate::locks::OnlyThread::new($first);
    };
}
pub(crate) use per_thread;

#[cfg(not(feature = "std"))]
pub(crate) use alone::{Guard, Mutex, OnceLock, OnlyThread, RwLock};
#[cfg(feature = "std")]
pub(crate) use threads::{Guard, Mutex, OnceLock, RwLock};
