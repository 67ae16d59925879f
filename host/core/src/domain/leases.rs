//! Leases: many readers or one writer for a range of an object.

use super::Domain;
use crate::entries::{Lease, Mapping, Object};
use crate::{Access, Backend, Error, HandleId, InstanceId, LeaseId, MappingId, ObjectId, Quotas, Rights, Span};

pub(super) const ONE_LEASE: Quotas = Quotas { leases: 1, ..Quotas::NONE };

/// What a lease is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A part of a mapping's window, as addresses of its memory: what guests lease.
    Mapping(MappingId),
    /// A range of an object, whose bytes the holder reaches without a window: host code, a device.
    Object(HandleId),
}

impl From<MappingId> for Target {
    fn from(mapping: MappingId) -> Self {
        Self::Mapping(mapping)
    }
}

impl From<HandleId> for Target {
    fn from(handle: HandleId) -> Self {
        Self::Object(handle)
    }
}

impl Domain {
    /// Acquires a lease on `(start, len)`, a part of the mapping's window or a range of the object, at once or not at all. A part of a window is
    /// refreshed.
    ///
    /// # Errors
    /// [`Error::Stale`], [`Error::OutOfBounds`] or [`Error::Empty`], [`Error::Access`] for writing what is private or what the handle
    /// doesn't allow, [`Error::Busy`] if another lease conflicts or somebody waits for one that does, [`Error::Quota`], and the backend's.
    /// There is no lease then.
    pub fn acquire(
        &mut self,
        backend: &mut dyn Backend,
        caller: InstanceId,
        target: impl Into<Target>,
        part: (u64, u64),
        access: Access,
    ) -> Result<LeaseId, Error> {
        let wanted = self.want(backend, caller, target.into(), part, access)?;
        let object = self.object(wanted.object)?;
        self.check_leased_range(object, wanted.range, access, |_, _| false)?;
        self.check_queue(object, wanted.range, access)?;
        self.acquire_free(backend, wanted)
    }

    /// [`Domain::acquire`], of what no lease and nobody's wait is in the way of.
    pub(super) fn acquire_free(&mut self, backend: &mut dyn Backend, wanted: Lease) -> Result<LeaseId, Error> {
        self.check_quota(wanted.instance, ONE_LEASE)?;
        self.bring_in(backend, &wanted)?;
        self.take_quota(wanted.instance, ONE_LEASE);
        let id = self.insert_lease(wanted);
        match self.lend(backend, &wanted) {
            Ok(()) => Ok(id),
            Err(error) => {
                self.remove_lease(backend, id);
                Err(error)
            }
        }
    }

    /// What the holder of a lease may reach, and how.
    ///
    /// # Errors
    /// [`Error::Stale`] if it isn't a live lease of `caller`'s on a part of a window.
    pub fn leased(&self, caller: InstanceId, id: LeaseId) -> Result<(MappingId, Span), Error> {
        self.lease_of(caller, id)?.shown.ok_or(Error::Stale { what: "lease" })
    }

    /// The object, the range of it and the access that a lease is for.
    ///
    /// # Errors
    /// [`Error::Stale`] if it isn't a live lease of `caller`'s.
    pub fn leased_range(&self, caller: InstanceId, id: LeaseId) -> Result<(ObjectId, Span, Access), Error> {
        let lease = self.lease_of(caller, id)?;
        Ok((lease.object, lease.range, lease.access))
    }

    /// Gives a lease back; one to write publishes its part first. The lease is gone in any case.
    ///
    /// # Errors
    /// [`Error::Stale`], and the backend's if stores could not be published.
    pub fn release(&mut self, backend: &mut dyn Backend, caller: InstanceId, id: LeaseId) -> Result<(), Error> {
        let lease = self.lease_of(caller, id)?;
        let published = self.publish_lease(backend, &lease);
        self.remove_lease(backend, id);
        published
    }

    /// Makes a lease to write one to read, after publishing its part: others may read beside it from now on. One to read stays as it is.
    ///
    /// # Errors
    /// [`Error::Stale`], and the backend's if stores could not be published: it is a lease to read then, too.
    pub fn downgrade(&mut self, backend: &mut dyn Backend, caller: InstanceId, id: LeaseId) -> Result<(), Error> {
        let lease = self.lease_of(caller, id)?;
        let published = self.publish_lease(backend, &lease);
        // Access that can't be taken by the part is taken from the whole window, or the whole memory.
        let _taken = self.set_access(backend, id, Access::Read);
        self.grant(lease.object);
        published
    }

    /// Makes a lease to read one to write, at once or not at all. Nobody can have written between the two. One to write stays as it is.
    ///
    /// # Errors
    /// [`Error::Stale`]; [`Error::Access`]; [`Error::Busy`] while others read; the backend's. It is a lease to read then, as before.
    pub fn upgrade(&mut self, backend: &mut dyn Backend, caller: InstanceId, id: LeaseId) -> Result<(), Error> {
        let wanted = self.want_upgrade(caller, id)?;
        self.check_leased_range(self.object(wanted.object)?, wanted.range, Access::Write, |other, _| other == id)?;
        self.set_access(backend, id, Access::Write)
    }

    /// Gives a lease back without publishing: the embedding can't reach the window any more. What was written through none is in the object.
    pub fn abandon(&mut self, backend: &mut dyn Backend, caller: InstanceId, id: LeaseId) {
        let Ok(lease) = self.lease_of(caller, id) else { return };
        if lease.shown.is_none() {
            // Only says that the object may have changed.
            let _published = self.publish_lease(backend, &lease);
        }
        self.remove_lease(backend, id);
        // An automatic window holds the guest's newest bytes, under the lease and beside it: they go to the object at the next crossing.
        if lease.access == Access::Write
            && let Some((mapping, _)) = lease.shown
            && let Some(mapping) = self.mappings.get_mut(mapping)
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
            if !lease.is_of(mapping) {
                continue;
            }
            if !revoked.is_automatic() {
                // The guest is gone: there is nobody to tell that its stores were lost.
                let _lost = self.publish_lease(backend, &lease);
            }
            self.remove_lease(backend, id);
        }
    }

    /// Whether bytes of a part of the mapping's window may move now, without a lease of their own: nobody else has a
    /// lease that conflicts. Inside the mapping's own write lease they may, and its own read leases don't matter.
    pub(super) fn check_momentary(&self, id: MappingId, window: Span, access: Access) -> Result<(), Error> {
        let object = self.object(self.mapping(id)?.view.object)?;
        self.check_leased_range(object, self.range_of(id, window)?, access, |_, lease| {
            let own = lease.shown.filter(|(mapping, _)| *mapping == id);
            own.is_some_and(|(_, leased)| lease.access == Access::Read || window.inside(leased))
        })
    }

    /// Whether the mapping itself has a lease to write all of a part of its window.
    pub(super) fn has_write_lease(&self, id: MappingId, window: Span) -> bool {
        let Some(object) = self.mappings.get(id).and_then(|mapping| self.objects.get(mapping.view.object)) else {
            return false;
        };
        let mut leases = object.leases.iter().filter_map(|lease| self.leases.get(*lease));
        leases.any(|lease| {
            let own = lease.shown.filter(|(mapping, _)| *mapping == id);
            lease.access == Access::Write && own.is_some_and(|(_, leased)| window.inside(leased))
        })
    }

    /// No mapping but `but` shows any of the range without leases: its guest could write there at any crossing, which a lease would promise
    /// nobody does.
    fn check_unleased(&self, object: &Object, but: Option<MappingId>, range: Span) -> Result<(), Error> {
        for other in &object.mappings {
            let mapping = self.mapping(*other)?;
            if Some(*other) != but && mapping.is_automatic() && mapping.range().overlaps(range) {
                return Err(Error::Busy { start: mapping.range().start(), end: mapping.range().end() });
            }
        }
        Ok(())
    }

    /// Host code may read or write the whole object: nobody has a lease that conflicts.
    pub(super) fn check_host_lease(&self, object: ObjectId, access: Access) -> Result<(), Error> {
        let mut leases = self.object(object)?.leases.iter().filter_map(|id| self.leases.get(*id));
        match leases.find(|lease| access == Access::Write || lease.access == Access::Write) {
            Some(lease) => Err(busy(lease.range)),
            None => Ok(()),
        }
    }

    /// No lease is held on any of `range` of the object, or waited for: a window that is written without leases can be let in.
    pub(super) fn check_no_lease(&self, object: &Object, range: Span) -> Result<(), Error> {
        let held = object.leases.iter().filter_map(|id| self.leases.get(*id));
        let waited_for = object.queue.iter().filter_map(|id| self.waiters.get(*id)).map(|waiter| &waiter.wanted);
        match held.chain(waited_for).find(|lease| lease.range.overlaps(range)) {
            Some(lease) => Err(busy(lease.range)),
            None => Ok(()),
        }
    }

    /// Nobody has a lease on any of a range of the object that keeps `access` out, but those to `disregard`.
    pub(super) fn check_leased_range(
        &self,
        object: &Object,
        range: Span,
        access: Access,
        disregard: impl Fn(LeaseId, &Lease) -> bool,
    ) -> Result<(), Error> {
        for &id in &object.leases {
            let Some(lease) = self.leases.get(id) else { continue };
            if lease.conflicts(access, range) && !disregard(id, lease) {
                return Err(busy(lease.range));
            }
        }
        Ok(())
    }

    /// What the caller asks for, if it may have it once nobody is in the way.
    pub(super) fn want(
        &mut self,
        backend: &mut dyn Backend,
        caller: InstanceId,
        target: Target,
        part: (u64, u64),
        access: Access,
    ) -> Result<Lease, Error> {
        let wanted = match target {
            Target::Mapping(id) => {
                let window = self.claim_part(caller, id, part)?;
                let (object, range) = (self.mapping(id)?.view.object, self.range_of(id, window)?);
                let limit = if self.mapping(id)?.is_writable() { Access::Write } else { Access::Read };
                Lease { instance: caller, object, shown: Some((id, window)), range, access, limit }
            }
            Target::Object(handle) => {
                let object = self.handle_of(caller, handle)?;
                if !object.rights.contains(Rights::READ) {
                    return Err(Error::Access { right: "read" });
                }
                let limit = if object.rights.contains(Rights::WRITE) { Access::Write } else { Access::Read };
                let range = Span::claim("the leased range", part.0, part.1)?;
                range.within("the leased range", self.size_now(backend, object.object)?)?;
                let range = self.leasable(range)?;
                Lease { instance: caller, object: object.object, shown: None, range, access, limit }
            }
        };
        wanted.check_limit()?;
        self.check_unleased(self.object(wanted.object)?, wanted.shown.map(|(id, _)| id), wanted.range)?;
        Ok(wanted)
    }

    /// The lease to write that a lease to read would become.
    pub(super) fn want_upgrade(&self, caller: InstanceId, id: LeaseId) -> Result<Lease, Error> {
        let wanted = Lease { access: Access::Write, ..self.lease_of(caller, id)? };
        wanted.check_limit()?;
        Ok(wanted)
    }

    /// The object's bytes that a part of the mapping's window shows, as far as leases tell them apart.
    fn range_of(&self, id: MappingId, window: Span) -> Result<Span, Error> {
        let view = self.mapping(id)?.view;
        let offset = view.offset + (window.start() - view.window.start());
        self.leasable(Span::claim("the leased range", offset, window.len())?)
    }

    /// Guests that run at the same time are kept apart by whole granules: the hardware can't do less.
    fn leasable(&self, range: Span) -> Result<Span, Error> {
        if self.threads.is_one() { Ok(range) } else { self.granule.cover(range) }
    }

    pub(super) fn lease_of(&self, caller: InstanceId, id: LeaseId) -> Result<Lease, Error> {
        match self.leases.get(id) {
            Some(lease) if lease.instance == caller => Ok(*lease),
            _ => Err(Error::Stale { what: "lease" }),
        }
    }
}

pub(super) fn busy(range: Span) -> Error {
    Error::Busy { start: range.start(), end: range.end() }
}
