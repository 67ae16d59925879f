//! Which ranges of a heap are taken: an allocator of offsets that never touches a byte of what it gives out.
//!
//! Rule 11 of the contract wants all state of a domain to be tables of indexes, and a guest may write over every byte of a
//! heap. So what is known about a range can't lie in the heap. The libraries there are do not serve:
//! - `offset-allocator` 0.2 keeps its nodes outside too, but knows no alignment, counts in u32, has a number of nodes that
//!   is fixed from the start, can't grow, needs std, and its state and its allocations can't be written out.
//! - `talc` 5.1 writes the list of a gap into the gap, a tag behind each block and its table of lists into the first heap.
//! - `rlsf` 0.2 writes a header of two words or more, addresses among them, before each block and each gap.
//!
//! # How
//! Two-level segregated fit: Masmano, Ripoll, Crespo and Real, *TLSF: a New Dynamic Memory Allocator for Real-Time Systems*,
//! ECRTS 2004. The space is cut into pieces, each taken or a gap; two gaps never lie side by side. Gaps are kept in lists by
//! class of length: each length below 32 units has its own, from there on 32 share each power of two. Two levels of bit sets
//! find the lowest class with a gap in it from a given one on.
//!
//! [`Space::alloc`] looks, in this order, at
//! 1. the first two gaps of the very class of what is asked. A freed block is found again by the next of its length,
//!    which TLSF by itself does not do.
//! 2. the first gap of the lowest class in which all are long enough, wherever they start.
//! 3. the first two gaps of the highest class there is. They may happen to be aligned.
//!
//! The lists are last in, first out, and what an aligned start leaves free before it is a gap like any other.
//!
//! # Time
//! No call has a loop: `alloc` reads at most five gaps and cuts one in three, `free` joins at most three pieces. Only the
//! growth of the table of pieces takes longer (a [`Vec`](alloc::vec::Vec)'s: amortised). The table has room for the most
//! pieces that there ever were at a time: `n` live ranges make `2 n + 1` pieces at most, of 40 bytes each. The lists take 132
//! bytes for each power of two up to the length of the space in units.
//!
//! # Room
//! A range takes less than one unit more than was asked, nothing else: there are no headers. With
//! `need = len + align − unit` (`len` rounded up to units, `align` at least one):
//! - `alloc` can only fail while some gap has room if every such gap is shorter than `need · 33/32` and,
//!   if `align` is one unit, at least 32 units long.
//! - So it can only fail with `n` live ranges if less than `(n + 1) · need · 33/32` bytes are free. That is the bound on
//!   fragmentation. What a program can drive an allocator to that may not move blocks is known to be bad for each of
//!   them: Robson, *Bounds for Some Functions Concerning Dynamic Storage Allocation*, JACM 21(3), 1974.
//! - A space that has grown by `need` has room.
//! - While some gap has `need · 33/32` or more, the gap that it cuts is less than 1/32 longer than the shortest of these.
//! - If all ranges have one length that is a multiple of the alignment (frames of a camera), it fails only when no gap is
//!   long enough: all ranges then start at multiples of that length, and only the last gap can be shorter than one.

mod class;
mod gaps;
#[cfg(test)]
mod naive;
mod pieces;
#[cfg(test)]
mod room;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod whole;

use class::Class;
use gaps::Gaps;
pub use pieces::Node;
use pieces::{Pieces, State};

/// Which ranges of a space are taken. The [module's page](self) says how, and what it costs.
///
/// ```
/// use memctl_core::space::Space;
///
/// let mut space = Space::new(1 << 20, 16);
/// let small = space.alloc(100, 1).unwrap();
/// let block = space.alloc(5000, 4096).unwrap();
/// assert_eq!((small.offset, small.len), (0, 112));
/// assert_eq!((block.offset, block.len), (4096, 5008));
///
/// space.free(small.node);
/// space.free(block.node);
/// assert_eq!(space.largest_free(), 1 << 20);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Space {
    // Invariant: below 64. A unit is `1 << unit_bits` bytes; all other fields count units.
    unit_bits: u32,
    len: u64,
    // Invariant: the gaps' lengths together.
    free: u64,
    pieces: Pieces,
    gaps: Gaps,
}

/// A range that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Placed {
    /// First byte, counted from the start of the space.
    pub offset: u64,
    /// In bytes: what was asked, rounded up to whole units.
    pub len: u64,
    /// What [`Space::free`] takes.
    pub node: Node,
}

/// What is looked for, in units.
#[derive(Clone, Copy)]
struct Wanted {
    len: u64,
    // Invariant: a power of two.
    align: u64,
}

/// From this many slots on no range is given out: an index has 32 bits, `alloc` makes two pieces and `grow` one.
const SLOTS: usize = u32::MAX as usize - 3;

impl Space {
    /// `len` bytes, all free, to be given out in multiples of `unit`, a power of two. What the last whole unit leaves over is
    /// not given out.
    ///
    /// # Panics
    /// If `unit` is not a power of two.
    #[must_use]
    pub fn new(len: u64, unit: u64) -> Self {
        assert!(unit.is_power_of_two(), "a unit of {unit} bytes is not a power of two");
        let mut space =
            Self { unit_bits: unit.trailing_zeros(), len: 0, free: 0, pieces: Pieces::new(), gaps: Gaps::new() };
        space.grow(len);
        space
    }

    /// Takes `len` bytes at an offset that is a multiple of `align`, a power of two.
    ///
    /// `None` if there is no room for them (the [module's page](self) says when that is), or if `len` is 0 or `align` no
    /// power of two. Then nothing has changed.
    #[must_use]
    pub fn alloc(&mut self, len: u64, align: u64) -> Option<Placed> {
        if len == 0 || !align.is_power_of_two() || self.pieces.len() >= SLOTS {
            return None;
        }
        let wanted = Wanted { len: ((len - 1) >> self.unit_bits) + 1, align: (align >> self.unit_bits).max(1) };
        let (gap, start) = self.find(wanted)?;
        self.take(gap, start, wanted.len);
        Some(self.placed(gap))
    }

    /// A gap with room, and where in it.
    fn find(&self, wanted: Wanted) -> Option<(Node, u64)> {
        let wherever = || Class::enough(wanted.len.checked_add(wanted.align - 1)?);
        self.look(Class::of(wanted.len), wanted)
            .or_else(|| self.look(self.gaps.from(wherever()?)?, wanted))
            .or_else(|| self.look(self.gaps.highest()?, wanted))
    }

    /// One of the first two gaps of a class, if it has room.
    fn look(&self, class: Class, wanted: Wanted) -> Option<(Node, u64)> {
        let first = self.gaps.first(class);
        // The edge has no room for anything, and no list.
        let second = self.pieces[first].list_next;
        self.fit(first, wanted).or_else(|| self.fit(second, wanted))
    }

    /// Where in a piece there is room, if there is.
    fn fit(&self, node: Node, wanted: Wanted) -> Option<(Node, u64)> {
        let piece = &self.pieces[node];
        let start = piece.start.checked_add(wanted.align - 1)? & !(wanted.align - 1);
        (start.checked_add(wanted.len)? <= piece.end()).then_some((node, start))
    }

    /// Takes `len` units from `start` on out of a gap that has them; the gap's node is theirs then.
    fn take(&mut self, node: Node, start: u64, len: u64) {
        let Self { pieces, gaps, .. } = self;
        gaps.remove(pieces, node);
        let gap = pieces[node];
        let piece = &mut pieces[node];
        (piece.start, piece.len, piece.state) = (start, len, State::Taken);
        let end = piece.end();
        if gap.start < start {
            let before = pieces.insert_after(gap.previous, gap.start, start - gap.start, State::Gap);
            gaps.push(pieces, before);
        }
        if end < gap.end() {
            let after = pieces.insert_after(node, end, gap.end() - end, State::Gap);
            gaps.push(pieces, after);
        }
        self.free -= len;
    }

    /// Gives a range back, joined with what is free on either side of it, and says which that was.
    ///
    /// `None` if the node names no range; nothing has changed then. Of a range freed earlier that is sure only until the next
    /// [`alloc`](Self::alloc): see [`Node`].
    pub fn free(&mut self, node: Node) -> Option<Placed> {
        self.pieces.get(node).filter(|piece| piece.state == State::Taken)?;
        let freed = self.placed(node);
        let Self { pieces, gaps, .. } = self;
        let piece = pieces[node];
        self.free += piece.len;
        if pieces[piece.next].state == State::Gap {
            gaps.remove(pieces, piece.next);
            pieces[node].len += pieces[piece.next].len;
            pieces.remove(piece.next);
        }
        let mut gap = node;
        if pieces[piece.previous].state == State::Gap {
            gap = piece.previous;
            gaps.remove(pieces, gap);
            pieces[gap].len += pieces[node].len;
            pieces.remove(node);
        }
        gaps.push(pieces, gap);
        Some(freed)
    }

    /// Makes the space `len` bytes long: what is new is free, and one gap with what was free at the end. A space never gets
    /// shorter: a `len` below the present one changes nothing.
    pub fn grow(&mut self, len: u64) {
        let len = len >> self.unit_bits;
        let Some(more) = len.checked_sub(self.len).filter(|&more| more > 0) else { return };
        let Self { pieces, gaps, .. } = self;
        gaps.provide(len);
        let mut last = pieces[Node::EDGE].previous;
        if pieces[last].state == State::Gap {
            gaps.remove(pieces, last);
            pieces[last].len += more;
        } else {
            last = pieces.insert_after(last, self.len, more, State::Gap);
        }
        gaps.push(pieces, last);
        self.len = len;
        self.free += more;
    }

    /// What ranges are multiples of, in bytes.
    #[must_use]
    pub fn unit(&self) -> u64 {
        1 << self.unit_bits
    }

    /// How many bytes are free behind everything that is taken.
    #[must_use]
    pub fn free_at_end(&self) -> u64 {
        let last = &self.pieces[self.pieces[Node::EDGE].previous];
        if last.state == State::Gap { last.len << self.unit_bits } else { 0 }
    }

    /// Length in bytes, of whole units.
    #[expect(clippy::len_without_is_empty, reason = "a length, not a number of items")]
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len << self.unit_bits
    }

    /// How many bytes are taken.
    #[must_use]
    pub fn used(&self) -> u64 {
        (self.len - self.free) << self.unit_bits
    }

    /// How many bytes are free.
    #[must_use]
    pub fn free_bytes(&self) -> u64 {
        self.free << self.unit_bits
    }

    /// The most bytes that [`alloc`](Self::alloc) would give now, for any alignment up to the unit. The longest gap is less
    /// than 1/32 longer.
    #[must_use]
    pub fn largest_free(&self) -> u64 {
        let first = self.gaps.highest().map_or(Node::EDGE, |class| self.gaps.first(class));
        let second = self.pieces[first].list_next;
        self.pieces[first].len.max(self.pieces[second].len) << self.unit_bits
    }

    fn placed(&self, node: Node) -> Placed {
        let piece = &self.pieces[node];
        Placed { offset: piece.start << self.unit_bits, len: piece.len << self.unit_bits, node }
    }
}
