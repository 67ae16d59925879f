//! Ranges as layers: rounded to granules, checked, and flattened into pieces that each have one owner.

use crate::range::{MOST_RANGES, Range, Shape};
use crate::{Error, Rule};

/// Bytes from `start` to below `end`. Never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

impl Span {
    pub(crate) fn overlap(self, other: Self) -> u64 {
        self.end.min(other.end).saturating_sub(self.start.max(other.start))
    }

    /// The span between multiples of `granule`, a power of two, that holds this one.
    fn rounded(self, granule: u64) -> Self {
        Self { start: self.start & !(granule - 1), end: (self.end + (granule - 1)) & !(granule - 1) }
    }

    pub(crate) fn len(self) -> u64 {
        self.end - self.start
    }
}

/// The smallest aligned power of two, at least `least`, that holds `span`.
pub(crate) fn enclosing(span: Span, least: u64) -> Span {
    let differ = span.start ^ (span.end - 1);
    let len = (u64::MAX >> differ.leading_zeros().min(63)).saturating_add(1).max(least);
    let len = if differ == 0 { least } else { len };
    let start = span.start & !(len - 1);
    Span { start, end: start + len }
}

/// What a unit can draw bounds at, and how far ranges may be rounded out to get there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grid {
    /// A power of two.
    pub(crate) granule: u64,
    /// The first address that doesn't exist: at most 2⁶³, so that nothing here overflows.
    pub(crate) limit: u64,
    /// In bytes for each range.
    pub(crate) slack: u64,
}

/// Consecutive bytes that one range owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) span: Span,
    pub(crate) owner: usize,
}

/// The ranges of a request, one layer each: a byte belongs to the last that has it.
#[derive(Clone, Copy)]
pub(crate) struct Layers<'a> {
    pub(crate) ranges: &'a [Range],
    // Invariant: the first `ranges.len()` are the spans of `ranges`, perhaps rounded out.
    spans: [Span; MOST_RANGES],
}

impl<'a> Layers<'a> {
    /// Checks the ranges and rounds them to granules.
    pub(crate) fn new(ranges: &'a [Range], grid: Grid) -> Result<Self, Error> {
        if ranges.len() > MOST_RANGES {
            return Err(Error::TooManyRanges { given: ranges.len(), most: MOST_RANGES });
        }
        let mut spans = [Span { start: 0, end: 0 }; MOST_RANGES];
        for (number, (range, span)) in ranges.iter().zip(&mut spans).enumerate() {
            let (start, len) = (range.start, range.len);
            if len == 0 {
                return Err(Error::Empty { range: number });
            }
            let end = start.checked_add(len).filter(|end| *end <= grid.limit);
            let Some(end) = end else {
                return Err(Error::PastTheEnd { range: number, start, len, limit: grid.limit });
            };
            *span = Span { start, end };
        }
        let mut layers = Self { ranges, spans };
        for number in 0..ranges.len() {
            layers.check_bounds(number, grid)?;
        }
        for span in &mut layers.spans[..ranges.len()] {
            *span = span.rounded(grid.granule);
        }
        Ok(layers)
    }

    /// That range `number` may be rounded to granules.
    fn check_bounds(&self, number: usize, grid: Grid) -> Result<(), Error> {
        let span = self.spans[number];
        let rounded = span.rounded(grid.granule);
        let slack = rounded.len() - span.len();
        for (bound, granule) in [(span.start, rounded.start), (span.end, rounded.end - grid.granule)] {
            if bound & (grid.granule - 1) == 0 {
                continue;
            }
            if slack > grid.slack {
                let (granule, allowed) = (grid.granule, grid.slack);
                return Err(Error::Misaligned { range: number, address: bound, granule, slack, allowed });
            }
            self.check_granule(granule, grid.granule)?;
        }
        Ok(())
    }

    /// That the granule at `start` has one protection, wherever it has any.
    fn check_granule(&self, start: u64, granule: u64) -> Result<(), Error> {
        let end = start + granule;
        let mut first = None;
        let mut at = start;
        while at < end {
            if let Some(owner) = self.owner(at) {
                let other = *first.get_or_insert(owner);
                if !self.alike(owner, other) {
                    let (first, second) = (owner.min(other), owner.max(other));
                    return Err(Error::SharedGranule { first, second, address: start, granule });
                }
            }
            at = self.next_bound(at).unwrap_or(end);
        }
        Ok(())
    }

    /// Whether two ranges may share regions.
    pub(crate) fn alike(&self, one: usize, other: usize) -> bool {
        let (a, b) = (&self.ranges[one], &self.ranges[other]);
        one == other
            || a.rights == b.rights && a.memory == b.memory && a.shape == Shape::Joined && b.shape == Shape::Joined
    }

    pub(crate) fn is_single(&self, number: usize) -> bool {
        self.ranges[number].shape == Shape::Single
    }

    pub(crate) fn spans(&self) -> &[Span] {
        &self.spans[..self.ranges.len()]
    }

    fn owner(&self, at: u64) -> Option<usize> {
        self.spans().iter().rposition(|span| span.start <= at && at < span.end)
    }

    fn next_bound(&self, at: u64) -> Option<u64> {
        self.spans().iter().flat_map(|span| [span.start, span.end]).filter(|bound| *bound > at).min()
    }

    /// All pieces, by address.
    pub(crate) fn pieces(&self) -> Pieces {
        let mut pieces = Pieces { list: [Piece { span: Span { start: 0, end: 0 }, owner: 0 }; MOST_PIECES], count: 0 };
        let mut at = Some(0);
        while let Some(start) = at {
            at = self.next_bound(start);
            if let (Some(owner), Some(end)) = (self.owner(start), at) {
                pieces.push(Piece { span: Span { start, end }, owner });
            }
        }
        pieces
    }

    /// The same layers with range `number` over `span`, which holds its own. None if that takes bytes from another range.
    pub(crate) fn widened(&self, number: usize, span: Span) -> Option<Self> {
        let mut wider = *self;
        wider.spans[number] = span;
        // Ranges above keep their bytes; from those below, only what has the same protection can be taken.
        let taken = self.pieces().iter().any(|piece| {
            piece.owner < number && !self.alike(piece.owner, number) && self.takes(number, span, piece.span)
        });
        (!taken).then_some(wider)
    }

    fn takes(&self, number: usize, span: Span, piece: Span) -> bool {
        span.overlap(piece) > self.spans[number].overlap(piece)
    }

    /// The first range whose rights `encode` has no registers for.
    pub(crate) fn check_rights<T>(&self, encode: impl Fn(&Range) -> Result<T, Rule>) -> Result<(), Error> {
        for (number, range) in self.ranges.iter().enumerate() {
            if let Err(rule) = encode(range) {
                return Err(Error::Inexpressible { range: number, rule });
            }
        }
        Ok(())
    }
}

/// The owner of bytes that no range has.
pub(crate) const NOBODY: usize = MOST_RANGES;

// n spans have 2n bounds, and between these 2n - 1 pieces.
const MOST_PIECES: usize = 2 * MOST_RANGES;

/// Pieces by address. No two overlap.
#[derive(Clone, Copy)]
pub(crate) struct Pieces {
    list: [Piece; MOST_PIECES],
    count: usize,
}

impl Pieces {
    fn push(&mut self, piece: Piece) {
        if let Some(last) = self.list[..self.count].last_mut()
            && last.owner == piece.owner
            && last.span.end == piece.span.start
        {
            last.span.end = piece.span.end;
        } else {
            self.list[self.count] = piece;
            self.count += 1;
        }
    }

    /// The same pieces; neighbours whose owners are alike are one, which belongs to the first of them.
    pub(crate) fn joined(&self, layers: &Layers<'_>) -> Self {
        let mut joined = Self { count: 0, ..*self };
        for piece in self.iter() {
            match joined.list[..joined.count].last_mut() {
                Some(last) if last.span.end == piece.span.start && layers.alike(last.owner, piece.owner) => {
                    last.span.end = piece.span.end;
                }
                _ => joined.push(*piece),
            }
        }
        joined
    }

    /// The same pieces, with those between them that nobody owns as pieces of [`NOBODY`], if there is room for all.
    pub(crate) fn with_gaps(&self) -> Self {
        let mut all = Self { count: 0, ..*self };
        for piece in self.iter() {
            if all.count + 2 > MOST_PIECES {
                return *self;
            }
            if let Some(last) = all.list[..all.count].last().map(|last| last.span.end)
                && last < piece.span.start
            {
                all.push(Piece { span: Span { start: last, end: piece.span.start }, owner: NOBODY });
            }
            all.push(*piece);
        }
        all
    }

    pub(crate) fn iter(&self) -> core::slice::Iter<'_, Piece> {
        self.list[..self.count].iter()
    }

    pub(crate) fn as_slice(&self) -> &[Piece] {
        &self.list[..self.count]
    }
}

/// Rounds ranges out, one by one, where that makes `count` smaller: as far as the grid allows, and no farther than needed. `wider`
/// gives for range `number` the spans to try.
pub(crate) fn widen<'a, I: Iterator<Item = Span>>(
    mut layers: Layers<'a>,
    grid: Grid,
    count: impl Fn(&Layers<'a>) -> usize,
    wider: impl Fn(Span) -> I,
) -> Layers<'a> {
    if grid.slack == 0 {
        return layers;
    }
    for number in 0..layers.ranges.len() {
        let mut best = (count(&layers), 0, layers);
        for span in wider(layers.spans[number]) {
            let slack = span.len() - layers.ranges[number].len;
            if slack > grid.slack || span.end > grid.limit {
                continue;
            }
            let Some(changed) = layers.widened(number, span) else { continue };
            let needed = count(&changed);
            if needed < best.0 || needed == best.0 && slack < best.1 {
                best = (needed, slack, changed);
            }
        }
        layers = best.2;
    }
    layers
}
