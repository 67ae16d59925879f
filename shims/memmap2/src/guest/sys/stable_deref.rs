//! References into a map stay good when the map is moved.

use stable_deref_trait::StableDeref;

use super::super::{Mmap, MmapMut};

// SAFETY: the bytes are not in the value, and only `remap`, which is unsafe, moves them.
unsafe impl StableDeref for Mmap {}
// SAFETY: as above.
unsafe impl StableDeref for MmapMut {}
