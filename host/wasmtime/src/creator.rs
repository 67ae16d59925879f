//! The memories of the guests of a domain: made so that windows in them can alias objects, or be put onto them.

use alloc::sync::Arc;

use memctl_core::Error;
use wasmtime::MemoryType;

use crate::base::{Base, Seat};
#[cfg(feature = "std")]
use crate::declared::note_made;
use crate::domain::WeakDomain;
use crate::memories::{Memories, id_of};
use crate::mmu::Reservation;
use crate::work;

/// How far a memory may grow that wasmtime set no reservation for, if its type doesn't say either: 64 GiB of
/// address space, which cost nothing until they are used.
#[cfg(feature = "std")]
const UNBOUNDED: usize = 64 << 30;
/// Makes guest memories, and keeps them where they can be found by address.
pub(crate) struct Creator {
    pub(crate) made: Arc<Memories>,
    pub(crate) domain: WeakDomain,
    /// Which configuration this is for.
    pub(crate) config: u64,
}

/// A guest memory, as wasmtime holds it.
pub(crate) struct GuestMemory {
    pub(crate) base: Arc<Base>,
    pub(crate) made: Arc<Memories>,
    domain: WeakDomain,
}

impl Creator {
    pub(crate) fn make(
        &self,
        ty: &MemoryType,
        minimum: usize,
        maximum: Option<usize>,
        reserved: Option<usize>,
        guard: usize,
    ) -> Result<GuestMemory, Error> {
        // An engine that reserves nothing lets memories move to grow. These needn't: address space costs nothing.
        let asked = reserved.filter(|reserved| *reserved > 0);
        let capacity = asked.unwrap_or_else(|| furthest(minimum, maximum)).max(minimum);
        // The bytes are the guest's, what is known of them the host's.
        let reservation = Reservation::new(minimum, capacity, guard)?;
        let _work = work::begin();
        let reservation = Arc::new(reservation);
        let base = Base::new(reservation.clone(), seat(ty, maximum, reserved, guard), self.config);
        self.made.insert(base.clone());
        #[cfg(feature = "std")]
        note_made(&reservation);
        Ok(GuestMemory { base, made: self.made.clone(), domain: self.domain.clone() })
    }
}

/// How far a memory may grow that wasmtime set no reservation for.
#[cfg(feature = "std")]
fn furthest(_minimum: usize, maximum: Option<usize>) -> usize {
    maximum.unwrap_or(UNBOUNDED).min(UNBOUNDED)
}

/// Where memory is what there is of it: as far as its type says, or no further than it begins with.
#[cfg(not(feature = "std"))]
fn furthest(minimum: usize, maximum: Option<usize>) -> usize {
    maximum.unwrap_or(minimum)
}

/// What wasmtime 48 assumes of a memory that it asks for like this: `Memory::memory_may_move` and `Memory::can_elide_bounds_check` of wasmtime-environ, and
/// `bounds_check_field_access` of its Cranelift part.
fn seat(ty: &MemoryType, maximum: Option<usize>, reserved: Option<usize>, guard: usize) -> Seat {
    let can_grow = ty.maximum().is_none_or(|maximum| maximum > ty.minimum());
    if ty.is_shared() || !can_grow || reserved != Some(0) || guard != 0 {
        return Seat::Fixed;
    }
    Seat::Free { below: maximum.unwrap_or(usize::MAX) }
}

impl Drop for GuestMemory {
    /// Mappings in the memory go before the memory does.
    fn drop(&mut self) {
        let _work = work::begin();
        self.made.remove(self.base.home());
        if let Some(domain) = self.domain.upgrade() {
            domain.memory_gone(id_of(self.base.home()));
        }
    }
}
