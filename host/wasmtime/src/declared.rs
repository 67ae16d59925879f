//! Declared protection: the memories that are made while a guest is instantiated are its own, and are sealed once they are filled.

use alloc::sync::Arc;
use core::cell::RefCell;
use core::future::poll_fn;
use core::pin::pin;

use memctl_core::{Bounds, Error};
use wasmtime::Store;

use crate::error::Violation;
use crate::guest::Guest;
use crate::locks::{Guard, Mutex};
use crate::mmu::Reservation;
use crate::place::Place;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::{MemctlView, StaticProtection};

thread_local! {
    /// Whose instance is being made on this thread right now.
    static INSTANTIATING: RefCell<Option<Arc<Guest>>> = const { RefCell::new(None) };
}

/// A memory was made: if a guest is being instantiated it is its.
pub(crate) fn note_made(memory: &Arc<Reservation>) {
    INSTANTIATING.with_borrow(|guest| {
        if let Some(guest) = guest {
            guest.declared.note(memory);
        }
    });
}

/// What a guest's program declared, while it is instantiated.
#[derive(Debug, Default)]
pub(crate) struct Declared {
    awaited: Mutex<Option<Awaited>>,
    /// Whether there is something to await: each return from the guest asks.
    instantiating: AtomicBool,
}

#[derive(Debug)]
struct Awaited {
    protection: StaticProtection,
    /// Memories made so far.
    made: Vec<Arc<Reservation>>,
    /// How many of them were looked at.
    seen: usize,
}

impl Declared {
    fn lock(&self) -> Guard<'_, Option<Awaited>> {
        self.awaited.lock()
    }

    fn begin(&self, protection: StaticProtection) {
        *self.lock() = Some(Awaited { protection, made: Vec::new(), seen: 0 });
        self.instantiating.store(true, Ordering::Relaxed);
    }

    fn end(&self) {
        self.instantiating.store(false, Ordering::Relaxed);
        *self.lock() = None;
    }

    fn note(&self, memory: &Arc<Reservation>) {
        if let Some(awaited) = &mut *self.lock() {
            awaited.made.push(memory.clone());
        }
    }

    /// Memories made since the last look, with what is declared for them.
    fn take(&self) -> Vec<(Arc<Reservation>, Option<Bounds>)> {
        if !self.instantiating.load(Ordering::Relaxed) {
            return Vec::new();
        }
        let mut awaited = self.lock();
        let Some(Awaited { protection, made, seen }) = &mut *awaited else { return Vec::new() };
        let from = core::mem::replace(seen, made.len());
        (from..).zip(&made[from..]).map(|(at, memory)| (memory.clone(), protection.bounds(at))).collect()
    }
}

impl Guest {
    /// What is declared for the memories made so far is in force from now on: when control comes back from what fills the last of them, active segments and
    /// start function (wasmtime runs both in one), and when all are made.
    pub(crate) fn seal_declared(&self) -> Result<(), Violation> {
        for (memory, bounds) in self.declared.take() {
            self.watch(&memory);
            let Some(bounds) = bounds else { continue };
            let caller = self.instance;
            let place = Place::Known(memory);
            let sealed = self.ask_memory("declared protection", place, |rules, mover, memory| {
                let rounded = bounds.rounded(rules.granule());
                match rules.seal(mover, caller, memory, bounds) {
                    // Its own code checks that already.
                    Err(Error::Sealed { .. }) if rules.sealed(caller, memory.id) == rounded => Ok(rounded),
                    sealed => sealed,
                }
            });
            sealed.map_err(Violation::Unprotected)?;
        }
        Ok(())
    }
}

/// Instantiates a program whose declared protection is in force from when its start function has returned, before anything else of it runs. `instantiate` does it, in the store.
///
/// The memories are told by the order in which they are made: `instantiate` makes one instance of the program that `protection` was [found in](StaticProtection::of), and
/// nothing else in engines of the domain. The host also learns which memories are the guest's, so that [`MemctlCtx::last_fault`](crate::MemctlCtx::last_fault) knows all of
/// them.
///
/// ```no_run
/// # use memctl_wasmtime::{MemctlView, StaticProtection};
/// # use wasmtime::component::{Component, Linker, Instance};
/// # fn run<T: MemctlView>(store: &mut wasmtime::Store<T>, linker: &Linker<T>, wasm: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
/// let component = Component::new(store.engine(), wasm)?;
/// let protection = StaticProtection::of(wasm)?;
/// let instance = memctl_wasmtime::instantiate(store, &protection, |store| linker.instantiate(store, &component))?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Those of `instantiate`; [`Violation::Unprotected`] if the protection can't be had: neither does hardware see to it, nor was the program instrumented.
pub fn instantiate<T: MemctlView + 'static, R>(
    store: &mut Store<T>,
    protection: &StaticProtection,
    instantiate: impl FnOnce(&mut Store<T>) -> wasmtime::Result<R>,
) -> wasmtime::Result<R> {
    let guest = store.data_mut().memctl().ctx.guest.clone();
    guest.declared.begin(protection.clone());
    let _done = Done(&guest);
    let made = as_guest(&guest, || instantiate(store));
    guest.seal_declared()?;
    made
}

/// As [`instantiate()`], for `instantiate_async`.
///
/// # Errors
/// As [`instantiate()`].
pub async fn instantiate_async<T: MemctlView + 'static, R>(
    store: &mut Store<T>,
    protection: &StaticProtection,
    instantiate: impl AsyncFnOnce(&mut Store<T>) -> wasmtime::Result<R>,
) -> wasmtime::Result<R> {
    let guest = store.data_mut().memctl().ctx.guest.clone();
    guest.declared.begin(protection.clone());
    let _done = Done(&guest);
    let mut making = pin!(instantiate(store));
    // Other tasks may make memories on this thread whenever this one is suspended.
    let made = poll_fn(|context| as_guest(&guest, || making.as_mut().poll(context))).await;
    guest.seal_declared()?;
    made
}

/// However instantiation ends.
struct Done<'a>(&'a Guest);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.declared.end();
    }
}

/// Memories that are made in `make`, on this thread, are the guest's.
fn as_guest<R>(guest: &Arc<Guest>, make: impl FnOnce() -> R) -> R {
    struct Restore(Option<Arc<Guest>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            INSTANTIATING.set(self.0.take());
        }
    }
    let _restore = Restore(INSTANTIATING.replace(Some(guest.clone())));
    make()
}
