//! Windows of one guest whose base changed, and that the guest has not let settle.
//!
//! Until it does, its code goes by the old base. That is memory which is still there, and nobody else runs meanwhile; but a right that the guest gave up must not
//! stay. So it has until its next call out to the host, which is the growth by 0 that settles the window, or traps it when that call returns.

use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;

use crate::base::Base;
use crate::locks::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering};

/// The windows of one guest that have yet to settle.
#[derive(Debug, Default)]
pub(crate) struct Unsettled {
    any: AtomicBool,
    bases: Mutex<Vec<(Weak<Base>, Since)>>,
}

/// Since when a window is unsettled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Since {
    /// A call that has not returned.
    Now,
    /// An earlier one.
    Before,
}

/// The guest goes by a base that it has no right to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Overdue;

impl Unsettled {
    /// The window's base may have changed.
    pub(crate) fn add(&self, base: &Arc<Base>) {
        if !base.is_unsettled() {
            return;
        }
        self.any.store(true, Ordering::Relaxed);
        let mut bases = self.bases.lock();
        if !bases.iter().any(|(known, _)| core::ptr::eq(known.as_ptr(), Arc::as_ptr(base))) {
            bases.push((Arc::downgrade(base), Since::Now));
        }
    }

    pub(crate) fn any(&self) -> bool {
        self.any.load(Ordering::Relaxed)
    }

    /// The guest calls the host.
    pub(crate) fn call_begins(&self) {
        let mut bases = self.bases.lock();
        for (base, since) in bases.iter_mut() {
            *since = Since::Before;
            if let Some(base) = base.upgrade() {
                base.listen();
            }
        }
    }

    /// The call returns.
    ///
    /// # Errors
    /// [`Overdue`] if the guest may not run on.
    pub(crate) fn call_ends(&self) -> Result<(), Overdue> {
        self.check(|since| since == Since::Before)
    }

    /// The guest is called, or returns.
    ///
    /// # Errors
    /// [`Overdue`] if it may not run, or should not have.
    pub(crate) fn crosses(&self) -> Result<(), Overdue> {
        self.check(|_| true)
    }

    fn check(&self, late: impl Fn(Since) -> bool) -> Result<(), Overdue> {
        let mut bases = self.bases.lock();
        bases.retain(|(base, _)| {
            base.upgrade().is_some_and(|base| {
                base.stop_listening();
                base.is_unsettled()
            })
        });
        self.any.store(!bases.is_empty(), Ordering::Relaxed);
        if bases.iter().any(|(_, since)| late(*since)) { Err(Overdue) } else { Ok(()) }
    }
}
