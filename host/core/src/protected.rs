//! What of one memory is protected: the sealed beginning, and ranges behind it.

use alloc::vec::Vec;

use crate::sorted::Set;
use crate::{Bounds, Forbidden, Protection, Span};

/// What of one memory is protected. Everything else is read-write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Protected {
    pub(crate) sealed: Option<Bounds>,
    // Sorted, and disjoint; neighbours differ in protection, and all of them allow less than everything.
    ranges: Vec<(Span, Protection)>,
    // Windows that have protected bytes. Ranges count apart inside and outside of one, so that there are never more when it goes.
    windows: Set<(u64, u64)>,
}

impl Protected {
    /// The same, and sealed.
    pub(crate) fn with_sealed(self, bounds: Bounds) -> Self {
        Self { sealed: Some(bounds), ..self }
    }

    /// How many ranges count against a quota.
    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.forbidden().count()).unwrap_or(u32::MAX)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sealed.is_none() && self.ranges.is_empty()
    }

    /// The first byte that is not sealed.
    pub(crate) fn sealed_end(&self) -> u64 {
        self.sealed.map_or(0, |bounds| bounds.read_only)
    }

    /// Everything that is protected, in order.
    pub(crate) fn forbidden(&self) -> impl Iterator<Item = Forbidden> {
        let bounds = self.sealed.unwrap_or(Bounds::NONE);
        let sealed = [(0, bounds.no_access, false), (bounds.no_access, bounds.read_only, true)];
        let sealed = sealed.into_iter().filter_map(|(start, end, readable)| {
            Some(Forbidden { span: Span::claim("the sealed part", start, end.checked_sub(start)?).ok()?, readable })
        });
        let ranges = self.ranges.iter().flat_map(|(span, protection)| {
            let readable = protection.can_read();
            self.pieces(*span).into_iter().map(move |span| Forbidden { span, readable })
        });
        sealed.chain(ranges)
    }

    /// A range, cut at the edges of windows.
    fn pieces(&self, range: Span) -> Vec<Span> {
        let edges = self.windows.iter().flat_map(|(start, end)| [*start, *end]);
        let inside = edges.filter(|edge| range.start() < *edge && *edge < range.end());
        let cuts: Set<u64> = inside.chain([range.start(), range.end()]).collect();
        let ends = cuts.iter().skip(1);
        let pieces = cuts.iter().zip(ends);
        pieces.filter_map(|(start, end)| Span::claim("a protected range", *start, end - start).ok()).collect()
    }

    /// The window is there, and some of it may be protected.
    pub(crate) fn note_window(&mut self, window: Span) {
        let edges = (window.start(), window.end());
        if self.first_in(window).is_some() {
            self.windows.insert(edges);
        } else {
            self.windows.remove(&edges);
        }
    }

    /// The first protected range that has a byte of `span`.
    pub(crate) fn first_in(&self, span: Span) -> Option<Forbidden> {
        self.forbidden().find(|range| range.span.overlaps(span))
    }

    /// What may be done from `at` on, and up to where.
    pub(crate) fn at(&self, at: u64) -> (Protection, u64) {
        for range in self.forbidden() {
            if at < range.span.start() {
                return (Protection::ReadWrite, range.span.start());
            }
            if at < range.span.end() {
                return (if range.readable { Protection::Read } else { Protection::None }, range.span.end());
            }
        }
        (Protection::ReadWrite, u64::MAX)
    }

    /// Changes what may be done to `span`, which lies behind the sealed part.
    pub(crate) fn set(&mut self, span: Span, protection: Protection) {
        let mut changed: Vec<(Span, Protection)> = Vec::with_capacity(self.ranges.len() + 2);
        let mut push = |start: u64, end: u64, protection: Protection| {
            let Some(len) = end.checked_sub(start).filter(|len| *len > 0) else { return };
            let joined = match changed.last() {
                Some(&(last, same)) if last.end() == start && same == protection => {
                    changed.pop();
                    Span::claim("a protected range", last.start(), end - last.start())
                }
                _ => Span::claim("a protected range", start, len),
            };
            changed.extend(joined.ok().map(|span| (span, protection)));
        };
        let mut placed = false;
        for &(range, before) in &self.ranges {
            push(range.start(), range.end().min(span.start()), before);
            if !placed && range.end() > span.start() {
                if protection != Protection::ReadWrite {
                    push(span.start(), span.end(), protection);
                }
                placed = true;
            }
            push(range.start().max(span.end()), range.end(), before);
        }
        if !placed && protection != Protection::ReadWrite {
            push(span.start(), span.end(), protection);
        }
        self.ranges = changed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn span(start: u64, len: u64) -> Span {
        Span::claim("a range", start, len).expect("no wrap")
    }

    #[test]
    fn ranges_beside_each_other_are_one() {
        let mut protected = Protected::default();
        protected.set(span(10, 10), Protection::Read);
        protected.set(span(30, 10), Protection::Read);
        protected.set(span(20, 10), Protection::Read);
        assert_eq!(protected.ranges, [(span(10, 30), Protection::Read)]);
        protected.set(span(15, 5), Protection::None);
        assert_eq!(protected.count(), 3);
        protected.set(span(0, 100), Protection::ReadWrite);
        assert!(protected.is_empty());
    }

    #[test]
    fn there_are_never_more_ranges_when_a_window_goes() {
        let mut protected = Protected::default();
        protected.set(span(0, 30), Protection::Read);
        assert_eq!(protected.count(), 1);
        protected.note_window(span(10, 10));
        assert_eq!(protected.count(), 3);
        protected.set(span(10, 10), Protection::ReadWrite);
        protected.note_window(span(10, 10));
        assert_eq!((protected.count(), protected.windows.len()), (2, 0));
    }

    #[test]
    fn the_sealed_part_counts_too() {
        let bounds = Bounds { no_access: 5, read_only: 9 };
        let mut protected = Protected::default().with_sealed(bounds);
        protected.set(span(20, 1), Protection::None);
        assert_eq!(protected.count(), 3);
        assert_eq!(protected.at(0), (Protection::None, 5));
        assert_eq!(protected.at(8), (Protection::Read, 9));
        assert_eq!(protected.at(9), (Protection::ReadWrite, 20));
        assert_eq!(protected.at(21), (Protection::ReadWrite, u64::MAX));
        assert_eq!(Protected::default().with_sealed(Bounds::NONE).count(), 0);
    }

    /// Miri is a thousand times slower, and lets a program read no files.
    fn config() -> ProptestConfig {
        let usual = ProptestConfig::default();
        if cfg!(miri) { ProptestConfig { cases: 2, failure_persistence: None, ..usual } } else { usual }
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn bytes_have_the_protection_that_was_set_last(
            sets in prop::collection::vec((0_u64..40, 1_u64..20, 0_usize..3), 1..30)
        ) {
            let mut protected = Protected::default();
            let mut bytes = [Protection::ReadWrite; 64];
            for (start, len, which) in sets {
                let protection = [Protection::None, Protection::Read, Protection::ReadWrite][which];
                protected.set(span(start, len), protection);
                bytes[usize::try_from(start).unwrap()..][..usize::try_from(len).unwrap()].fill(protection);
                for (at, byte) in (0..).zip(bytes) {
                    prop_assert_eq!(protected.at(at).0, byte);
                }
                for pair in protected.ranges.windows(2) {
                    prop_assert!(pair[0].0.end() < pair[1].0.start() || pair[0].1 != pair[1].1, "not merged");
                    prop_assert!(pair[0].0.end() <= pair[1].0.start(), "out of order");
                }
                prop_assert!(protected.ranges.iter().all(|(_, protection)| *protection != Protection::ReadWrite));
            }
        }
    }
}
