//! Entries for pieces: which come first, which are NAPOT, and which TOR entries share a bound.
//!
//! Entries on top come first and so win: pieces that are a power of two, under which the rest then runs through. The rest follows by
//! address, each run in one NAPOT entry or in a TOR entry, which needs an entry before it for its start unless the run before ends there.
//! Which pieces are on top is found by trying.

use super::Unit;
use crate::layers::{Layers, Piece, Span};

/// Up to so many pieces that could be on top, all ways are tried; with more, none and all.
const MOST_TRIED: u32 = 8;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// An aligned power of two.
    Napot(Span),
    /// From the address in the entry before to `end`.
    Tor { end: u64 },
    /// Nothing: it holds the start of the next.
    Start(u64),
}

/// The pieces of a request, and those on top of which no other entry may be seen.
pub(super) struct Arrangement<'a, 'b> {
    layers: &'b Layers<'a>,
    pieces: &'b [Piece],
    // One bit a piece.
    on_top: u64,
    least: u64,
    // Ranges whose rights are those of no entry at all, one bit each.
    absent: u32,
}

/// Consecutive bytes of one protection, perhaps with pieces on top between them.
#[derive(Clone, Copy)]
struct Run {
    span: Span,
    owner: usize,
}

impl<'a, 'b> Arrangement<'a, 'b> {
    /// The arrangement of `pieces` with the fewest entries, and their number.
    pub(super) fn best<const N: usize>(unit: &Unit<N>, layers: &'b Layers<'a>, pieces: &'b [Piece]) -> Self {
        let mut absent = 0;
        for (number, range) in layers.ranges.iter().enumerate() {
            absent |= u32::from(unit.is_absent(range)) << number;
        }
        let mut best = Self { layers, pieces, on_top: 0, least: unit.grain, absent };
        let powers = (0..pieces.len()).filter(|at| is_power(pieces[*at].span, unit.grain));
        let powers = powers.fold(0_u64, |bits, at| bits | 1 << at);
        let mut fewest = best.count();
        let mut on_top = powers;
        while on_top != 0 {
            let other = Self { on_top, ..best };
            let count = other.count();
            if count < fewest {
                fewest = count;
                best = other;
            }
            // The next smaller set.
            on_top = if powers.count_ones() > MOST_TRIED { 0 } else { (on_top - 1) & powers };
        }
        best
    }

    /// How many entries it takes.
    pub(super) fn count(&self) -> usize {
        let mut count = 0;
        self.each(|_, _| count += 1);
        count
    }

    /// Hands out the entries with their ranges, number 0 first.
    pub(super) fn each(&self, mut entry: impl FnMut(usize, Match)) {
        for (at, piece) in self.pieces.iter().enumerate() {
            if self.on_top >> at & 1 == 1 {
                entry(piece.owner, Match::Napot(piece.span));
            }
        }
        // The end of the TOR entry before, at first that of no entry: the first TOR entry starts at 0.
        let mut before = (self.on_top == 0).then_some(0);
        let mut next = self.run(0);
        while let Some((run, rest)) = next {
            next = self.run(rest);
            let shares = before.is_some_and(|end| self.is_hidden(end, run.span.start));
            let follows = next.is_some_and(|(next, _)| self.is_hidden(run.span.end, next.span.start));
            let power = self.power(run.span);
            match power {
                // A TOR entry costs as much if it needs no start, and less if it spares the next run's.
                Some(power) if !(shares && follows) => {
                    entry(run.owner, Match::Napot(power));
                    before = None;
                }
                _ => {
                    if !shares {
                        entry(run.owner, Match::Start(run.span.start));
                    }
                    entry(run.owner, Match::Tor { end: run.span.end });
                    before = Some(run.span.end);
                }
            }
        }
    }

    /// The first run from piece `at` on, and the piece after it.
    fn run(&self, mut at: usize) -> Option<(Run, usize)> {
        let under = |at: usize| self.on_top >> at & 1 == 0 && self.absent >> self.pieces[at].owner & 1 == 0;
        while at < self.pieces.len() && !under(at) {
            at += 1;
        }
        let Piece { mut span, owner } = *self.pieces.get(at)?;
        let mut rest = at + 1;
        for (next, piece) in self.pieces.iter().enumerate().skip(at + 1).filter(|(next, _)| under(*next)) {
            if !(self.layers.alike(owner, piece.owner) && self.is_hidden(span.end, piece.span.start)) {
                break;
            }
            span.end = piece.span.end;
            rest = next + 1;
        }
        Some((Run { span, owner }, rest))
    }

    /// Whether pieces on top have all bytes from `start` to below `end`.
    fn is_hidden(&self, start: u64, end: u64) -> bool {
        if start > end {
            return false;
        }
        let on_top = self.pieces.iter().enumerate().filter(|(at, _)| self.on_top >> at & 1 == 1);
        on_top.map(|(_, piece)| piece.span.overlap(Span { start, end })).sum::<u64>() == end - start
    }

    /// The aligned power of two that holds `span` and otherwise only what is on top, if there is one.
    fn power(&self, span: Span) -> Option<Span> {
        let block = enclosing(span, self.least);
        (self.is_hidden(block.start, span.start) && self.is_hidden(span.end, block.end)).then_some(block)
    }
}

fn is_power(span: Span, least: u64) -> bool {
    span == enclosing(span, least)
}

/// The smallest aligned power of two, at least `least`, that holds `span`.
pub(super) fn enclosing(span: Span, least: u64) -> Span {
    let differ = span.start ^ (span.end - 1);
    let len = (u64::MAX >> differ.leading_zeros().min(63)).saturating_add(1).max(least);
    let len = if differ == 0 { least } else { len };
    let start = span.start & !(len - 1);
    Span { start, end: start + len }
}
