//! How windows come to show objects.

use alloc::vec::Vec;

use memctl_core::{Access, Backend, Error, Part, Populate, Shown, Span, View};

use crate::mmu::Protection;
use crate::mover::{Mover, real};

impl Mover<'_> {
    pub(crate) fn show_copy(&mut self, view: &View, part: Option<Part>) -> Result<(), Error> {
        let closes = view.restricted && self.memories.get(&view.memory).is_some_and(|used| self.has_pages(used));
        let hidden =
            if closes { self.with_bytes(view, view.window, |_, bytes| Ok(bytes.to_vec()))? } else { Vec::new() };
        if let Some(part) = part {
            self.stats.bytes_copied += part.real;
            let mut twins = core::mem::take(self.twins);
            let shown = self.with_bytes(view, part.window, |storage, bytes| {
                memctl_copy::show(storage, part.offset, bytes, real(part))?;
                if view.merges {
                    twins.keep(view, bytes);
                }
                Ok(())
            });
            *self.twins = twins;
            shown?;
        }
        if let Some(own) = view.own_part() {
            self.clear(view, own)?;
        }
        if !closes {
            return Ok(());
        }
        self.permit(view.memory, view.window, access(view)).inspect_err(|_| {
            // What the window had before, if it can still be touched.
            let _open = self.permit(view.memory, view.window, Some(Access::Write));
            let _restored = self.with_bytes(view, view.window, |_, bytes| {
                bytes.copy_from_slice(&hidden);
                Ok(())
            });
        })
    }

    pub(crate) fn show_pages(&mut self, view: &View, part: Option<Part>) -> Result<(), Error> {
        let own = view.own_part();
        if let Some(own) = own {
            // First what may fail: then nothing was lost.
            self.permit(view.memory, own, access(view)).inspect_err(|_| self.open(view, own))?;
        }
        if let Some(part) = part {
            self.show_part(view, part).inspect_err(|_| {
                if let Some(own) = own {
                    self.open(view, own);
                }
            })?;
        }
        own.map_or(Ok(()), |own| self.reservation(view)?.discard(own.start(), own.len()))
    }

    /// Shows a part of the view's window by its object's own pages.
    pub(crate) fn show_part(&self, view: &View, part: Part) -> Result<(), Error> {
        let memory = self.reservation(view)?;
        let file = self.file(view)?;
        let (start, len, offset) = (part.window.start(), part.window.len(), part.offset);
        match view.shown {
            Shown::Snapshot => memory.show_private_as(start, len, file, offset, self.pages_of(view))?,
            // Nothing is brought in where nothing can be touched.
            Shown::Alias | Shown::Copy if view.guarded => {
                return memory.show_shared_as(start, len, file, offset, Protection::None);
            }
            Shown::Alias | Shown::Copy => memory.show_shared_as(start, len, file, offset, self.pages_of(view))?,
        }
        if view.populate == Populate::Now && view.protection.can_read() {
            memory.populate(start, len);
        }
        self.zero_tail(view, part)
    }

    /// Makes a part of a window zero that is the guest's own memory, or holds a copy.
    pub(crate) fn clear(&mut self, view: &View, part: Span) -> Result<(), Error> {
        if self.known(view.memory).is_some() {
            return self.discard(view.memory, None, part);
        }
        self.with_bytes(view, part, |_, bytes| {
            bytes.fill(0);
            Ok(())
        })
    }

    /// Opens memory of the guest's own again, when a window is not to be after all.
    fn open(&mut self, view: &View, own: Span) {
        if self.permit(view.memory, own, Some(Access::Write)).is_err() {
            #[cfg(feature = "std")]
            tracing::warn!(target: "memctl", start = own.start(), len = own.len(), "guest memory stays protected: out of mappings");
        }
    }
}

/// What the guest may do to a window when it is shown.
fn access(view: &View) -> Option<Access> {
    match view.protection {
        _ if view.guarded => None,
        memctl_core::Protection::None => None,
        memctl_core::Protection::Read => Some(Access::Read),
        memctl_core::Protection::ReadWrite => Some(Access::Write),
    }
}
