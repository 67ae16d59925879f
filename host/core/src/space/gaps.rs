//! The gaps of a space in lists by class, and two levels of bit sets that say which lists have any.

use alloc::vec::Vec;

use super::class::{Class, STEPS};
use super::pieces::{Node, Pieces, State};

/// Which gaps there are of each class.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Gaps {
    // Invariant: bit `level` says whether `levels[level].filled` is not 0.
    filled: u64,
    levels: Vec<Level>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Level {
    // Invariant: bit `step` says whether `first[step]` is not the edge.
    filled: u32,
    first: [Node; STEPS],
}

impl Gaps {
    pub(super) fn new() -> Self {
        Self { filled: 0, levels: Vec::new() }
    }

    /// Makes lists for gaps of up to `units`. There are 60 levels at most.
    pub(super) fn provide(&mut self, units: u64) {
        let levels = if units == 0 { 0 } else { Class::of(units).level + 1 };
        if self.levels.len() < levels {
            self.levels.resize(levels, Level { filled: 0, first: [Node::EDGE; STEPS] });
        }
    }

    /// The first in a class's list; the edge if it has none.
    pub(super) fn first(&self, class: Class) -> Node {
        self.levels.get(class.level).map_or(Node::EDGE, |level| level.first[class.step])
    }

    /// The lowest class from `class` on that has a gap.
    pub(super) fn from(&self, class: Class) -> Option<Class> {
        let steps = self.levels.get(class.level)?.filled & (u32::MAX << class.step);
        if steps != 0 {
            return Some(Class { level: class.level, step: steps.trailing_zeros() as usize });
        }
        let levels = self.filled & (u64::MAX << (class.level + 1));
        let level = levels.trailing_zeros() as usize;
        Some(Class { level, step: self.levels.get(level)?.filled.trailing_zeros() as usize })
    }

    /// The highest class that has a gap.
    pub(super) fn highest(&self) -> Option<Class> {
        let level = self.filled.checked_ilog2()? as usize;
        Some(Class { level, step: self.levels[level].filled.checked_ilog2()? as usize })
    }

    /// Makes a piece the first gap of its class.
    pub(super) fn push(&mut self, pieces: &mut Pieces, node: Node) {
        let class = Class::of(pieces[node].len);
        let next = self.first(class);
        let piece = &mut pieces[node];
        piece.state = State::Gap;
        piece.list_previous = Node::EDGE;
        piece.list_next = next;
        if next != Node::EDGE {
            pieces[next].list_previous = node;
        }
        self.set_first(class, node);
    }

    /// Takes a gap out of its class's list; what it is now is up to the caller.
    pub(super) fn remove(&mut self, pieces: &mut Pieces, node: Node) {
        let piece = &mut pieces[node];
        let (class, previous, next) = (Class::of(piece.len), piece.list_previous, piece.list_next);
        (piece.list_previous, piece.list_next) = (Node::EDGE, Node::EDGE);
        if next != Node::EDGE {
            pieces[next].list_previous = previous;
        }
        if previous == Node::EDGE {
            self.set_first(class, next);
        } else {
            pieces[previous].list_next = next;
        }
    }

    fn set_first(&mut self, class: Class, node: Node) {
        let level = &mut self.levels[class.level];
        level.first[class.step] = node;
        let filled = u32::from(node != Node::EDGE);
        level.filled = level.filled & !(1 << class.step) | filled << class.step;
        let filled = u64::from(level.filled != 0);
        self.filled = self.filled & !(1 << class.level) | filled << class.level;
    }
}
