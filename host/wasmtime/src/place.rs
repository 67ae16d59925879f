//! Where a window is, as one call tells it.

use alloc::sync::Arc;

use memctl_core::{InstanceId, Memory, MemoryId};

use crate::memories::id_of;
use crate::mmu::Reservation;

/// The memory that a call's window lies in.
pub(crate) enum Place<'a> {
    /// A memory that the host made: its bytes can be found at any time.
    Known(Arc<Reservation>),
    /// Any other memory: its bytes are those that the call lends, the whole window.
    Lent {
        /// Where the lent bytes start, as the guest says: a number to keep windows apart by, nothing more.
        start: u64,
        bytes: &'a mut [u8],
        /// How long the memory is, if the call can tell.
        size: Option<u64>,
    },
}

impl Place<'_> {
    /// The memory, as the domain's tables know it.
    pub(crate) fn memory(&self, instance: InstanceId) -> Memory {
        match self {
            Self::Known(memory) => Memory { id: id_of(memory), size: Some(memory.size()) },
            Self::Lent { size, .. } => Memory { id: lent_id(instance), size: *size },
        }
    }
}

/// The number for the memories of an instance that the host doesn't know. Reservations count from 0 and never get here.
pub(crate) fn lent_id(instance: InstanceId) -> MemoryId {
    MemoryId(1 << 63 | instance.to_bits())
}
