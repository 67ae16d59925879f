//! Sorted vectors, against the trees whose place they take.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::ops::Bound;

use proptest::prelude::*;

use super::vector::{Map, Set};

#[derive(Clone, Copy, Debug)]
enum Step {
    Insert(u8, u16),
    Remove(u8),
    Or(u8, u16),
    Retain(u8),
    Range(Bound<u8>, Bound<u8>),
}

fn bound() -> impl Strategy<Value = Bound<u8>> {
    prop_oneof![Just(Bound::Unbounded), (0..20_u8).prop_map(Bound::Included), (0..20_u8).prop_map(Bound::Excluded)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..20_u8, any::<u16>()).prop_map(|(key, value)| Step::Insert(key, value)),
        (0..20_u8).prop_map(Step::Remove),
        (0..20_u8, any::<u16>()).prop_map(|(key, value)| Step::Or(key, value)),
        (2..5_u8).prop_map(Step::Retain),
        (bound(), bound()).prop_map(|(from, to)| Step::Range(from, to)),
    ]
}

/// Whether `BTreeMap::range` takes it: it panics where the end is before the start.
fn runs_forward(from: Bound<u8>, to: Bound<u8>) -> bool {
    match (from, to) {
        (Bound::Excluded(from), Bound::Excluded(to)) => from < to,
        (Bound::Included(from) | Bound::Excluded(from), Bound::Included(to) | Bound::Excluded(to)) => from <= to,
        _ => true,
    }
}

const STEPS: usize = if cfg!(miri) { 20 } else { 100 };

/// Fewer cases where each instruction is interpreted.
fn cases() -> ProptestConfig {
    let usual = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if cfg!(miri) { ProptestConfig { cases: 2, ..usual } } else { usual }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_sorted_vector_is_a_map_as_a_tree_is(steps in prop::collection::vec(step(), 0..STEPS)) {
        let (mut ours, mut tree) = (Map::new(), BTreeMap::new());
        for step in steps {
            match step {
                Step::Insert(key, value) => prop_assert_eq!(ours.insert(key, value), tree.insert(key, value)),
                Step::Remove(key) => prop_assert_eq!(ours.remove(&key), tree.remove(&key)),
                Step::Or(key, value) => {
                    prop_assert_eq!(ours.entry(key).or_insert_with(|| value), tree.entry(key).or_insert_with(|| value));
                }
                Step::Retain(divisor) => {
                    ours.retain(|key, _| key % divisor != 0);
                    tree.retain(|key, _| key % divisor != 0);
                }
                Step::Range(from, to) if runs_forward(from, to) => {
                    prop_assert!(ours.range((from, to)).eq(tree.range((from, to))));
                    prop_assert!(ours.range((from, to)).rev().eq(tree.range((from, to)).rev()));
                }
                Step::Range(..) => {}
            }
            ours.values_mut().for_each(|value| *value = value.wrapping_add(1));
            ours.iter_mut().for_each(|(key, value)| *value = value.wrapping_add(u16::from(*key)));
            tree.iter_mut().for_each(|(key, value)| *value = value.wrapping_add(1 + u16::from(*key)));
            prop_assert!(ours.iter().eq(tree.iter()) && ours.keys().eq(tree.keys()));
            prop_assert!(ours.values().eq(tree.values()) && ours.len() == tree.len());
            for key in 0..20 {
                prop_assert_eq!(ours.get(&key), tree.get(&key));
                prop_assert_eq!(ours.get_mut(&key), tree.get_mut(&key));
                prop_assert_eq!(ours.contains_key(&key), tree.contains_key(&key));
            }
        }
        prop_assert_eq!(ours.is_empty(), tree.is_empty());
        let collected: Map<u8, u16> = tree.clone().into_iter().collect();
        prop_assert_eq!(&collected, &ours);
        prop_assert!(ours.into_iter().eq(tree));
    }

    #[test]
    fn and_a_set(steps in prop::collection::vec((0..20_u8, any::<bool>()), 0..STEPS)) {
        let (mut ours, mut tree) = (Set::new(), BTreeSet::new());
        for (key, puts_in) in steps {
            if puts_in {
                prop_assert_eq!(ours.insert(key), tree.insert(key));
            } else {
                prop_assert_eq!(ours.remove(&key), tree.remove(&key));
            }
            prop_assert!(ours.iter().eq(tree.iter()) && ours.len() == tree.len());
            prop_assert_eq!((ours.contains(&key), ours.is_empty()), (tree.contains(&key), tree.is_empty()));
        }
        let collected: Set<u8> = tree.iter().rev().copied().collect();
        prop_assert_eq!(&collected, &ours);
        let listed: Vec<u8> = ours.into_iter().collect();
        prop_assert!(listed.iter().eq(&tree));
    }
}
