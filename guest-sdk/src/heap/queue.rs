//! Queues of blocks.

use core::fmt;
use core::marker::PhantomData;
use core::time::Duration;

use super::{Block, Heap, Kept, Shape};
use crate::guard::nanoseconds;
use crate::sys::{AT_ONCE, Held};
use crate::{Error, Result};

/// A queue of a heap: any number of guests send blocks to it, and any number receive them, in order. Made by [`Heap::queue`].
///
/// Waiting is the host's: where it calls guests synchronously, who waits blocks its thread; where it calls them asynchronously, others run meanwhile.
///
/// ```no_run
/// use core::time::Duration;
/// use memctl_guest::heap::Heap;
///
/// let heap = Heap::open("frames")?.attach()?;
/// let queue = heap.queue::<[u8]>(0)?;
/// queue.send(heap.slice(1 << 20)?)?;
/// // In another guest:
/// let frame = queue.receive_within(Duration::from_secs(1))?;
/// println!("{} bytes", frame.len());
/// # Ok::<(), memctl_guest::Error>(())
/// ```
pub struct Queue<'h, T: Shape + ?Sized = [u8]> {
    heap: &'h Heap,
    number: u32,
    shape: PhantomData<fn() -> *const T>,
}

impl<T: Shape + ?Sized> Clone for Queue<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Shape + ?Sized> Copy for Queue<'_, T> {}

impl<T: Shape + ?Sized> fmt::Debug for Queue<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("number", &self.number).finish_non_exhaustive()
    }
}

impl<'h, T: Shape + ?Sized> Queue<'h, T> {
    pub(super) fn new(heap: &'h Heap, number: u32) -> Self {
        Self { heap, number, shape: PhantomData }
    }

    /// Gives the block away, to who receives it.
    ///
    /// # Errors
    /// The block, and [`Error::NotFound`] if it is of another heap; [`Error::Io`] if what was written could not be stored.
    pub fn send<'b>(&self, block: Block<'b, T>) -> Result<(), Kept<Block<'b, T>>> {
        block.send(self.number)
    }

    /// The block that was sent first; waits for one for as long as it takes.
    ///
    /// # Errors
    /// [`Error::Access`] if this guest may not own blocks of the heap; [`Error::Quota`]; [`Error::Io`]: the block stays in the queue. [`Error::Bounds`] or
    /// [`Error::Alignment`] if it can't be a `T`: then it is freed. (A queue of bytes takes all blocks, and [`Block::cast`] keeps them.)
    pub fn receive(&self) -> Result<Block<'h, T>> {
        self.receive_within(Duration::MAX)
    }

    /// As [`receive`](Self::receive), but waits at most for `timeout`.
    ///
    /// # Errors
    /// Those of [`receive`](Self::receive); [`Error::TimedOut`].
    pub fn receive_within(&self, timeout: Duration) -> Result<Block<'h, T>> {
        self.received(nanoseconds(timeout))
    }

    /// As [`receive`](Self::receive), but doesn't wait: `None` if there is none.
    ///
    /// # Errors
    /// Those of [`receive`](Self::receive).
    pub fn try_receive(&self) -> Result<Option<Block<'h, T>>> {
        match self.received(AT_ONCE) {
            Err(Error::TimedOut) => Ok(None),
            received => received.map(Some),
        }
    }

    fn received(&self, timeout: u64) -> Result<Block<'h, T>> {
        let held = Held::receive(self.heap.attached(), self.number, timeout)?;
        Block::new(held).map_err(|(_freed, error)| error)
    }
}
