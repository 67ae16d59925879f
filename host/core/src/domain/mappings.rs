//! Mapping and unmapping.

use super::Domain;
use super::prepare::check_rights;
use crate::entries::{Handle, Mapping};
use crate::{
    Backend, Error, HandleId, InstanceId, MapOptions, MappingId, Medium, MemoryId, ObjectId, Part, PastEnd, Quotas,
    Rights, Shown, Span, View,
};

/// The memory that a window is claimed to lie in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Which one.
    pub id: MemoryId,
    /// Its length in bytes, if the host knows it. If not, the embedding has checked the window.
    pub size: Option<u64>,
}

/// What of an object is brought into a new window that copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bring {
    All,
    /// Nothing: parts of it are later.
    Nothing,
}

impl Domain {
    /// Shows the object from byte `options.offset` on in the window of `len` bytes at `start`. Gives the mapping,
    /// and how the window shows the object.
    ///
    /// # Errors
    /// [`Error::Stale`], [`Error::Misaligned`], [`Error::Empty`], [`Error::Wraps`], [`Error::OutOfBounds`],
    /// [`Error::WindowOverlap`], [`Error::RangeOverlap`], [`Error::Access`], [`Error::Quota`], [`Error::Unsupported`],
    /// [`Error::Busy`] for a snapshot of what somebody has a lease to write, and the backend's. On any error there is no
    /// mapping and the window's bytes are as they were.
    pub fn map(
        &mut self,
        backend: &mut dyn Backend,
        caller: InstanceId,
        memory: Memory,
        (start, len): (u64, u64),
        handle: HandleId,
        options: MapOptions,
    ) -> Result<MappingId, Error> {
        let Handle { object: id, rights, .. } = self.handle_of(caller, handle)?;
        let window = self.claim_window(memory, (start, len), options.offset)?;
        let ask = Quotas { mappings: 1, mapped_bytes: len, ..Quotas::NONE };
        self.map_object(backend, (caller, memory.id, window), (id, rights), options, ask, Bring::All)
    }

    /// [`Domain::map`], with a window that was checked, of an object that the caller may do this much with.
    pub(super) fn map_object(
        &mut self,
        backend: &mut dyn Backend,
        (caller, memory, window): (InstanceId, MemoryId, Span),
        (id, rights): (ObjectId, Rights),
        options: MapOptions,
        ask: Quotas,
        bring: Bring,
    ) -> Result<MappingId, Error> {
        let size = self.check_object_range(backend, id, window.len(), options)?;
        check_rights(rights, options)?;
        self.check_quota(caller, ask)?;
        self.check_window(caller, memory, window)?;
        let protected = self.protected(caller, memory)?;
        let protected = self.check_protection(backend, (caller, memory), window, options.protection, protected)?;
        let mut mapping = self.prepare(backend, (caller, memory, window), (id, rights, size), options, None)?;
        let lazy = bring == Bring::Nothing && mapping.view.shown == Shown::Copy;
        if lazy {
            mapping.view.extent = 0;
        }
        let view = mapping.view;
        if view.writable {
            self.let_writer_in(backend, id)?;
        }
        // Only what is shown: a guest with many windows on one object pays for none of the others.
        self.bring_out(backend, caller, id, mapping.range());
        backend.show(&view, part_of(&view, window, size))?;

        if let Err(error) = self.protect_window(backend, &view, protected) {
            let _hidden = backend.hide(&view);
            return Err(error);
        }
        self.take_quota(caller, ask);
        if lazy {
            // All of it can be brought in, part by part. Nothing else is, whatever becomes of the object.
            mapping.view.extent = window.len();
            mapping.past_end = PastEnd::Refused;
        } else {
            mapping.seen = self.object(id)?.version;
        }
        let id = self.mappings.insert(mapping);
        self.enlist(id);
        Ok(id)
    }

    /// How a mapping's window shows its object.
    ///
    /// # Errors
    /// [`Error::Stale`] if it isn't a live mapping of `caller`'s.
    pub fn view(&self, caller: InstanceId, id: MappingId) -> Result<View, Error> {
        Ok(self.mapping_of(caller, id)?.view)
    }

    /// Ends a mapping, after publishing it if it is automatic. The window is ordinary zeroed memory afterwards.
    ///
    /// # Errors
    /// [`Error::Stale`]; [`Error::Busy`] while a lease of it is held, and then nothing has changed. The backend's, if stores
    /// could not be published now or before: the mapping is gone then all the same.
    pub fn unmap(&mut self, backend: &mut dyn Backend, caller: InstanceId, id: MappingId) -> Result<(), Error> {
        let mapping = self.mapping_of(caller, id)?;
        if mapping.leases > 0 {
            let range = mapping.range();
            return Err(Error::Busy { start: range.start(), end: range.end() });
        }
        self.drop_mapping(backend, id)
    }

    /// Ends a mapping whose holder dropped it, whatever leases it has.
    ///
    /// # Errors
    /// As [`Domain::unmap`], but never [`Error::Busy`]; the mapping is gone.
    pub fn drop_mapping_of(
        &mut self,
        backend: &mut dyn Backend,
        caller: InstanceId,
        id: MappingId,
    ) -> Result<(), Error> {
        self.mapping_of(caller, id)?;
        self.revoke_leases(backend, id);
        self.drop_mapping(backend, id)
    }

    /// Ends mappings whose guest no longer matters: leases are revoked, errors are nobody's.
    pub(super) fn drop_mappings(&mut self, backend: &mut dyn Backend, ids: &[MappingId]) {
        for &id in ids {
            self.revoke_leases(backend, id);
            // Nobody is left to hear of a failure, and the mapping is gone in any case.
            let _gone = self.drop_mapping(backend, id);
        }
    }

    pub(super) fn drop_mapping(&mut self, backend: &mut dyn Backend, id: MappingId) -> Result<(), Error> {
        let mapping = *self.mapping(id)?;
        let (object, instance) = (mapping.view.object, mapping.view.instance);
        if mapping.is_automatic() && mapping.is_writable() && self.object(object)?.newest == Some(instance) {
            self.publish_for_others(backend, id, mapping.view.window);
            self.changed_by(object, instance);
        }
        let hidden = backend.hide(&mapping.view);
        self.unprotect_window(backend, &mapping.view);
        let failed = self.mapping(id)?.failed;
        self.remove_mapping(backend, id);
        if let Some(errno) = failed {
            return Err(Error::Io { what: "publishing stores at an earlier crossing", errno });
        }
        hidden
    }

    /// Object and instance know of the mapping from now on.
    pub(super) fn enlist(&mut self, id: MappingId) {
        let Some(mapping) = self.mappings.get(id).copied() else { return };
        let view = mapping.view;
        if let Some(object) = self.objects.get_mut(view.object) {
            object.mappings.insert(id);
            object.shared += u32::from(mapping.is_writable());
            if mapping.is_automatic() && mapping.is_writable() {
                // The caller goes on running: from now on its window may be the newest.
                object.newest = Some(view.instance);
            }
        }
        let file = self.is_file(view.object);
        self.shared_files += u32::from(mapping.is_shared() && file);
        if let Some(instance) = self.instances.get_mut(view.instance) {
            instance.windows.insert((view.memory, view.window.start()), id);
            instance.shared += u32::from(mapping.is_shared());
            if mapping.is_automatic() {
                instance.automatic.push(id);
                instance.unwatched += u32::from(file);
            }
        }
    }

    /// They don't any more, and nobody waits for a lease of it.
    pub(super) fn delist(&mut self, backend: &mut dyn Backend, id: MappingId) {
        self.dismiss_waiters(backend, |wanted| wanted.is_of(id));
        let Some(mapping) = self.mappings.get(id).copied() else { return };
        let view = mapping.view;
        let file = self.is_file(view.object);
        self.shared_files -= u32::from(mapping.is_shared() && file);
        if let Some(object) = self.objects.get_mut(view.object) {
            object.mappings.remove(&id);
            object.shared -= u32::from(mapping.is_writable());
        }
        if let Some(instance) = self.instances.get_mut(view.instance) {
            instance.windows.remove(&(view.memory, view.window.start()));
            instance.shared -= u32::from(mapping.is_shared());
            if mapping.is_automatic() {
                instance.automatic.retain(|other| *other != id);
                instance.unwatched -= u32::from(file);
            }
        }
    }

    fn remove_mapping(&mut self, backend: &mut dyn Backend, id: MappingId) {
        self.delist(backend, id);
        let Some(Mapping { view, .. }) = self.mappings.remove(id) else { return };
        self.give_quota(view.instance, Quotas { mappings: 1, mapped_bytes: view.window.len(), ..Quotas::NONE });
        self.release_if_unused(backend, view.object);
    }

    /// Whether the object can be looked at or changed without the domain hearing of it.
    pub(super) fn is_file(&self, object: ObjectId) -> bool {
        self.objects.get(object).is_some_and(|object| matches!(object.medium, Medium::File { .. }))
    }

    /// The live mapping's part `window`, as far as it shows the object, and where that ends in it.
    pub(super) fn part(
        &mut self,
        backend: &mut dyn Backend,
        id: MappingId,
        window: Span,
    ) -> Result<(View, Option<Part>), Error> {
        let size = self.size_now(backend, self.mapping(id)?.view.object)?;
        self.follow(backend, id, size)?;
        let view = self.mapping(id)?.view;
        Ok((view, part_of(&view, window, size)))
    }
}

/// A part of the view's window, as far as it shows the object.
pub(super) fn part_of(view: &View, window: Span, size: u64) -> Option<Part> {
    let window = window.common(view.shown_part()?)?;
    let offset = view.offset + (window.start() - view.window.start());
    Some(Part { window, offset, real: size.saturating_sub(offset).min(window.len()) })
}
