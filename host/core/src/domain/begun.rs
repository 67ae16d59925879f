//! Shared windows that could not be stored to, and now can: only then do the rules for writers hold for them.

use super::Domain;
use crate::{Backend, Error, InstanceId, MappingId, Shown};

/// A window that has begun to be written through.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begun(MappingId);

impl Domain {
    /// The mapping's window is about to be made read-write, some of it at least. Gives something if it is the first time.
    ///
    /// # Errors
    /// [`Error::RangeOverlap`] as for mapping it read-write; the backend's. It is as it was, then.
    pub(super) fn begin_to_write(
        &mut self,
        backend: &mut dyn Backend,
        caller: InstanceId,
        id: MappingId,
    ) -> Result<Option<Begun>, Error> {
        let mapping = *self.mapping(id)?;
        if !mapping.may_write || mapping.is_writable() {
            return Ok(None);
        }
        let object = mapping.view.object;
        let (sharing, how) = (mapping.view.sharing, (mapping.coherence, true));
        self.check_range(caller, self.object(object)?, mapping.range(), sharing, how, Some(id))?;
        self.let_writer_in(backend, object)?;
        self.settle(backend, object);
        self.put_writable(id, true);
        let view = self.mapping(id)?.view;
        if view.merges && view.shown == Shown::Copy {
            // What it shows is known from now on, so that what is stored can be told from it.
            let (view, part) = self.part(backend, id, view.window)?;
            let rejoined =
                part.map_or(Ok(()), |part| self.with_access(backend, &view, |backend| backend.rejoin(&view, part)));
            if rejoined.is_err() {
                self.put_writable(id, false);
            }
            rejoined?;
        }
        if mapping.is_automatic() {
            // The caller goes on running: from now on its window may be the newest.
            self.object_mut(object)?.newest = Some(caller);
        }
        Ok(Some(Begun(id)))
    }

    /// It was not made read-write after all.
    pub(super) fn stay_read_only(&mut self, begun: Option<Begun>) {
        if let Some(Begun(id)) = begun {
            self.put_writable(id, false);
        }
    }

    fn put_writable(&mut self, id: MappingId, writable: bool) {
        let Some(mut view) = self.mappings.get(id).map(|mapping| mapping.view) else { return };
        let automatic = self.mappings.get(id).is_some_and(crate::entries::Mapping::is_automatic);
        view.writable = writable;
        view.merges = writable && automatic && self.is_file(view.object);
        if let Some(mapping) = self.mappings.get_mut(id) {
            mapping.view = view;
        }
        if let Some(object) = self.objects.get_mut(view.object) {
            object.shared = if writable { object.shared + 1 } else { object.shared - 1 };
        }
    }
}
