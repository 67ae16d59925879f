//! Spaces against a naive map of their units: what is given out, taken back and written out.

use alloc::vec::Vec;

use proptest::prelude::*;

use super::naive::{Naive, Step, UNIT, cases, lens, steps};
use super::{Node, Placed, Space};

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn ranges_are_aligned_and_inside_and_never_overlap(len in lens(), steps in steps()) {
        let (mut space, mut naive) = Naive::new(len);
        for step in steps {
            naive.step(&mut space, step);
        }
    }

    #[test]
    fn what_is_freed_in_any_order_becomes_one_gap(len in lens(), steps in steps(), order in any::<u64>()) {
        let (mut space, mut naive) = Naive::new(len);
        for step in steps {
            naive.step(&mut space, step);
        }
        let mut which = order;
        while !naive.live.is_empty() {
            which = which.rotate_left(7);
            naive.step(&mut space, Step::Free { which: usize::try_from(which % 1024).expect("small") });
        }
        prop_assert_eq!(space.largest_free(), space.len());
        prop_assert_eq!(space.used(), 0);
    }

    #[test]
    fn a_space_written_out_and_read_back_goes_on_in_the_same_way(
        len in lens(),
        before in steps(),
        after in steps(),
    ) {
        let (mut space, mut naive) = Naive::new(len);
        for step in before {
            naive.step(&mut space, step);
        }
        let written = postcard::to_allocvec(&space).expect("a space is plain tables");
        let mut back: Space = postcard::from_bytes(&written).expect("what was just written");
        prop_assert_eq!(&back, &space);
        let mut naive_back = naive.clone();
        for step in after {
            prop_assert_eq!(naive_back.step(&mut back, step), naive.step(&mut space, step));
        }
    }
}

/// Every sequence of so many steps on a space of 8 units that may grow.
#[test]
fn short_sequences_all_hold() {
    fn explore(space: &Space, naive: &Naive, depth: u32) -> u32 {
        if depth == 0 {
            return 1;
        }
        let allocs = [(1, 1), (2, 1), (3, 1), (5, 1), (8, 1), (1, 2), (1, 4), (3, 4)];
        let allocs = allocs.map(|(len, align)| Step::Alloc { len: len * UNIT, align: align * UNIT });
        let frees = (0..naive.live.len()).map(|which| Step::Free { which });
        let grows = [Step::Grow { more: UNIT - 1 }, Step::Grow { more: UNIT }];
        let next = |step| {
            let (mut space, mut naive) = (space.clone(), naive.clone());
            naive.step(&mut space, step);
            explore(&space, &naive, depth - 1)
        };
        allocs.into_iter().chain(frees).chain(grows).map(next).sum()
    }
    let (space, naive) = Naive::new(8 * UNIT);
    let depth = if cfg!(miri) { 1 } else { 5 };
    assert!(explore(&space, &naive, depth) >= 10_u32.pow(depth));
}

#[test]
fn a_node_that_names_nothing_frees_nothing() {
    let mut space = Space::new(64 * UNIT, UNIT);
    let ranges: Vec<Placed> = (0..3).map(|_| space.alloc(UNIT, 1).expect("room")).collect();
    for Placed { node, .. } in &ranges {
        assert!(space.free(*node).is_some());
    }
    let mut other = Space::new(64 * UNIT, UNIT);
    let beyond = (0..9).map(|_| other.alloc(UNIT, 1).expect("room").node).last().expect("nine");
    let before = space.clone();
    // Now a gap, or joined to one; the edge; and one that this table never had.
    for node in ranges.iter().map(|placed| placed.node).chain([Node::EDGE, beyond]) {
        assert_eq!(space.free(node), None);
        assert_eq!(space, before);
    }
}

#[test]
fn nothing_is_allocated_for_a_length_of_0_or_an_alignment_that_is_no_power_of_two() {
    let mut space = Space::new(64 * UNIT, UNIT);
    for (len, align) in [(0, 1), (1, 0), (1, 3), (1, UNIT + 1), (1, u64::MAX)] {
        assert_eq!(space.alloc(len, align), None);
    }
    assert_eq!(space, Space::new(64 * UNIT, UNIT));
}

#[test]
fn a_space_of_less_than_a_unit_is_empty_until_it_grows() {
    let mut space = Space::new(UNIT - 1, UNIT);
    assert_eq!((space.len(), space.largest_free(), space.alloc(1, 1)), (0, 0, None));
    space.grow(2 * UNIT + 1);
    assert_eq!(space.alloc(2 * UNIT, 1).map(|placed| (placed.offset, placed.len)), Some((0, 2 * UNIT)));
    space.grow(UNIT);
    assert_eq!(space.len(), 2 * UNIT, "a space never gets shorter");
}

#[test]
fn lengths_and_alignments_of_64_bits_do_not_overflow() {
    let mut space = Space::new(u64::MAX, 1);
    let all = space.alloc(u64::MAX, 1).expect("the whole of it");
    assert_eq!((all.offset, all.len, space.free_bytes()), (0, u64::MAX, 0));
    assert_eq!(space.alloc(1, 1), None);
    space.free(all.node);
    let low = space.alloc(1, 1 << 63).expect("0 is aligned to anything");
    let high = space.alloc(1, 1 << 63).expect("the upper half is free");
    assert_eq!((low.offset, high.offset), (0, 1 << 63));
    assert_eq!(space.alloc(1, 1 << 63), None);
    assert_eq!(space.alloc(u64::MAX, 1 << 63), None);
    space.assert_whole();

    for unit in [1, 1 << 12, 1 << 63] {
        let mut space = Space::new(0, unit);
        assert_eq!(space.alloc(u64::MAX, 1), None);
        space.grow(u64::MAX);
        assert_eq!(space.len(), u64::MAX / unit * unit);
        assert_eq!(space.alloc(u64::MAX, 1 << 63).is_some(), unit == 1);
        assert_eq!(space.largest_free(), space.free_bytes());
        space.assert_whole();
    }
}
