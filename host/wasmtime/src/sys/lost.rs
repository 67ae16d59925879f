//! The end of a guest whose store is lost.

use alloc::sync::Arc;
use core::ops::Range;

use crate::base::Base;
use crate::memories::id_of;
use crate::{Membership, work};

impl Membership {
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
            if let Some(home) = unsafe { reclaim(base) }.map(Base::into_home) {
                // SAFETY: as above.
                if let Some(memory) = unsafe { reclaim(home) } {
                    memory.forget();
                }
            }
        }
        // SAFETY: the store's context and its call hook had the others.
        drop(unsafe { reclaim(self.guest) });
    }
}

/// What only the caller holds any more: whoever else did was lost and will give nothing back.
///
/// # Safety
/// No other holder ever looks at it again or is dropped.
unsafe fn reclaim<T>(held: Arc<T>) -> Option<T> {
    for _lost in 1..Arc::strong_count(&held) {
        // SAFETY: the count stays above 0, since this holder counts, and the others are lost, as the caller promises.
        unsafe { Arc::decrement_strong_count(Arc::as_ptr(&held)) };
    }
    Arc::into_inner(held)
}
