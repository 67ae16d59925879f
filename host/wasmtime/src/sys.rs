//! All unsafe code of this crate: guest memories that wasmtime asks for, and the bytes of windows.

use std::ptr;
use std::slice;
use std::sync::Arc;

use memctl_alias::Reservation;
use memctl_core::{Error, Span, Threads};
use wasmtime::component::WasmList;
use wasmtime::unix::StoreExt;
use wasmtime::{LinearMemory, MemoryCreator, MemoryType, Result, Store, StoreContextMut};

use crate::DomainBuilder;
use crate::creator::{Creator, GuestMemory};

// SAFETY: `Reservation::new` gives fresh zeroed memory of at least `minimum` bytes whose base never moves, reserves
// `capacity` bytes behind it and keeps all of that and `guard` more inaccessible until it is grown into, as asked for.
unsafe impl MemoryCreator for Creator {
    fn new_memory(
        &self,
        _ty: MemoryType,
        minimum: usize,
        maximum: Option<usize>,
        reserved: Option<usize>,
        guard: usize,
    ) -> Result<Box<dyn LinearMemory>, String> {
        let memory = self.make(minimum, maximum, reserved, guard).map_err(|error| error.to_string())?;
        Ok(Box::new(memory))
    }
}

// SAFETY: all four say what the reservation has: `as_ptr` is its base, which never moves, and the bytes up to
// `byte_size` are accessible. `grow_to` makes more of them so, up to `byte_capacity`, and zeroes none that were.
// Windows replace pages of it, but only by pages that can be loaded from and stored to.
unsafe impl LinearMemory for GuestMemory {
    fn byte_size(&self) -> usize {
        usize::try_from(self.reservation.size()).unwrap_or(usize::MAX)
    }

    fn byte_capacity(&self) -> usize {
        self.reservation.capacity()
    }

    fn grow_to(&mut self, new_size: usize) -> Result<()> {
        Ok(self.reservation.grow(new_size)?)
    }

    fn as_ptr(&self) -> *mut u8 {
        self.reservation.base()
    }
}

impl DomainBuilder {
    /// As [`parallel`](Self::parallel), but `automatic` and `aliasing` mappings may be shared without leases, where windows alias.
    ///
    /// # Safety
    /// Guests that share so can race: what one loads while another stores can be torn, and a host function that is lent such bytes by its
    /// guest has a slice that others may change. The embedder sees to it that no host function reads or writes a list, string or buffer in
    /// memory that is shared like this, or that those that do bear it.
    #[must_use]
    pub unsafe fn parallel_unchecked(self) -> Self {
        self.threads(Threads::Unchecked)
    }
}

/// Lets [`MemctlCtx::last_fault`](crate::MemctlCtx::last_fault) tell of forbidden accesses by the guest's own code too: wasmtime traps them before
/// the domain's fault handler hears of them. [`attach`](crate::attach) does this; only embedders with a call hook of their own need it. Takes
/// the store's [signal handler](StoreExt::set_signal_handler).
pub fn note_faults<T: 'static>(store: &mut Store<T>) {
    let note = |signal, info, context| {
        // SAFETY: wasmtime calls this in its handler of SIGSEGV, SIGILL, SIGFPE or SIGBUS, with that handler's arguments; other signals
        // than SIGSEGV and SIGBUS are looked at no further than their code.
        unsafe { memctl_alias::note_fault(signal, info, context) };
        false
    };
    // SAFETY: `note_fault` is async-signal-safe, and nothing else happens.
    unsafe { store.set_signal_handler(note) };
}

/// Lends the bytes of a window in a memory that the host made.
///
/// # Errors
/// [`Error::OutOfBounds`] if the memory is smaller.
pub(crate) fn with_window<R>(
    memory: &Arc<Reservation>,
    window: Span,
    then: impl FnOnce(&mut [u8]) -> R,
) -> Result<R, Error> {
    // SAFETY: the caller is a call into the domain, under its lock. The window's guest is not running: it is the
    // caller, or the gate keeps it out (`Mover::with_bytes` refuses the one that is inside); where there is no gate, only the caller's
    // windows are copied. Windows of a memory never overlap. No Rust reference into guest memory is kept across a call into the domain.
    unsafe { memory.with_bytes(window.start(), window.len(), then) }
}

/// The bytes of a list that a guest passed, to be written.
pub(crate) fn lend<'a, T: 'static>(store: &'a mut StoreContextMut<'_, T>, list: &WasmList<u8>) -> &'a mut [u8] {
    let bytes = list.as_le_slice(&*store);
    let (address, len) = (bytes.as_ptr().expose_provenance(), bytes.len());
    // SAFETY: wasmtime checked that these bytes lie in the guest's memory. The store is borrowed mutably for as long as the slice
    // lives, so that neither the guest nor another host function can touch, grow or drop that memory. Its
    // provenance is exposed: compiled code reaches it by address.
    unsafe { slice::from_raw_parts_mut(ptr::with_exposed_provenance_mut(address), len) }
}
