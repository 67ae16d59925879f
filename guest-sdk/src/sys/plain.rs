//! Types of the heap module that are plain old data themselves, so that they can stand in blocks.

use bytemuck::{Pod, Zeroable};

use crate::heap::RelPtr;

// SAFETY: a link is two `u64` and nothing else, in the layout of C: zeros are values of them.
unsafe impl<T> Zeroable for RelPtr<T> {}
// SAFETY: as above: all bits are values, and there is no padding, since both numbers are as large as their alignment. It is `Copy`, and has no reference.
unsafe impl<T: 'static> Pod for RelPtr<T> {}
