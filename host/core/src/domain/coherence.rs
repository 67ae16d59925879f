//! Coherence points: which bytes move when control passes (rule 3 of the contract).
//!
//! Bytes are pulled, not pushed. The instance that ran last may have the newest bytes of an object in its `automatic`
//! windows; they stay there until somebody else is about to look: another instance that maps the object is entered,
//! or the domain or the host needs the stored bytes. A guest that is alone with its windows pays nothing at crossings.

use alloc::vec::Vec;

use super::Domain;
use crate::{Access, Backend, Error, InstanceId, MappingId, ObjectId, Span};

impl Domain {
    /// Control passes to `instance`, and somebody else ran or wrote since it last had it: what changed is
    /// brought into its automatic windows.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::OutOfMemory`] if bytes can't be brought in: the guest must not run on stale ones.
    pub fn enter(&mut self, backend: &mut dyn Backend, instance: InstanceId) -> Result<(), Error> {
        let Some(entered) = self.instances.get(instance) else { return Ok(()) };
        for id in entered.automatic.clone() {
            let mapping = *self.mapping(id)?;
            let object = mapping.view.object;
            if self.object(object)?.newest.is_some_and(|newest| newest != instance) {
                self.settle(backend, object);
            }
            if self.mapping(id)?.seen != self.object(object)?.version {
                // Its own stores are still in there if another guest changed the file while this one was inside.
                let merges = mapping.view.merges && self.object(object)?.newest == Some(instance);
                let (view, part) = self.part(backend, id, mapping.view.window)?;
                if let Some(part) = part {
                    if merges {
                        backend.publish(&view, part)?;
                    }
                    backend.refresh(&view, part)?;
                }
                self.saw_all(id);
            }
        }
        for id in self.instance(instance)?.automatic.clone() {
            let mapping = self.mapping(id)?;
            if mapping.is_writable() {
                let object = mapping.view.object;
                self.object_mut(object)?.newest = Some(instance);
            }
        }
        Ok(())
    }

    /// Control passes to `instance`, before [`Domain::enter`], from code that may have changed files past the domain, or stored in their windows:
    /// its automatic windows of files are synced with them. Only needed if [`Domain::has_unwatched`].
    ///
    /// # Errors
    /// As [`Domain::enter`].
    pub fn rejoin_files(&mut self, backend: &mut dyn Backend, instance: InstanceId) -> Result<(), Error> {
        let Some(entered) = self.instances.get(instance) else { return Ok(()) };
        for id in entered.automatic.clone() {
            let mapping = *self.mapping(id)?;
            let object = mapping.view.object;
            if !self.is_file(object) {
                continue;
            }
            if self.object(object)?.newest.is_some_and(|newest| newest != instance) {
                self.settle(backend, object);
            }
            let (view, part) = self.part(backend, id, mapping.view.window)?;
            match part {
                Some(part) if mapping.is_writable() => backend.rejoin(&view, part)?,
                Some(part) => backend.refresh(&view, part)?,
                None => {}
            }
            self.saw_all(id);
        }
        Ok(())
    }

    /// Control leaves `instance` for code that may look at a file past the domain: what it stored is published to the file.
    /// Only needed if [`Domain::has_unwatched`].
    pub fn leave(&mut self, backend: &mut dyn Backend, instance: InstanceId) {
        let Some(left) = self.instances.get(instance) else { return };
        for id in left.automatic.clone() {
            let Some(mapping) = self.mappings.get(id) else { continue };
            let object = mapping.view.object;
            if self.is_file(object) && self.objects.get(object).is_some_and(|o| o.newest == Some(instance)) {
                self.settle(backend, object);
            }
        }
    }

    /// Whether crossings of the instance matter at which nobody else ran: it has an automatic mapping of a file, which may be
    /// read and written past the domain. If the domain [hears](Domain::hear_files) of guests' own calls, those are the crossings to and from code
    /// that called the guest; else all are.
    #[must_use]
    pub fn has_unwatched(&self, instance: InstanceId) -> bool {
        self.instances.get(instance).is_some_and(|instance| instance.unwatched > 0)
    }

    /// Makes stores to `(start, len)`, a part of the mapping's window, visible in the object now.
    ///
    /// # Errors
    /// [`Error::Stale`], [`Error::OutOfBounds`] or [`Error::Empty`], [`Error::Busy`] if another mapping has a lease on
    /// any of it, [`Error::Access`] if a leased mapping has no lease to write all of it, and the backend's.
    pub fn publish(
        &mut self,
        backend: &mut dyn Backend,
        caller: InstanceId,
        id: MappingId,
        part: (u64, u64),
    ) -> Result<(), Error> {
        let window = self.claim_part(caller, id, part)?;
        if !self.mapping(id)?.is_writable() {
            return Ok(());
        }
        self.check_momentary(id, window, Access::Write)?;
        if !self.mapping(id)?.is_automatic() && !self.has_write_lease(id, window) {
            // The window may be older than the object: publishing it would take back what others wrote.
            return Err(Error::Access { right: "publish a leased mapping without a lease to write" });
        }
        self.publish_part(backend, id, window)
    }

    /// Makes the object's present bytes visible in `(start, len)`, a part of the mapping's window.
    ///
    /// # Errors
    /// As [`Domain::publish`], but readers elsewhere don't matter.
    pub fn refresh(
        &mut self,
        backend: &mut dyn Backend,
        caller: InstanceId,
        id: MappingId,
        part: (u64, u64),
    ) -> Result<(), Error> {
        let window = self.claim_part(caller, id, part)?;
        if !self.mapping(id)?.is_shared() {
            return Ok(());
        }
        self.check_momentary(id, window, Access::Read)?;
        if self.has_write_lease(id, window) {
            // Nobody else can have written: the window has the newest bytes.
            return Ok(());
        }
        self.refresh_part(backend, id, window)
    }

    /// [`Domain::publish`], and waits until the medium has the bytes. A leased window without a lease to write moves
    /// nothing: it may be older than the object, and what was stored under a lease was published when that was released.
    ///
    /// # Errors
    /// Those of `publish`; and [`Error::Io`] if stores could not be published at an earlier crossing.
    pub fn sync(
        &mut self,
        backend: &mut dyn Backend,
        caller: InstanceId,
        id: MappingId,
        part: (u64, u64),
    ) -> Result<(), Error> {
        let window = self.claim_part(caller, id, part)?;
        if self.mapping(id)?.is_writable() {
            self.check_momentary(id, window, Access::Write)?;
            if self.mapping(id)?.is_automatic() || self.has_write_lease(id, window) {
                self.publish_part(backend, id, window)?;
            }
        }
        let Some(mapping) = self.mappings.get_mut(id) else { return Ok(()) };
        if let Some(errno) = mapping.failed.take() {
            return Err(Error::Io { what: "publishing stores at an earlier crossing", errno });
        }
        if mapping.is_shared() { backend.sync(mapping.view.object) } else { Ok(()) }
    }

    /// Brings the newest bytes of an object into its storage, from the automatic windows of the instance that ran last.
    /// What fails is kept for `unmap` and `sync` of the mapping that it failed for.
    pub(super) fn settle(&mut self, backend: &mut dyn Backend, id: ObjectId) {
        let Some(object) = self.objects.get_mut(id) else { return };
        let Some(newest) = object.newest.take() else { return };
        let windows: Vec<MappingId> = object.mappings.iter().copied().collect();
        for id in windows {
            let Some(mapping) = self.mappings.get(id).copied() else { continue };
            if mapping.view.instance != newest || !mapping.is_automatic() || !mapping.is_writable() {
                continue;
            }
            self.publish_for_others(backend, id, mapping.view.window);
        }
        self.changed_by(id, newest);
    }

    /// The newest bytes of a range of the object are brought into its storage, from the automatic windows that show some of it if they are `caller`'s, which
    /// goes on having the newest.
    pub(super) fn bring_out(&mut self, backend: &mut dyn Backend, caller: InstanceId, id: ObjectId, range: Span) {
        let Some(object) = self.objects.get(id) else { return };
        let Some(newest) = object.newest else { return };
        if newest != caller {
            // What somebody who is inside stores needn't be seen before control leaves it.
            if !backend.is_inside(newest) {
                self.settle(backend, id);
            }
            return;
        }
        let windows: Vec<MappingId> = object.mappings.iter().copied().collect();
        let mut published = false;
        for id in windows {
            let Some(mapping) = self.mappings.get(id).copied() else { continue };
            if mapping.view.instance == caller
                && mapping.is_automatic()
                && mapping.is_writable()
                && let Some(window) = mapping.window_of(range.start(), range.end())
            {
                self.publish_for_others(backend, id, window);
                published = true;
            }
        }
        if published {
            self.changed_by(id, caller);
        }
    }

    /// Publishes a part of an automatic mapping, because somebody else is about to look. What fails is kept for `unmap` and `sync`.
    pub(super) fn publish_for_others(&mut self, backend: &mut dyn Backend, id: MappingId, window: Span) {
        let published = self.part(backend, id, window).and_then(|(view, part)| match part {
            Some(part) => backend.publish(&view, part),
            None => Ok(()),
        });
        if let Some(mapping) = self.mappings.get_mut(id) {
            match published {
                Ok(()) => {}
                Err(Error::Io { errno, .. }) => mapping.failed = Some(errno),
                Err(_) => mapping.failed = Some(0),
            }
        }
    }

    /// Publishes a part of a mapping, now.
    pub(super) fn publish_part(&mut self, backend: &mut dyn Backend, id: MappingId, window: Span) -> Result<(), Error> {
        let mapping = *self.mapping(id)?;
        let object = mapping.view.object;
        // An automatic window of the caller's is the newest there is. Under a lease, other windows may have been newer.
        if !mapping.is_automatic() {
            self.settle(backend, object);
        }
        let (view, part) = self.part(backend, id, window)?;
        let published = part.map_or(Ok(()), |part| backend.publish(&view, part));
        // Also when it failed: the object may have some of the bytes.
        if mapping.is_automatic() {
            self.changed_by(object, view.instance);
        } else {
            let seen = published.is_ok() && self.mapping(id)?.seen == self.object(object)?.version;
            self.object_mut(object)?.version += 1;
            if seen {
                self.saw_all(id);
            }
        }
        published
    }

    /// Refreshes a part of a mapping, now, unless it is known to show the object's bytes.
    pub(super) fn refresh_part(&mut self, backend: &mut dyn Backend, id: MappingId, window: Span) -> Result<(), Error> {
        let mapping = *self.mapping(id)?;
        if mapping.is_shared() {
            self.settle(backend, mapping.view.object);
        }
        self.refresh_stored(backend, id, window)
    }

    /// [`Domain::refresh_part`], from what is stored already.
    pub(super) fn refresh_stored(
        &mut self,
        backend: &mut dyn Backend,
        id: MappingId,
        window: Span,
    ) -> Result<(), Error> {
        let mapping = *self.mapping(id)?;
        if !mapping.is_shared() {
            return Ok(());
        }
        let object = mapping.view.object;
        // Of what other processes do to a file the domain hears nothing.
        if self.is_file(object) || self.mapping(id)?.seen != self.object(object)?.version {
            let (view, part) = self.part(backend, id, window)?;
            if let Some(part) = part {
                backend.refresh(&view, part)?;
            }
            if window == view.window {
                self.saw_all(id);
            }
        }
        Ok(())
    }

    /// The object's stored bytes changed, and `by`'s automatic windows hold them, or newer ones.
    pub(super) fn changed_by(&mut self, id: ObjectId, by: InstanceId) {
        let Some(object) = self.objects.get_mut(id) else { return };
        let before = object.version;
        object.version += 1;
        for id in object.mappings.iter().copied().collect::<Vec<_>>() {
            let Some(mapping) = self.mappings.get(id) else { continue };
            if mapping.seen == before && mapping.view.instance == by && mapping.is_automatic() {
                self.saw_all(id);
            }
        }
    }

    fn saw_all(&mut self, id: MappingId) {
        let Some(mapping) = self.mappings.get_mut(id) else { return };
        if let Some(object) = self.objects.get(mapping.view.object) {
            mapping.seen = object.version;
        }
    }

    /// A part of the mapping's window, as claimed.
    pub(super) fn claim_part(
        &self,
        caller: InstanceId,
        id: MappingId,
        (start, len): (u64, u64),
    ) -> Result<Span, Error> {
        let window = self.mapping_of(caller, id)?.view.window;
        let part = Span::claim("the part of the window", start, len)?;
        if !part.inside(window) {
            return Err(Error::OutOfBounds {
                what: "the part of the window",
                start,
                len,
                limit: if start < window.start() { window.start() } else { window.end() },
            });
        }
        Ok(part)
    }
}
