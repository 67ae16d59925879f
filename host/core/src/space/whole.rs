//! What holds of every space between calls, looked up piece by piece and list by list.

use alloc::vec::Vec;

use super::class::{Class, STEPS};
use super::pieces::{Node, Piece, State};
use super::{Placed, Space};

impl Space {
    pub(super) fn assert_whole(&self) {
        let pieces = self.in_order();
        assert_eq!(pieces.iter().map(|(_, piece)| piece.len).sum::<u64>(), self.len);
        let mut end = 0;
        for (_, piece) in &pieces {
            assert_eq!(piece.start, end, "pieces lie end to end");
            assert!(piece.len > 0 && matches!(piece.state, State::Taken | State::Gap), "{piece:?}");
            end = piece.end();
        }
        let both_gaps = |pair: &[(Node, Piece)]| pair.iter().all(|(_, piece)| piece.state == State::Gap);
        assert!(!pieces.windows(2).any(both_gaps), "two gaps side by side");

        let mut gaps: Vec<Node> =
            pieces.iter().filter(|(_, piece)| piece.state == State::Gap).map(|&(node, _)| node).collect();
        assert_eq!(gaps.iter().map(|&gap| self.pieces[gap].len).sum::<u64>(), self.free);
        let mut listed = self.listed();
        gaps.sort_by_key(|&gap| self.pieces[gap].start);
        listed.sort_by_key(|&gap| self.pieces[gap].start);
        assert_eq!(listed, gaps, "each gap is in a list, once, and nothing else is");

        assert_eq!(self.pieces.len(), 1 + pieces.len() + self.spare_slots(), "no slot is lost");
    }

    /// All ranges that are taken, by offset.
    pub(super) fn live(&self) -> Vec<Placed> {
        let taken = |(node, piece): (Node, Piece)| (piece.state == State::Taken).then(|| self.placed(node));
        self.in_order().into_iter().filter_map(taken).collect()
    }

    /// The pieces by their starts.
    fn in_order(&self) -> Vec<(Node, Piece)> {
        let mut pieces = Vec::new();
        let mut node = self.pieces[Node::EDGE].next;
        while node != Node::EDGE {
            let piece = self.pieces[node];
            assert_eq!(self.pieces[piece.previous].next, node);
            pieces.push((node, piece));
            node = piece.next;
        }
        assert_eq!(self.pieces[Node::EDGE].previous, pieces.last().map_or(Node::EDGE, |&(node, _)| node));
        pieces
    }

    /// What is in the lists of all classes that this space can need, whose bits it checks on the way.
    fn listed(&self) -> Vec<Node> {
        let mut listed = Vec::new();
        let mut filled = None;
        let levels = if self.len == 0 { 0 } else { Class::of(self.len).level + 1 };
        for class in (0..levels).flat_map(|level| (0..STEPS).map(move |step| Class { level, step })).rev() {
            let mut node = self.gaps.first(class);
            if node != Node::EDGE {
                assert!(filled.is_some() || self.gaps.highest() == Some(class));
                filled = Some(class);
            }
            assert_eq!(self.gaps.from(class), filled, "the bits say which lists have gaps");
            let mut previous = Node::EDGE;
            while node != Node::EDGE {
                let gap = self.pieces[node];
                assert_eq!((gap.list_previous, Class::of(gap.len)), (previous, class));
                listed.push(node);
                (previous, node) = (node, gap.list_next);
            }
        }
        listed
    }

    fn spare_slots(&self) -> usize {
        let mut slots = 0;
        let mut node = self.pieces.first_spare();
        while node != Node::EDGE {
            assert_eq!(self.pieces[node].state, State::Spare);
            slots += 1;
            node = self.pieces[node].next;
        }
        slots
    }
}
