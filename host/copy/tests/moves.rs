//! What happens to a window's bytes, and to an object's, when a storage works and when it fails.

use std::cell::Cell;

use memctl_copy::{Anonymous, hide, publish, refresh, show};
use memctl_core::{Error, Storage};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_assert_eq, proptest};

const FAULT: Error = Error::Io { what: "a fault for the test", errno: 5 };

/// A medium that fails when told, after half of the bytes.
struct Flaky {
    bytes: Vec<u8>,
    fails: bool,
    /// How many bytes the last read asked for.
    asked: Cell<usize>,
}

impl Flaky {
    fn new(bytes: &[u8], fails: bool) -> Self {
        Self { bytes: bytes.to_vec(), fails, asked: Cell::new(0) }
    }

    fn done(&self, len: usize) -> usize {
        if self.fails { len / 2 } else { len }
    }
}

impl Storage for Flaky {
    fn size(&self) -> Result<u64, Error> {
        Ok(self.bytes.len() as u64)
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Result<(), Error> {
        self.asked.set(bytes.len());
        let (start, done) = (usize::try_from(offset).expect("small"), self.done(bytes.len()));
        bytes[..done].copy_from_slice(&self.bytes[start..][..done]);
        if self.fails { Err(FAULT) } else { Ok(()) }
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        let (start, done) = (usize::try_from(offset).expect("small"), self.done(bytes.len()));
        self.bytes[start..][..done].copy_from_slice(&bytes[..done]);
        if self.fails { Err(FAULT) } else { Ok(()) }
    }

    fn set_size(&mut self, _size: u64) -> Result<(), Error> {
        Err(Error::Unsupported { why: "not needed here" })
    }

    fn sync(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

#[test]
fn show_gives_the_object_s_bytes_and_then_zeroes() {
    let mut window = [9; 6];
    let storage = Flaky::new(&[1, 2, 3, 4, 5], false);
    assert_eq!(show(&storage, 2, &mut window, 3), Ok(()));
    assert_eq!(window, [3, 4, 5, 0, 0, 0]);
}

#[test]
fn a_failed_show_leaves_the_window_as_it_was() {
    let mut window = [9; 6];
    let storage = Flaky::new(&[1, 2, 3, 4, 5], true);
    assert_eq!(show(&storage, 0, &mut window, 5), Err(FAULT));
    assert_eq!(storage.asked.get(), 5);
    assert_eq!(window, [9; 6]);
}

#[test]
fn show_of_memory_needs_no_second_buffer_and_gives_the_same() {
    let mut storage = Anonymous::new(5).expect("small");
    storage.write_at(0, &[1, 2, 3, 4, 5]).expect("memory");
    let mut window = [9; 6];
    assert_eq!(show(&storage, 2, &mut window, 3), Ok(()));
    assert_eq!(window, [3, 4, 5, 0, 0, 0]);
}

#[test]
fn publish_gives_the_object_the_window_s_bytes_and_loses_the_tail() {
    let mut window = [1, 2, 3, 4];
    let mut storage = Flaky::new(&[9; 5], false);
    assert_eq!(publish(&mut storage, 2, &mut window, 3), Ok(()));
    assert_eq!(storage.bytes, [9, 9, 1, 2, 3]);
    assert_eq!(window, [1, 2, 3, 0]);
}

#[test]
fn a_failed_publish_keeps_the_window_s_bytes_to_try_again() {
    let mut window = [1, 2, 3, 4];
    let mut storage = Flaky::new(&[9; 4], true);
    assert_eq!(publish(&mut storage, 0, &mut window, 4), Err(FAULT));
    assert_eq!(storage.bytes, [1, 2, 9, 9]);
    assert_eq!(window, [1, 2, 3, 4]);
    storage.fails = false;
    assert_eq!(publish(&mut storage, 0, &mut window, 4), Ok(()));
    assert_eq!(storage.bytes, [1, 2, 3, 4]);
}

#[test]
fn a_failed_refresh_says_so() {
    let mut window = [9; 4];
    assert_eq!(refresh(&Flaky::new(&[1, 2, 3, 4], true), 0, &mut window, 4), Err(FAULT));
    assert_eq!(window[2..], [9, 9], "the window may have some of the bytes, but none that nobody wrote");
}

#[test]
fn a_part_past_the_object_s_end_asks_the_storage_for_nothing() {
    let mut window = [9; 4];
    let mut storage = Flaky::new(&[], true);
    assert_eq!(refresh(&storage, u64::MAX, &mut window, 0), Ok(()));
    assert_eq!(window, [0; 4]);
    window.fill(9);
    assert_eq!(publish(&mut storage, u64::MAX, &mut window, 0), Ok(()));
    assert_eq!(window, [0; 4]);
}

#[test]
fn a_hidden_window_is_zero() {
    let mut window = [9; 4];
    hide(&mut window);
    assert_eq!(window, [0; 4]);
}

/// An object, a window's bytes, where the window starts in the object and how many of its bytes the object has.
fn shown() -> impl Strategy<Value = (Vec<u8>, Vec<u8>, usize, usize)> {
    let bytes = || proptest::collection::vec(any::<u8>(), 1..64);
    (bytes(), bytes()).prop_flat_map(|(object, window)| {
        (Just(object.clone()), Just(window), 0..object.len()).prop_map(|(object, window, offset)| {
            let real = window.len().min(object.len() - offset);
            (object, window, offset, real)
        })
    })
}

/// Fewer cases under Miri, which is a thousand times slower and lets a program read no files.
fn config() -> ProptestConfig {
    let usual = ProptestConfig::default();
    if cfg!(miri) { ProptestConfig { cases: 16, failure_persistence: None, ..usual } } else { usual }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_is_published_is_what_is_shown((object, mut window, offset, real) in shown()) {
        let mut storage = Anonymous::new(object.len() as u64).expect("small");
        storage.write_at(0, &object).expect("memory");
        publish(&mut storage, offset as u64, &mut window, real).expect("memory");

        let mut expected = object.clone();
        expected[offset..offset + real].copy_from_slice(&window[..real]);
        let mut stored = vec![0; object.len()];
        storage.read_at(0, &mut stored).expect("memory");
        prop_assert_eq!(&stored, &expected, "nothing else changed");

        let (mut shown, mut refreshed) = (vec![7; window.len()], vec![8; window.len()]);
        show(&storage, offset as u64, &mut shown, real).expect("memory");
        refresh(&Flaky::new(&stored, false), offset as u64, &mut refreshed, real).expect("no fault");
        prop_assert_eq!(&shown, &window);
        prop_assert_eq!(&refreshed, &window);
    }
}
