//! The process-wide table of reservations that the fault handler reads.
//!
//! Reading takes no lock and allocates nothing (`signal-safety(7)`); writers take turns under a mutex. A slot is never freed, only
//! reused, and what makes that safe is in `slot.rs`.

mod slot;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use memctl_core::Error;

use self::slot::Pinned;
pub(crate) use self::slot::Slot;
use crate::fault::Fault;

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

/// Notes a fault of host code and returns how many there were in its reservation since the last take, this one included.
/// Async-signal-safe.
pub(crate) fn record(slot: &Slot, fault: Fault) -> u64 {
    let burst = slot.record(fault);
    CONTAINED.fetch_add(1, Ordering::Release);
    burst
}

/// The reservation whose accessible host pages hold `address`. Async-signal-safe.
pub(crate) fn find(address: usize) -> Option<Pinned<'static>> {
    if !(LOWEST.load(Ordering::Relaxed)..HIGHEST.load(Ordering::Relaxed)).contains(&address) {
        return None;
    }
    let used = USED.load(Ordering::Acquire);
    SLOTS[..used.div_ceil(CHUNK)].iter().filter_map(OnceLock::get).flatten().find_map(|slot| slot.pin(address))
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
        slot.begin(base, end);
        LOWEST.fetch_min(base, Ordering::Relaxed);
        HIGHEST.fetch_max(limit, Ordering::Relaxed);
        USED.fetch_max(index + 1, Ordering::Release);
        Ok(Self { index, slot })
    }

    /// Moves the end of the accessible host pages up.
    pub(crate) fn grown(&self, end: usize) {
        self.slot.grown(end);
    }

    /// Length of the accessible host pages in bytes.
    pub(crate) fn accessible(&self) -> usize {
        let (base, end) = self.slot.accessible();
        end - base
    }

    /// Takes the fault of host code that waits.
    pub(crate) fn take(&self) -> Option<Fault> {
        self.slot.take()
    }

    /// The newest fault.
    pub(crate) fn last(&self) -> Option<Fault> {
        self.slot.last()
    }

    /// Faults of host code so far.
    pub(crate) fn contained(&self) -> u64 {
        self.slot.contained()
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.slot.give_up();
        FREE.lock().unwrap_or_else(PoisonError::into_inner).insert(self.index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::FaultKind;

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
        assert_eq!(record(&slot, at(1)), 1);
        assert_eq!(record(&slot, at(2)), 2);
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
        slot.note(Fault { kind: FaultKind::Protection, address: 8, ..vanished });
        assert_eq!(entry.last().map(|fault| fault.address), Some(8));
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
