//! Shared heaps: blocks that guests allocate, and hand each other without copying them.
//!
//! The embedder publishes a heap; guests [open](Heap::open) it by its name and attach it. A block has one owner, who may write it; it can give it away, to one
//! guest by its [`Token`] or through a [`Queue`], or share it, so that others read it. On a host that shows one page to several guests nothing is copied; on
//! others a block's bytes move when it changes hands, and no others do.
//!
//! What is allocated, and whose it is, is known to the host alone. A heap's guests trust each other as far as they store: where host pages don't keep them
//! apart (they do in domains that are parallel or audited), one that stores outside its blocks can spoil what is in those of others, though nothing else.

mod block;
mod link;
mod queue;
mod ring;
mod shape;
mod token;

use core::fmt;
use core::ops::Deref;

use bytemuck::Pod;

use crate::bindings::heap as wit;
pub use crate::bindings::heap::{HeapRights, HeapStatus};
use crate::bindings::types::Protection;
use crate::sys::{Attached, Held, require_host};
use crate::{Error, Refused, Result, WindowBuf};

pub use block::{Block, Hold, Kept, Owned, Reading, Shared, SharedBox, SharedSlice};
pub use link::{Blocks, RelPtr};
pub use queue::Queue;
pub use ring::{RingConsumer, RingProducer, RingQueues, Slot, SlotMut};
pub use shape::Shape;
pub use token::Token;

/// A heap, or chain of heaps, that the embedder published. Made by [`Heap::open`].
///
/// ```no_run
/// use memctl_guest::heap::{Heap, HeapRights};
///
/// let frames = Heap::open("frames")?;
/// let status = frames.status()?;
/// println!("{} of {} bytes are free", status.free, status.len);
/// if status.rights.contains(HeapRights::WRITE) {
///     let heap = frames.attach()?;
///     // … heap.boxed(7_u64)? …
/// #   let _ = heap;
/// }
/// # Ok::<(), memctl_guest::Error>(())
/// ```
#[derive(Debug)]
pub struct OpenHeap {
    id: u64,
}

impl OpenHeap {
    /// What is known of it at the moment.
    ///
    /// # Errors
    /// [`Error::Stale`] if it is gone.
    pub fn status(&self) -> Result<HeapStatus> {
        Ok(wit::status(self.id)?)
    }

    /// Shows the heap in a window that is allocated here, with room for all that it can grow to, and freed when it is detached.
    ///
    /// # Errors
    /// [`Error::Access`] without the right to write it; [`Error::Overlap`] if this guest has attached it already; [`Error::Quota`]; [`Error::OutOfMemory`];
    /// [`Error::Unsupported`]; [`Error::Io`]. Nothing is attached then.
    pub fn attach(self) -> Result<Heap> {
        let window = self.window()?;
        Ok(self.attach_in(window)?)
    }

    /// As [`attach`](Self::attach), for reading what others share. Needs a host that protects the window
    /// ([`Capabilities::PROTECTION`](crate::domain::Capabilities::PROTECTION)).
    ///
    /// # Errors
    /// Those of [`attach`](Self::attach); [`Error::Access`] without the right to read it.
    pub fn attach_read_only(self) -> Result<HeapReader> {
        let window = self.window()?;
        Ok(self.attach_read_only_in(window)?)
    }

    /// As [`attach`](Self::attach), in the first bytes of a window of the caller's.
    ///
    /// # Errors
    /// Those of [`attach`](Self::attach), with the window; [`Error::Bounds`] if it is too small.
    pub fn attach_in(self, window: WindowBuf) -> Result<Heap, Refused> {
        Ok(Heap { reader: self.attach_with(window, Protection::ReadWrite)? })
    }

    /// As [`attach_read_only`](Self::attach_read_only), in the first bytes of a window of the caller's.
    ///
    /// # Errors
    /// Those of [`attach_read_only`](Self::attach_read_only), with the window; [`Error::Bounds`] if it is too small.
    pub fn attach_read_only_in(self, window: WindowBuf) -> Result<HeapReader, Refused> {
        self.attach_with(window, Protection::Read)
    }

    fn attach_with(self, window: WindowBuf, protection: Protection) -> Result<HeapReader, Refused> {
        match Attached::attach(self.id, window.into_pages(), protection) {
            Ok(attached) => Ok(HeapReader { attached }),
            Err((pages, error)) => Err(Refused { window: WindowBuf::from_pages(pages), error }),
        }
    }

    /// A window with room for it.
    fn window(&self) -> Result<WindowBuf> {
        WindowBuf::new(usize::try_from(self.status()?.max_len).map_err(|_| Error::OutOfMemory)?)
    }
}

/// A heap in a window of this guest, for reading what others share. Made by [`OpenHeap::attach_read_only`]; a [`Heap`] is one as well.
///
/// Dropping it detaches: the window is freed, and nothing of the heap is left in it.
pub struct HeapReader {
    attached: Attached,
}

impl HeapReader {
    /// What is known of it at the moment.
    ///
    /// # Errors
    /// [`Error::Stale`] if it is gone.
    pub fn status(&self) -> Result<HeapStatus> {
        Ok(wit::status(self.attached.heap())?)
    }

    /// Begins to read a block that another guest shares. It stays, and as it is, until the result is dropped.
    ///
    /// ```no_run
    /// # use memctl_guest::heap::{Heap, Token};
    /// # fn read(token: Token) -> memctl_guest::Result<()> {
    /// let heap = Heap::open("settings")?.attach_read_only()?;
    /// let numbers = heap.resolve::<[u32; 4]>(token)?;
    /// println!("{}", numbers[3]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Stale`] if there is no such block (any more); [`Error::Busy`] if it isn't shared, or this guest owns or reads it already; [`Error::Access`];
    /// [`Error::Quota`]; [`Error::NotFound`] if it is of another heap; [`Error::Bounds`] or [`Error::Alignment`] if it can't be a `T`.
    pub fn resolve<T: Shape + ?Sized>(&self, token: Token) -> Result<Block<'_, T, Reading>> {
        Block::new(Held::resolve(&self.attached, token, T::fits)?).map_err(|(_released, error)| error)
    }

    /// Detaches, and gives the window back.
    ///
    /// # Errors
    /// [`Error::Io`] if what was written could not be stored: the window is leaked then.
    pub fn detach_into_window(self) -> Result<WindowBuf> {
        self.attached.detach().map(WindowBuf::from_pages)
    }
}

/// A heap in a window of this guest, that blocks are allocated in, given and taken. Made by [`OpenHeap::attach`].
///
/// Dropping it detaches: the window is freed, and nothing of the heap is left in it. Blocks borrow it, so that none is left then.
///
/// ```no_run
/// use memctl_guest::heap::Heap;
///
/// let heap = Heap::open("frames")?.attach()?;
/// let mut counter = heap.boxed(0_u64)?;
/// *counter += 1;
/// let counter = counter.share()?;
/// // Others read it: `heap.resolve::<u64>(token)?`.
/// let token = counter.token();
/// # let _ = token;
/// # Ok::<(), memctl_guest::Error>(())
/// ```
pub struct Heap {
    reader: HeapReader,
}

impl Heap {
    /// The heap, or chain of heaps, that the embedder published as `name`.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none of that name; [`Error::Access`] without any right to it; [`Error::Unsupported`] outside a wasm guest.
    pub fn open(name: &str) -> Result<OpenHeap> {
        require_host()?;
        Ok(OpenHeap { id: wit::open(name)? })
    }

    /// A new block with this value.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if the heap has no room for it; [`Error::Access`] without the right to allocate; [`Error::Quota`]; [`Error::Bounds`] for a
    /// type without bytes.
    pub fn boxed<T: Pod>(&self, value: T) -> Result<SharedBox<'_, T>> {
        let mut block: SharedBox<'_, T> = self.new_block(size_of::<T>(), align_of::<T>())?;
        *block = value;
        Ok(block)
    }

    /// A new block of `len` zeroed values.
    ///
    /// # Errors
    /// Those of [`boxed`](Self::boxed); [`Error::Bounds`] if `len` is 0.
    pub fn slice<T: Pod>(&self, len: usize) -> Result<SharedSlice<'_, T>> {
        let bytes = len.checked_mul(size_of::<T>()).ok_or(Error::OutOfMemory)?;
        self.new_block(bytes, align_of::<T>())
    }

    /// A new block of `len` zero bytes, at a multiple of `align` in its heap.
    ///
    /// # Errors
    /// Those of [`slice`](Self::slice); [`Error::Alignment`] if `align` is no power of two.
    pub fn block(&self, len: usize, align: usize) -> Result<Block<'_>> {
        self.new_block(len, align)
    }

    fn new_block<T: Shape + ?Sized>(&self, len: usize, align: usize) -> Result<Block<'_, T>> {
        Block::new(Held::alloc(self.attached(), len, align)?).map_err(|(_freed, error)| error)
    }

    /// Takes a block that was [given away](Block::give).
    ///
    /// # Errors
    /// [`Error::Stale`] if there is no such block (any more); [`Error::Busy`] if it was not given away, or another guest took it; [`Error::Access`]; [`Error::Quota`];
    /// [`Error::NotFound`] if it is of another heap; [`Error::Bounds`] or [`Error::Alignment`] if it can't be a `T`. It can still be taken then.
    pub fn take<T: Shape + ?Sized>(&self, token: Token) -> Result<Block<'_, T>> {
        Block::new(Held::take(self.attached(), token, T::fits)?).map_err(|(_freed, error)| error)
    }

    /// A block of a guest that ended, if the embedder named this one as its heir; `None` if there is no more. [`Block::unshare`] makes it one that can be written.
    ///
    /// # Errors
    /// [`Error::Stale`]; [`Error::Io`], and it can be inherited again.
    pub fn inherit(&self) -> Result<Option<Block<'_, [u8], Shared>>> {
        match Held::inherit(self.attached()) {
            Ok(held) => Block::new(held).map(Some).map_err(|(_freed, error)| error),
            Err(Error::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Queue number `number` of the heap, for blocks that are a `T`.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it has not so many; [`Error::Stale`].
    pub fn queue<T: Shape + ?Sized>(&self, number: u32) -> Result<Queue<'_, T>> {
        if number < self.status()?.queues { Ok(Queue::new(self, number)) } else { Err(Error::NotFound) }
    }

    /// Detaches, and gives the window back.
    ///
    /// # Errors
    /// [`Error::Io`] if what was written could not be stored: the window is leaked then.
    pub fn detach_into_window(self) -> Result<WindowBuf> {
        self.reader.detach_into_window()
    }

    fn attached(&self) -> &Attached {
        &self.reader.attached
    }
}

impl Deref for Heap {
    type Target = HeapReader;

    fn deref(&self) -> &HeapReader {
        &self.reader
    }
}

impl fmt::Debug for HeapReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeapReader").field("heap", &self.attached.heap()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Heap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heap").field("heap", &self.attached().heap()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(not(target_family = "wasm"))]
    #[test]
    fn outside_a_guest_there_is_no_heap() {
        assert_eq!(Heap::open("frames").map(drop), Err(Error::Unsupported));
    }
}
