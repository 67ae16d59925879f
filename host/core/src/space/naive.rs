//! A map of the units of a space, one flag each, and steps to take with both.

use alloc::{vec, vec::Vec};
use core::ops::Range;

use proptest::prelude::*;

use super::{Placed, Space};

/// Bytes.
pub(super) const UNIT: u64 = 16;

/// Lengths of a space to start with; short ones where each instruction is interpreted.
pub(super) fn lens() -> Range<u64> {
    0..if cfg!(miri) { 1_000 } else { 70_000 }
}

/// Fewer cases where each instruction is interpreted.
pub(super) fn cases() -> ProptestConfig {
    let usual = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if cfg!(miri) { ProptestConfig { cases: 1, ..usual } } else { usual }
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Alloc {
        len: u64,
        align: u64,
    },
    /// Of the live ranges the one with this number, modulo how many there are.
    Free {
        which: usize,
    },
    Grow {
        more: u64,
    },
}

/// Mostly ranges of some units, now and then one of a good part of a space of some tens of KiB.
pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let len = prop_oneof![4 => 1..700_u64, 1 => 1..20_000_u64];
    let align = prop_oneof![2 => Just(1_u64), 1 => (0..13_u32).prop_map(|bits| 1 << bits)];
    let step = prop_oneof![
        8 => (len, align).prop_map(|(len, align)| Step::Alloc { len, align }),
        6 => any::<usize>().prop_map(|which| Step::Free { which }),
        1 => (0..3000_u64).prop_map(|more| Step::Grow { more }),
    ];
    proptest::collection::vec(step, 0..if cfg!(miri) { 10 } else { 200 })
}

#[derive(Clone, Debug)]
pub(super) struct Naive {
    bytes: u64,
    taken: Vec<bool>,
    pub(super) live: Vec<Placed>,
}

impl Naive {
    pub(super) fn new(len: u64) -> (Space, Self) {
        let mut naive = Self { bytes: 0, taken: vec![], live: vec![] };
        naive.grow(len);
        (Space::new(len, UNIT), naive)
    }

    fn grow(&mut self, more: u64) {
        self.bytes += more;
        self.taken.resize(index(self.bytes / UNIT), false);
    }

    /// Takes a step with both and compares all that can be seen. What was allocated, if anything was.
    pub(super) fn step(&mut self, space: &mut Space, step: Step) -> Option<Placed> {
        let before = space.clone();
        let mut allocated = None;
        match step {
            Step::Alloc { len, align } => {
                allocated = space.alloc(len, align);
                match allocated {
                    Some(placed) => {
                        assert_eq!(placed.len, len.next_multiple_of(UNIT));
                        assert!(placed.offset.is_multiple_of(align.max(UNIT)));
                        self.mark(placed, true);
                        self.live.push(placed);
                    }
                    None => assert_eq!(*space, before, "a failed alloc changes nothing"),
                }
            }
            Step::Free { which } if !self.live.is_empty() => {
                let placed = self.live.swap_remove(which % self.live.len());
                self.mark(placed, false);
                assert_eq!(space.free(placed.node), Some(placed));
                let freed = space.clone();
                assert_eq!(space.free(placed.node), None);
                assert_eq!(*space, freed, "a stale node does nothing");
            }
            Step::Free { .. } => {}
            Step::Grow { more } => {
                self.grow(more);
                space.grow(self.bytes);
            }
        }
        space.assert_whole();
        let mut live = self.live.clone();
        live.sort_by_key(|placed| placed.offset);
        assert_eq!(space.live(), live);
        let taken = self.taken.iter().filter(|&&taken| taken).count() as u64 * UNIT;
        assert_eq!((space.len(), space.used()), (self.taken.len() as u64 * UNIT, taken));
        assert_eq!(space.free_bytes(), space.len() - taken);
        allocated
    }

    /// Marks units that are all marked otherwise: what lies outside or overlaps panics.
    fn mark(&mut self, placed: Placed, taken: bool) {
        let first = index(placed.offset / UNIT);
        for unit in &mut self.taken[first..first + index(placed.len / UNIT)] {
            assert_ne!(*unit, taken, "{placed:?} overlaps another range");
            *unit = taken;
        }
    }

    /// Start and length of every stretch of free units, in units.
    pub(super) fn gaps(&self) -> Vec<(u64, u64)> {
        let mut gaps: Vec<(u64, u64)> = vec![];
        for unit in (0..).zip(&self.taken).filter_map(|(unit, &taken)| (!taken).then_some(unit)) {
            match gaps.last_mut().filter(|(start, len)| start + len == unit) {
                Some((_, len)) => *len += 1,
                None => gaps.push((unit, 1)),
            }
        }
        gaps
    }
}

fn index(units: u64) -> usize {
    usize::try_from(units).expect("a small space")
}
