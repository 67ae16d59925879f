//! Objects in memory: offsets past the end, and lengths that change.

use memctl_copy::Anonymous;
use memctl_core::{Code, Storage};
use proptest::prelude::{ProptestConfig, Strategy, any, prop_assert_eq, prop_oneof, proptest};

fn stored(storage: &Anonymous) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(storage.size().expect("memory")).expect("small")];
    storage.read_at(0, &mut bytes).expect("memory");
    bytes
}

fn of(bytes: &[u8]) -> Anonymous {
    let mut storage = Anonymous::new(bytes.len() as u64).expect("small");
    storage.write_at(0, bytes).expect("memory");
    storage
}

#[test]
fn a_new_object_is_zero() {
    assert_eq!(stored(&Anonymous::new(3).expect("small")), [0; 3]);
    assert_eq!(Anonymous::new(0).expect("small").size(), Ok(0));
}

#[test]
fn bytes_past_the_end_read_as_zero_wherever_they_are() {
    let storage = of(&[1, 2, 3]);
    for offset in [3, 4, 1 << 32, u64::MAX - 1, u64::MAX] {
        let mut bytes = [9; 4];
        storage.read_at(offset, &mut bytes).expect("memory");
        assert_eq!(bytes, [0; 4], "{offset:#x}");
    }
    let mut bytes = [9; 4];
    storage.read_at(2, &mut bytes).expect("memory");
    assert_eq!(bytes, [3, 0, 0, 0]);
}

#[test]
fn bytes_past_the_end_are_dropped_and_the_object_never_grows() {
    let mut storage = of(&[1, 2, 3]);
    for offset in [3, 4, 1 << 32, u64::MAX - 1, u64::MAX] {
        storage.write_at(offset, &[9; 4]).expect("memory");
    }
    assert_eq!(stored(&storage), [1, 2, 3]);
    storage.write_at(2, &[8, 8]).expect("memory");
    assert_eq!(stored(&storage), [1, 2, 8]);
}

#[test]
fn nothing_to_move_moves_nothing() {
    let mut storage = of(&[1]);
    for offset in [0, 1, u64::MAX] {
        storage.write_at(offset, &[]).expect("memory");
        storage.read_at(offset, &mut []).expect("memory");
    }
    assert_eq!(stored(&storage), [1]);
}

#[test]
fn what_shrinking_cut_off_is_zero_when_it_grows_back() {
    let mut storage = of(&[1, 2, 3, 4]);
    storage.set_size(1).expect("small");
    storage.set_size(4).expect("small");
    assert_eq!(stored(&storage), [1, 0, 0, 0]);
}

#[test]
fn a_length_that_no_host_has_is_refused_and_changes_nothing() {
    let mut storage = of(&[1, 2]);
    for size in [u64::MAX, 1 << 63] {
        assert_eq!(storage.set_size(size).map_err(|error| error.code()), Err(Code::OutOfMemory));
        assert_eq!(Anonymous::new(size).map(drop).map_err(|error| error.code()), Err(Code::OutOfMemory));
    }
    assert_eq!(stored(&storage), [1, 2]);
}

#[test]
fn memory_is_synced_and_read_without_fail() {
    let mut storage = of(&[1]);
    assert_eq!(storage.sync(), Ok(()));
    assert!(!storage.reads_can_fail());
}

/// Offsets in the object, at its end and far past it.
fn offset() -> impl Strategy<Value = u64> {
    prop_oneof![0..40_u64, any::<u64>()]
}

/// Fewer cases under Miri, which is a thousand times slower and lets a program read no files.
fn config() -> ProptestConfig {
    let usual = ProptestConfig::default();
    if cfg!(miri) { ProptestConfig { cases: 16, failure_persistence: None, ..usual } } else { usual }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn it_is_a_vector_with_zeroes_after_it(
        steps in proptest::collection::vec((offset(), proptest::collection::vec(any::<u8>(), 0..12), 0..40_u64), 1..20),
    ) {
        let (mut storage, mut model) = (Anonymous::new(8).expect("small"), vec![0_u8; 8]);
        for (offset, bytes, size) in steps {
            storage.write_at(offset, &bytes).expect("memory");
            for (byte, at) in bytes.iter().zip(0..) {
                let place = offset.checked_add(at).and_then(|at| usize::try_from(at).ok());
                if let Some(stored) = place.and_then(|at| model.get_mut(at)) {
                    *stored = *byte;
                }
            }
            prop_assert_eq!(&stored(&storage), &model);
            // Now and then, by what was drawn: most lengths stay as they are.
            if size % 3 == 0 {
                storage.set_size(size).expect("small");
                model.resize(usize::try_from(size).expect("small"), 0);
            }
        }
        prop_assert_eq!(stored(&storage), model);
    }
}

#[test]
fn what_is_discarded_is_zero() {
    let mut storage = Anonymous::new(8).expect("small");
    storage.write_at(0, &[1; 8]).expect("memory");
    storage.discard(2, 3).expect("memory");
    assert_eq!(stored(&storage), [1, 1, 0, 0, 0, 1, 1, 1]);
    storage.write_zeros(6, u64::MAX).expect("up to the end");
    storage.discard(u64::MAX, 1).expect("there is nothing");
    assert_eq!(stored(&storage), [1, 1, 0, 0, 0, 1, 0, 0]);
}
