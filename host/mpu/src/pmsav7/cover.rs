//! The fewest regions that cover a set of bytes, where a region is an aligned power of two and its eighths may be off.
//!
//! Aligned powers of two form a tree: each block has two halves. A region on a block reaches down three levels, to its eighths. So
//! what it takes to cover the bytes of a block depends only on which of the three blocks above it have a region, which is 8 cases; the
//! halves' 8 numbers give the block's, and the root's are exact: the smallest block with eighths that holds all, because a region on a
//! larger one has larger eighths. Blocks below 256 bytes have none and are taken whole.

use super::Region;
use crate::layers::{Layers, Pieces, Span, enclosing};
use crate::range::MOST_RANGES;

/// Where eighths begin.
const EIGHTHS: u64 = 256;

/// How many regions the bytes of a block take, for each set of blocks above it that have one: bit 0 is its parent.
type Costs = [u8; 8];

/// What is to be covered.
pub(super) struct Cover {
    pieces: Pieces,
    // The group of each range: ranges that share regions. A group is called by its first range.
    groups: [usize; MOST_RANGES],
    // The groups in the order of their regions, and the place of each there.
    order: [usize; MOST_RANGES],
    places: [usize; MOST_RANGES],
    count: usize,
}

/// What a group may and must cover in a block.
enum Block {
    /// It has nothing to cover here.
    Free,
    /// It has, and may cover all of it: what isn't its own belongs to regions with higher numbers.
    Whole,
    /// It has, and must leave something out.
    Part,
}

impl Cover {
    pub(super) fn of(layers: &Layers<'_>) -> Self {
        let spans = layers.spans();
        let mut groups = [0; MOST_RANGES];
        for (range, span) in spans.iter().enumerate() {
            // It joins a group unless it lies above a range whose regions would then have higher numbers.
            let joins = |group: &usize| {
                groups[*group] == *group
                    && layers.alike(*group, range)
                    && !(0..range).any(|other| groups[other] > *group && spans[other].overlap(*span) > 0)
            };
            groups[range] = (0..range).find(joins).unwrap_or(range);
        }
        let mut cover =
            Self { pieces: layers.pieces(), groups, order: [0; MOST_RANGES], places: [0; MOST_RANGES], count: 0 };
        for range in (0..spans.len()).filter(|range| groups[*range] == *range) {
            cover.order[cover.count] = range;
            cover.places[range] = cover.count;
            cover.count += 1;
        }
        cover.reorder();
        cover
    }

    /// Swaps neighbours in the order while that saves regions: what is visible of each group stays what it is, and what lies under another
    /// group's regions is free.
    fn reorder(&mut self) {
        let mut at = 1;
        while at < self.count {
            let before = self.take(at - 1) + self.take(at);
            self.swap(at);
            if before > 2 && self.take(at - 1) + self.take(at) < before {
                at = 1;
            } else {
                self.swap(at);
                at += 1;
            }
        }
    }

    /// How many regions the group at place `at` takes.
    fn take(&self, at: usize) -> u16 {
        let group = self.order[at];
        self.root(group).map_or(0, |root| self.costs(group, root)[0].into())
    }

    fn swap(&mut self, at: usize) {
        self.order.swap(at - 1, at);
        self.places[self.order[at - 1]] = at - 1;
        self.places[self.order[at]] = at;
    }

    /// Hands out the regions with the first range that each serves, in the order of their numbers.
    pub(super) fn each(&self, region: &mut dyn FnMut(usize, Region)) {
        for group in &self.order[..self.count] {
            if let Some(root) = self.root(*group) {
                self.emit(*group, root, 0, region);
            }
        }
    }

    /// The block that holds all of a group's bytes, if it has any.
    fn root(&self, group: usize) -> Option<Span> {
        let mut own = self.pieces.iter().filter(|piece| self.groups[piece.owner] == group);
        let first = own.next()?.span;
        let end = own.next_back().map_or(first.end, |last| last.span.end);
        Some(enclosing(Span { end, ..first }, EIGHTHS))
    }

    fn look(&self, group: usize, block: Span) -> Block {
        let (mut own, mut allowed) = (0, 0);
        for piece in self.pieces.iter() {
            let bytes = piece.span.overlap(block);
            let of = self.groups[piece.owner];
            if of == group {
                own += bytes;
            }
            if self.places[of] >= self.places[group] {
                allowed += bytes;
            }
        }
        match (own, allowed) {
            (0, _) => Block::Free,
            (_, allowed) if allowed == block.len() => Block::Whole,
            _ => Block::Part,
        }
    }

    fn costs(&self, group: usize, block: Span) -> Costs {
        match self.look(group, block) {
            Block::Free => [0; 8],
            // Any of the three blocks above has this one in its enabled eighths.
            Block::Whole => [1, 0, 0, 0, 0, 0, 0, 0],
            Block::Part => {
                let [left, right] = halves(block).map(|half| self.costs(group, half));
                core::array::from_fn(|above| {
                    let (without, with) = both(block, above, &left, &right);
                    without.min(with)
                })
            }
        }
    }

    fn emit(&self, group: usize, block: Span, above: usize, region: &mut dyn FnMut(usize, Region)) {
        match self.look(group, block) {
            Block::Free => {}
            Block::Whole => {
                if above == 0 {
                    region(self.first(group, block), whole(block));
                }
            }
            Block::Part => {
                let [left, right] = halves(block).map(|half| self.costs(group, half));
                let (without, with) = both(block, above, &left, &right);
                let mut below = above << 1 & 7;
                if with < without {
                    let (first, eighths) = self.eighths(group, block);
                    region(first, eighths);
                    below |= 1;
                }
                for half in halves(block) {
                    self.emit(group, half, below, region);
                }
            }
        }
    }

    /// The range that owns the first of the group's bytes in `block`.
    fn first(&self, group: usize, block: Span) -> usize {
        let mut own = self.pieces.iter().filter(|piece| self.groups[piece.owner] == group);
        own.find(|piece| piece.span.overlap(block) > 0).map_or(group, |piece| piece.owner)
    }

    /// A region on `block` with those eighths on that the group may cover and has bytes in, and the first range that it serves.
    fn eighths(&self, group: usize, block: Span) -> (usize, Region) {
        let len = block.len() / 8;
        let Region { rbar, mut rasr } = whole(block);
        let mut first = None;
        for eighth in 0..8 {
            let start = block.start + eighth * len;
            let part = Span { start, end: start + len };
            if matches!(self.look(group, part), Block::Whole) {
                first = first.or(Some(self.first(group, part)));
            } else {
                rasr |= 1 << (8 + eighth);
            }
        }
        (first.unwrap_or(group), Region { rbar, rasr })
    }
}

fn halves(block: Span) -> [Span; 2] {
    let middle = block.start + block.len() / 2;
    [Span { end: middle, ..block }, Span { start: middle, ..block }]
}

/// What a block's halves take without and with a region on it.
fn both(block: Span, above: usize, left: &Costs, right: &Costs) -> (u8, u8) {
    let below = above << 1 & 7;
    let sum = |below: usize| left[below].saturating_add(right[below]);
    let with = if block.len() >= EIGHTHS { sum(below | 1).saturating_add(1) } else { u8::MAX };
    (sum(below), with)
}

/// A region on all of `block`, without rights yet.
fn whole(block: Span) -> Region {
    #[expect(clippy::cast_possible_truncation, reason = "blocks start below 2^32")]
    let rbar = block.start as u32;
    Region { rbar, rasr: (block.len().trailing_zeros() - 1) << 1 | 1 }
}
