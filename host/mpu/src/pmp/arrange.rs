//! Entries for pieces: which come first, which are NAPOT, and which TOR entries share a bound.
//!
//! Entries on top come first and so win: the rest runs through under them, which follows by address. Each run takes a NAPOT entry or a TOR
//! entry, which needs one before it for its start unless the run before ends there. Which pieces are on top is found by trying; among them
//! may be bytes that nobody owns.

use super::Unit;
use crate::layers::{Layers, NOBODY, Piece, Span, enclosing};

/// Of so many pieces at most every subset is tried on top.
const MOST_TRIED: usize = 8;

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
    on_top: u32,
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
        let mut absent = 1 << NOBODY;
        for (number, range) in layers.ranges.iter().enumerate() {
            absent |= u32::from(unit.is_absent(range)) << number;
        }
        let mut best = Self { layers, pieces, on_top: 0, least: unit.grain, absent };
        let mut fewest = best.count();
        let tried = candidates(pieces, unit.grain);
        let mut on_top = 0_u32;
        loop {
            // The next larger subset, so that of equals the one with least on top is taken.
            on_top = on_top.wrapping_sub(tried) & tried;
            if on_top == 0 {
                return best;
            }
            let other = Self { on_top, ..best };
            let count = other.count();
            if count < fewest {
                fewest = count;
                best = other;
            }
        }
    }

    /// How many entries it takes.
    pub(super) fn count(&self) -> usize {
        let mut count = 0;
        self.each(&mut |_, _| count += 1);
        count
    }

    /// Hands out the entries with their ranges, number 0 first.
    pub(super) fn each(&self, entry: &mut dyn FnMut(usize, Match)) {
        // Where a TOR entry starts without an entry for that: the first at 0, others at the end of the entry before. After a NAPOT entry
        // it starts inside that one, where what the entry itself says does not count.
        let mut before = 0;
        let mut put = |owner, span: Span, power: Option<Span>, shares: &dyn Fn(u64) -> bool| {
            if let Some(power) = power {
                entry(owner, Match::Napot(power));
                before = power.end;
                return;
            }
            if !shares(before) {
                entry(owner, Match::Start(span.start));
            }
            entry(owner, Match::Tor { end: span.end });
            before = span.end;
        };
        for (at, Piece { span, owner }) in self.pieces.iter().enumerate() {
            if self.on_top >> at & 1 == 1 {
                let power = enclosing(*span, self.least);
                put(*owner, *span, (power == *span).then_some(power), &|before| before == span.start);
            }
        }
        let mut at = 0;
        while let Some((run, rest)) = self.run(at) {
            at = rest;
            put(run.owner, run.span, self.power(run.span), &|before| self.is_hidden(before, run.span.start));
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

/// The pieces that are tried on top: all if there are few, else the first that take one entry.
fn candidates(pieces: &[Piece], least: u64) -> u32 {
    let few = pieces.len() <= MOST_TRIED;
    let tried = (0..pieces.len()).filter(|at| few || pieces[*at].span == enclosing(pieces[*at].span, least));
    tried.take(MOST_TRIED).fold(0, |bits, at| bits | 1 << at)
}
