//! All unsafe code of this crate: guest memories that wasmtime asks for, and the bytes of windows.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
mod allocation;
#[cfg(not(feature = "std"))]
mod lost;

use alloc::sync::Arc;
use core::ptr;
use core::slice;

use memctl_core::{Error, Span, Threads};
#[cfg(feature = "std")]
use wasmtime::Store;
use wasmtime::component::WasmList;
#[cfg(feature = "std")]
use wasmtime::unix::StoreExt;
use wasmtime::{LinearMemory, MemoryCreator, MemoryType, Result, StoreContextMut};

use crate::DomainBuilder;
use crate::base::Asked;
use crate::creator::{Creator, GuestMemory};
use crate::mmu::Reservation;
use crate::work;
pub(crate) use allocation::Allocation;

// SAFETY: `Reservation::new` gives fresh zeroed memory of at least `minimum` bytes whose base never moves, reserves
// `capacity` bytes behind it and keeps all of that and `guard` more inaccessible until it is grown into, as asked for. The base changes only where nothing was
// asked for, see below.
unsafe impl MemoryCreator for Creator {
    fn new_memory(
        &self,
        ty: MemoryType,
        minimum: usize,
        maximum: Option<usize>,
        reserved: Option<usize>,
        guard: usize,
    ) -> Result<Box<dyn LinearMemory>, String> {
        let memory = self.make(&ty, minimum, maximum, reserved, guard).map_err(|error| error.to_string())?;
        Ok(Box::new(memory))
    }
}

// SAFETY: at home all four say what the reservation has: `as_ptr` is its base, which never moves, and the bytes up to
// `byte_size` are accessible. `grow_to` makes more of them so, up to `byte_capacity`, and zeroes none that were.
// Windows replace pages of it, but only by pages that can be loaded from and stored to.
//
// A memory whose base is `Free` can be in an object's buffer instead. That is sound because, in wasmtime 48:
// 1. The engine reserves nothing, guards nothing (`Seat`, from what it asked for) and its memories may move (`Base::trust`). Then compiled code checks every access that isn't
//    below the memory's minimum against the length that it loads (`bounds_check_field_access` in wasmtime-internal-cranelift/src/bounds_checks.rs: without a reservation
//    `can_elide_bounds_check` is false, and no access fits in a guard of 0 bytes), and no page behind the memory matters. `Base::put` sees to it that
//    there are `byte_size` bytes behind the new base, and the memory doesn't grow while the engine may go by it (`Base::can_grow`).
// 2. Compiled code loads the base anew after every call if the memory may move (`make_heap_base_bound` in func_environ.rs; `Memory::memory_may_move` in wasmtime-environ), as a memory
//    does that isn't shared, whose minimum is not its maximum, and whose engine allows it. A module can import it as one that doesn't move only when it is as
//    large as its maximum; from then on it stays at home (`Base::is_free`, and again `can_grow`).
// 3. Where the engine goes by an old base, that buffer is still there: `Base` holds every one that it told the engine of until it saw the engine go by another (`Trace`).
// 4. The base never changes within one growth, and a growth that isn't by 0 never changes it: `put` is called while the guest calls the domain, not the engine.
unsafe impl LinearMemory for GuestMemory {
    fn byte_size(&self) -> usize {
        let _work = work::begin();
        self.base.note(Asked::Size);
        usize::try_from(self.base.home().size()).unwrap_or(usize::MAX)
    }

    fn byte_capacity(&self) -> usize {
        let _work = work::begin();
        self.base.note(Asked::Other);
        self.base.capacity()
    }

    fn grow_to(&mut self, new_size: usize) -> Result<()> {
        let _work = work::begin();
        self.base.note(Asked::Other);
        if !self.base.can_grow() {
            return Err(wasmtime::format_err!("a window that shows an object in place can't grow"));
        }
        Ok(self.base.home().grow(new_size)?)
    }

    fn as_ptr(&self) -> *mut u8 {
        let _work = work::begin();
        self.made.note_read(&self.base);
        self.base.address()
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
#[cfg(feature = "std")]
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
    #[cfg(feature = "std")]
    return unsafe { memory.with_bytes(window.start(), window.len(), then) };
    #[cfg(not(feature = "std"))]
    {
        let (start, len) = memory.bytes(window.start(), window.len())?;
        // SAFETY: as above, and `bytes` checked that the allocation has these, which it has for as long as the memory is held.
        Ok(then(unsafe { slice::from_raw_parts_mut(memory.allocation().address(start), len) }))
    }
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
