//! Showing something else in a mapping's window.

use super::Domain;
use super::mappings::part_of;
use super::prepare::check_rights;
use crate::entries::{Handle, Mapping};
use crate::{Backend, Error, HandleId, InstanceId, MapOptions, MappingId, Protection, Sharing, Shown, View};

impl Domain {
    /// Shows the object from byte `options.offset` on where the mapping shows what it does: as [`Domain::unmap`] and [`Domain::map`] in one, but
    /// that a failure leaves everything as it was.
    ///
    /// # Errors
    /// As [`Domain::map`]; [`Error::Stale`]; [`Error::Busy`] while a lease of it is held; the backend's, if stores could not be published now or before;
    /// [`Error::Unsupported`] for a private window that is protected.
    /// If the window can't be shown as it was after a failure, for lack of memory, the mapping is gone, and the window zeroed.
    pub fn rebind(
        &mut self,
        backend: &mut dyn Backend,
        caller: InstanceId,
        id: MappingId,
        handle: HandleId,
        options: MapOptions,
    ) -> Result<(), Error> {
        let old = *self.mapping_of(caller, id)?;
        let Handle { object, rights, .. } = self.handle_of(caller, handle)?;
        if old.leases > 0 {
            let range = old.range();
            return Err(Error::Busy { start: range.start(), end: range.end() });
        }
        let View { memory, window, .. } = old.view;
        let size = self.check_object_range(backend, object, window.len(), options)?;
        check_rights(rights, options)?;
        let mut protected = self.protected(caller, memory)?;
        protected.set(window, Protection::ReadWrite);
        protected.note_window(window);
        let protected = self.check_protection(backend, (caller, memory), window, options.protection, protected)?;
        let new = self.prepare(backend, (caller, memory, window), (object, rights, size), options, Some(id))?;
        if old.view.sharing == Sharing::Private && old.view.restricted {
            // Should showing the new one fail, its bytes could not be put back.
            return Err(Error::Unsupported {
                why: "a private window that is protected can't be rebound: unmap it, and map",
            });
        }
        self.bring_out_all(backend, id)?;
        if new.view.writable {
            self.let_writer_in(backend, object)?;
        }
        self.bring_out(backend, caller, object, new.range());
        let mut old = *self.mapping(id)?;
        if old.view.shown == Shown::Snapshot && old.view.extent > 0 && new.view.shown == Shown::Copy {
            backend.detach(&old.view)?;
            old.view.shown = Shown::Copy;
            if let Some(mapping) = self.mappings.get_mut(id) {
                mapping.view = old.view;
            }
        }
        self.replace_shown(backend, id, &old, &new, size)?;
        let before = self.protected(caller, memory)?;
        if old.view.restricted || new.view.restricted {
            self.put_protected(caller, memory, protected);
            if let Err(error) = self.enforce(backend, caller, memory, None) {
                self.put_protected(caller, memory, before);
                self.restore_shown(backend, id, &old, &new);
                return Err(error);
            }
        }
        self.delist(backend, id);
        let seen = self.object(object)?.version;
        if let Some(mapping) = self.mappings.get_mut(id) {
            *mapping = Mapping { seen, ..new };
        }
        self.enlist(id);
        self.release_if_unused(backend, old.view.object);
        Ok(())
    }

    /// The object has what the mapping's guest stored.
    fn bring_out_all(&mut self, backend: &mut dyn Backend, id: MappingId) -> Result<(), Error> {
        let mapping = *self.mapping(id)?;
        let (object, instance) = (mapping.view.object, mapping.view.instance);
        if mapping.is_automatic() && mapping.is_writable() && self.object(object)?.newest == Some(instance) {
            self.publish_for_others(backend, id, mapping.view.window);
            self.changed_by(object, instance);
        }
        match self.mapping(id)?.failed {
            Some(errno) => Err(Error::Io { what: "publishing stores before something else is shown", errno }),
            None => Ok(()),
        }
    }

    fn replace_shown(
        &mut self,
        backend: &mut dyn Backend,
        id: MappingId,
        old: &Mapping,
        new: &Mapping,
        size: u64,
    ) -> Result<(), Error> {
        let part = part_of(&new.view, new.view.window, size);
        let plain = !old.view.restricted && !old.view.guarded && !old.view.merges;
        if plain && (old.view.shown == Shown::Copy || new.view.shown != Shown::Copy) {
            return backend.show(&new.view, part);
        }
        // Bytes that are copied would get into what the window still shows.
        let shown = backend.hide(&old.view).and_then(|()| backend.show(&new.view, part));
        if shown.is_err() {
            self.restore_shown(backend, id, old, new);
        }
        shown
    }

    /// Shows what the mapping showed before; ends it if that can't be.
    fn restore_shown(&mut self, backend: &mut dyn Backend, id: MappingId, old: &Mapping, new: &Mapping) {
        let _hidden = backend.hide(&new.view);
        let size = self.object(old.view.object).map_or(0, |object| object.size);
        let view = old.view;
        if let Some(mapping) = self.mappings.get_mut(id) {
            mapping.seen = Mapping::UNKNOWN;
        }
        let shown = backend.show(&view, part_of(&view, view.window, size));
        if shown.is_err() || self.permit(backend, view.instance, view.memory, view.window).is_err() {
            self.drop_mappings(backend, &[id]);
        }
    }
}
