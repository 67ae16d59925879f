//! Whether a guest with snapshots is inside: the pages of its windows are not replaced while it may be storing to them.
//!
//! Such a guest shares nothing, so that it runs beside others and the gate says nothing about it.

use crate::sync::atomic::{AtomicU8, Ordering};

const OUTSIDE: u8 = 0;
const INSIDE: u8 = 1;
/// It is outside, and is kept there for a moment.
const HELD: u8 = 2;

/// Where a guest is.
#[derive(Debug, Default)]
pub(crate) struct Presence(AtomicU8);

/// Keeps a guest outside.
pub(crate) struct Held<'a>(&'a Presence);

impl Presence {
    /// The guest comes in, unless it is held.
    pub(crate) fn enter(&self) -> bool {
        // Inside already is what an embedder's call hook leaves that refused an entry after ours had allowed it.
        let before = self.0.compare_exchange(OUTSIDE, INSIDE, Ordering::Acquire, Ordering::Relaxed);
        matches!(before, Ok(_) | Err(INSIDE))
    }

    /// The guest goes out. Nothing happens if it wasn't inside.
    pub(crate) fn leave(&self) {
        let _not_inside = self.0.compare_exchange(INSIDE, OUTSIDE, Ordering::Release, Ordering::Relaxed);
    }

    /// Keeps the guest outside, if it is. The domain is locked for as long as that lasts.
    pub(crate) fn hold(&self) -> Option<Held<'_>> {
        let held = self.0.compare_exchange(OUTSIDE, HELD, Ordering::Acquire, Ordering::Relaxed);
        held.is_ok().then(|| Held(self))
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.0.store(OUTSIDE, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_is_held_outside_only() {
        let presence = Presence::default();
        let held = presence.hold().expect("outside");
        assert!(!presence.enter());
        presence.leave();
        assert!(!presence.enter(), "leaving without being inside changes nothing");
        drop(held);
        assert!(presence.enter());
        assert!(presence.hold().is_none());
        presence.leave();
        assert!(presence.hold().is_some());
    }
}
