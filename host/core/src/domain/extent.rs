//! Windows that reach past the end of their objects: how much of them shows the object follows its length.

use super::Domain;
use super::mappings::part_of;
use crate::entries::Mapping;
use crate::{Access, Backend, Error, MappingId, ObjectId, PastEnd, Shown, Span, View};

impl Domain {
    /// How many bytes of a window of `len` bytes show an object of `size` bytes, from byte `offset` of it on.
    pub(super) fn extent(&self, offset: u64, len: u64, size: u64) -> u64 {
        self.granule.round_up(size).saturating_sub(offset).min(len)
    }

    /// [`Domain::follow`] for all windows that show the object. Who can't follow now will have to when it next looks.
    pub(super) fn follow_all(&mut self, backend: &mut dyn Backend, object: ObjectId, size: u64) {
        let ids = self.objects.get(object).map(|object| object.mappings.clone()).unwrap_or_default();
        for id in ids {
            if self.follow(backend, id, size).is_err()
                && let Some(mapping) = self.mappings.get_mut(id)
            {
                mapping.seen = Mapping::UNKNOWN;
            }
        }
    }

    /// The object is `size` bytes long: a shared window past its end shows as much of it.
    ///
    /// # Errors
    /// The backend's. The window shows as much as before, or, of an object that got shorter, as much as there is; or all of it, but some can't be touched.
    pub(super) fn follow(&mut self, backend: &mut dyn Backend, id: MappingId, size: u64) -> Result<(), Error> {
        let mapping = self.mapping(id)?;
        let before = mapping.view;
        if mapping.past_end == PastEnd::Refused || !mapping.is_shared() {
            return Ok(());
        }
        let view = View { extent: self.extent(before.offset, before.window.len(), size), ..before };
        if let Some(gone) = view.window.cut(view.extent, before.extent) {
            self.put_extent(id, view.extent);
            return self.with_part_open(backend, &view, gone, |backend| backend.show_less(&view, gone));
        }
        let Some(part) = view.window.cut(before.extent, view.extent).and_then(|new| part_of(&view, new, size)) else {
            return Ok(());
        };
        let mut shown = false;
        let opened = self.with_part_open(backend, &view, part.window, |backend| {
            backend.show_more(&view, part)?;
            shown = true;
            Ok(())
        });
        if shown {
            self.put_extent(id, view.extent);
        }
        opened
    }

    fn put_extent(&mut self, id: MappingId, extent: u64) {
        if let Some(mapping) = self.mappings.get_mut(id) {
            mapping.view.extent = extent;
        }
    }

    /// Runs `touch`, after which all of `part` can be touched, and then lets the guest do there what it may.
    fn with_part_open(
        &self,
        backend: &mut dyn Backend,
        view: &View,
        part: Span,
        touch: impl FnOnce(&mut dyn Backend) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if !view.restricted && !view.guarded {
            return touch(backend);
        }
        if view.shown != Shown::Alias {
            backend.permit(view.memory, part, Some(Access::Write))?;
        }
        let touched = touch(backend);
        touched.and(self.permit(backend, view.instance, view.memory, part))
    }
}
