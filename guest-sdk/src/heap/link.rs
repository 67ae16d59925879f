//! Links between places in a heap, which mean the same wherever each guest attached it.

use core::fmt;
use core::marker::PhantomData;

use bytemuck::Pod;

use super::{Block, Hold, Shape};
use crate::{Error, Result};

/// A link to a `T` inside a block: a place in the heap, and the block's generation. It can stand in a block itself; zeros are no link.
///
/// It is followed through blocks that this guest has: that they have the place is checked each time, so that what others stored there can't lead astray. A link
/// into a block that another one owns is [`Error::Stale`]; so is one into a block that was freed. To go on to blocks that this guest doesn't have yet,
/// keep their [`Token`](super::Token) instead, and [resolve](super::HeapReader::resolve) it.
///
/// ```no_run
/// use bytemuck::{Pod, Zeroable};
/// use memctl_guest::heap::{Heap, RelPtr};
///
/// #[derive(Clone, Copy, Pod, Zeroable)]
/// #[repr(C)]
/// struct Node {
///     value: u64,
///     next: RelPtr<Node>,
/// }
///
/// let heap = Heap::open("graph")?.attach()?;
/// let mut nodes = heap.slice::<Node>(3)?;
/// for index in 0..3 {
///     let next = nodes.link(index + 1).unwrap_or(RelPtr::NONE);
///     nodes[index] = Node { value: index as u64, next };
/// }
/// // The same loop walks it in another guest, once that has the block.
/// let mut at = nodes.link(0).unwrap_or(RelPtr::NONE);
/// while let Some(node) = at.get(&nodes)? {
///     println!("{}", node.value);
///     at = node.next;
/// }
/// # Ok::<(), memctl_guest::Error>(())
/// ```
#[repr(C)]
pub struct RelPtr<T> {
    /// One more than the first byte's offset in the heap; 0 for no link.
    after: u64,
    generation: u64,
    to: PhantomData<fn() -> T>,
}

impl<T> Clone for RelPtr<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for RelPtr<T> {}

impl<T> PartialEq for RelPtr<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.after, self.generation) == (other.after, other.generation)
    }
}

impl<T> Eq for RelPtr<T> {}

impl<T> Default for RelPtr<T> {
    fn default() -> Self {
        Self::NONE
    }
}

impl<T> fmt::Debug for RelPtr<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.after.checked_sub(1) {
            None => f.write_str("RelPtr::NONE"),
            Some(at) => write!(f, "RelPtr({at:#x} of {:#x})", self.generation),
        }
    }
}

impl<T> RelPtr<T> {
    /// No link.
    pub const NONE: Self = Self { after: 0, generation: 0, to: PhantomData };

    /// Whether it is no link.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.after == 0
    }
}

impl<T: Pod> RelPtr<T> {
    /// What it leads to, inside one of these blocks; `None` if it is no link.
    ///
    /// # Errors
    /// [`Error::Stale`] if it leads into none of the blocks; [`Error::Bounds`] or [`Error::Alignment`] if there can't be a `T` in the block at that place.
    pub fn get<B: Blocks + ?Sized>(self, blocks: &B) -> Result<Option<&T>> {
        let Some(at) = self.after.checked_sub(1) else { return Ok(None) };
        let (start, bytes) = blocks.block(self.generation).ok_or(Error::Stale)?;
        let range = range_of::<T>(at, start, bytes.len())?;
        bytemuck::try_from_bytes(&bytes[range]).map(Some).map_err(|_| Error::Alignment)
    }

    /// What it leads to, inside an own block, to be changed; `None` if it is no link.
    ///
    /// # Errors
    /// Those of [`get`](Self::get).
    pub fn get_mut<'b, U: Shape + ?Sized>(self, block: &'b mut Block<'_, U>) -> Result<Option<&'b mut T>> {
        let Some(at) = self.after.checked_sub(1) else { return Ok(None) };
        let token = block.token();
        if token.generation != self.generation {
            return Err(Error::Stale);
        }
        let bytes = block.as_bytes_mut();
        let range = range_of::<T>(at, token.offset, bytes.len())?;
        bytemuck::try_from_bytes_mut(&mut bytes[range]).map(Some).map_err(|_| Error::Alignment)
    }
}

/// Where a `T` at byte `at` of the heap is in a block of `len` bytes that begins at `start`.
fn range_of<T>(at: u64, start: u64, len: usize) -> Result<core::ops::Range<usize>> {
    let at = at.checked_sub(start).and_then(|at| usize::try_from(at).ok()).ok_or(Error::Bounds)?;
    let end = at.checked_add(size_of::<T>()).filter(|end| *end <= len).ok_or(Error::Bounds)?;
    Ok(at..end)
}

impl<T: Shape + ?Sized, S: Hold> Block<'_, T, S> {
    /// A link to the `U` at byte `at` of the block; `None` if it isn't all inside.
    #[must_use]
    pub fn link_at<U: Pod>(&self, at: usize) -> Option<RelPtr<U>> {
        let token = self.token();
        let inside = at.checked_add(size_of::<U>())? <= self.as_bytes().len();
        inside.then(|| RelPtr { after: token.offset + at as u64 + 1, generation: token.generation, to: PhantomData })
    }
}

impl<T: Pod, S: Hold> Block<'_, [T], S> {
    /// A link to number `index` of the slice; `None` past its end.
    #[must_use]
    pub fn link(&self, index: usize) -> Option<RelPtr<T>> {
        self.link_at(index.checked_mul(size_of::<T>())?)
    }
}

/// Blocks that this guest has, to follow links through: one, or several.
pub trait Blocks {
    /// The block of this generation, if it is among them: where it begins in the heap, and its bytes.
    fn block(&self, generation: u64) -> Option<(u64, &[u8])>;
}

impl<T: Shape + ?Sized, S: Hold> Blocks for Block<'_, T, S> {
    fn block(&self, generation: u64) -> Option<(u64, &[u8])> {
        let token = self.token();
        (token.generation == generation).then(|| (token.offset, self.as_bytes()))
    }
}

impl<B: Blocks> Blocks for [B] {
    fn block(&self, generation: u64) -> Option<(u64, &[u8])> {
        self.iter().find_map(|block| block.block(generation))
    }
}

impl<B: Blocks> Blocks for alloc::vec::Vec<B> {
    fn block(&self, generation: u64) -> Option<(u64, &[u8])> {
        self.as_slice().block(generation)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    /// Bytes that are taken for a block that begins at 64.
    struct Pretended(u64, Vec<u64>);

    impl Blocks for Pretended {
        fn block(&self, generation: u64) -> Option<(u64, &[u8])> {
            (self.0 == generation).then(|| (64, bytemuck::cast_slice(&self.1)))
        }
    }

    fn link<T>(at: u64, generation: u64) -> RelPtr<T> {
        RelPtr { after: at + 1, generation, to: PhantomData }
    }

    #[test]
    fn a_link_leads_into_a_block_of_its_generation_and_nowhere_else() {
        let blocks = [Pretended(7, alloc::vec![1, 2]), Pretended(8, alloc::vec![3, 4])];
        assert_eq!(link::<u64>(72, 8).get(&blocks[..]), Ok(Some(&4)));
        assert_eq!(link::<u64>(64, 9).get(&blocks[..]), Err(Error::Stale));
        assert_eq!(RelPtr::<u64>::NONE.get(&blocks[..]), Ok(None));
    }

    #[test]
    fn a_spoilt_link_is_an_error() {
        let block = Pretended(7, alloc::vec![1, 2]);
        for at in [0, 63, 73, 80, u64::MAX - 1] {
            assert_eq!(link::<u64>(at, 7).get(&block), Err(Error::Bounds), "{at}");
        }
        assert_eq!(link::<u64>(65, 7).get(&block), Err(Error::Alignment));
        assert_eq!(link::<[u64; 3]>(64, 7).get(&block), Err(Error::Bounds));
    }
}
