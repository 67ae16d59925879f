//! How windows come to show objects.

use memctl_core::{Access, Backend, Error, Part, Populate, Shown, View};

use crate::mover::{Mover, real};

impl Mover<'_> {
    pub(crate) fn show_copy(&mut self, view: &View, part: Part) -> Result<(), Error> {
        self.stats.bytes_copied += part.real;
        let hidden = if view.restricted {
            self.with_bytes(view, part.window, |_, bytes| Ok(bytes.to_vec()))?
        } else {
            Vec::new()
        };
        self.with_bytes(view, part.window, |storage, bytes| {
            memctl_copy::show(storage, part.offset, bytes, real(part))
        })?;
        let access = match view.protection {
            memctl_core::Protection::None => None,
            memctl_core::Protection::Read => Some(Access::Read),
            memctl_core::Protection::ReadWrite => return Ok(()),
        };
        self.permit(view.memory, view.window, access).inspect_err(|_| {
            // What the window had before, if it can still be touched.
            let _open = self.permit(view.memory, view.window, Some(Access::Write));
            let _restored = self.with_bytes(view, part.window, |_, bytes| {
                bytes.copy_from_slice(&hidden);
                Ok(())
            });
        })
    }

    pub(crate) fn show_pages(&self, view: &View, part: Part) -> Result<(), Error> {
        let memory = self.reservation(view)?;
        let file = self.file(view)?;
        let (start, len) = (view.window.start(), view.window.len());
        match view.shown {
            Shown::Snapshot => memory.show_private_as(start, len, file, view.offset, self.pages_of(view))?,
            // Nothing is brought in where nothing can be touched.
            Shown::Alias | Shown::Copy if view.guarded => {
                return memory.show_shared_as(start, len, file, view.offset, memctl_alias::Protection::None);
            }
            Shown::Alias | Shown::Copy => memory.show_shared_as(start, len, file, view.offset, self.pages_of(view))?,
        }
        if view.populate == Populate::Now && view.protection.can_read() {
            memory.populate(start, len);
        }
        self.zero_tail(view, part)
    }
}
