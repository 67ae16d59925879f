//! Mapping and unmapping.

use super::Domain;
use crate::entries::{Handle, Mapping, Object};
use crate::protected::Protected;
use crate::{
    Access, Ask, Backend, Coherence, Error, HandleId, InstanceId, MapOptions, MappingId, Medium, MemoryId, ObjectId,
    Part, PastEnd, Protection, Quotas, Rights, Sharing, Shown, Span, Threads, View,
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

    /// A window as claimed, inside its memory, for what begins at byte `offset` of an object.
    pub(super) fn claim_window(&self, memory: Memory, (start, len): (u64, u64), offset: u64) -> Result<Span, Error> {
        let window = Span::claim("the window", start, len)?;
        self.granule.aligned("the window's start", start)?;
        self.granule.aligned("the window's length", len)?;
        self.granule.aligned("the object offset", offset)?;
        memory.size.map_or(Ok(window), |size| window.within("the window", size))
    }

    /// The object has the range that is to be shown in a window of `len` bytes. Gives its length.
    pub(super) fn check_object_range(
        &mut self,
        backend: &mut dyn Backend,
        id: ObjectId,
        len: u64,
        options: MapOptions,
    ) -> Result<u64, Error> {
        self.granule.aligned("the object offset", options.offset)?;
        let range = Span::claim("the range of the object", options.offset, len)?;
        let size = self.size_now(backend, id)?;
        if options.past_end == PastEnd::Refused {
            if range.start() >= size {
                let what = "the range of the object";
                return Err(Error::OutOfBounds { what, start: range.start(), len, limit: size });
            }
            range.within("the range of the object", self.granule.round_up(size))?;
        }
        Ok(size)
    }

    /// The mapping as it would be, if nothing but `instead_of` is in its way.
    pub(super) fn prepare(
        &self,
        backend: &mut dyn Backend,
        (caller, memory, window): (InstanceId, MemoryId, Span),
        (id, rights, size): (ObjectId, Rights, u64),
        options: MapOptions,
        instead_of: Option<MappingId>,
    ) -> Result<Mapping, Error> {
        let may_write = options.sharing == Sharing::Shared && rights.contains(Rights::WRITE);
        let writable = may_write && options.protection == Protection::ReadWrite;
        let automatic = options.sharing == Sharing::Shared && options.coherence != Coherence::Leased;
        let range = Span::claim("the range of the object", options.offset, window.len())?;
        let object = self.object(id)?;
        if automatic {
            self.check_no_lease(object, range)?;
        }
        self.check_range(caller, object, range, options.sharing, (options.coherence, writable), instead_of)?;
        if options.sharing == Sharing::Private {
            // A snapshot reads: what a writer has not published yet may show on one backend and not on another.
            self.check_leased_range(object, range, Access::Read, |_, _| false)?;
        }
        let frozen = self.is_frozen(object);
        let MapOptions { sharing, coherence, offset, protection, past_end, .. } = options;
        let ask = Ask { sharing, coherence, frozen, window, offset, protection, past_end };
        let shown = backend.choose(memory, id, ask)?;
        let view = View {
            instance: caller,
            memory,
            window,
            object: id,
            offset: options.offset,
            sharing: options.sharing,
            shown,
            populate: options.populate,
            guarded: self.check_parallel(shown, options)?,
            writable,
            protection: options.protection,
            restricted: options.protection != Protection::ReadWrite,
            extent: self.extent(options.offset, window.len(), size),
            merges: automatic && writable && self.is_file(id),
        };
        Ok(Mapping {
            view,
            coherence: options.coherence,
            seen: Mapping::UNKNOWN,
            leases: 0,
            past_end: options.past_end,
            may_write,
            failed: None,
        })
    }

    /// Rules that hold where guests run at the same time, or are held to what would be asked of them then. Gives whether the window can't be
    /// touched outside leases.
    fn check_parallel(&self, shown: Shown, options: MapOptions) -> Result<bool, Error> {
        if options.sharing == Sharing::Private {
            return Ok(false);
        }
        if options.coherence == Coherence::Leased {
            if self.audited && shown != Shown::Alias {
                return Err(Error::Unsupported { why: "an audit needs leased windows that alias" });
            }
            return Ok(shown == Shown::Alias && (self.audited || !self.threads.is_one()));
        }
        match self.threads {
            Threads::One => Ok(false),
            Threads::Unchecked if shown == Shown::Alias => Ok(false),
            Threads::Unchecked => Err(Error::Unsupported {
                why: "sharing without leases while guests run at the same time needs windows that alias",
            }),
            Threads::Many => {
                Err(Error::Unsupported { why: "guests of this domain run at the same time: share leased" })
            }
        }
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

    /// No live window of the instance has a byte of `window`.
    pub(super) fn check_window(&self, caller: InstanceId, memory: MemoryId, window: Span) -> Result<(), Error> {
        // Live windows don't overlap each other: only the last that starts before `window`'s end can reach into it.
        let before = self.instance(caller)?.windows.range((memory, 0)..(memory, window.end())).next_back();
        if let Some((_, id)) = before {
            let live = self.mapping(*id)?.view.window;
            if live.overlaps(window) {
                return Err(Error::WindowOverlap { start: live.start(), len: live.len() });
            }
        }
        Ok(())
    }

    /// What will be protected in the memory once a window with this protection is there.
    pub(super) fn check_protection(
        &self,
        backend: &mut dyn Backend,
        (caller, memory): (InstanceId, MemoryId),
        window: Span,
        protection: Protection,
        mut protected: Protected,
    ) -> Result<Protected, Error> {
        if let Some(range) = protected.first_in(window) {
            return Err(Error::Protected { start: range.span.start(), end: range.span.end() });
        }
        if protection != Protection::ReadWrite {
            protected.set(window, protection);
            protected.note_window(window);
            self.check_protected(backend, caller, memory, &protected)?;
        }
        Ok(protected)
    }

    /// Rule 4: at most one automatic window per range and store, if any of them is writable.
    pub(super) fn check_range(
        &self,
        caller: InstanceId,
        object: &Object,
        range: Span,
        sharing: Sharing,
        (coherence, writable): (Coherence, bool),
        but: Option<MappingId>,
    ) -> Result<(), Error> {
        if sharing == Sharing::Private || coherence == Coherence::Leased {
            return Ok(());
        }
        for id in object.mappings.iter().filter(|id| Some(**id) != but) {
            let other = self.mapping(*id)?;
            let kept_apart = match (other.coherence, coherence) {
                (Coherence::Leased, _) => true,
                (Coherence::Aliasing, Coherence::Aliasing) => true,
                (Coherence::Automatic | Coherence::Aliasing, _) => false,
            };
            let written = writable || other.is_writable();
            let apart = kept_apart || !written || !other.is_shared();
            if other.view.instance == caller && !apart && other.range().overlaps(range) {
                return Err(Error::RangeOverlap { start: other.range().start(), end: other.range().end() });
            }
        }
        Ok(())
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

pub(super) fn check_rights(rights: Rights, options: MapOptions) -> Result<(), Error> {
    if !rights.contains(Rights::READ) {
        return Err(Error::Access { right: "read" });
    }
    if options.protection == Protection::ReadWrite
        && options.sharing == Sharing::Shared
        && !rights.contains(Rights::WRITE)
    {
        return Err(Error::Access { right: "write" });
    }
    Ok(())
}

/// A part of the view's window, as far as it shows the object.
pub(super) fn part_of(view: &View, window: Span, size: u64) -> Option<Part> {
    let window = window.common(view.shown_part()?)?;
    let offset = view.offset + (window.start() - view.window.start());
    Some(Part { window, offset, real: size.saturating_sub(offset).min(window.len()) })
}
