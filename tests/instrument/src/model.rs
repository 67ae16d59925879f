//! The rule, as directly as it can be said: which accesses are stopped, and where.

use memctl_core::{Bounds, Forbidden, Span};

/// What an access does to the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only loads them.
    Load,
    /// It stores to them, and maybe loads them too.
    Store,
}

/// Whether an access has to be aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alignment {
    /// Anywhere will do.
    Free,
    /// It is atomic: a multiple of its size, or it traps.
    Natural,
}

/// What comes of an access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is done.
    Allowed,
    /// It traps whether anything is protected or not.
    Traps,
    /// It is stopped for the sake of the byte at this address.
    Stopped(u64),
}

/// What is protected in one memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Protected {
    /// Which may overlap.
    ranges: Vec<(u64, u64, Reach)>,
}

/// Who a protected range keeps out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Loads and stores.
    All,
    /// Stores.
    Stores,
}

impl Protected {
    /// The parts that bounds protect, and ranges as start, end and whom they keep out.
    #[must_use]
    pub fn new(bounds: Bounds, ranges: &[(u64, u64, Reach)]) -> Self {
        let mut all = vec![(0, bounds.no_access, Reach::All), (bounds.no_access, bounds.read_only, Reach::Stores)];
        all.extend(ranges);
        all.retain(|(start, end, _)| start < end);
        Self { ranges: all }
    }

    /// The ranges in the form that a shield's table has. They must be disjoint.
    ///
    /// # Panics
    /// If one of them wraps.
    #[must_use]
    pub fn table(&self) -> Vec<Forbidden> {
        let mut ranges = self.ranges.clone();
        ranges.sort_by_key(|(start, ..)| *start);
        let forbidden = |&(start, end, reach): &(u64, u64, Reach)| Forbidden {
            span: Span::claim("a range", start, end - start).expect("no wrap"),
            readable: reach == Reach::Stores,
        };
        ranges.iter().map(forbidden).collect()
    }

    /// All ranges, in no order.
    #[must_use]
    pub fn ranges(&self) -> &[(u64, u64, Reach)] {
        &self.ranges
    }

    /// The first byte of `start..end` that an access of this kind may not touch.
    #[must_use]
    pub fn first(&self, start: u64, end: u64, kind: Kind) -> Option<u64> {
        let keeps_out = |reach: Reach| reach == Reach::All || kind == Kind::Store;
        let hits = self.ranges.iter().filter(|(from, to, reach)| keeps_out(*reach) && *from < end && start < *to);
        hits.map(|(from, ..)| start.max(*from)).min()
    }

    /// An instruction that touches `size` bytes at `base + offset`, in a memory of `memory` bytes.
    #[must_use]
    pub fn access(
        &self,
        (base, offset): (u64, u64),
        size: u64,
        kind: Kind,
        alignment: Alignment,
        memory: u64,
    ) -> Verdict {
        let at = u128::from(base) + u128::from(offset);
        let misaligned = alignment == Alignment::Natural && at % u128::from(size) != 0;
        if misaligned || at + u128::from(size) > u128::from(memory) {
            return Verdict::Traps;
        }
        let at = base + offset;
        self.first(at, at + size, kind).map_or(Verdict::Allowed, Verdict::Stopped)
    }

    /// A bulk instruction's one side: `len` bytes from `start` on.
    #[must_use]
    pub fn bulk(&self, start: u64, len: u64, kind: Kind, memory: u64) -> Verdict {
        if u128::from(start) + u128::from(len) > u128::from(memory) {
            return Verdict::Traps;
        }
        if len == 0 {
            return Verdict::Allowed;
        }
        self.first(start, start + len, kind).map_or(Verdict::Allowed, Verdict::Stopped)
    }
}
