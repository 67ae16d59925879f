//! A block's bytes, when it changes hands: they go to the heap's object from the window of who had it, and into the window of who has it now.

use crate::heap::Block;
use crate::{Access, Backend, Domain, Error, InstanceId, Part, Shown, Span, View};

impl Domain {
    /// Where an instance that has attached the heap sees the block. A window that could not show what the heap grew by does so from now on.
    fn shown_block(
        &mut self,
        backend: &mut dyn Backend,
        block: &Block,
        instance: InstanceId,
    ) -> Result<Option<(View, Part)>, Error> {
        let Some(&mapping) = self.managed(block.heap)?.attached.get(&instance) else { return Ok(None) };
        let start = self.mapping(mapping)?.view.window.start() + block.offset;
        let (view, part) = self.part(backend, mapping, Span::claim("the block", start, block.room)?)?;
        Ok(part.map(|part| (view, part)))
    }

    /// What the owner wrote is in the object from now on.
    pub(super) fn bring_block_out(
        &mut self,
        backend: &mut dyn Backend,
        block: &Block,
        owner: InstanceId,
    ) -> Result<(), Error> {
        match self.shown_block(backend, block, owner)? {
            Some((view, part)) if view.shown == Shown::Copy && view.writable => {
                self.with_part_access(backend, &view, part.window, |backend| backend.publish(&view, part))
            }
            _ => Ok(()),
        }
    }

    /// The instance has the block's newest bytes where it looks for them, and can touch it so.
    pub(super) fn bring_block_in(
        &mut self,
        backend: &mut dyn Backend,
        block: &Block,
        instance: InstanceId,
        access: Access,
    ) -> Result<(), Error> {
        let Some((view, part)) = self.shown_block(backend, block, instance)? else { return Ok(()) };
        if view.shown == Shown::Copy {
            let window = part.window;
            let refresh = |backend: &mut dyn Backend| backend.refresh(&view, part);
            self.with_part_access(backend, &view, window, refresh)?;
        }
        self.allow_block(backend, &view, part, Some(access))
    }

    /// How the instance can touch the block from now on.
    pub(super) fn allow_in_block(
        &mut self,
        backend: &mut dyn Backend,
        block: &Block,
        instance: InstanceId,
        access: Option<Access>,
    ) -> Result<(), Error> {
        match self.shown_block(backend, block, instance)? {
            Some((view, part)) => self.allow_block(backend, &view, part, access),
            None => Ok(()),
        }
    }

    /// As much access to the block as this is left to the instance, or none. What can't be taken from the block is taken from more of the window.
    pub(super) fn take_access(
        &mut self,
        backend: &mut dyn Backend,
        block: &Block,
        instance: InstanceId,
        left: Option<Access>,
    ) {
        let _taken = self.allow_in_block(backend, block, instance, left);
    }

    /// Makes a new block zero, where its owner sees it and where it is stored, and lets the owner touch it.
    ///
    /// # Errors
    /// The backend's. The owner can't touch it then; some of its bytes may be zero.
    pub(super) fn zero_block(
        &mut self,
        backend: &mut dyn Backend,
        block: &Block,
        owner: InstanceId,
        stored: Stored,
    ) -> Result<(), Error> {
        let zeroed = self
            .zero_shown(backend, block, owner, stored)
            .and_then(|()| self.allow_in_block(backend, block, owner, Some(Access::Write)));
        if zeroed.is_err() {
            self.take_access(backend, block, owner, None);
        }
        zeroed
    }

    fn zero_shown(
        &mut self,
        backend: &mut dyn Backend,
        block: &Block,
        owner: InstanceId,
        stored: Stored,
    ) -> Result<(), Error> {
        let shown = self.shown_block(backend, block, owner)?;
        let zero = |backend: &mut dyn Backend, view: &View, part: Part| {
            self.with_part_access(backend, view, part.window, |backend| backend.zero(view, part))
        };
        match shown {
            Some((view, part)) if view.shown == Shown::Copy && view.writable => zero(backend, &view, part),
            // Through the window, unless protection may be in the way.
            Some((view, part)) if view.writable && !view.restricted => {
                if stored == Stored::Anything {
                    self.allow_block(backend, &view, part, Some(Access::Write))?;
                    backend.zero(&view, part)?;
                }
                Ok(())
            }
            _ => {
                let object = self.managed(block.heap)?.object;
                if stored == Stored::Anything {
                    backend.discard_stored(object, block.offset, block.room)?;
                }
                match shown {
                    Some((view, part)) if view.shown == Shown::Copy => zero(backend, &view, part),
                    _ => Ok(()),
                }
            }
        }
    }

    /// Where pages keep blocks from who doesn't have them.
    fn allow_block(
        &self,
        backend: &mut dyn Backend,
        view: &View,
        part: Part,
        access: Option<Access>,
    ) -> Result<(), Error> {
        if !view.guarded {
            return Ok(());
        }
        let most = if view.writable { Access::Write } else { Access::Read };
        let access = access.map(|access| access.min(most));
        self.permit_at_most(backend, view.instance, view.memory, part.window, access)
    }

    /// Runs `touch`, which reads or writes a part of a window that copies, whatever is protected there.
    fn with_part_access(
        &self,
        backend: &mut dyn Backend,
        view: &View,
        part: Span,
        touch: impl FnOnce(&mut dyn Backend) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if !view.restricted {
            return touch(backend);
        }
        let part = self.granule.cover(part)?;
        let touched = backend.permit(view.memory, part, Some(Access::Write)).and_then(|()| touch(backend));
        touched.and(self.permit(backend, view.instance, view.memory, part))
    }
}

/// What is stored in the heap where a new block will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stored {
    Zeros,
    Anything,
}
