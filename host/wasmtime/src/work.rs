//! Which part of the program is the host's own: for embedders without an operating system, who keep guests apart by regions of memory.

use core::sync::atomic::{AtomicBool, Ordering};

use crate::locks::OnceLock;

/// What an embedder does when this crate begins, and ends, work on what all guests of a domain have in common.
///
/// What is allocated in between outlives the guest on whose account it is: an embedder that gives each guest an allocator of its own takes it from another one. The
/// two are called in pairs, inside one another too. That is for builds without std; with it, only making and dropping guests' memories counts, and needn't be seen to.
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
/// static DEPTH: AtomicU32 = AtomicU32::new(0);
/// memctl_wasmtime::HostWork { begin: || drop(DEPTH.fetch_add(1, Relaxed)), end: || drop(DEPTH.fetch_sub(1, Relaxed)) }.install();
/// ```
#[derive(Clone, Copy, Debug)]
pub struct HostWork {
    /// The host's own work begins.
    pub begin: fn(),
    /// It ends: what was before goes on.
    pub end: fn(),
}

static INSTALLED: AtomicBool = AtomicBool::new(false);
static HOOKS: OnceLock<HostWork> = OnceLock::new();

impl HostWork {
    /// Has this called from now on, by all domains of the program. Only the first one counts. To be called before the first domain is built.
    pub fn install(self) {
        HOOKS.get_or_init(|| self);
        INSTALLED.store(true, Ordering::Release);
    }
}

/// Host work that ends when this is dropped.
#[must_use]
pub(crate) struct Work(Option<HostWork>);

/// What is allocated from now on is the host's.
pub(crate) fn begin() -> Work {
    let hooks = if INSTALLED.load(Ordering::Acquire) { HOOKS.get().copied() } else { None };
    if let Some(hooks) = hooks {
        (hooks.begin)();
    }
    Work(hooks)
}

impl Drop for Work {
    fn drop(&mut self) {
        if let Some(hooks) = self.0 {
            (hooks.end)();
        }
    }
}
