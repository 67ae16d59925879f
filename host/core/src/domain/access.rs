//! What may be done to the bytes of a guest's memory: as much as its protection allows, and in a guarded window its leases.

use super::Domain;
use crate::{Access, Backend, Error, InstanceId, MemoryId, Protection, Span};

impl Domain {
    /// Lets `changed` be touched where and how protection, and in guarded windows leases, allow it now.
    pub(super) fn permit(
        &self,
        backend: &mut dyn Backend,
        instance: InstanceId,
        memory: MemoryId,
        changed: Span,
    ) -> Result<(), Error> {
        let of = self.instance(instance)?;
        let protected = of.protected.get(&memory);
        let mut at = changed.start();
        while at < changed.end() {
            let (protection, until) = protected.map_or((Protection::ReadWrite, u64::MAX), |protected| protected.at(at));
            let (lent, edge) = self.lent_at(instance, memory, at)?;
            let end = until.min(edge).min(changed.end());
            backend.permit(memory, Span::claim("the changed part", at, end - at)?, allowed(protection).min(lent))?;
            at = end;
        }
        Ok(())
    }

    /// Lets `changed` be touched as protection, and `most`, allow.
    ///
    /// # Errors
    /// Those of [`Backend::permit`]; the rest was changed all the same.
    pub(super) fn permit_at_most(
        &self,
        backend: &mut dyn Backend,
        instance: InstanceId,
        memory: MemoryId,
        changed: Span,
        most: Option<Access>,
    ) -> Result<(), Error> {
        let protected = self.instance(instance)?.protected.get(&memory);
        let mut permitted = Ok(());
        let mut at = changed.start();
        while at < changed.end() {
            let (protection, until) = protected.map_or((Protection::ReadWrite, u64::MAX), |protected| protected.at(at));
            let end = until.min(changed.end());
            let part = Span::claim("the changed part", at, end - at)?;
            permitted = permitted.and(backend.permit(memory, part, allowed(protection).min(most)));
            at = end;
        }
        permitted
    }

    /// What leases allow at an address, and up to where; outside guarded windows that is everything.
    fn lent_at(&self, instance: InstanceId, memory: MemoryId, at: u64) -> Result<(Option<Access>, u64), Error> {
        let windows = &self.instance(instance)?.windows;
        let next = windows.range((memory, at + 1)..).next().filter(|((of, _), _)| *of == memory);
        let next = next.map_or(u64::MAX, |((_, start), _)| *start);
        let here = windows.range((memory, 0)..=(memory, at)).next_back();
        let Some(id) = here.map(|(_, id)| *id) else { return Ok((Some(Access::Write), next)) };
        let mapping = self.mapping(id)?;
        let window = mapping.view.window;
        if at >= window.end() {
            return Ok((Some(Access::Write), next));
        }
        if !mapping.view.guarded {
            return Ok((Some(Access::Write), window.end()));
        }
        if let Some(heap) = self.heap_shown(mapping.view.object) {
            let (access, edge) = self.held_at(instance, heap, at - window.start());
            return Ok((access, window.start().saturating_add(edge).min(window.end())));
        }
        let (mut access, mut edge) = (None, window.end());
        for lease in self.object(mapping.view.object)?.leases.iter().filter_map(|lease| self.leases.get(*lease)) {
            let Some((of, leased)) = lease.shown else { continue };
            if of != id {
                continue;
            }
            let leased = self.granule.cover(leased)?;
            if leased.start() <= at && at < leased.end() {
                access = access.max(Some(lease.access));
            }
            for end in [leased.start(), leased.end()] {
                edge = if end > at { edge.min(end) } else { edge };
            }
        }
        Ok((access, edge))
    }
}

fn allowed(protection: Protection) -> Option<Access> {
    match protection {
        Protection::None => None,
        Protection::Read => Some(Access::Read),
        Protection::ReadWrite => Some(Access::Write),
    }
}
