//! By what means a memory is protected: host pages, checks in the guest's code, or the embedder's word that advice is enough.

use alloc::sync::Arc;

use memctl_core::{Error, MemoryId, Shield, View};

use crate::memories::Used;
use crate::mmu::{Protection, Reservation};
use crate::mover::Mover;
use crate::place::Place;
use crate::{Domain, Mode};

/// What sees to the protection of a memory.
pub(crate) enum Means {
    /// The protection of host pages.
    Pages,
    /// Checks that instrumentation put into the guest's code, which look into this shield.
    Checks(Arc<Reservation>, Shield),
    /// Nothing does, and the embedder said that it will do.
    Advice,
}

impl Mover<'_> {
    /// Whether the memory's host pages can be closed: to keep leases apart, and to protect, if that traps at once.
    pub(crate) fn has_pages(&self, used: &Used) -> bool {
        self.shared.mode != Mode::Copy && used.attachment.survives_faults()
    }

    /// What sees to the protection of a memory.
    pub(crate) fn means(&self, memory: MemoryId) -> Result<Means, Error> {
        let used = self.memories.get(&memory);
        if used.is_some_and(|used| self.has_pages(used) && used.attachment.traps()) {
            return Ok(Means::Pages);
        }
        let shield = used.and_then(|used| used.shield.as_ref());
        let why = match (used, shield) {
            (Some(_), Some((memory, shield))) if shield.checks_table => {
                return Ok(Means::Checks(memory.clone(), *shield));
            }
            _ if self.shared.advisory => return Ok(Means::Advice),
            (Some(_), Some(_)) => {
                "the module was instrumented for the protection that it declares only: instrument it with table checks \
                 (memctl instrument --table always)"
            }
            (Some(_), None) => {
                "neither hardware nor checks can protect this memory: attach the store, in an engine whose traps are signals, and don't choose \
                 the backend copy; or instrument the module (memctl instrument)"
            }
            (None, _) => "the host doesn't know this memory: make the engine's memories with Domain::configure",
        };
        Err(Error::Unsupported { why })
    }

    /// The protection that a window's host pages are mapped with.
    pub(crate) fn pages_of(&self, view: &View) -> Protection {
        if !self.memories.get(&view.memory).is_some_and(|used| self.has_pages(used)) {
            return Protection::ReadWrite;
        }
        match view.protection {
            memctl_core::Protection::None => Protection::None,
            memctl_core::Protection::Read => Protection::Read,
            memctl_core::Protection::ReadWrite => Protection::ReadWrite,
        }
    }

    /// The caller's bytes, in a memory that the host knows by what the call lends only.
    pub(crate) fn lent(&mut self, part: memctl_core::Span) -> Result<&mut [u8], Error> {
        let missing = Error::Unsupported { why: "the host doesn't know this memory: pass the whole range" };
        let Some(Place::Lent { start, bytes, .. }) = &mut self.place else { return Err(missing) };
        let at = part.start().checked_sub(*start).and_then(|at| usize::try_from(at).ok());
        let len = usize::try_from(part.len()).ok();
        at.zip(len).and_then(|(at, len)| bytes.get_mut(at..)?.get_mut(..len)).ok_or(missing)
    }
}

impl Domain {
    /// Whether calls that protect memory are answered as if they did where nothing can.
    #[must_use]
    pub fn protection_is_advisory(&self) -> bool {
        self.shared.advisory
    }
}
