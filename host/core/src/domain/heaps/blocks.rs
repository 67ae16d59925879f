//! Blocks: allocating, freeing, sharing, giving away.

use super::bytes::Stored;
use crate::domain::leases::ONE_LEASE;
use crate::heap::{Block, Holder};
use crate::space::Placed;
use crate::{Access, Backend, BlockId, Domain, Error, HeapId, HeapRights, InstanceId, Quotas, Token};

const FULL: Error = Error::OutOfMemory { what: "the heap has no room for the block" };

impl Domain {
    /// A block of `len` zero bytes at a multiple of `align`, which `caller` owns. In a chain, the first heap that has room has it, of those that the
    /// caller may allocate in.
    ///
    /// # Errors
    /// [`Error::Stale`], [`Error::Access`], [`Error::Empty`], [`Error::Misaligned`] if `align` is no power of two, [`Error::OutOfMemory`] if there is
    /// no room, [`Error::Quota`], and the backend's. There is no block then; a heap that may grow may have grown.
    pub fn alloc_block(
        &mut self,
        backend: &mut dyn Backend,
        caller: InstanceId,
        heap: HeapId,
        (len, align): (u64, u64),
    ) -> Result<Token, Error> {
        self.check_heap_rights(caller, heap, HeapRights::WRITE | HeapRights::ALLOCATE)?;
        if len == 0 {
            return Err(Error::Empty { what: "the new block" });
        }
        if !align.is_power_of_two() {
            // The nearest power that would do.
            let granule = align.checked_next_power_of_two().unwrap_or(1 << 63);
            return Err(Error::Misaligned { what: "the block's alignment", value: align, granule });
        }
        self.check_quota(caller, Quotas { blocks: 1, block_bytes: len, ..Quotas::NONE })?;
        let mut refused = None;
        for index in 0.. {
            let member = match self.heap_member(heap, index) {
                Ok((member, _)) => member,
                Err(Error::NotFound { .. }) => break,
                Err(error) => return Err(error),
            };
            match self.alloc_in(backend, caller, member, (len, align)) {
                // Another heap may do.
                Err(error @ (Error::OutOfMemory { .. } | Error::Quota { .. } | Error::Access { .. })) => {
                    refused.get_or_insert(error);
                }
                done => return done,
            }
        }
        Err(refused.unwrap_or(FULL))
    }

    fn alloc_in(
        &mut self,
        backend: &mut dyn Backend,
        caller: InstanceId,
        heap: HeapId,
        (len, align): (u64, u64),
    ) -> Result<Token, Error> {
        self.check_heap_rights(caller, heap, HeapRights::WRITE | HeapRights::ALLOCATE)?;
        let mut placed = self.managed_mut(heap)?.space.alloc(len, align);
        if placed.is_none() {
            self.grow_heap(backend, heap, (len, align))?;
            placed = self.managed_mut(heap)?.space.alloc(len, align);
        }
        let Placed { offset, len: room, node } = placed.ok_or(FULL)?;
        let block = Block {
            heap,
            offset,
            len,
            room,
            node,
            holder: Holder::Given,
            payer: Some(caller),
            shared: false,
            readers: 0,
            untold: false,
        };
        let managed = self.managed_mut(heap)?;
        let stored = if offset >= managed.fresh { Stored::Zeros } else { Stored::Anything };
        managed.fresh = managed.fresh.max(offset + room);
        let ready =
            self.check_quota(caller, block.quota()).and_then(|()| self.zero_block(backend, &block, caller, stored));
        if let Err(error) = ready {
            self.managed_mut(heap)?.space.free(node);
            return Err(error);
        }
        self.managed_mut(heap)?.blocks += 1;
        self.take_quota(caller, block.quota());
        let id: BlockId = self.blocks.insert(block);
        self.put_owner(id, caller);
        Ok(self.token(id, &block))
    }

    /// Makes room for a block at the end of a heap that may grow.
    fn grow_heap(&mut self, backend: &mut dyn Backend, heap: HeapId, (len, align): (u64, u64)) -> Result<(), Error> {
        let managed = self.managed(heap)?;
        let (object, old, max) = (managed.object, managed.space.len(), managed.max_len);
        let taken = old - managed.space.free_at_end();
        let fits = taken.checked_next_multiple_of(align).and_then(|start| start.checked_add(len));
        if old == max || fits.is_none_or(|end| end > max) {
            return Err(FULL);
        }
        // Whatever else is free, a block of this alignment is found in so much.
        let room = len
            .checked_next_multiple_of(managed.space.unit())
            .and_then(|len| len.checked_add(align - 1))
            .unwrap_or(max);
        let needed = self.granule.round_up(taken.saturating_add(room).max(old + 1)).min(max);
        // Twice as much as before, so that a heap that grows to many blocks grows a few times.
        let doubled = needed.max(self.granule.round_up(old.saturating_mul(2))).min(max);
        let new = match self.resize_object(backend, object, doubled) {
            Ok(()) => doubled,
            Err(_) if needed < doubled => self.resize_object(backend, object, needed).map(|()| needed)?,
            Err(error) => return Err(error),
        };
        self.managed_mut(heap)?.space.grow(new);
        Ok(())
    }

    /// The owner frees a block.
    ///
    /// # Errors
    /// [`Error::Stale`], [`Error::Access`] for others, [`Error::Busy`] while somebody reads it; the backend's.
    pub fn free_block(&mut self, backend: &mut dyn Backend, caller: InstanceId, token: Token) -> Result<(), Error> {
        let (id, block) = self.own_block(caller, token)?;
        check_unread(&block)?;
        self.take_access(backend, &block, caller, None);
        self.remove_block(id);
        Ok(())
    }

    /// The owner lets others read a block.
    ///
    /// # Errors
    /// [`Error::Stale`], [`Error::Access`]; the backend's.
    pub fn share_block(&mut self, backend: &mut dyn Backend, caller: InstanceId, token: Token) -> Result<(), Error> {
        let (id, block) = self.own_block(caller, token)?;
        if !block.shared {
            self.bring_block_out(backend, &block, caller)?;
            self.take_access(backend, &block, caller, Some(Access::Read));
            self.put_shared(id, true);
        }
        Ok(())
    }

    /// The owner may write a block again.
    ///
    /// # Errors
    /// [`Error::Stale`], [`Error::Access`], [`Error::Busy`] while somebody reads it; the backend's.
    pub fn unshare_block(&mut self, backend: &mut dyn Backend, caller: InstanceId, token: Token) -> Result<(), Error> {
        let (id, block) = self.own_block(caller, token)?;
        check_unread(&block)?;
        if block.shared {
            if let Err(error) = self.allow_in_block(backend, &block, caller, Some(Access::Write)) {
                self.take_access(backend, &block, caller, Some(Access::Read));
                return Err(error);
            }
            self.put_shared(id, false);
        }
        Ok(())
    }

    /// The owner gives a block away, to whoever takes it first.
    ///
    /// # Errors
    /// [`Error::Stale`], [`Error::Access`], [`Error::Busy`] while somebody reads it; the backend's.
    pub fn give_block(&mut self, backend: &mut dyn Backend, caller: InstanceId, token: Token) -> Result<(), Error> {
        let id = self.let_block_go(backend, caller, token)?;
        self.put_holder(id, Holder::Given);
        Ok(())
    }

    /// `caller` owns a block that was given away.
    ///
    /// # Errors
    /// [`Error::Stale`], [`Error::Access`], [`Error::Busy`] if it was not given away, [`Error::Quota`]; the backend's.
    pub fn take_block(&mut self, backend: &mut dyn Backend, caller: InstanceId, token: Token) -> Result<(), Error> {
        let (id, block) = self.block_of(token)?;
        self.check_heap_rights(caller, block.heap, HeapRights::WRITE)?;
        if block.holder != Holder::Given {
            return Err(busy(&block));
        }
        self.hand_over(backend, id, &block, caller)
    }

    /// `caller` reads a shared block, which stays as it is until it releases that.
    ///
    /// # Errors
    /// [`Error::Stale`], [`Error::Access`], [`Error::Busy`] if it isn't shared, or the caller has it already, [`Error::Quota`]; the backend's.
    pub fn resolve_block(&mut self, backend: &mut dyn Backend, caller: InstanceId, token: Token) -> Result<(), Error> {
        let (id, block) = self.block_of(token)?;
        self.check_heap_rights(caller, block.heap, HeapRights::READ)?;
        let reads = self.instance(caller)?.reading.contains(&id);
        if !block.shared || reads || is_owner(&block, caller) {
            return Err(busy(&block));
        }
        self.check_quota(caller, ONE_LEASE)?;
        self.bring_block_in(backend, &block, caller, Access::Read)?;
        self.take_quota(caller, ONE_LEASE);
        if let Some(instance) = self.instances.get_mut(caller) {
            instance.reading.insert(id);
        }
        if let Some(block) = self.blocks.get_mut(id) {
            block.readers += 1;
        }
        Ok(())
    }

    /// `caller` doesn't read a block any more.
    ///
    /// # Errors
    /// [`Error::Stale`] if it doesn't anyway.
    pub fn release_block(&mut self, backend: &mut dyn Backend, caller: InstanceId, token: Token) -> Result<(), Error> {
        let id = BlockId::from_bits(token.generation);
        let block = self.blocks.get(id).filter(|block| self.token(id, block) == token);
        block.ok_or(Error::Stale { what: "block" })?;
        if !self.instance(caller)?.reading.contains(&id) {
            return Err(Error::Stale { what: "right to read the block" });
        }
        self.stop_reading(backend, caller, id);
        Ok(())
    }

    pub(super) fn stop_reading(&mut self, backend: &mut dyn Backend, caller: InstanceId, id: BlockId) {
        if let Some(instance) = self.instances.get_mut(caller) {
            instance.reading.remove(&id);
        }
        self.give_quota(caller, ONE_LEASE);
        if let Some(block) = self.blocks.get_mut(id) {
            block.readers -= 1;
            let block = *block;
            // Who reads a block may have become its owner, when that ended.
            let left = is_owner(&block, caller).then_some(Access::Read);
            self.take_access(backend, &block, caller, left);
            if block.readers == 0 && block.holder == Holder::Abandoned {
                self.remove_block(id);
            }
        }
    }

    /// The owner doesn't have the block any more, and what it wrote is stored. To whom it goes is up to the caller.
    pub(super) fn let_block_go(
        &mut self,
        backend: &mut dyn Backend,
        caller: InstanceId,
        token: Token,
    ) -> Result<BlockId, Error> {
        let (id, block) = self.own_block(caller, token)?;
        check_unread(&block)?;
        if !block.shared {
            self.bring_block_out(backend, &block, caller)?;
        }
        self.take_access(backend, &block, caller, None);
        self.put_shared(id, false);
        self.remove_owner(id);
        Ok(id)
    }

    /// `to` owns a block that was nobody's.
    pub(super) fn hand_over(
        &mut self,
        backend: &mut dyn Backend,
        id: BlockId,
        block: &Block,
        to: InstanceId,
    ) -> Result<(), Error> {
        let instance = self.instance(to)?;
        if block.payer != Some(to) {
            instance.account.check("guest", block.quota())?;
        }
        self.bring_block_in(backend, block, to, Access::Write)?;
        self.put_payer(id, Some(to));
        self.put_owner(id, to);
        Ok(())
    }

    fn own_block(&self, caller: InstanceId, token: Token) -> Result<(BlockId, Block), Error> {
        let (id, block) = self.block_of(token)?;
        if !is_owner(&block, caller) {
            return Err(Error::Access { right: "own the block" });
        }
        Ok((id, block))
    }

    pub(super) fn put_owner(&mut self, id: BlockId, owner: InstanceId) {
        let Some(instance) = self.instances.get_mut(owner) else { return };
        // Quotas keep blocks far below 2^32.
        let place = u32::try_from(instance.owned.len()).unwrap_or(u32::MAX);
        instance.owned.push(id);
        self.put_holder(id, Holder::Owner { instance: owner, place });
    }

    /// The block is nobody's.
    pub(super) fn remove_owner(&mut self, id: BlockId) {
        let Some(block) = self.blocks.get(id).copied() else { return };
        let Holder::Owner { instance: owner, place } = block.holder else { return };
        let Some(instance) = self.instances.get_mut(owner) else { return };
        instance.owned.swap_remove(place as usize);
        if block.untold {
            instance.inherited.retain(|inherited| *inherited != id);
        }
        let moved = instance.owned.get(place as usize).copied();
        if let Some(block) = self.blocks.get_mut(id) {
            (block.holder, block.untold) = (Holder::Sent, false);
        }
        if let Some(moved) = moved {
            self.put_holder(moved, Holder::Owner { instance: owner, place });
        }
    }

    /// The block is gone, and its place free.
    pub(super) fn remove_block(&mut self, id: BlockId) {
        self.remove_owner(id);
        self.put_payer(id, None);
        let Some(block) = self.blocks.remove(id) else { return };
        self.account.give(block.quota());
        if let Ok(managed) = self.managed_mut(block.heap) {
            managed.space.free(block.node);
            managed.blocks -= 1;
        }
    }

    /// Whose quota the block counts against, beside the domain's: its owner's, and as long as nobody has it that of who gave it away.
    pub(super) fn put_payer(&mut self, id: BlockId, payer: Option<InstanceId>) {
        let Some(block) = self.blocks.get_mut(id) else { return };
        let before = core::mem::replace(&mut block.payer, payer);
        let quota = block.quota();
        if let Some(instance) = before.and_then(|before| self.instances.get_mut(before)) {
            instance.account.give(quota);
        }
        if let Some(instance) = payer.and_then(|payer| self.instances.get_mut(payer)) {
            instance.account.take(quota);
        }
    }

    pub(super) fn put_holder(&mut self, id: BlockId, holder: Holder) {
        if let Some(block) = self.blocks.get_mut(id) {
            block.holder = holder;
        }
    }

    fn put_shared(&mut self, id: BlockId, shared: bool) {
        if let Some(block) = self.blocks.get_mut(id) {
            block.shared = shared;
        }
    }
}

fn is_owner(block: &Block, caller: InstanceId) -> bool {
    matches!(block.holder, Holder::Owner { instance, .. } if instance == caller) && !block.untold
}

fn check_unread(block: &Block) -> Result<(), Error> {
    if block.readers > 0 { Err(busy(block)) } else { Ok(()) }
}

fn busy(block: &Block) -> Error {
    Error::Busy { start: block.offset, end: block.offset + block.len }
}
