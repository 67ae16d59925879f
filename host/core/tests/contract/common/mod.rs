//! What every test here needs: memory hardware made of vectors, and an embedding around a domain.

mod ram;
mod world;

pub(crate) use memctl_model::{Kind, MapAt, map_at};
pub(crate) use ram::{Ram, memory_of};
pub(crate) use world::{World, memory};

/// In bytes. As small as on an MPU board, so that programs are small too.
pub(crate) const GRANULE: u64 = 32;

/// A guest's memory, in bytes.
pub(crate) const MEMORY: u64 = 8 * GRANULE;

/// How windows of a guest's memories show objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Bytes move.
    Copy,
    /// The object's storage is the window.
    Alias,
    /// The first guest's windows alias, the others' copy.
    Mixed,
}

#[cfg(not(miri))]
pub(crate) const MODES: [Mode; 3] = [Mode::Copy, Mode::Alias, Mode::Mixed];
/// Under Miri, which is a thousand times slower, the one that has all of the others' code.
#[cfg(miri)]
pub(crate) const MODES: [Mode; 1] = [Mode::Mixed];

/// A number that was checked, as an index.
pub(crate) fn at(value: u64) -> usize {
    usize::try_from(value).expect("tests stay small")
}
