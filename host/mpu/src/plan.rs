//! A plan: the registers of each region, which range each is for, and what is accessible beyond what was asked.

use crate::Error;
use crate::layers::{Layers, Span};
use crate::range::{MOST_RANGES, Range};

/// Regions that give the protection asked for: `N` of them at most, `R` for each.
#[derive(Clone, Copy, Debug)]
pub struct Plan<R, const N: usize> {
    regions: [R; N],
    // The first range that a region serves, by address.
    ranges: [u8; N],
    count: u8,
    available: u8,
}

impl<R: Copy, const N: usize> Plan<R, N> {
    /// The regions, number 0 first. Those of the unit that are not here are to be off.
    #[must_use]
    pub fn regions(&self) -> &[R] {
        &self.regions[..usize::from(self.count)]
    }

    /// How many regions of the unit are not used.
    #[must_use]
    pub fn left(&self) -> usize {
        usize::from(self.available - self.count)
    }

    /// The number of the region of range `range`, which was asked to be [`single`](crate::Range::single); none if later ranges hide it. On
    /// a PMP its entry may need the one before it, which holds its start; protection stands in this one.
    #[must_use]
    pub fn region_of(&self, range: usize) -> Option<usize> {
        self.ranges[..usize::from(self.count)].iter().rposition(|of| usize::from(*of) == range)
    }

    /// For each region the range it is for: the first of them, by address, if it serves several. [`MOST_RANGES`] for an entry of a PMP that keeps
    /// bytes that nobody asked for out of a larger entry.
    pub fn ranges(&self) -> impl Iterator<Item = usize> + '_ {
        self.ranges[..usize::from(self.count)].iter().map(|range| usize::from(*range))
    }
}

/// A plan that is being made. It counts on when there is no room left, so that an error can say by how much.
pub(crate) struct Draft<R, const N: usize> {
    plan: Plan<R, N>,
    wanted: usize,
    // For each range the regions that give it its protection, and all that are there for it.
    parts: [u16; MOST_RANGES],
    takes: [u16; MOST_RANGES],
}

impl<R: Copy, const N: usize> Draft<R, N> {
    pub(crate) fn new(empty: R, available: u8) -> Self {
        let most = u8::try_from(N).unwrap_or(u8::MAX);
        let plan = Plan { regions: [empty; N], ranges: [0; N], count: 0, available: available.min(most) };
        Self { plan, wanted: 0, parts: [0; MOST_RANGES], takes: [0; MOST_RANGES] }
    }

    /// A region that gives `range` its protection.
    pub(crate) fn push(&mut self, region: R, range: usize) {
        if let Some(parts) = self.parts.get_mut(range) {
            *parts += 1;
        }
        self.push_start(region, range);
    }

    /// A region that only says where the next starts.
    pub(crate) fn push_start(&mut self, region: R, range: usize) {
        self.wanted += 1;
        if let Some(takes) = self.takes.get_mut(range) {
            *takes += 1;
        }
        if self.plan.count < self.plan.available {
            let at = usize::from(self.plan.count);
            self.plan.regions[at] = region;
            #[expect(clippy::cast_possible_truncation, reason = "there are 16 ranges at most, and nobody")]
            let range = range as u8;
            self.plan.ranges[at] = range;
            self.plan.count += 1;
        }
    }

    /// The plan, if all regions are in it and no single range has several.
    pub(crate) fn finish(self, layers: &Layers<'_>) -> Result<Plan<R, N>, Error> {
        for (range, parts) in self.parts.iter().enumerate().take(layers.ranges.len()) {
            let Range { start, len, .. } = layers.ranges[range];
            if layers.is_single(range) && *parts > 1 {
                return Err(Error::NotSingle { range, start, len, needed: usize::from(*parts) });
            }
        }
        let available = usize::from(self.plan.available);
        if self.wanted > available {
            let most = self.takes.iter().enumerate().rev().max_by_key(|(_, takes)| **takes);
            let (greediest, takes) = most.map_or((0, 0), |(range, takes)| (range, usize::from(*takes)));
            return Err(Error::TooFewRegions { needed: self.wanted, available, greediest, takes });
        }
        Ok(self.plan)
    }
}

/// Bytes that nobody asked for and that are accessible as one of the ranges, because bounds were rounded out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slack {
    /// The address of the first.
    pub start: u64,
    /// How many.
    pub len: u64,
    /// The range whose rights they have.
    pub range: usize,
}

/// The slack of a plan, by address.
#[derive(Clone)]
pub struct Slacks<'a> {
    layers: Layers<'a>,
    at: u64,
}

impl<'a> Slacks<'a> {
    pub(crate) fn new(layers: Layers<'a>) -> Self {
        Self { layers, at: 0 }
    }

    /// All of it together, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.clone().map(|slack| slack.len).sum()
    }

    fn asked(&self) -> impl Iterator<Item = Span> + '_ {
        self.layers.ranges.iter().map(|range| Span { start: range.start, end: range.start + range.len })
    }
}

impl Iterator for Slacks<'_> {
    type Item = Slack;

    fn next(&mut self) -> Option<Slack> {
        loop {
            let at = self.at;
            let inside = |span: &Span| span.start <= at && at < span.end;
            let bounds = self.layers.spans().iter().copied().chain(self.asked());
            let next = bounds.flat_map(|span| [span.start, span.end]).filter(|bound| *bound > at).min();
            let owner = self.layers.spans().iter().rposition(inside);
            let is_slack = !self.asked().any(|span| inside(&span));
            self.at = next?;
            if let (Some(range), true) = (owner, is_slack) {
                return Some(Slack { start: at, len: self.at - at, range });
            }
        }
    }
}
