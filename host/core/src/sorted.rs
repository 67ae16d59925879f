//! Maps and sets in key order: B-trees, or on boards sorted vectors, whose code is a fifth as large and whose tables are small.
//!
//! Feature `btree` chooses. Both have the same methods, of those that are needed here, and they do the same.

#[cfg(feature = "btree")]
pub use alloc::collections::{BTreeMap as Map, BTreeSet as Set};
#[cfg(not(feature = "btree"))]
pub use vector::{Map, Set};

/// There is room for one more. On boards for that one only: most tables there have one or two entries, and vectors begin with room for four.
pub(crate) fn make_room<T>(entries: &mut alloc::vec::Vec<T>) {
    if cfg!(not(feature = "btree")) && entries.len() == entries.capacity() {
        entries.reserve_exact(1);
    }
}

#[cfg(any(test, not(feature = "btree")))]
#[cfg_attr(feature = "btree", expect(unreachable_pub, dead_code, reason = "here for the tests beside"))]
mod vector;

#[cfg(test)]
mod tests;
