//! Interface `protection`: what the guest's calls do, and the component linker's part.

use alloc::sync::Arc;

use memctl_core::{Bounds, Error, Memory, Protection};
use wasmtime::Result;
use wasmtime::component::WasmList;

use crate::MemctlView;
use crate::calls::{Answer, Claim};
use crate::chosen::{Chosen, Functions, define};
use crate::component::{Wire, answer, guest, interface, place};
use crate::error::refused;
#[cfg(feature = "std")]
use crate::error::{Cause, Violation};
use crate::guest::Guest;
use crate::means::Means;
use crate::memories::id_of;
use crate::mmu::Reservation;
use crate::mover::Mover;
use crate::place::Place;
use crate::window::memory_of;
use crate::wire;

impl Guest {
    /// One call about the memory that `place` is in; what its module declared is in force first.
    pub(crate) fn ask_memory<R>(
        &self,
        call: &'static str,
        place: Place<'_>,
        then: impl FnOnce(&mut memctl_core::Domain, &mut Mover<'_>, Memory) -> Result<R, Error>,
    ) -> Answer<R> {
        let memory = place.memory(self.instance);
        if let Place::Known(memory) = &place {
            self.watch(memory);
        }
        self.ask(call, Some(place), |rules, mover, caller| {
            mover.adopt_declared(rules, caller, memory.id)?;
            if matches!(mover.means(memory.id), Ok(Means::Checks(..))) {
                self.note_checks();
            }
            then(rules, mover, memory)
        })
    }

    pub(crate) fn seal(&self, memory: Option<Arc<Reservation>>, bounds: Bounds) -> Answer<Bounds> {
        let Some(memory) = memory else {
            let error = Error::Unsupported {
                why: "the host doesn't know this memory: make the engine's memories with Domain::configure",
            };
            refused(self.instance, "protection.seal", &error);
            return Err(error.code());
        };
        let caller = self.instance;
        self.ask_memory("protection.seal", Place::Known(memory), |rules, mover, memory| {
            rules.seal(mover, caller, memory, bounds)
        })
    }

    pub(crate) fn sealed(&self, memory: Option<Arc<Reservation>>) -> Bounds {
        let Some(memory) = memory else { return Bounds::NONE };
        let caller = self.instance;
        let sealed = self.ask_memory("protection.sealed", Place::Known(memory), |rules, _, memory| {
            Ok(rules.sealed(caller, memory.id))
        });
        sealed.unwrap_or(Bounds::NONE)
    }

    pub(crate) fn protect(&self, place: Place<'_>, range: Claim, protection: Protection) -> Answer<()> {
        let caller = self.instance;
        self.ask_memory("protection.protect", place, |rules, mover, memory| {
            rules.protect(mover, caller, memory, range, protection)
        })
    }

    pub(crate) fn discard(&self, place: Place<'_>, range: Claim) -> Answer<()> {
        let caller = self.instance;
        self.ask_memory("protection.discard", place, |rules, mover, memory| {
            if let Some(object) = rules.object_at(caller, memory.id, range.0) {
                mover.check_free(rules, object)?;
            }
            rules.discard(mover, caller, memory, range)
        })
    }

    /// Whether protection of `memory` is more than advice.
    pub(crate) fn enforces_protection(&self, memory: Arc<Reservation>) -> bool {
        let id = id_of(&memory);
        self.shared.call(Some(Place::Known(memory)), self.attachment(), |_, mover| {
            matches!(mover.means(id), Ok(Means::Pages | Means::Checks(..)))
        })
    }
}

impl Mover<'_> {
    /// What an instrumented module declared is checked from its start on, whatever the host does: it is made known to the rules.
    pub(crate) fn adopt_declared(
        &self,
        rules: &mut memctl_core::Domain,
        caller: memctl_core::InstanceId,
        memory: memctl_core::MemoryId,
    ) -> Result<(), Error> {
        let Some(used) = self.memories.get(&memory) else { return Ok(()) };
        let Some((_, shield)) = &used.shield else { return Ok(()) };
        if shield.granule == 0 {
            return Ok(());
        }
        // What the code checks must be whole granules here, or the rules would know of less.
        if shield.declared.rounded(rules.granule()) != shield.declared {
            return Err(Error::Unsupported {
                why: "the module was instrumented for a smaller granule than this domain's: instrument it with memctl instrument --granule",
            });
        }
        // A guest that forged its shield is believed what it could have asked for.
        rules.declared(caller, memory, shield.declared.checked(used.memory.size())?.rounded(rules.granule()));
        Ok(())
    }
}

pub(crate) fn add_to_linker<T: MemctlView + 'static, F: Functions>(linker: &mut Chosen<'_, T>) -> Result<()> {
    let mut protection = linker.instance(interface!("protection"))?;
    define!(protection, F, "protection", "seal", |mut store, (memory, bounds): (WasmList<u8>, wire::Bounds)| {
        let guest = guest::<T>(&mut store);
        let memory = memory_of(&store, &guest, &memory);
        answer(guest.seal(memory, bounds.into()).map(wire::Bounds::from))
    });
    define!(protection, F, "protection", "sealed", |mut store, (memory,): (WasmList<u8>,)| {
        let guest = guest::<T>(&mut store);
        let memory = memory_of(&store, &guest, &memory);
        Ok((wire::Bounds::from(guest.sealed(memory)),))
    });
    define!(
        protection,
        F,
        "protection",
        "protect",
        |mut store, (range, protection): (wire::Window, wire::Protection)| {
            let guest = guest::<T>(&mut store);
            let (place, claim) = place(&mut store, &guest, &range);
            answer(guest.protect(place, claim, protection.into()))
        }
    );
    define!(protection, F, "protection", "discard", |mut store, (range,): (wire::Window,)| -> Result<(Wire<()>,)> {
        let guest = guest::<T>(&mut store);
        let (place, claim) = place(&mut store, &guest, &range);
        answer(guest.discard(place, claim))
    });
    Ok(())
}

#[cfg(feature = "std")]
impl Guest {
    /// Whether host code may load or store bytes of the guest's for it, where the guest's own code would be checked: hardware needs no asking.
    pub(crate) fn check_access(
        &self,
        memory: &Reservation,
        start: u64,
        len: u64,
        write: bool,
    ) -> core::result::Result<(), Violation> {
        if !self.is_checked() {
            return Ok(());
        }
        let forbidden = self.shared.lock().rules.forbidden_at(self.instance, id_of(memory), (start, len), write);
        forbidden.map_or(Ok(()), |address| {
            let violation =
                Violation::Fault(Cause { address, kind: crate::mmu::FaultKind::Protection, write: Some(write) });
            self.poison(violation);
            Err(violation)
        })
    }
}

/// Tells what checks in the guest's code stopped last.
pub(crate) fn stopped_by_checks(guest: &Guest, memory: &Reservation) -> Option<memctl_core::Stopped> {
    let (shield, _) = guest.shared.made.shield_of(memory)?;
    memctl_core::Shield::stopped(&crate::base::header(&shield)?)
}
