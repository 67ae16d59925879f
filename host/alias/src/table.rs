//! The process-wide table of reservations that the fault handler reads.
//!
//! Reading takes no lock and allocates nothing (`signal-safety(7)`); writers take turns under a mutex. A slot is never freed, only
//! reused. A reader *pins* a slot and then looks whether it is live; who gives a slot up says so first and then waits until
//! nobody pins it. Both sides use one total order (`SeqCst`), so either the reader sees that the slot is gone, or the giver sees the pin
//! and keeps the address space until the handler is done.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use memctl_core::Error;

use crate::fault::{Fault, FaultKind};
use crate::host_page_size;

/// Slots per chunk. A chunk is allocated when it is first needed and kept for good.
const CHUNK: usize = 64;
/// Chunks: 65,536 reservations. Linux's default bound of 65,530 mappings (`vm.max_map_count`) allows half as many.
const CHUNKS: usize = 1024;

/// Faults of host code, in all reservations of the process.
static CONTAINED: AtomicU64 = AtomicU64::new(0);

/// How many faults of host code were contained in this process so far. As long as the number stays the same, no
/// [`Reservation::take_fault`](crate::Reservation::take_fault) has news: one load tells.
#[must_use]
pub fn contained_faults() -> u64 {
    CONTAINED.load(Ordering::Acquire)
}

static SLOTS: [OnceLock<Box<[Slot]>>; CHUNKS] = [const { OnceLock::new() }; CHUNKS];
/// Slots ever used.
static USED: AtomicUsize = AtomicUsize::new(0);
/// No reservation ever had a byte below this address …
static LOWEST: AtomicUsize = AtomicUsize::new(usize::MAX);
/// … or at or above this one: most faults of others end here.
static HIGHEST: AtomicUsize = AtomicUsize::new(0);
/// Slots below `USED` that hold nothing. The lowest is reused first, which keeps `USED` small.
static FREE: Mutex<BTreeSet<usize>> = Mutex::new(BTreeSet::new());

/// What the handler needs to know of one reservation, and where it leaves what it saw.
#[derive(Default)]
pub(crate) struct Slot {
    live: AtomicBool,
    pins: AtomicUsize,
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

impl Slot {
    fn holds(&self, address: usize) -> bool {
        (self.base.load(Ordering::Relaxed)..self.end.load(Ordering::Relaxed)).contains(&address)
    }

    /// Bounds of the accessible host pages, as addresses.
    pub(crate) fn accessible(&self) -> (usize, usize) {
        (self.base.load(Ordering::Relaxed), self.end.load(Ordering::Relaxed))
    }

    /// Notes a fault that somebody else will act upon; gives the one that explains it.
    pub(crate) fn note(&self, fault: Fault) -> Fault {
        // The handler answers SIGBUS in guest code with an inaccessible host page, so the access comes again as a protection
        // fault, and host code that syncs the window on the guest's way out may meet that page too. What vanished stays vanished.
        let page = host_page_size();
        let before = Fault::from_word(self.last.load(Ordering::Relaxed)).filter(|before| {
            before.kind == FaultKind::Vanished
                && fault.kind == FaultKind::Protection
                && before.address / page == fault.address / page
        });
        if before.is_none() {
            self.last.store(fault.to_word(), Ordering::Release);
        }
        before.unwrap_or(fault)
    }

    /// Notes a fault of host code and returns how many there were since the last take, this one included.
    pub(crate) fn record(&self, fault: Fault) -> u64 {
        let fault = self.note(fault);
        // The first one explains the others: it stays until it is taken.
        _ = self.pending.compare_exchange(0, fault.to_word(), Ordering::AcqRel, Ordering::Relaxed);
        self.contained.fetch_add(1, Ordering::AcqRel);
        CONTAINED.fetch_add(1, Ordering::Release);
        self.burst.fetch_add(1, Ordering::AcqRel) + 1
    }
}

/// A slot that can't be given up as long as this lives.
pub(crate) struct Pinned(&'static Slot);

impl std::ops::Deref for Pinned {
    type Target = Slot;

    fn deref(&self) -> &Slot {
        self.0
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        self.0.pins.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The reservation whose accessible host pages hold `address`. Async-signal-safe.
pub(crate) fn find(address: usize) -> Option<Pinned> {
    if !(LOWEST.load(Ordering::Relaxed)..HIGHEST.load(Ordering::Relaxed)).contains(&address) {
        return None;
    }
    let used = USED.load(Ordering::Acquire);
    for chunk in &SLOTS[..used.div_ceil(CHUNK)] {
        for slot in chunk.get()?.iter() {
            // Who faults in a reservation was given it before, so its slot is always seen as it is. Any other slot may
            // change under this look and be wrong; the pin sorts that out.
            if slot.holds(address) {
                slot.pins.fetch_add(1, Ordering::SeqCst);
                let pinned = Pinned(slot);
                if slot.live.load(Ordering::SeqCst) && slot.holds(address) {
                    return Some(pinned);
                }
            }
        }
    }
    None
}

/// A reservation's place in the table; given up when dropped, before the address space goes.
pub(crate) struct Registered {
    index: usize,
    slot: &'static Slot,
}

impl Registered {
    /// Enters the accessible host pages `base..end`; `limit` is the highest that `end` will ever be.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if the table is full.
    pub(crate) fn new(base: usize, end: usize, limit: usize) -> Result<Self, Error> {
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        let index = match free.pop_first() {
            Some(index) => index,
            None => {
                let index = USED.load(Ordering::Relaxed);
                if index == CHUNK * CHUNKS {
                    return Err(Error::OutOfMemory { what: "the table of guest memories" });
                }
                index
            }
        };
        let chunk = SLOTS[index / CHUNK].get_or_init(|| (0..CHUNK).map(|_| Slot::default()).collect());
        let slot = &chunk[index % CHUNK];
        slot.base.store(base, Ordering::Relaxed);
        slot.end.store(end, Ordering::Relaxed);
        for word in [&slot.pending, &slot.last, &slot.contained, &slot.burst] {
            word.store(0, Ordering::Relaxed);
        }
        slot.live.store(true, Ordering::SeqCst);
        LOWEST.fetch_min(base, Ordering::Relaxed);
        HIGHEST.fetch_max(limit, Ordering::Relaxed);
        USED.fetch_max(index + 1, Ordering::Release);
        Ok(Self { index, slot })
    }

    /// Moves the end of the accessible host pages up.
    pub(crate) fn grown(&self, end: usize) {
        self.slot.end.store(end, Ordering::Release);
    }

    /// Length of the accessible host pages in bytes.
    pub(crate) fn accessible(&self) -> usize {
        let (base, end) = self.slot.accessible();
        end - base
    }

    /// Takes the fault of host code that waits.
    pub(crate) fn take(&self) -> Option<Fault> {
        self.slot.burst.store(0, Ordering::Release);
        Fault::from_word(self.slot.pending.swap(0, Ordering::AcqRel))
    }

    /// The newest fault.
    pub(crate) fn last(&self) -> Option<Fault> {
        Fault::from_word(self.slot.last.load(Ordering::Acquire))
    }

    /// Faults of host code so far.
    pub(crate) fn contained(&self) -> u64 {
        self.slot.contained.load(Ordering::Acquire)
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.slot.live.store(false, Ordering::SeqCst);
        while self.slot.pins.load(Ordering::SeqCst) != 0 {
            // A handler is a few system calls long and waits for nothing.
            std::thread::yield_now();
        }
        self.slot.base.store(0, Ordering::Relaxed);
        self.slot.end.store(0, Ordering::Relaxed);
        FREE.lock().unwrap_or_else(PoisonError::into_inner).insert(self.index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Addresses that no process has: the table is shared by all tests of this binary.
    const FAR: usize = 1 << 60;

    #[test]
    fn a_slot_is_found_by_its_accessible_bytes_only() {
        let entry = Registered::new(FAR, FAR + 0x1000, FAR + 0x2000).expect("room");
        assert!(find(FAR - 1).is_none());
        assert!(find(FAR).is_some());
        assert!(find(FAR + 0xfff).is_some());
        assert!(find(FAR + 0x1000).is_none());
        entry.grown(FAR + 0x2000);
        assert!(find(FAR + 0x1fff).is_some());
        drop(entry);
        assert!(find(FAR).is_none());
    }

    #[test]
    fn the_first_fault_waits_and_the_newest_is_last() {
        let base = FAR + 0x10_0000;
        let entry = Registered::new(base, base + 0x1000, base + 0x1000).expect("room");
        let at = |address| Fault { address, kind: FaultKind::Protection, write: Some(true) };
        let slot = find(base).expect("registered");
        assert_eq!(slot.record(at(1)), 1);
        assert_eq!(slot.record(at(2)), 2);
        assert_eq!(entry.take(), Some(at(1)));
        assert_eq!(entry.take(), None);
        assert_eq!(entry.last(), Some(at(2)));
        assert_eq!(entry.contained(), 2);
    }

    #[test]
    fn the_second_stage_does_not_hide_that_bytes_vanished() {
        let base = FAR + 0x20_0000;
        let entry = Registered::new(base, base + 0x1000, base + 0x1000).expect("room");
        let slot = find(base).expect("registered");
        let vanished = Fault { address: 7, kind: FaultKind::Vanished, write: None };
        slot.note(vanished);
        slot.note(Fault { kind: FaultKind::Protection, ..vanished });
        assert_eq!(entry.last(), Some(vanished));
        let same_page = Fault { kind: FaultKind::Protection, address: 8, ..vanished };
        assert_eq!(slot.record(same_page), 1);
        assert_eq!((entry.last(), entry.take()), (Some(vanished), Some(vanished)));
        let far = Fault { kind: FaultKind::Protection, address: 7 + host_page_size(), ..vanished };
        slot.note(far);
        assert_eq!(entry.last(), Some(far));
    }

    #[test]
    fn slots_come_and_go_while_others_look() {
        let base = FAR + 0x30_0000;
        let stays = Registered::new(base, base + 0x1000, base + 0x1000).expect("room");
        std::thread::scope(|scope| {
            for thread in 1..=2 {
                scope.spawn(move || {
                    for round in 0..2000 {
                        let mine = base + thread * 0x1000_0000 + (round % 16) * 0x1000;
                        let entry = Registered::new(mine, mine + 0x1000, mine + 0x1000).expect("room");
                        assert_eq!(find(mine + 5).map(|slot| slot.accessible().0), Some(mine));
                        drop(entry);
                        assert!(find(mine + 5).is_none());
                    }
                });
            }
            for _ in 0..2000 {
                assert_eq!(find(base).map(|slot| slot.accessible()), Some((base, base + 0x1000)));
            }
        });
        drop(stays);
    }
}
