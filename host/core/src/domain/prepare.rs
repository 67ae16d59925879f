//! What a mapping would be, and what is in its way: everything that is checked before a byte moves.

use super::Domain;
use crate::entries::{Mapping, Object};
use crate::protected::Protected;
use crate::{
    Access, Ask, Backend, Coherence, Error, InstanceId, MapOptions, MappingId, Memory, MemoryId, ObjectId, PastEnd,
    Protection, Rights, Sharing, Shown, Span, Threads, View,
};

impl Domain {
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
