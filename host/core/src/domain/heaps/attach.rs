//! Showing a heap in a window of an instance, and hiding it again.

use alloc::vec::Vec;

use super::object_rights;
use crate::domain::mappings::Bring;
use crate::entries::Mapping;
use crate::{
    Access, Backend, BlockId, Coherence, Domain, Error, HeapId, HeapRights, InstanceId, MapOptions, Memory, PastEnd,
    Populate, Protection, Quotas, Sharing, Shown, Span,
};

impl Domain {
    /// Shows a heap, or chain, from byte `start` of the memory on.
    ///
    /// # Errors
    /// [`Error::Stale`], [`Error::Access`], [`Error::WindowOverlap`] if it is attached already, and those of [`Domain::map`]. Nothing is attached then.
    pub fn attach_heap(
        &mut self,
        backend: &mut dyn Backend,
        caller: InstanceId,
        id: HeapId,
        memory: Memory,
        start: u64,
        protection: Protection,
    ) -> Result<(), Error> {
        let needed = match protection {
            Protection::ReadWrite => HeapRights::READ | HeapRights::WRITE,
            Protection::Read | Protection::None => HeapRights::READ,
        };
        self.check_heap_rights(caller, id, needed)?;
        let members = self.members(id)?;
        for (member, _) in &members {
            if let Some(mapping) = self.managed(*member)?.attached.get(&caller) {
                let window = self.mapping(*mapping)?.view.window;
                return Err(Error::WindowOverlap { start: window.start(), len: window.len() });
            }
        }
        let mut done = Vec::new();
        for (member, offset) in members {
            let at = start.checked_add(offset).ok_or(Error::Wraps { what: "the window", start, len: offset });
            let attached = at.and_then(|at| self.attach_member(backend, caller, member, memory, at, protection));
            if let Err(error) = attached {
                for member in done {
                    // It was attached a moment ago, and nothing was stored there since.
                    let _hidden = self.hide_member(backend, caller, member);
                }
                return Err(error);
            }
            done.push(member);
        }
        Ok(())
    }

    fn attach_member(
        &mut self,
        backend: &mut dyn Backend,
        caller: InstanceId,
        id: HeapId,
        memory: Memory,
        start: u64,
        protection: Protection,
    ) -> Result<(), Error> {
        let managed = self.managed(id)?;
        let (object, len, grows) = (managed.object, managed.max_len, managed.space.len() < managed.max_len);
        let rights = object_rights(self.heap_rights(caller, id)?);
        let options = MapOptions {
            offset: 0,
            protection,
            sharing: Sharing::Shared,
            coherence: Coherence::Leased,
            populate: Populate::OnDemand,
            past_end: if grows { PastEnd::Own } else { PastEnd::Refused },
        };
        let window = self.claim_window(memory, (start, len), 0)?;
        let ask = Quotas { mappings: 1, mapped_bytes: len, ..Quotas::NONE };
        let shows = (caller, memory.id, window);
        let mapping = self.map_object(backend, shows, (object, rights), options, ask, Bring::Nothing)?;
        let Mapping { view, may_write, .. } = *self.mapping(mapping)?;
        let managed = self.managed_mut(id)?;
        managed.attached.insert(caller, mapping);
        if view.shown == Shown::Alias && may_write && !view.guarded {
            // From now on somebody can store where no block is.
            managed.fresh = u64::MAX;
        }
        let brought = self.held_blocks(caller, id).into_iter().try_for_each(|(block, access)| {
            let block = self.blocks.get(block).copied();
            block.map_or(Ok(()), |block| self.bring_block_in(backend, &block, caller, access))
        });
        if brought.is_err() {
            // Not published: the window doesn't have what the blocks have.
            let _hidden = self.hide_member(backend, caller, id);
        }
        brought
    }

    /// The instance's window is ordinary zeroed memory again; its blocks stay its own.
    ///
    /// # Errors
    /// [`Error::Stale`] if it isn't attached. The backend's, if what it wrote could not be published, or the window not be cleared: it is detached all the same.
    pub fn detach_heap(&mut self, backend: &mut dyn Backend, caller: InstanceId, id: HeapId) -> Result<(), Error> {
        let members = self.members(id)?;
        let mut attached = Vec::new();
        for (member, _) in members {
            if self.managed(member)?.attached.contains_key(&caller) {
                attached.push(member);
            }
        }
        if attached.is_empty() {
            return Err(Error::Stale { what: "attached heap" });
        }
        attached.into_iter().map(|member| self.detach_member(backend, caller, member)).fold(Ok(()), Result::and)
    }

    pub(super) fn detach_member(
        &mut self,
        backend: &mut dyn Backend,
        caller: InstanceId,
        id: HeapId,
    ) -> Result<(), Error> {
        let mut published = Ok(());
        for (block, access) in self.held_blocks(caller, id) {
            // What is shared was published when it was.
            if let Some(block) = self.blocks.get(block).copied()
                && access == Access::Write
            {
                published = published.and(self.bring_block_out(backend, &block, caller));
            }
        }
        published.and(self.hide_member(backend, caller, id))
    }

    /// The window is ordinary memory again. Nothing is published.
    fn hide_member(&mut self, backend: &mut dyn Backend, caller: InstanceId, id: HeapId) -> Result<(), Error> {
        let Some(mapping) = self.managed_mut(id)?.attached.remove(&caller) else { return Ok(()) };
        self.drop_mapping(backend, mapping)
    }

    /// What the instance owns, and was told of, or reads of the heap, and what it may do there.
    fn held_blocks(&self, instance: InstanceId, heap: HeapId) -> Vec<(BlockId, Access)> {
        let Some(holder) = self.instances.get(instance) else { return Vec::new() };
        let told = |id: &BlockId| self.blocks.get(*id).is_some_and(|block| !block.untold);
        let owned = holder.owned.iter().copied().filter(told);
        let held = owned.chain(holder.reading.iter().copied()).filter_map(|id| {
            let block = self.blocks.get(id).filter(|block| block.heap == heap)?;
            Some((id, if block.shared { Access::Read } else { Access::Write }))
        });
        held.collect()
    }

    /// What an instance may do in its window at the heap's byte `at`, and up to which byte, where pages see to it.
    pub(in crate::domain) fn held_at(&self, instance: InstanceId, heap: HeapId, at: u64) -> (Option<Access>, u64) {
        let (mut access, mut edge) = (None, u64::MAX);
        for (id, held) in self.held_blocks(instance, heap) {
            let Some(block) = self.blocks.get(id) else { continue };
            let end = block.offset + block.room;
            if block.offset <= at && at < end {
                access = access.max(Some(held));
            }
            for end in [block.offset, end] {
                edge = if end > at { edge.min(end) } else { edge };
            }
        }
        (access, edge)
    }

    /// The heap that a mapping shows, if it shows one.
    pub(in crate::domain) fn heap_shown(&self, object: crate::ObjectId) -> Option<HeapId> {
        self.objects.get(object)?.heap
    }

    /// Where in the memory an instance has attached a heap that is no chain.
    ///
    /// # Errors
    /// [`Error::Stale`] if it hasn't.
    pub fn attached_at(&self, caller: InstanceId, id: HeapId) -> Result<Span, Error> {
        let mapping = self.managed(id)?.attached.get(&caller).ok_or(Error::Stale { what: "attached heap" })?;
        Ok(self.mapping(*mapping)?.view.window)
    }

    /// How a heap that is no chain is shown to an instance.
    #[must_use]
    pub fn attached_as(&self, caller: InstanceId, id: HeapId) -> Option<Shown> {
        let mapping = self.managed(id).ok()?.attached.get(&caller)?;
        Some(self.mappings.get(*mapping)?.view.shown)
    }
}
