//! A plan: the registers of each region, which range each is for, and what is accessible beyond what was asked.

use crate::range::MOST_RANGES;

/// Bytes that nobody asked for and that are accessible as one of the ranges, because the unit can't draw the bound closer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slack {
    /// The address of the first.
    pub start: u64,
    /// How many.
    pub len: u64,
    /// The range whose rights they have.
    pub range: usize,
}

/// Regions that give the protection asked for: `N` of them at most, `R` for each.
#[derive(Clone, Copy, Debug)]
pub struct Plan<R, const N: usize> {
    regions: [R; N],
    // The first range that a region is for, and how many it serves.
    ranges: [u8; N],
    count: usize,
    available: usize,
    slack: [Slack; 2 * MOST_RANGES],
    slacks: usize,
}

impl<R: Copy, const N: usize> Plan<R, N> {
    pub(crate) fn new(empty: R, available: usize) -> Self {
        let none = Slack { start: 0, len: 0, range: 0 };
        Self {
            regions: [empty; N],
            ranges: [0; N],
            count: 0,
            available: available.min(N),
            slack: [none; 2 * MOST_RANGES],
            slacks: 0,
        }
    }

    /// The regions, number 0 first. Those of the unit that are not here are to be off.
    #[must_use]
    pub fn regions(&self) -> &[R] {
        &self.regions[..self.count]
    }

    /// How many regions of the unit are not used.
    #[must_use]
    pub fn left(&self) -> usize {
        self.available - self.count
    }

    /// The number of the region of range `range`, which was asked to be [`single`](crate::Range::single). On a PMP its entry may
    /// need the one before it, which holds its start; protection stands in this one.
    #[must_use]
    pub fn region_of(&self, range: usize) -> Option<usize> {
        self.ranges[..self.count].iter().rposition(|of| usize::from(*of) == range)
    }

    /// For each region the range it is for: the first of them if it serves several.
    pub fn ranges(&self) -> impl Iterator<Item = usize> + '_ {
        self.ranges[..self.count].iter().map(|range| usize::from(*range))
    }

    /// What is accessible beyond what was asked, at the ends of ranges.
    #[must_use]
    pub fn slack(&self) -> &[Slack] {
        &self.slack[..self.slacks]
    }
}
