//! All unsafe code of this crate: guest memories whose host pages the tests protect.

use std::cell::RefCell;
use std::sync::Arc;

use memctl_alias::Reservation;
use wasmtime::{LinearMemory, MemoryCreator, MemoryType, Result};

thread_local! {
    static MADE: RefCell<Vec<Arc<Reservation>>> = const { RefCell::new(Vec::new()) };
}

/// Makes guest memories, and remembers them for the thread that asked.
pub(crate) struct Reserving;

/// The memories that were made on this thread since the last call.
pub(crate) fn take_made() -> Vec<Arc<Reservation>> {
    MADE.take()
}

struct Reserved(Arc<Reservation>);

// SAFETY: `Reservation::new` gives fresh zeroed memory of at least `minimum` bytes whose base never moves, reserves
// `capacity` bytes behind it and keeps all of that and `guard` more inaccessible until it is grown into, as asked for.
unsafe impl MemoryCreator for Reserving {
    fn new_memory(
        &self,
        _ty: MemoryType,
        minimum: usize,
        maximum: Option<usize>,
        reserved: Option<usize>,
        guard: usize,
    ) -> Result<Box<dyn LinearMemory>, String> {
        let capacity = reserved.or(maximum).unwrap_or(1 << 32).max(minimum);
        let memory = Reservation::new(minimum, capacity, guard).map_err(|error| error.to_string())?;
        let memory = Arc::new(memory);
        MADE.with_borrow_mut(|made| made.push(memory.clone()));
        Ok(Box::new(Reserved(memory)))
    }
}

// SAFETY: all four say what the reservation has: `as_ptr` is its base, which never moves, and the bytes up to
// `byte_size` are accessible, but where a test protects them: faults there are traps of the guest, or contained.
unsafe impl LinearMemory for Reserved {
    fn byte_size(&self) -> usize {
        usize::try_from(self.0.size()).unwrap_or(usize::MAX)
    }

    fn byte_capacity(&self) -> usize {
        self.0.capacity()
    }

    fn grow_to(&mut self, new_size: usize) -> Result<()> {
        Ok(self.0.grow(new_size)?)
    }

    fn as_ptr(&self) -> *mut u8 {
        self.0.base()
    }
}
