//! Blocks that circulate between one guest that fills them and one that empties them.

use core::fmt;
use core::ops::{Deref, DerefMut};
use core::time::Duration;

use bytemuck::Pod;

use super::{Block, Heap, Kept, Queue, Shape};
use crate::Result;

/// Which queues of a heap a ring goes over, each end the same ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingQueues {
    /// The queue of slots to be read.
    pub filled: u32,
    /// The queue of slots to be written.
    pub empty: u32,
}

/// The end of a ring that fills slots: equal blocks that were allocated once, and go round between one producer and one consumer. So neither allocates, and a
/// producer that is faster waits. Made by [`Heap::ring`].
///
/// ```no_run
/// use core::time::Duration;
/// use memctl_guest::heap::{Heap, RingQueues};
///
/// let heap = Heap::open("frames")?.attach()?;
/// let queues = RingQueues { filled: 0, empty: 1 };
/// let ring = heap.ring::<u32>(queues, 4, 1024)?;
/// let mut slot = ring.slot_within(Duration::from_secs(1))?;
/// slot[0] = 7;
/// slot.commit()?;
///
/// // In another guest:
/// let ring = heap.ring_consumer::<u32>(queues)?;
/// let slot = ring.next_within(Duration::from_secs(1))?;
/// println!("{}", slot[0]);
/// # Ok::<(), memctl_guest::Error>(())
/// ```
pub struct RingProducer<'h, T: Shape + ?Sized> {
    ends: Ends<'h, T>,
}

/// The end of a ring that empties slots: see [`RingProducer`]. Made by [`Heap::ring_consumer`].
pub struct RingConsumer<'h, T: Shape + ?Sized> {
    ends: Ends<'h, T>,
}

struct Ends<'h, T: Shape + ?Sized> {
    filled: Queue<'h, T>,
    empty: Queue<'h, T>,
}

impl<'h, T: Shape + ?Sized> Ends<'h, T> {
    fn new(heap: &'h Heap, queues: RingQueues) -> Result<Self> {
        Ok(Self { filled: heap.queue(queues.filled)?, empty: heap.queue(queues.empty)? })
    }
}

impl Heap {
    /// A ring of `slots` new blocks of `len` values each, and its producer's end.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound) for a queue; those of [`slice`](Heap::slice). Slots that were allocated until then stay in the queue.
    pub fn ring<T: Pod>(&self, queues: RingQueues, slots: u32, len: usize) -> Result<RingProducer<'_, [T]>> {
        let ends = Ends::new(self, queues)?;
        for _ in 0..slots {
            ends.empty.send(self.slice(len)?)?;
        }
        Ok(RingProducer { ends })
    }

    /// A ring's consumer's end.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound) for a queue.
    pub fn ring_consumer<T: Pod>(&self, queues: RingQueues) -> Result<RingConsumer<'_, [T]>> {
        Ok(RingConsumer { ends: Ends::new(self, queues)? })
    }
}

impl<'h, T: Shape + ?Sized> RingProducer<'h, T> {
    /// A slot to be written. It has what it was filled with last. Waits for one, at most for `timeout`.
    ///
    /// # Errors
    /// Those of [`Queue::receive_within`].
    pub fn slot_within(&self, timeout: Duration) -> Result<SlotMut<'_, 'h, T>> {
        Ok(SlotMut { block: Some(self.ends.empty.receive_within(timeout)?), ends: &self.ends })
    }
}

impl<'h, T: Shape + ?Sized> RingConsumer<'h, T> {
    /// The slot that was filled first. Waits for one, at most for `timeout`.
    ///
    /// # Errors
    /// Those of [`Queue::receive_within`].
    pub fn next_within(&self, timeout: Duration) -> Result<Slot<'_, 'h, T>> {
        Ok(Slot { block: Some(self.ends.filled.receive_within(timeout)?), ends: &self.ends })
    }
}

/// A slot that is being filled. Dropping it without [`commit`](Self::commit) gives it back to be filled later.
#[must_use = "the slot is given back empty when it is dropped"]
pub struct SlotMut<'r, 'h, T: Shape + ?Sized> {
    // Invariant: `Some` until it is sent.
    block: Option<Block<'h, T>>,
    ends: &'r Ends<'h, T>,
}

/// A slot that was filled. Dropping it gives it back to be filled again.
#[must_use = "the slot is given back when it is dropped"]
pub struct Slot<'r, 'h, T: Shape + ?Sized> {
    // Invariant: `Some` until it is sent.
    block: Option<Block<'h, T>>,
    ends: &'r Ends<'h, T>,
}

const SENT: &str = "a slot has its block until it is sent";

impl<T: Shape + ?Sized> SlotMut<'_, '_, T> {
    /// Hands the slot to the consumer.
    ///
    /// # Errors
    /// Those of [`Queue::send`]. The slot is given back, unless it can't be.
    pub fn commit(mut self) -> Result<()> {
        let Some(block) = self.block.take() else { return Ok(()) };
        self.ends.filled.send(block).map_err(|Kept { block, error }| {
            self.block = Some(block);
            error
        })
    }
}

impl<T: Shape + ?Sized> Drop for SlotMut<'_, '_, T> {
    fn drop(&mut self) {
        give_back(self.ends, self.block.take());
    }
}

impl<T: Shape + ?Sized> Drop for Slot<'_, '_, T> {
    fn drop(&mut self) {
        give_back(self.ends, self.block.take());
    }
}

fn give_back<T: Shape + ?Sized>(ends: &Ends<'_, T>, block: Option<Block<'_, T>>) {
    if let Some(block) = block {
        // If it can't be sent it is freed: the ring has one slot less, and the host's log says why.
        let _sent = ends.empty.send(block);
    }
}

impl<T: Shape + ?Sized> Deref for SlotMut<'_, '_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.block.as_ref().expect(SENT)
    }
}

impl<T: Shape + ?Sized> DerefMut for SlotMut<'_, '_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.block.as_mut().expect(SENT)
    }
}

impl<T: Shape + ?Sized> Deref for Slot<'_, '_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.block.as_ref().expect(SENT)
    }
}

impl<T: Shape + ?Sized> fmt::Debug for SlotMut<'_, '_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlotMut").field("block", &self.block).finish_non_exhaustive()
    }
}

impl<T: Shape + ?Sized> fmt::Debug for Slot<'_, '_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").field("block", &self.block).finish_non_exhaustive()
    }
}

impl<T: Shape + ?Sized> fmt::Debug for RingProducer<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RingProducer").field("filled", &self.ends.filled).finish_non_exhaustive()
    }
}

impl<T: Shape + ?Sized> fmt::Debug for RingConsumer<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RingConsumer").field("filled", &self.ends.filled).finish_non_exhaustive()
    }
}
