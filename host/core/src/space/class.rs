//! Classes of length: which list a gap is kept in, and where one that surely is long enough is found.

/// How many classes lie between a power of two and the next.
pub(super) const STEPS: usize = 1 << STEP_BITS;
const STEP_BITS: u32 = 5;

/// The lengths from one bound up to the next, in units.
///
/// Level 0 has a class for each length below [`STEPS`]; every level above spans the lengths from a power of two up to the
/// next in [`STEPS`] equal steps. So a class is at most 1/32 as wide as the shortest length in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Class {
    // Invariant: at most 59, since lengths have 64 bits.
    pub(super) level: usize,
    // Invariant: below STEPS.
    pub(super) step: usize,
}

impl Class {
    /// The class that a length belongs to; `units` is not 0.
    #[expect(clippy::cast_possible_truncation, reason = "a step is below 32")]
    pub(super) fn of(units: u64) -> Self {
        let top = units.ilog2();
        let level = top.saturating_sub(STEP_BITS - 1);
        // From level 1 on the shift leaves the top bit, which the level says already, and the STEP_BITS below it.
        let step = (units >> level.saturating_sub(1)) & (STEPS as u64 - 1);
        Self { level: level as usize, step: step as usize }
    }

    /// The lowest class with no length below `units` in it, or `None` if no length in 64 bits is known to do.
    pub(super) fn enough(units: u64) -> Option<Self> {
        let top = units.ilog2();
        let width = 1 << top.saturating_sub(STEP_BITS);
        Some(Self::of(units.checked_add(width - 1)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Around every power of two and every step between, up to the longest length; some of them where each instruction is
    /// interpreted.
    fn telling_lengths() -> impl Iterator<Item = u64> {
        let (few, every) = if cfg!(miri) { (70, 29) } else { (1 << 14, 1) };
        let steps = (5..64).step_by(every).flat_map(|top| (0..32).map(move |step| (1 << top) + (step << (top - 5))));
        (1..few).chain(steps.flat_map(|edge| [edge - 1, edge, edge + 1])).chain([u64::MAX - 1, u64::MAX])
    }

    #[test]
    fn a_longer_length_is_in_the_same_class_or_a_higher_one() {
        assert!((1..200).all(|units| Class::of(units) <= Class::of(units + 1)));
        assert!(telling_lengths().filter(|&units| units > 1).all(|units| Class::of(units - 1) <= Class::of(units)));
        assert_eq!(Class::of(u64::MAX), Class { level: 59, step: 31 });
    }

    #[test]
    fn below_32_units_each_length_has_a_class_of_its_own() {
        assert!((1..64).all(|units| Class::of(units) < Class::of(units + 1)));
        assert!((1..64).all(|units| Class::enough(units) == Some(Class::of(units))));
    }

    #[test]
    fn a_class_that_is_enough_has_no_shorter_length_and_wastes_less_than_a_32nd() {
        for units in telling_lengths() {
            // Whatever is in a lower class than `enough` is less than 1/32 longer; what is shorter is in a lower one.
            let ample = units.checked_add(units / 32);
            match Class::enough(units) {
                Some(enough) => {
                    assert!(units == 1 || Class::of(units - 1) < enough, "{units}");
                    assert!(ample.is_none_or(|ample| Class::of(ample) >= enough), "{units}");
                }
                None => assert_eq!(ample, None, "{units}"),
            }
        }
    }
}
