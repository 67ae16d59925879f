//! The memories of the guests of a domain: made so that windows in them can alias objects.

use std::sync::Arc;

use memctl_alias::Reservation;
use memctl_core::Error;

use crate::declared::note_made;
use crate::domain::WeakDomain;
use crate::memories::{Memories, id_of};

/// How far a memory may grow that wasmtime set no reservation for, if its type doesn't say either: 64 GiB of
/// address space, which cost nothing until they are used.
const UNBOUNDED: usize = 64 << 30;

/// Makes guest memories, and keeps them where they can be found by address.
pub(crate) struct Creator {
    pub(crate) made: Arc<Memories>,
    pub(crate) domain: WeakDomain,
}

/// A guest memory, as wasmtime holds it.
pub(crate) struct GuestMemory {
    pub(crate) reservation: Arc<Reservation>,
    made: Arc<Memories>,
    domain: WeakDomain,
}

impl Creator {
    pub(crate) fn make(
        &self,
        minimum: usize,
        maximum: Option<usize>,
        reserved: Option<usize>,
        guard: usize,
    ) -> Result<GuestMemory, Error> {
        let capacity = reserved.unwrap_or_else(|| maximum.unwrap_or(UNBOUNDED).min(UNBOUNDED)).max(minimum);
        let reservation = Arc::new(Reservation::new(minimum, capacity, guard)?);
        self.made.insert(reservation.clone());
        note_made(&reservation);
        Ok(GuestMemory { reservation, made: self.made.clone(), domain: self.domain.clone() })
    }
}

impl Drop for GuestMemory {
    /// Mappings in the memory go before the memory does.
    fn drop(&mut self) {
        self.made.remove(&self.reservation);
        if let Some(domain) = self.domain.upgrade() {
            domain.memory_gone(id_of(&self.reservation));
        }
    }
}
