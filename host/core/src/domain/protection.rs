//! Protection of guest memory, in windows and outside, and giving memory back (rules 6 and 7 of the contract).

use alloc::vec::Vec;

use super::Domain;
use super::mappings::Memory;
use crate::protected::Protected;
use crate::{
    Access, Backend, Bounds, Error, Forbidden, InstanceId, MappingId, MemoryId, ObjectId, Protection, Quotas, Shown,
    Span, View,
};

impl Domain {
    /// Protects the beginning of a memory for good. Gives what the bounds were rounded to.
    ///
    /// # Errors
    /// [`Error::Sealed`] if it is already, [`Error::OutOfBounds`], [`Error::WindowOverlap`], [`Error::Protected`], [`Error::Quota`],
    /// [`Error::Unsupported`], [`Error::Stale`] and the backend's. Nothing has changed then.
    pub fn seal(
        &mut self,
        backend: &mut dyn Backend,
        caller: InstanceId,
        memory: Memory,
        bounds: Bounds,
    ) -> Result<Bounds, Error> {
        let before = self.protected(caller, memory.id)?;
        if before.sealed.is_some() {
            return Err(Error::Sealed { end: before.sealed_end() });
        }
        let bounds = bounds.checked(memory.size.unwrap_or(u64::MAX))?.rounded(self.granule);
        let Ok(part) = Span::claim("the sealed part", 0, bounds.read_only) else {
            // Nothing is left of them, and that is for good.
            self.change(backend, caller, memory.id, None, before.with_sealed(bounds))?;
            return Ok(bounds);
        };
        self.check_window(caller, memory.id, part)?;
        if let Some(range) = before.first_in(part) {
            return Err(Error::Protected { start: range.span.start(), end: range.span.end() });
        }
        self.change(backend, caller, memory.id, Some(part), before.with_sealed(bounds))?;
        Ok(bounds)
    }

    /// The guest's own code sees to these bounds from its start on: a memory is sealed with them, which nobody has to be asked for.
    pub fn declared(&mut self, caller: InstanceId, memory: MemoryId, bounds: Bounds) {
        if let Ok(protected) = self.protected(caller, memory)
            && protected.sealed.is_none()
        {
            self.put_protected(caller, memory, protected.with_sealed(bounds));
        }
    }

    /// The first byte of a range that may not be loaded, or not be stored to, for its protection.
    #[must_use]
    pub fn forbidden_at(
        &self,
        caller: InstanceId,
        memory: MemoryId,
        (start, len): (u64, u64),
        write: bool,
    ) -> Option<u64> {
        let span = Span::claim("the access", start, len).ok()?;
        let protected = self.instance(caller).ok()?.protected.get(&memory)?;
        let mut ranges = protected.forbidden();
        let range = ranges.find(|range| range.span.overlaps(span) && (write || !range.readable))?;
        Some(range.span.start().max(start))
    }

    /// The object that a window shows at an address, if there is one.
    #[must_use]
    pub fn object_at(&self, caller: InstanceId, memory: MemoryId, address: u64) -> Option<ObjectId> {
        let here = self.instance(caller).ok()?.windows.range((memory, 0)..=(memory, address)).next_back();
        let view = self.mapping(*here?.1).ok()?.view;
        (address < view.window.end()).then_some(view.object)
    }

    /// The bounds that a memory is sealed with.
    #[must_use]
    pub fn sealed(&self, caller: InstanceId, memory: MemoryId) -> Bounds {
        let protected = self.instances.get(caller).and_then(|instance| instance.protected.get(&memory));
        protected.and_then(|protected| protected.sealed).unwrap_or(Bounds::NONE)
    }

    /// Changes what may be done to `len` bytes from `start` on.
    ///
    /// # Errors
    /// [`Error::Misaligned`], [`Error::Empty`], [`Error::Wraps`], [`Error::OutOfBounds`], [`Error::WindowEdge`], [`Error::Sealed`], [`Error::Access`] to make a window
    /// read-write that may not be, [`Error::RangeOverlap`] to make one so while another automatic window of the guest's shows some of the same bytes, [`Error::Quota`], [`Error::Unsupported`], [`Error::Stale`], and the backend's. Nothing has changed then.
    pub fn protect(
        &mut self,
        backend: &mut dyn Backend,
        caller: InstanceId,
        memory: Memory,
        range: (u64, u64),
        protection: Protection,
    ) -> Result<(), Error> {
        let (span, window) = self.claim_granules(caller, memory, range)?;
        let mut protected = self.protected(caller, memory.id)?;
        if span.start() < protected.sealed_end() {
            return Err(Error::Sealed { end: protected.sealed_end() });
        }
        if let Some(id) = window {
            let mapping = self.mapping(id)?;
            if protection.can_write() && mapping.is_shared() && !mapping.may_write {
                return Err(Error::Access { right: "write" });
            }
        }
        let begun = match window {
            Some(id) if protection.can_write() => self.begin_to_write(backend, caller, id)?,
            _ => None,
        };
        protected.set(span, protection);
        if let Some(id) = window {
            protected.note_window(self.mapping(id)?.view.window);
        }
        self.change(backend, caller, memory.id, Some(span), protected).inspect_err(|_| self.stay_read_only(begun))?;
        if let Some(id) = window {
            self.note_restricted(id);
        }
        Ok(())
    }

    /// Makes `len` bytes from `start` on zero, and gives their storage back.
    ///
    /// # Errors
    /// [`Error::Misaligned`], [`Error::Empty`], [`Error::Wraps`], [`Error::OutOfBounds`], [`Error::WindowEdge`], [`Error::Sealed`] or [`Error::Access`] if any of
    /// it can't be stored to, or is a shared heap's, [`Error::Busy`] if anybody has a lease on any of it, [`Error::Stale`], and the backend's: some of the bytes may be zero then.
    pub fn discard(
        &mut self,
        backend: &mut dyn Backend,
        caller: InstanceId,
        memory: Memory,
        range: (u64, u64),
    ) -> Result<(), Error> {
        let (span, window) = self.claim_granules(caller, memory, range)?;
        let protected = self.protected(caller, memory.id)?;
        if span.start() < protected.sealed_end() {
            return Err(Error::Sealed { end: protected.sealed_end() });
        }
        if protected.first_in(span).is_some() {
            return Err(Error::Access { right: "store to the range, which is protected" });
        }
        let Some(id) = window else { return backend.discard(memory.id, None, span) };
        let mapping = *self.mapping(id)?;
        if self.heap_shown(mapping.view.object).is_some() {
            // Others' blocks may be there.
            return Err(Error::Access { right: "discard bytes of a shared heap" });
        }
        let (view, part) = self.part(backend, id, span)?;
        let object = self.object(view.object)?;
        let offset = view.offset + (span.start() - view.window.start());
        self.check_no_lease(object, Span::claim("the discarded range", offset, span.len())?)?;
        if let Some(own) = view.own_part().and_then(|own| own.common(span)) {
            backend.discard(memory.id, None, own)?;
        }
        let Some(part) = part else { return Ok(()) };
        if !mapping.is_shared() {
            return backend.discard(memory.id, Some(&view), part.window);
        }
        self.settle(backend, view.object);
        self.let_writer_in(backend, view.object)?;
        let discarded = backend.discard_stored(view.object, part.offset, part.real);
        // Also when it failed: some of the bytes may be zero.
        self.object_mut(view.object)?.version += 1;
        discarded?;
        self.refresh_stored(backend, id, span)
    }

    /// A range of whole granules as claimed, and the window that it is in, if it is in one.
    fn claim_granules(
        &self,
        caller: InstanceId,
        memory: Memory,
        (start, len): (u64, u64),
    ) -> Result<(Span, Option<MappingId>), Error> {
        let span = Span::claim("the range", start, len)?;
        self.granule.aligned("the range's start", start)?;
        self.granule.aligned("the range's length", len)?;
        if let Some(size) = memory.size {
            span.within("the range", size)?;
        }
        let before = self.instance(caller)?.windows.range((memory.id, 0)..(memory.id, span.end())).next_back();
        let Some((_, id)) = before else { return Ok((span, None)) };
        let window = self.mapping(*id)?.view.window;
        if !window.overlaps(span) {
            return Ok((span, None));
        }
        if !span.inside(window) {
            return Err(Error::WindowEdge { start: window.start(), len: window.len() });
        }
        Ok((span, Some(*id)))
    }

    /// What of the memory is protected now.
    pub(super) fn protected(&self, caller: InstanceId, memory: MemoryId) -> Result<Protected, Error> {
        Ok(self.instance(caller)?.protected.get(&memory).cloned().unwrap_or_default())
    }

    /// Whether there is room for what `after` protects more than `before`, in quotas and in the backend's means.
    pub(super) fn check_protected(
        &self,
        backend: &mut dyn Backend,
        caller: InstanceId,
        memory: MemoryId,
        after: &Protected,
    ) -> Result<(), Error> {
        let capacity = backend.protection(memory)?;
        let (before, after) = (self.protected(caller, memory)?.count(), after.count());
        self.check_quota(caller, Quotas { protected_ranges: after.saturating_sub(before), ..Quotas::NONE })?;
        if u64::from(after) > capacity && after > before {
            return Err(Error::Quota {
                what: "protected ranges: the table in the instrumented module is full",
                scope: "memory",
                used: before.into(),
                limit: capacity,
                asked: (after - before).into(),
            });
        }
        Ok(())
    }

    /// Protects this and nothing else, what is different being in `changed`; or leaves everything as it was.
    fn change(
        &mut self,
        backend: &mut dyn Backend,
        caller: InstanceId,
        memory: MemoryId,
        changed: Option<Span>,
        after: Protected,
    ) -> Result<(), Error> {
        self.check_protected(backend, caller, memory, &after)?;
        let before = self.protected(caller, memory)?;
        self.put_protected(caller, memory, after);
        let done = self.enforce(backend, caller, memory, changed);
        if done.is_err() {
            self.put_protected(caller, memory, before);
            // What can't be given back stays taken: a guest may lose access that it had, never gain some.
            let _restored = self.enforce(backend, caller, memory, changed);
        }
        done
    }

    /// Has the backend see to what is protected in a memory, of which `changed` is news.
    pub(super) fn enforce(
        &self,
        backend: &mut dyn Backend,
        caller: InstanceId,
        memory: MemoryId,
        changed: Option<Span>,
    ) -> Result<(), Error> {
        let ranges: Vec<Forbidden> = self.protected(caller, memory)?.forbidden().collect();
        backend.forbid(memory, &ranges)?;
        changed.map_or(Ok(()), |changed| self.permit(backend, caller, memory, changed))
    }

    pub(super) fn put_protected(&mut self, caller: InstanceId, memory: MemoryId, after: Protected) {
        let count = |protected: Option<&Protected>| Quotas {
            protected_ranges: protected.map_or(0, Protected::count),
            ..Quotas::NONE
        };
        let now = count(Some(&after));
        let Some(instance) = self.instances.get_mut(caller) else { return };
        let before = count(instance.protected.get(&memory));
        if after.is_empty() {
            instance.protected.remove(&memory);
        } else {
            instance.protected.insert(memory, after);
        }
        self.give_quota(caller, before);
        self.take_quota(caller, now);
    }

    /// The window shows its object, with the protection that it was mapped with; where pages see to that, they do.
    pub(super) fn protect_window(
        &mut self,
        backend: &mut dyn Backend,
        view: &View,
        after: Protected,
    ) -> Result<(), Error> {
        if !view.restricted {
            return Ok(());
        }
        let before = self.protected(view.instance, view.memory)?;
        self.put_protected(view.instance, view.memory, after);
        let told = self.enforce(backend, view.instance, view.memory, None);
        if told.is_err() {
            self.put_protected(view.instance, view.memory, before);
        }
        told
    }

    /// The window is ordinary memory again.
    pub(super) fn unprotect_window(&mut self, backend: &mut dyn Backend, view: &View) {
        if !view.restricted {
            return;
        }
        let Ok(mut protected) = self.protected(view.instance, view.memory) else { return };
        protected.set(view.window, Protection::ReadWrite);
        protected.note_window(view.window);
        self.put_protected(view.instance, view.memory, protected);
        // Where pages see to it, hiding the window did. Where checks do, less is forbidden than they know of until they are told; that can only fail
        // with the memory itself gone.
        let _told = self.enforce(backend, view.instance, view.memory, None);
    }

    /// Runs `touch`, which reads or writes the bytes of a window whatever is protected there.
    pub(super) fn with_access(
        &self,
        backend: &mut dyn Backend,
        view: &View,
        touch: impl FnOnce(&mut dyn Backend) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if !view.restricted || view.shown == Shown::Alias {
            return touch(backend);
        }
        backend.permit(view.memory, view.window, Some(Access::Write))?;
        let touched = touch(backend);
        touched.and(self.permit(backend, view.instance, view.memory, view.window))
    }

    /// Whether all of the window can be stored to, as backends have to know it.
    fn note_restricted(&mut self, id: MappingId) {
        let Ok(view) = self.mapping(id).map(|mapping| mapping.view) else { return };
        let restricted =
            self.protected(view.instance, view.memory).is_ok_and(|protected| protected.first_in(view.window).is_some());
        if let Some(mapping) = self.mappings.get_mut(id) {
            mapping.view.restricted = restricted;
            if !restricted {
                // What the object grows by later is shown with this.
                mapping.view.protection = Protection::ReadWrite;
            }
        }
    }
}
