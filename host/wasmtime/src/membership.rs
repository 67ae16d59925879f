//! What an embedder keeps of a guest beside its store, who gives each guest a part of the memory for all that is its, and may have to take it back.

use alloc::sync::Arc;
use core::fmt;
use core::ops::Range;

use crate::guest::Guest;
use crate::memories::id_of;
use crate::{MemctlCtx, sys, work};

/// A guest, seen from outside its store.
pub struct Membership {
    guest: Arc<Guest>,
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

    /// Ends the guest whose store is lost, with everything else in `partition`: its mappings go, its leases are revoked, its handles are closed, and the domain forgets
    /// the memories that were there.
    ///
    /// # Safety
    /// Nothing of the store, or of what it holds, ever runs again, is dropped or looked at: `partition` can be given to somebody else after this, as bare memory. All that
    /// was allocated while [`HostWork`](crate::HostWork) was under way lies outside of it, and all of the guest's linear memories lie in it.
    pub unsafe fn lost(self, partition: &Range<usize>) {
        let _work = work::begin();
        self.guest.end();
        let bases = self.guest.shared.made.within(partition);
        for base in &bases {
            self.guest.shared.made.remove(base.home());
            self.guest.shared.memory_gone(id_of(base.home()));
        }
        // Not before: what is known of one memory may hold another, its shield.
        for base in bases {
            // SAFETY: the domain has none of it any more, and nobody else will look at it, as the caller promises.
            if let Some(home) = unsafe { sys::reclaim(base) }.map(crate::base::Base::into_home) {
                // SAFETY: as above.
                if let Some(memory) = unsafe { sys::reclaim(home) } {
                    memory.forget();
                }
            }
        }
        // SAFETY: the store's context and its call hook had the others.
        drop(unsafe { sys::reclaim(self.guest) });
    }
}

impl fmt::Debug for Membership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Membership").field("guest", &self.guest.instance).finish_non_exhaustive()
    }
}
