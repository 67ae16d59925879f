//! One guest at a time: who of a domain's guests is running, and whether anything happened since it last ran.
//!
//! Every crossing of every guest that shares something passes here, so that the usual case, the same guest going out and in
//! again with nothing between, is one compare-and-swap each way.

use crate::sync::Counter;
use crate::sync::atomic::{AtomicU64, Ordering};

/// The guest is inside.
const RUNNING: u64 = 1;
/// Something happened while it was: it must look again when it next comes in.
const DISTURBED: u64 = 2;
const SHIFT: u32 = 2;

/// A guest's number at the gate. Never 0, never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket(u64);

impl Ticket {
    pub(crate) fn next() -> Self {
        // A mere counter: no other access depends on its order.
        static NEXT: Counter = Counter::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn bits(self) -> u64 {
        self.0
    }
}

/// How a guest got in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entered {
    /// Nothing happened since it went out.
    Again,
    /// Somebody else ran, or objects changed.
    Anew,
}

/// Another guest is inside, on another thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Occupied;

/// 0, or the last guest's number with what is to be known of it. Changed to "running" by the fast path of
/// [`Gate::enter_again`], else only under the domain's lock.
#[derive(Debug, Default)]
pub(crate) struct Gate(AtomicU64);

impl Gate {
    /// Lets `guest` in, if it was the last one inside and nothing happened since. Needs no lock.
    pub(crate) fn enter_again(&self, guest: Ticket) -> bool {
        let idle = guest.0 << SHIFT;
        self.0.compare_exchange(idle, idle | RUNNING, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Lets `guest` in. The domain is locked.
    pub(crate) fn enter(&self, guest: Ticket) -> Result<Entered, Occupied> {
        if self.enter_again(guest) {
            return Ok(Entered::Again);
        }
        let now = self.0.load(Ordering::Relaxed);
        if now & RUNNING != 0 {
            // Its own mark is what an embedder's call hook leaves that refused an entry after ours had allowed it.
            return if now >> SHIFT == guest.0 { Ok(Entered::Anew) } else { Err(Occupied) };
        }
        // Idle, and not the guest's own: only the fast path of the guest named by `now` competes.
        let running = guest.0 << SHIFT | RUNNING;
        match self.0.compare_exchange(now, running, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => Ok(Entered::Anew),
            Err(_) => Err(Occupied),
        }
    }

    /// `guest` goes out. Nothing happens if it wasn't inside.
    pub(crate) fn leave(&self, guest: Ticket) {
        let running = guest.0 << SHIFT | RUNNING;
        let idle = guest.0 << SHIFT;
        if self.0.compare_exchange(running, idle, Ordering::Release, Ordering::Relaxed).is_err() {
            let disturbed = running | DISTURBED;
            let _not_inside = self.0.compare_exchange(disturbed, 0, Ordering::Release, Ordering::Relaxed);
        }
    }

    /// Objects are about to change: nobody comes in again as if nothing had happened. Gives the guest that is inside, if any.
    /// The domain is locked, so that nobody comes in anew until it is unlocked.
    pub(crate) fn disturb(&self) -> Option<Ticket> {
        let mut now = self.0.load(Ordering::Relaxed);
        loop {
            let next = if now & RUNNING == 0 { 0 } else { now | DISTURBED };
            match self.0.compare_exchange(now, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return (now & RUNNING != 0).then_some(Ticket(now >> SHIFT)),
                Err(changed) => now = changed,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_guest_comes_in_again_for_nothing() {
        let (gate, a, b) = (Gate::default(), Ticket::next(), Ticket::next());
        assert_eq!(gate.enter(a), Ok(Entered::Anew));
        gate.leave(a);
        assert!(gate.enter_again(a));
        gate.leave(a);
        assert!(!gate.enter_again(b));
        assert_eq!(gate.enter(b), Ok(Entered::Anew));
        gate.leave(b);
        assert_eq!(gate.enter(a), Ok(Entered::Anew));
    }

    #[test]
    fn only_one_is_inside() {
        let (gate, a, b) = (Gate::default(), Ticket::next(), Ticket::next());
        assert_eq!(gate.enter(a), Ok(Entered::Anew));
        assert_eq!(gate.enter(b), Err(Occupied));
        assert_eq!(gate.enter(a), Ok(Entered::Anew), "its last entry was refused by somebody else");
        gate.leave(b);
        assert_eq!(gate.enter(b), Err(Occupied), "leaving without being inside changes nothing");
    }

    #[test]
    fn a_disturbed_guest_looks_again() {
        let (gate, a) = (Gate::default(), Ticket::next());
        assert_eq!(gate.enter(a), Ok(Entered::Anew));
        assert_eq!(gate.disturb(), Some(a));
        gate.leave(a);
        assert_eq!(gate.enter(a), Ok(Entered::Anew), "disturbed while inside");
        gate.leave(a);
        assert_eq!(gate.disturb(), None);
        assert_eq!(gate.enter(a), Ok(Entered::Anew), "disturbed while outside");
    }
}
