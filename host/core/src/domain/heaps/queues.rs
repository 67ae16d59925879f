//! Queues of blocks: sending, receiving, and waiting for one.

use crate::heap::{Holder, Receiver};
use crate::{Backend, BlockId, Domain, Error, HeapId, HeapRights, InstanceId, Quotas, ReceiverId, Token, Woken};

const ONE_WAITER: Quotas = Quotas { waiters: 1, ..Quotas::NONE };

/// What became of a block that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// It was there, and is the caller's.
    Block(Token),
    /// The next one will be: see [`Domain::collect_block`] and [`Domain::stop_receiving`].
    Waits(ReceiverId),
}

impl Domain {
    /// The owner gives a block away, to whoever receives it from a queue of the block's heap, or of a chain that this is in.
    ///
    /// # Errors
    /// As [`Domain::give_block`]; [`Error::Access`] without any right to the queue's heap; [`Error::NotFound`] if there is no such queue, or the block is of another heap.
    pub fn send_block(
        &mut self,
        backend: &mut dyn Backend,
        caller: InstanceId,
        heap: HeapId,
        queue: u32,
        token: Token,
    ) -> Result<(), Error> {
        self.check_queue_number(heap, queue)?;
        if self.heap_rights(caller, heap)?.is_empty() {
            return Err(Error::Access { right: "use the heap" });
        }
        let (_, block) = self.block_of(token)?;
        if !self.is_member(heap, block.heap)? {
            return Err(Error::NotFound { name: alloc::format!("a queue of the block's heap with number {queue}") });
        }
        let id = self.let_block_go(backend, caller, token)?;
        self.post(heap, queue, id, End::Back);
        Ok(())
    }

    /// Takes the block that was sent first to a queue, or a place among those who wait for one.
    ///
    /// # Errors
    /// [`Error::Stale`], [`Error::NotFound`], [`Error::Access`], [`Error::Quota`]; the backend's. The block is still in the queue then.
    pub fn receive_or_wait(
        &mut self,
        backend: &mut dyn Backend,
        caller: InstanceId,
        heap: HeapId,
        queue: u32,
    ) -> Result<Received, Error> {
        self.check_queue_number(heap, queue)?;
        self.check_heap_rights(caller, heap, HeapRights::READ | HeapRights::WRITE)?;
        if let Some(&id) = self.heap(heap)?.queues[queue as usize].sent.front() {
            let token = self.deliver(backend, caller, id)?;
            self.heap_mut(heap)?.queues[queue as usize].sent.pop_front();
            return Ok(Received::Block(token));
        }
        self.check_quota(caller, ONE_WAITER)?;
        self.take_quota(caller, ONE_WAITER);
        let id: ReceiverId = self.receivers.insert(Receiver { instance: caller, heap, queue, got: None });
        self.heap_mut(heap)?.queues[queue as usize].receivers.push_back(id);
        if let Some(instance) = self.instances.get_mut(caller) {
            instance.receivers.insert(id);
        }
        Ok(Received::Waits(id))
    }

    /// The block that was waited for, or `None` if there is none yet. The receiver is gone unless the answer is `None`.
    ///
    /// # Errors
    /// [`Error::Stale`]; [`Error::Access`], [`Error::Quota`] and the backend's: the block is the first in its queue again then.
    pub fn collect_block(
        &mut self,
        backend: &mut dyn Backend,
        caller: InstanceId,
        id: ReceiverId,
    ) -> Result<Option<Token>, Error> {
        let receiver = self.receiver_of(caller, id)?;
        let Some(block) = receiver.got else { return Ok(None) };
        self.remove_receiver(id);
        match self.deliver(backend, caller, block) {
            Ok(token) => Ok(Some(token)),
            Err(error) => {
                self.post(receiver.heap, receiver.queue, block, End::Front);
                Err(error)
            }
        }
    }

    /// Stops waiting. What was on its way goes to who is next.
    pub fn stop_receiving(&mut self, caller: InstanceId, id: ReceiverId) {
        let Ok(receiver) = self.receiver_of(caller, id) else { return };
        self.remove_receiver(id);
        if let Some(block) = receiver.got {
            self.post(receiver.heap, receiver.queue, block, End::Front);
        }
    }

    fn deliver(&mut self, backend: &mut dyn Backend, caller: InstanceId, id: BlockId) -> Result<Token, Error> {
        let block = self.blocks.get(id).copied().ok_or(Error::Stale { what: "block" })?;
        self.check_heap_rights(caller, block.heap, HeapRights::WRITE)?;
        self.hand_over(backend, id, &block, caller)?;
        Ok(self.token(id, &block))
    }

    /// Who waits first gets the block; if nobody does it is in the queue.
    fn post(&mut self, heap: HeapId, queue: u32, block: BlockId, end: End) {
        self.put_holder(block, Holder::Sent);
        let Ok(heap) = self.heap_mut(heap) else { return };
        let Some(queue) = heap.queues.get_mut(queue as usize) else { return };
        match (queue.receivers.pop_front(), end) {
            (Some(id), _) => {
                if let Some(receiver) = self.receivers.get_mut(id) {
                    receiver.got = Some(block);
                }
                self.woken.push(Woken::Receiver(id));
            }
            (None, End::Back) => queue.sent.push_back(block),
            (None, End::Front) => queue.sent.push_front(block),
        }
    }

    fn check_queue_number(&self, heap: HeapId, queue: u32) -> Result<(), Error> {
        if (queue as usize) < self.heap(heap)?.queues.len() {
            return Ok(());
        }
        Err(Error::NotFound { name: alloc::format!("queue {queue} of the heap") })
    }

    fn receiver_of(&self, caller: InstanceId, id: ReceiverId) -> Result<Receiver, Error> {
        match self.receivers.get(id) {
            Some(receiver) if receiver.instance == caller => Ok(*receiver),
            _ => Err(Error::Stale { what: "wait for a block" }),
        }
    }

    fn remove_receiver(&mut self, id: ReceiverId) {
        let Some(receiver) = self.receivers.remove(id) else { return };
        if let Some(queue) = self.heaps.get_mut(receiver.heap).and_then(|h| h.queues.get_mut(receiver.queue as usize)) {
            queue.receivers.retain(|other| *other != id);
        }
        if let Some(instance) = self.instances.get_mut(receiver.instance) {
            instance.receivers.remove(&id);
        }
        self.give_quota(receiver.instance, ONE_WAITER);
    }
}

/// Where in a queue.
#[derive(Clone, Copy)]
enum End {
    Front,
    Back,
}
