//! Windows that show objects without a copy and without an MMU: the window's base is put onto the object's own bytes.

use alloc::sync::Arc;

use memctl_core::{
    Ask, Backend, Coherence, Error, InstanceId, MemoryId, ObjectId, Part, PastEnd, Protection, Sharing, Shown, Threads,
    View,
};
use wasmtime::Engine;

use crate::Mode;
use crate::base::Base;
use crate::domain::Shared;
use crate::means::Means;
use crate::mover::Mover;

impl Mover<'_> {
    /// Whether the window is put onto the object, if it can be. Where nothing aliases, that is what an alias is.
    pub(crate) fn is_in_place(&self, view: &View) -> bool {
        self.shared.mode == Mode::Copy && view.shown == Shown::Alias
    }

    /// Whether a guest that is running may still store to what it has no right to any more.
    pub(crate) fn is_unsettled(&self, guest: InstanceId) -> bool {
        self.presences.get(&guest).is_some_and(|whereabouts| whereabouts.unsettled.any())
    }

    fn base(&self, memory: MemoryId) -> Option<&Arc<Base>> {
        self.memories.get(&memory)?.base.as_ref()
    }

    /// Whether a window can be put onto the object, so that nobody can tell it from one that aliases.
    pub(crate) fn suits_in_place(&self, memory: MemoryId, object: ObjectId, ask: Ask) -> bool {
        let Ask { sharing, coherence, window, offset, protection, past_end, frozen: _ } = ask;
        let Some(base) = self.base(memory) else { return false };
        let shared = sharing == Sharing::Shared && coherence != Coherence::Aliasing && past_end == PastEnd::Refused;
        let whole = window.start() == 0 && window.len() == base.home().size();
        let held_to_it = match protection {
            Protection::ReadWrite => true,
            // No page sees to it: stores would reach the object.
            Protection::Read => matches!(self.means(memory), Ok(Means::Checks(..))),
            Protection::None => false,
        };
        let room = self.bodies.get(&object).and_then(crate::body::Body::buffer).is_some_and(|buffer| {
            offset.checked_add(window.len()).is_some_and(|end| end <= buffer.bytes().len() as u64)
        });
        may_be_in_place(self.shared, base) && self.attachment.sees_crossings() && shared && whole && held_to_it && room
    }

    pub(crate) fn show_in_place(&mut self, view: &View) -> Result<(), Error> {
        let base = self.base(view.memory).ok_or(Error::Stale { what: "memory" })?;
        let buffer = self.bodies.get(&view.object).and_then(crate::body::Body::buffer);
        let buffer = buffer.ok_or(Error::Stale { what: "object" })?;
        base.put(buffer.bytes(), view.offset)?;
        buffer.zero_tail(view.offset, view.window.len());
        self.note_unsettled(view, base);
        Ok(())
    }

    /// The window is at home again. What it held there before it showed the object is gone.
    pub(crate) fn hide_in_place(&mut self, view: &View) -> Result<(), Error> {
        let base = self.base(view.memory).ok_or(Error::Stale { what: "memory" })?;
        base.put_home();
        self.note_unsettled(view, base);
        self.discard(view.memory, None, view.window)
    }

    /// Makes what a part shows past the object's end zero.
    pub(crate) fn zero_tail_in_place(&self, view: &View, part: Part) -> Result<(), Error> {
        let buffer = self.bodies.get(&view.object).and_then(crate::body::Body::buffer);
        if part.real < part.window.len() {
            buffer.ok_or(Error::Stale { what: "object" })?.zero_tail(part.offset, part.window.len());
        }
        Ok(())
    }

    fn note_unsettled(&self, view: &View, base: &Arc<Base>) {
        if let Some(whereabouts) = self.presences.get(&view.instance) {
            whereabouts.unsettled.add(base);
        }
    }
}

/// Whether windows of the domain can be put onto objects, and this memory can.
pub(crate) fn may_be_in_place(shared: &Shared, base: &Base) -> bool {
    shared.mode == Mode::Copy && shared.threads == Threads::One && base.is_free()
}

impl Shared {
    /// `window` goes with `memory`, which is one of a store of this engine's.
    pub(crate) fn trust(&self, engine: &Engine, memory: &crate::mmu::Reservation, window: &crate::mmu::Reservation) {
        if let (Some(memory), Some(window)) = (self.made.base_of(memory), self.made.base_of(window)) {
            window.trust(engine, &memory);
        }
    }
}
