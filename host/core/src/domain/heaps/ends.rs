//! What becomes of an instance's part in heaps when it ends, and of its windows when their memory goes.

use alloc::vec::Vec;

use crate::heap::{Holder, Orphans};
use crate::sorted::Set;
use crate::{Access, Backend, BlockId, Domain, Error, HeapId, InstanceId, MemoryId, Token, Woken};

impl Domain {
    /// The instance ends: it reads nothing and waits for nothing any more, its windows are hidden, and its blocks freed or handed to the heir.
    pub(in crate::domain) fn end_in_heaps(&mut self, backend: &mut dyn Backend, id: InstanceId) {
        let Some(instance) = self.instances.get(id) else { return };
        let reading: Vec<_> = instance.reading.iter().copied().collect();
        let receivers: Vec<_> = instance.receivers.iter().copied().collect();
        for receiver in receivers {
            self.stop_receiving(id, receiver);
            self.woken.push(Woken::Receiver(receiver));
        }
        for block in reading {
            self.stop_reading(backend, id, block);
        }
        self.detach_where(backend, |of, _| of == id);
        let owned = self.instances.get(id).map(|instance| instance.owned.clone()).unwrap_or_default();
        for block in owned {
            self.orphan(id, block);
        }
        // What it gave away stays given.
        let under_way: Vec<BlockId> =
            self.blocks.iter().filter(|(_, block)| block.payer == Some(id)).map(|(block, _)| block).collect();
        for block in under_way {
            self.put_payer(block, None);
        }
    }

    /// The memory goes, and the windows in it.
    pub(in crate::domain) fn memory_gone_in_heaps(&mut self, backend: &mut dyn Backend, memory: MemoryId) {
        self.detach_where(backend, |_, of| of == memory);
    }

    fn detach_where(&mut self, backend: &mut dyn Backend, goes: impl Fn(InstanceId, MemoryId) -> bool) {
        let mut going: Vec<(InstanceId, HeapId)> = Vec::new();
        for (id, _) in self.heaps.iter::<HeapId>() {
            let Ok(managed) = self.managed(id) else { continue };
            let attached =
                managed.attached.iter().filter_map(|(of, mapping)| Some((*of, self.mappings.get(*mapping)?)));
            going.extend(attached.filter(|(of, mapping)| goes(*of, mapping.view.memory)).map(|(of, _)| (of, id)));
        }
        for (of, heap) in going {
            // Nobody is left to hear of a failure, and it is detached in any case.
            let _gone = self.detach_member(backend, of, heap);
        }
    }

    /// A block's owner ends; what it wrote is stored.
    fn orphan(&mut self, owner: InstanceId, id: BlockId) {
        let Some(block) = self.blocks.get(id).copied() else { return };
        let Some(heap) = self.heaps.get(block.heap) else { return };
        let named = |name: &str| {
            let mut others = self.instances.iter::<InstanceId>().filter(|(id, _)| *id != owner);
            others.find(|(_, instance)| instance.name.as_deref() == Some(name)).map(|(id, _)| id)
        };
        let heir = match &heap.orphans {
            Orphans::Free => None,
            Orphans::Heir(name) => named(name),
        };
        self.remove_owner(id);
        let Some(heir) = heir else {
            // Whoever reads it does so until it says otherwise: the block stays, as nobody's.
            if block.readers == 0 {
                return self.remove_block(id);
            }
            self.put_payer(id, None);
            return self.put_holder(id, Holder::Abandoned);
        };
        // Whether the heir has quota for it or not: it didn't ask.
        self.put_payer(id, Some(heir));
        if let Some(instance) = self.instances.get_mut(heir) {
            instance.inherited.push_back(id);
        }
        self.put_owner(id, heir);
        if let Some(block) = self.blocks.get_mut(id) {
            block.untold = true;
        }
    }

    /// One of the blocks that the instance was handed by one that ended, and was not told of yet.
    ///
    /// # Errors
    /// [`Error::Stale`], [`Error::NotFound`] if there is no more; the backend's, and it will be told of it again.
    pub fn inherit_block(
        &mut self,
        backend: &mut dyn Backend,
        caller: InstanceId,
        heap: HeapId,
    ) -> Result<Token, Error> {
        let members = self.members(heap)?;
        let instance = self.instance(caller)?;
        let in_heap = |id: &BlockId| {
            self.blocks.get(*id).is_some_and(|block| members.iter().any(|(member, _)| *member == block.heap))
        };
        let Some(place) = instance.inherited.iter().position(in_heap) else {
            return Err(Error::NotFound { name: alloc::string::String::from("an inherited block") });
        };
        let id = instance.inherited[place];
        let block = self.blocks.get(id).copied().ok_or(Error::Stale { what: "block" })?;
        self.bring_block_in(backend, &block, caller, if block.shared { Access::Read } else { Access::Write })?;
        if let Some(instance) = self.instances.get_mut(caller) {
            instance.inherited.remove(place);
        }
        if let Some(block) = self.blocks.get_mut(id) {
            block.untold = false;
        }
        Ok(self.token(id, &block))
    }

    /// Frees the blocks of a heap, or chain, that are nobody's: given away and not taken, or sent and not received. Gives how many there were.
    ///
    /// # Errors
    /// [`Error::Stale`].
    pub fn reclaim_blocks(&mut self, id: HeapId) -> Result<usize, Error> {
        let members = self.members(id)?;
        let blocks =
            self.blocks.iter::<BlockId>().filter(|(_, block)| members.iter().any(|(heap, _)| *heap == block.heap));
        let under_way: Set<BlockId> = blocks
            .filter(|(_, block)| matches!(block.holder, Holder::Given | Holder::Sent))
            .map(|(block, _)| block)
            .collect();
        let given = |block: &BlockId| self.blocks.get(*block).is_some_and(|block| block.holder == Holder::Given);
        let mut reclaimed: Vec<BlockId> = under_way.iter().copied().filter(given).collect();
        // In whichever queue they are, of the heap or of a chain. What is on its way to who waited for it is in none.
        let heaps: Vec<HeapId> = self.heaps.iter().map(|(heap, _)| heap).collect();
        for heap in heaps {
            for queue in &mut self.heap_mut(heap)?.queues {
                reclaimed.extend(queue.sent.iter().copied().filter(|block| under_way.contains(block)));
                queue.sent.retain(|block| !under_way.contains(block));
            }
        }
        for block in &reclaimed {
            self.remove_block(*block);
        }
        Ok(reclaimed.len())
    }
}
