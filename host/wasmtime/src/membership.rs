//! What an embedder keeps of a guest beside its store, who gives each guest a part of the memory for all that is its, and may have to take it back.

use alloc::sync::Arc;
use core::fmt;
use core::ops::Range;

use crate::MemctlCtx;
use crate::guest::Guest;

/// A guest, seen from outside its store.
pub struct Membership {
    pub(crate) guest: Arc<Guest>,
}

impl MemctlCtx {
    /// The guest, for those who must be able to end it without its store.
    #[must_use]
    pub fn membership(&self) -> Membership {
        Membership { guest: self.guest.clone() }
    }
}

impl Membership {
    /// Tells where objects are that windows of the guest show in place: addresses outside `partition`, where its memories are, that its code loads from and
    /// stores to. They change in its calls to the host only.
    pub fn in_place(&self, partition: &Range<usize>, mut tell: impl FnMut(Range<usize>)) {
        for base in self.guest.shared.made.within(partition) {
            if let Some(shown) = base.away() {
                tell(shown);
            }
        }
    }
}

impl fmt::Debug for Membership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Membership").field("guest", &self.guest.instance).finish_non_exhaustive()
    }
}
