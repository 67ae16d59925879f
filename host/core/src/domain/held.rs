//! Leases that are held: how they come and go in the tables, which bytes move then, and what a guarded window allows meanwhile.

use super::Domain;
use super::leases::ONE_LEASE;
use crate::entries::Lease;
use crate::{Access, Backend, Error, LeaseId};

impl Domain {
    /// The newest bytes are where the holder of the lease will look for them, and who has a snapshot won't see what it writes.
    pub(super) fn bring_in(&mut self, backend: &mut dyn Backend, lease: &Lease) -> Result<(), Error> {
        // No automatic window but the mapping's own shows any of the range, so that the storage has the newest bytes; and an automatic
        // window is as new as its guest has to see it.
        match lease.shown {
            Some((id, _)) if self.mapping(id)?.is_automatic() => Ok(()),
            Some((id, window)) => self.refresh_stored(backend, id, window),
            None if lease.access == Access::Write => self.let_writer_in(backend, lease.object),
            None => Ok(()),
        }
    }

    /// What was written under a lease can be seen from now on.
    pub(super) fn publish_lease(&mut self, backend: &mut dyn Backend, lease: &Lease) -> Result<(), Error> {
        match (lease.access, lease.shown) {
            (Access::Read, _) => Ok(()),
            (Access::Write, Some((mapping, window))) => self.publish_part(backend, mapping, window),
            (Access::Write, None) => {
                // Beside the lease, an automatic window may hold the newest bytes: it would be taken for older than the object.
                self.settle(backend, lease.object);
                self.object_mut(lease.object)?.version += 1;
                Ok(())
            }
        }
    }

    pub(super) fn insert_lease(&mut self, lease: Lease) -> LeaseId {
        let id = self.leases.insert(lease);
        if let Some((mapping, _)) = lease.shown
            && let Some(mapping) = self.mappings.get_mut(mapping)
        {
            mapping.leases += 1;
        }
        if let Some(object) = self.objects.get_mut(lease.object) {
            object.leases.insert(id);
        }
        if let Some(instance) = self.instances.get_mut(lease.instance) {
            instance.leases.insert(id);
        }
        id
    }

    /// The lease is gone, and who waited for that is served.
    pub(super) fn remove_lease(&mut self, backend: &mut dyn Backend, id: LeaseId) {
        let Some(lease) = self.leases.remove(id) else { return };
        if let Some((mapping, _)) = lease.shown
            && let Some(mapping) = self.mappings.get_mut(mapping)
        {
            mapping.leases -= 1;
        }
        if let Some(object) = self.objects.get_mut(lease.object) {
            object.leases.remove(&id);
        }
        if let Some(instance) = self.instances.get_mut(lease.instance) {
            instance.leases.remove(&id);
        }
        self.forget_upgrade(id, lease.instance);
        self.give_quota(lease.instance, ONE_LEASE);
        // Access that can't be taken by the part is taken from the whole window, or the whole memory.
        let _taken = self.lend(backend, &lease);
        self.grant(lease.object);
        self.release_if_unused(backend, lease.object);
    }

    /// The lease allows this from now on.
    pub(super) fn set_access(&mut self, backend: &mut dyn Backend, id: LeaseId, access: Access) -> Result<(), Error> {
        let Some(lease) = self.leases.get_mut(id) else { return Ok(()) };
        let before = *lease;
        lease.access = access;
        let now = *lease;
        let ready = match (now.shown, access) {
            (None, Access::Write) => self.let_writer_in(backend, now.object),
            _ => Ok(()),
        };
        let lent = ready.and_then(|()| self.lend(backend, &now));
        if lent.is_err()
            && access == Access::Write
            && let Some(lease) = self.leases.get_mut(id)
        {
            *lease = before;
        } else {
            self.forget_upgrade(id, now.instance);
        }
        lent
    }

    /// Lets the window be touched, around a lease that came, went or changed, where and how the mapping's leases allow it now.
    pub(super) fn lend(&self, backend: &mut dyn Backend, changed: &Lease) -> Result<(), Error> {
        let Some((id, window)) = changed.shown else { return Ok(()) };
        let Some(mapping) = self.mappings.get(id) else { return Ok(()) };
        if !mapping.view.guarded {
            return Ok(());
        }
        self.permit(backend, mapping.view.instance, mapping.view.memory, self.granule.cover(window)?)
    }
}
