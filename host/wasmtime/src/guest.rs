//! One guest of a domain: its number at the gate, its crossings, its end.

use alloc::sync::Arc;
use alloc::vec::Vec;

use memctl_core::{Error, InstanceId, Quotas, Threads};
use wasmtime::{CallHook, Engine};

use crate::attachment::Attachment;
#[cfg(feature = "std")]
use crate::declared::Declared;
use crate::domain::{Shared, Whereabouts};
use crate::error::{Cause, Violation};
use crate::gate::{Entered, Ticket};
use crate::locks::Mutex;
use crate::mmu::Reservation;
use crate::protection::stopped_by_checks;
use crate::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use crate::unsettled::Overdue;

/// What the guest's store, its call hook and its host functions have in common.
pub(crate) struct Guest {
    pub(crate) shared: Arc<Shared>,
    pub(crate) instance: InstanceId,
    ticket: Ticket,
    /// The store's crossings are seen.
    attachment: AtomicU8,
    /// It shares something: it runs only while no other such guest does.
    gated: AtomicBool,
    /// It has, or had, snapshots: nobody replaces their pages while it is inside.
    frozen: AtomicBool,
    whereabouts: Arc<Whereabouts>,
    /// It has automatic mappings of files.
    unwatched: AtomicBool,
    /// Memories with windows in them.
    memories: Mutex<Vec<Arc<Reservation>>>,
    /// How many faults the process had contained when this guest last looked for its own.
    faults_seen: AtomicU64,
    /// What its program declared, while it is instantiated.
    #[cfg(feature = "std")]
    pub(crate) declared: Declared,
    /// What it may do to its memories is checked by its own code: so has host code that writes there for it.
    checked: AtomicBool,
    /// It was trapped for good.
    poisoned: AtomicBool,
    violation: Mutex<Option<Violation>>,
    /// Handles to mappings that the guest has not dropped, unmapped ones among them.
    pub(crate) mapping_handles: AtomicU32,
    /// Handles to leases that the guest has not dropped, revoked ones among them.
    pub(crate) lease_handles: AtomicU32,
}

impl Guest {
    pub(crate) fn new(shared: Arc<Shared>, limits: Quotas) -> Arc<Self> {
        let ticket = Ticket::next();
        let whereabouts = Arc::<Whereabouts>::default();
        let instance = shared.admit(ticket, limits, whereabouts.clone());
        Arc::new(Self {
            shared,
            instance,
            ticket,
            attachment: AtomicU8::new(Attachment::None as u8),
            gated: AtomicBool::new(false),
            frozen: AtomicBool::new(false),
            whereabouts,
            unwatched: AtomicBool::new(false),
            memories: Mutex::default(),
            faults_seen: AtomicU64::new(crate::mmu::contained_faults()),
            #[cfg(feature = "std")]
            declared: Declared::default(),
            checked: AtomicBool::new(false),
            poisoned: AtomicBool::new(false),
            violation: Mutex::default(),
            mapping_handles: AtomicU32::new(0),
            lease_handles: AtomicU32::new(0),
        })
    }

    pub(crate) fn attachment(&self) -> Attachment {
        Attachment::from_number(self.attachment.load(Ordering::Relaxed))
    }

    pub(crate) fn attach(&self, engine: &Engine) {
        self.attachment.store(Attachment::of(engine) as u8, Ordering::Relaxed);
    }

    /// Control passes between guest and host. The usual case costs five loads and a compare-and-swap.
    pub(crate) fn crossing(&self, hook: CallHook) -> Result<(), Violation> {
        // A guest that was told before is on its way out with that error, which has its backtrace.
        let told = matches!(hook, CallHook::ReturningFromWasm) && self.poisoned.load(Ordering::Relaxed);
        let settled = if self.whereabouts.unsettled.any() { self.check_settled(hook) } else { Ok(()) };
        if hook.entering_host() {
            if matches!(hook, CallHook::ReturningFromWasm) {
                self.whereabouts.frames.pop();
                #[cfg(feature = "std")]
                self.seal_declared()?;
            }
            if self.gated.load(Ordering::Relaxed) {
                self.leave(hook);
            }
            if self.frozen.load(Ordering::Relaxed) {
                self.whereabouts.presence.leave();
            }
            let checked = self.check_faults().and(settled);
            if told { Ok(()) } else { checked }
        } else {
            self.check_faults().and(settled)?;
            if self.gated.load(Ordering::Relaxed) {
                self.enter(hook)?;
            }
            if self.frozen.load(Ordering::Relaxed) {
                self.be_present();
            }
            if matches!(hook, CallHook::CallingWasm) {
                self.whereabouts.frames.push();
            }
            Ok(())
        }
    }

    /// Whether the guest goes by bases that it has a right to.
    fn check_settled(&self, hook: CallHook) -> Result<(), Violation> {
        let unsettled = &self.whereabouts.unsettled;
        let checked = match hook {
            CallHook::CallingHost => {
                unsettled.call_begins();
                return Ok(());
            }
            CallHook::ReturningFromHost => unsettled.call_ends(),
            CallHook::CallingWasm | CallHook::ReturningFromWasm => unsettled.crosses(),
        };
        if checked.is_ok() && !unsettled.any() {
            // It may share nothing any more.
            self.remember(&self.shared.lock().rules);
        }
        checked.map_err(|Overdue| {
            self.poison(Violation::Unsettled);
            Violation::Unsettled
        })
    }

    /// Comes in, after whoever is replacing pages of its snapshots.
    fn be_present(&self) {
        while !self.whereabouts.presence.enter() {
            drop(self.shared.lock());
        }
    }

    /// Whether the guest's automatic mappings of files, if it has some, are synced with these where control passes.
    ///
    /// Code that called the guest may know a file by other means than the domain. A host call that was made by the guest does that only through WASI, of
    /// whose calls the domain hears, unless the embedder promised nothing.
    fn syncs_files(&self, hook: CallHook) -> bool {
        let called = matches!(hook, CallHook::CallingWasm | CallHook::ReturningFromWasm);
        let outermost = called && self.whereabouts.frames.are_none();
        self.unwatched.load(Ordering::Relaxed) && (outermost || !self.shared.files)
    }

    fn leave(&self, hook: CallHook) {
        if self.syncs_files(hook) {
            let instance = self.instance;
            let state = &mut *self.shared.lock();
            state.call(&self.shared, None, self.attachment(), None, |rules, mover| rules.leave(mover, instance));
        }
        self.shared.gate.leave(self.ticket);
    }

    fn enter(&self, hook: CallHook) -> Result<(), Violation> {
        let syncs_files = self.syncs_files(hook);
        if !syncs_files && self.shared.gate.enter_again(self.ticket) {
            return Ok(());
        }
        let state = &mut *self.shared.lock();
        let entered = self.shared.gate.enter(self.ticket).map_err(|_| Violation::Parallel)?;
        if entered == Entered::Again && !syncs_files {
            return Ok(());
        }
        let instance = self.instance;
        let refreshed = state.call(&self.shared, None, self.attachment(), None, |rules, mover| {
            if syncs_files {
                rules.rejoin_files(mover, instance)?;
            }
            rules.enter(mover, instance)
        });
        refreshed.map_err(|error| {
            self.shared.gate.leave(self.ticket);
            crate::error::refused(instance, "refresh at a crossing", &error);
            // A bad page of its own explains it better.
            self.check_faults().err().unwrap_or_else(|| {
                let violation = Violation::Refresh(if let Error::Io { errno, .. } = error { errno } else { 0 });
                self.poison(violation);
                violation
            })
        })
    }

    /// Traps the guest if host code that acted for it touched a bad page since the last crossing.
    pub(crate) fn check_faults(&self) -> Result<(), Violation> {
        let contained = crate::mmu::contained_faults();
        if self.faults_seen.load(Ordering::Relaxed) != contained {
            self.faults_seen.store(contained, Ordering::Relaxed);
            let memories = self.memories.lock();
            if let Some(fault) = memories.iter().find_map(|memory| memory.take_fault()) {
                self.poison(Violation::Fault(Cause::from(fault)));
            }
        }
        if !self.poisoned.load(Ordering::Relaxed) {
            return Ok(());
        }
        let violation = self.violation.lock();
        violation.map_or(Ok(()), Err)
    }

    pub(crate) fn poison(&self, violation: Violation) {
        *self.violation.lock() = Some(violation);
        self.poisoned.store(true, Ordering::Relaxed);
    }

    /// The last bad page that the guest, or host code for it, touched.
    pub(crate) fn last_fault(&self) -> Option<Cause> {
        let memories = self.memories.lock();
        let by_pages = memories.iter().find_map(|memory| memory.last_fault()).map(Cause::from);
        by_pages.or_else(|| memories.iter().find_map(|memory| stopped_by_checks(self, memory)).map(Cause::from))
    }

    /// Host code that acts for the guest may touch windows in `memory` from now on.
    pub(crate) fn watch(&self, memory: &Arc<Reservation>) {
        let mut memories = self.memories.lock();
        if !memories.iter().any(|known| known.id() == memory.id()) {
            memories.push(memory.clone());
        }
    }

    /// The guest has a snapshot from now on. It is outside.
    pub(crate) fn freeze(&self) {
        self.frozen.store(true, Ordering::Relaxed);
    }

    /// The guest's own code checks what it does to a memory.
    #[cfg(feature = "std")]
    pub(crate) fn is_checked(&self) -> bool {
        self.checked.load(Ordering::Relaxed)
    }

    pub(crate) fn note_checks(&self) {
        self.checked.store(true, Ordering::Relaxed);
    }

    /// What the guest shares changed.
    pub(crate) fn remember(&self, rules: &memctl_core::Domain) {
        let one_at_a_time = self.shared.threads == Threads::One;
        self.gated.store(
            one_at_a_time
                && self.attachment().sees_crossings()
                && (rules.shares(self.instance) || self.whereabouts.unsettled.any()),
            Ordering::Relaxed,
        );
        self.unwatched.store(rules.has_unwatched(self.instance), Ordering::Relaxed);
    }

    /// The store is going: mappings, leases and handles go with it.
    pub(crate) fn end(&self) {
        let instance = self.instance;
        self.gated.store(false, Ordering::Relaxed);
        self.shared.gate.leave(self.ticket);
        self.shared.call(None, self.attachment(), |rules, mover| rules.end(mover, instance));
        self.shared.lock().dismiss(self.ticket, instance);
        self.memories.lock().clear();
    }
}
