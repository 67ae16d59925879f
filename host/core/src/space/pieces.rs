//! The table of pieces that a space is cut into, each with its two neighbours.

use alloc::{vec, vec::Vec};
use core::ops::{Index, IndexMut};

/// Names a range that is taken, until it is freed.
///
/// It may then come to name another one: who keeps nodes for a guest keeps a generation beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Node(u32);

impl Node {
    /// The piece of no length that lies before the first and after the last one, and ends every list.
    pub(super) const EDGE: Self = Self(0);

    fn index(self) -> usize {
        self.0 as usize
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) enum State {
    /// [`Node::EDGE`]'s.
    Edge,
    Taken,
    Gap,
    /// No piece: a slot of the table to be used again.
    Spare,
}

/// A stretch of the space, taken or a gap. All numbers are units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Piece {
    pub(super) start: u64,
    pub(super) len: u64,
    /// The piece that ends where this one starts.
    pub(super) previous: Node,
    /// The piece that starts where this one ends. Of a spare slot: the next spare one.
    pub(super) next: Node,
    /// The gaps beside this one in its class's list, if it is a gap.
    pub(super) list_previous: Node,
    pub(super) list_next: Node,
    pub(super) state: State,
}

impl Piece {
    pub(super) fn end(&self) -> u64 {
        self.start + self.len
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Pieces {
    // Invariants: the first is the edge; from it on, `next` leads through all that are not spare in order of their starts
    // and back to it, `previous` the other way round.
    table: Vec<Piece>,
    spare: Node,
}

impl Pieces {
    pub(super) fn new() -> Self {
        let edge = Piece {
            start: 0,
            len: 0,
            previous: Node::EDGE,
            next: Node::EDGE,
            list_previous: Node::EDGE,
            list_next: Node::EDGE,
            state: State::Edge,
        };
        Self { table: vec![edge], spare: Node::EDGE }
    }

    /// Slots, spare ones and the edge's too.
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    pub(super) fn get(&self, node: Node) -> Option<&Piece> {
        self.table.get(node.index())
    }

    #[cfg(test)]
    pub(super) fn first_spare(&self) -> Node {
        self.spare
    }

    /// A piece in state `state` between `previous` and the one after that.
    ///
    /// # Panics
    /// With 2³² pieces; [`Space::alloc`](super::Space::alloc) stops before.
    pub(super) fn insert_after(&mut self, previous: Node, start: u64, len: u64, state: State) -> Node {
        let next = self[previous].next;
        let piece = Piece { start, len, previous, next, list_previous: Node::EDGE, list_next: Node::EDGE, state };
        let node = self.spare;
        let node = if node == Node::EDGE {
            self.table.push(piece);
            Node(u32::try_from(self.table.len() - 1).expect("alloc keeps the table below 2^32 pieces"))
        } else {
            self.spare = self[node].next;
            self[node] = piece;
            node
        };
        self[previous].next = node;
        self[next].previous = node;
        node
    }

    /// Takes a piece out. Its neighbours become each other's.
    pub(super) fn remove(&mut self, node: Node) {
        let Piece { previous, next, .. } = self[node];
        self[previous].next = next;
        self[next].previous = previous;
        self[node].next = self.spare;
        self[node].state = State::Spare;
        self.spare = node;
    }
}

impl Index<Node> for Pieces {
    type Output = Piece;

    fn index(&self, node: Node) -> &Piece {
        &self.table[node.index()]
    }
}

impl IndexMut<Node> for Pieces {
    fn index_mut(&mut self, node: Node) -> &mut Piece {
        &mut self.table[node.index()]
    }
}
