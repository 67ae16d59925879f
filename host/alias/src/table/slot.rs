//! One reservation as the fault handler sees it: where its bytes are, whether they may still be touched, what faulted.
//!
//! A handler *pins* the slot; who gives the slot up ends its life first and then waits until nobody pins it. Life and pins are one word,
//! whose changes have one order: a pin that came before the end of life is waited for, one that came after it is told no.

use crate::fault::{Fault, FaultKind};
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use crate::sync::yield_now;

/// In [`Slot::state`]: the reservation lives. Below it, how many handlers pin the slot.
const LIVE: usize = 1 << (usize::BITS - 1);

/// What the handler needs to know of one reservation, and where it leaves what it saw.
#[derive(Default)]
pub(crate) struct Slot {
    state: AtomicUsize,
    base: AtomicUsize,
    // The first address past the accessible host pages.
    end: AtomicUsize,
    // First fault of host code that was not taken yet.
    pending: AtomicU64,
    // Newest fault of any code.
    last: AtomicU64,
    // Faults of host code, ever.
    contained: AtomicU64,
    // Faults of host code since the last take.
    burst: AtomicU64,
}

/// A slot that can't be given up as long as this lives.
pub(crate) struct Pinned<'a>(&'a Slot);

impl std::ops::Deref for Pinned<'_> {
    type Target = Slot;

    fn deref(&self) -> &Slot {
        self.0
    }
}

impl Drop for Pinned<'_> {
    fn drop(&mut self) {
        // Release: what was done under the pin is done before the address space goes.
        self.0.state.fetch_sub(1, Ordering::Release);
    }
}

impl Slot {
    /// Begins a life, for the accessible host pages `base..end`. The slot is not live, and nobody else begins one.
    pub(super) fn begin(&self, base: usize, end: usize) {
        self.base.store(base, Ordering::Relaxed);
        self.end.store(end, Ordering::Relaxed);
        for word in [&self.pending, &self.last, &self.contained, &self.burst] {
            word.store(0, Ordering::Relaxed);
        }
        // Not a store: a handler that came too late for the life before may not have taken its pin back yet.
        self.state.fetch_or(LIVE, Ordering::Release);
    }

    /// Ends the life, and waits for the handlers that still look: afterwards the address space may go.
    pub(super) fn give_up(&self) {
        self.state.fetch_and(!LIVE, Ordering::Relaxed);
        while self.state.load(Ordering::Acquire) != 0 {
            // A handler is a few system calls long and waits for nothing.
            yield_now();
        }
        self.base.store(0, Ordering::Relaxed);
        self.end.store(0, Ordering::Relaxed);
    }

    /// Pins the slot if it lives and its accessible host pages hold `address`. Async-signal-safe.
    pub(super) fn pin(&self, address: usize) -> Option<Pinned<'_>> {
        // Who faults in a reservation was given it before, so its slot is always seen as it is. Any other slot may change
        // under this look and be wrong; the pin sorts that out.
        if !self.holds(address) {
            return None;
        }
        let before = self.state.fetch_add(1, Ordering::Acquire);
        let pinned = Pinned(self);
        (before & LIVE != 0 && self.holds(address)).then_some(pinned)
    }

    fn holds(&self, address: usize) -> bool {
        let (base, end) = self.accessible();
        (base..end).contains(&address)
    }

    /// Bounds of the accessible host pages, as addresses.
    pub(crate) fn accessible(&self) -> (usize, usize) {
        (self.base.load(Ordering::Relaxed), self.end.load(Ordering::Relaxed))
    }

    /// Moves the end of the accessible host pages up.
    pub(super) fn grown(&self, end: usize) {
        self.end.store(end, Ordering::Release);
    }

    /// Notes a fault that somebody else will act upon.
    pub(crate) fn note(&self, fault: Fault) {
        // The handler answers SIGBUS in guest code with an inaccessible page, so the access comes again as a protection
        // fault. What vanished stays vanished.
        let before = Fault::from_word(self.last.load(Ordering::Relaxed));
        let again = before.is_some_and(|before| {
            before.kind == FaultKind::Vanished && fault.kind == FaultKind::Protection && before.address == fault.address
        });
        if !again {
            self.last.store(fault.to_word(), Ordering::Release);
        }
    }

    /// Notes a fault of host code and returns how many there were since the last take, this one included.
    pub(super) fn record(&self, fault: Fault) -> u64 {
        self.note(fault);
        // The first one explains the others: it stays until it is taken.
        _ = self.pending.compare_exchange(0, fault.to_word(), Ordering::AcqRel, Ordering::Relaxed);
        // Release: who sees the count finds the fault.
        self.contained.fetch_add(1, Ordering::AcqRel);
        self.burst.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// Takes the fault of host code that waits.
    pub(super) fn take(&self) -> Option<Fault> {
        self.burst.store(0, Ordering::Release);
        Fault::from_word(self.pending.swap(0, Ordering::AcqRel))
    }

    /// The newest fault.
    pub(super) fn last(&self) -> Option<Fault> {
        Fault::from_word(self.last.load(Ordering::Acquire))
    }

    /// Faults of host code in this life.
    pub(super) fn contained(&self) -> u64 {
        self.contained.load(Ordering::Acquire)
    }
}
