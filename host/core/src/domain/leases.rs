//! Leases: many readers or one writer for a range of an object.

use super::Domain;
use crate::entries::{Lease, Mapping, Object};
use crate::{Access, Backend, Error, InstanceId, LeaseId, MappingId, ObjectId, Quotas, Span};

const ONE_LEASE: Quotas = Quotas { leases: 1, ..Quotas::NONE };

impl Domain {
    /// Acquires a lease on `(start, len)`, a part of the mapping's window, at once or not at all, and refreshes the part.
    ///
    /// # Errors
    /// [`Error::Stale`], [`Error::OutOfBounds`] or [`Error::Empty`], [`Error::Access`] for writing what is private,
    /// [`Error::Busy`] if another lease conflicts, [`Error::Quota`], and the backend's. There is no lease then.
    pub fn acquire(
        &mut self,
        backend: &mut dyn Backend,
        caller: InstanceId,
        id: MappingId,
        part: (u64, u64),
        access: Access,
    ) -> Result<LeaseId, Error> {
        let window = self.claim_part(caller, id, part)?;
        let mapping = *self.mapping(id)?;
        if access == Access::Write && !mapping.is_shared() {
            return Err(Error::Access { right: "write through a private mapping" });
        }
        self.check_leases(id, window, access, |_| false)?;
        self.check_unleased(id, window)?;
        self.check_quota(caller, ONE_LEASE)?;
        self.refresh_part(backend, id, window)?;

        self.take_quota(caller, ONE_LEASE);
        let object = mapping.view.object;
        let range = self.range_of(id, window)?;
        let lease = self.leases.insert(Lease { instance: caller, mapping: id, object, window, range, access });
        if let Some(mapping) = self.mappings.get_mut(id) {
            mapping.leases += 1;
        }
        self.object_mut(object)?.leases.insert(lease);
        if let Some(instance) = self.instances.get_mut(caller) {
            instance.leases.insert(lease);
        }
        Ok(lease)
    }

    /// The part of its window that a lease is for.
    ///
    /// # Errors
    /// [`Error::Stale`] if it isn't a live lease of `caller`'s.
    pub fn leased(&self, caller: InstanceId, id: LeaseId) -> Result<(MappingId, Span), Error> {
        let lease = self.lease_of(caller, id)?;
        Ok((lease.mapping, lease.window))
    }

    /// Gives a lease back; one to write publishes its part first. The lease is gone in any case.
    ///
    /// # Errors
    /// [`Error::Stale`], and the backend's if stores could not be published.
    pub fn release(&mut self, backend: &mut dyn Backend, caller: InstanceId, id: LeaseId) -> Result<(), Error> {
        let lease = self.lease_of(caller, id)?;
        let published = match lease.access {
            Access::Write => self.publish_part(backend, lease.mapping, lease.window),
            Access::Read => Ok(()),
        };
        self.remove_lease(id);
        published
    }

    /// Gives a lease back without publishing: the embedding can't reach the window any more.
    pub fn abandon(&mut self, caller: InstanceId, id: LeaseId) {
        let Ok(lease) = self.lease_of(caller, id) else { return };
        self.remove_lease(id);
        // An automatic window holds the guest's newest bytes, under the lease and beside it: they go to the object at the next crossing.
        if lease.access == Access::Write
            && let Some(mapping) = self.mappings.get_mut(lease.mapping)
            && !mapping.is_automatic()
        {
            mapping.seen = Mapping::UNKNOWN;
        }
    }

    /// Revokes the leases of a mapping whose guest is gone. What was stored under a write lease is published, as a backend that
    /// shows the storage itself has done already. That of an automatic window is published with all of it, if it is the newest.
    pub(super) fn revoke_leases(&mut self, backend: &mut dyn Backend, mapping: MappingId) {
        let Some(revoked) = self.mappings.get(mapping).copied() else { return };
        let Some(object) = self.objects.get(revoked.view.object) else { return };
        for id in object.leases.clone() {
            let Some(lease) = self.leases.get(id).copied() else { continue };
            if lease.mapping != mapping {
                continue;
            }
            if lease.access == Access::Write && !revoked.is_automatic() {
                // The guest is gone: there is nobody to tell that its stores were lost.
                let _lost = self.publish_part(backend, mapping, lease.window);
            }
            self.remove_lease(id);
        }
    }

    /// Whether bytes of a part of the mapping's window may move now, without a lease of their own: nobody else has a
    /// lease that conflicts. Inside the mapping's own write lease they may, and its own read leases don't matter.
    pub(super) fn check_momentary(&self, id: MappingId, window: Span, access: Access) -> Result<(), Error> {
        self.check_leases(id, window, access, |lease| {
            lease.mapping == id && (lease.access == Access::Read || window.inside(lease.window))
        })
    }

    /// Whether the mapping itself has a lease to write all of a part of its window.
    pub(super) fn has_write_lease(&self, id: MappingId, window: Span) -> bool {
        let Some(object) = self.mappings.get(id).and_then(|mapping| self.objects.get(mapping.view.object)) else {
            return false;
        };
        object
            .leases
            .iter()
            .filter_map(|lease| self.leases.get(*lease))
            .any(|lease| lease.mapping == id && lease.access == Access::Write && window.inside(lease.window))
    }

    /// No other mapping shows any of the part without leases: its guest could write there at any crossing, which a lease on the part
    /// would promise nobody does.
    fn check_unleased(&self, id: MappingId, window: Span) -> Result<(), Error> {
        let range = self.range_of(id, window)?;
        for other in &self.object(self.mapping(id)?.view.object)?.mappings {
            let mapping = self.mapping(*other)?;
            if *other != id && mapping.is_automatic() && mapping.range().overlaps(range) {
                return Err(Error::Busy { start: mapping.range().start(), end: mapping.range().end() });
            }
        }
        Ok(())
    }

    /// Host code may read or write the whole object: nobody has a lease that conflicts.
    pub(super) fn check_host_lease(&self, object: ObjectId, access: Access) -> Result<(), Error> {
        let mut leases = self.object(object)?.leases.iter().filter_map(|id| self.leases.get(*id));
        match leases.find(|lease| access == Access::Write || lease.access == Access::Write) {
            Some(lease) => Err(Error::Busy { start: lease.range.start(), end: lease.range.end() }),
            None => Ok(()),
        }
    }

    /// No lease is held on any of `range` of the object: a window that is written without leases can be let in.
    pub(super) fn check_no_lease(&self, object: &Object, range: Span) -> Result<(), Error> {
        let mut leases = object.leases.iter().filter_map(|id| self.leases.get(*id));
        match leases.find(|lease| lease.range.overlaps(range)) {
            Some(lease) => Err(Error::Busy { start: lease.range.start(), end: lease.range.end() }),
            None => Ok(()),
        }
    }

    fn check_leases(
        &self,
        id: MappingId,
        window: Span,
        access: Access,
        disregard: impl Fn(&Lease) -> bool,
    ) -> Result<(), Error> {
        let range = self.range_of(id, window)?;
        self.check_leased_range(self.object(self.mapping(id)?.view.object)?, range, access, disregard)
    }

    /// Nobody has a lease on any of a range of the object that keeps `access` out, but those to `disregard`.
    pub(super) fn check_leased_range(
        &self,
        object: &Object,
        range: Span,
        access: Access,
        disregard: impl Fn(&Lease) -> bool,
    ) -> Result<(), Error> {
        for lease in &object.leases {
            let Some(lease) = self.leases.get(*lease) else { continue };
            let conflicts = access == Access::Write || lease.access == Access::Write;
            if conflicts && lease.range.overlaps(range) && !disregard(lease) {
                return Err(Error::Busy { start: lease.range.start(), end: lease.range.end() });
            }
        }
        Ok(())
    }

    fn range_of(&self, id: MappingId, window: Span) -> Result<Span, Error> {
        let view = self.mapping(id)?.view;
        Span::claim("the leased range", view.offset + (window.start() - view.window.start()), window.len())
    }

    fn lease_of(&self, caller: InstanceId, id: LeaseId) -> Result<Lease, Error> {
        match self.leases.get(id) {
            Some(lease) if lease.instance == caller => Ok(*lease),
            _ => Err(Error::Stale { what: "lease" }),
        }
    }

    fn remove_lease(&mut self, id: LeaseId) {
        let Some(lease) = self.leases.remove(id) else { return };
        if let Some(mapping) = self.mappings.get_mut(lease.mapping) {
            mapping.leases -= 1;
        }
        if let Some(object) = self.objects.get_mut(lease.object) {
            object.leases.remove(&id);
        }
        if let Some(instance) = self.instances.get_mut(lease.instance) {
            instance.leases.remove(&id);
        }
        self.give_quota(lease.instance, ONE_LEASE);
    }
}
