//! The guest memories that the host made, found by address.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use memctl_alias::Reservation;
use memctl_core::MemoryId;

/// Every live memory that one domain's creator made, by base address.
#[derive(Debug, Default)]
pub(crate) struct Memories {
    by_base: RwLock<BTreeMap<usize, Arc<Reservation>>>,
}

/// The memories that windows lie in, by the number that the domain's tables know them by.
pub(crate) type ById = BTreeMap<MemoryId, Arc<Reservation>>;

/// The number that the domain's tables know a memory by.
pub(crate) fn id_of(memory: &Reservation) -> MemoryId {
    MemoryId(memory.id())
}

impl Memories {
    pub(crate) fn insert(&self, memory: Arc<Reservation>) {
        let mut memories = self.by_base.write().unwrap_or_else(PoisonError::into_inner);
        memories.insert(memory.base().addr(), memory);
    }

    pub(crate) fn remove(&self, memory: &Reservation) {
        let mut memories = self.by_base.write().unwrap_or_else(PoisonError::into_inner);
        memories.remove(&memory.base().addr());
    }

    /// The memory that `address` lies in, or just past the end of. The address is a key, nothing else.
    pub(crate) fn at(&self, address: usize) -> Option<Arc<Reservation>> {
        let memories = self.by_base.read().unwrap_or_else(PoisonError::into_inner);
        let (_, memory) = memories.range(..=address).next_back()?;
        memory.contains(address).then(|| memory.clone())
    }
}
