//! Advice, locks and new lengths, which memmap2 has on Linux and in a guest.
#![cfg(any(target_os = "linux", target_os = "wasi"))]

mod common;

use std::io::ErrorKind;

use common::{content, file, pattern};
use memmap2::{Advice, Mmap, MmapMut, MmapOptions, MmapRaw, RemapOptions, UncheckedAdvice};

/// At least a page of the machine, or a granule of the host.
const PAGE: usize = 65_536;

#[test]
fn advice_leaves_the_bytes_as_they_are() {
    let file = file("advice", &[0; 128]);
    // SAFETY: nobody else changes the file.
    let mut map = unsafe { MmapMut::map_mut(&file) }.expect("mapped");
    map.advise(Advice::Random).expect("advised");
    map.advise_range(Advice::Sequential, 0, 128).expect("advised");
    map.advise_range(Advice::PopulateWrite, 100, 28).expect("advised");
    map.copy_from_slice(&pattern(128));
    // SAFETY: as above.
    let other = unsafe { Mmap::map(&file) }.expect("mapped");
    other.advise(Advice::WillNeed).expect("advised");
    for advice in [Advice::Normal, Advice::DontFork, Advice::DoFork, Advice::DontDump, Advice::DoDump] {
        other.advise(advice).expect("advised");
    }
    assert_eq!(other[..], pattern(128));
    // SAFETY: nobody has a reference to the bytes.
    unsafe { map.unchecked_advise(UncheckedAdvice::DontNeed) }.expect("advised");
    assert_eq!(map[..], pattern(128), "a shared map shows the file again");
    assert_eq!(map.advise_range(Advice::Normal, 129, 0).expect_err("outside").kind(), ErrorKind::InvalidInput);
    assert!(map.advise_range(Advice::Normal, 0, usize::MAX).is_err());
    // SAFETY: nobody has a reference to the bytes.
    unsafe { map.unchecked_advise(UncheckedAdvice::Free) }.expect_err("for anonymous maps only");
    assert_eq!(map.advise(Advice::HwPoison).is_ok(), Advice::HwPoison.is_supported());
    let raw = MmapRaw::from(map);
    raw.advise(Advice::Normal).expect("advised");
}

#[test]
fn ordinary_advice_is_supported() {
    for advice in [Advice::Normal, Advice::Random, Advice::Sequential, Advice::WillNeed] {
        assert!(advice.is_supported(), "{advice:?}");
    }
    assert!(UncheckedAdvice::DontNeed.is_supported());
    assert_eq!((Advice::HwPoison as i32, Advice::PopulateRead as i32, UncheckedAdvice::Remove as i32), (100, 22, 9));
}

#[test]
fn anonymous_memory_that_is_not_needed_is_zero() {
    let mut map = MmapMut::map_anon(2 * PAGE).expect("mapped");
    map.fill(255);
    let map = map.make_read_only().expect("read-only");
    // SAFETY: nobody has a reference to the bytes.
    unsafe { map.unchecked_advise_range(UncheckedAdvice::DontNeed, PAGE, PAGE) }.expect("advised");
    assert_eq!((map[0], map[PAGE - 1], map[PAGE], map[2 * PAGE - 1]), (255, 255, 0, 0));
    // SAFETY: as above.
    unsafe { map.unchecked_advise(UncheckedAdvice::DontNeed) }.expect("advised");
    assert_eq!(map[0], 0);
    // SAFETY: as above.
    unsafe { map.unchecked_advise(UncheckedAdvice::Free) }.expect("advised");
    // SAFETY: as above.
    unsafe { map.unchecked_advise(UncheckedAdvice::Remove) }.expect_err("it shows no file");
}

#[test]
fn a_copy_that_is_not_needed_shows_the_file_again() {
    let file = file("forget", &pattern(3 * PAGE));
    // SAFETY: nobody changes the file.
    let mut map = unsafe { MmapOptions::new().offset(10).map_copy(&file) }.expect("mapped");
    map.fill(1);
    // SAFETY: nobody has a reference to the bytes.
    unsafe { map.unchecked_advise_range(UncheckedAdvice::DontNeed, PAGE - 10, PAGE) }.expect("advised");
    assert_eq!((map[PAGE - 11], map[2 * PAGE - 10]), (1, 1));
    assert_eq!(map[PAGE - 10..2 * PAGE - 10], pattern(3 * PAGE)[PAGE..2 * PAGE]);
}

#[test]
fn removed_bytes_are_zero_in_the_file() {
    let file = file("remove", &pattern(3 * PAGE));
    // SAFETY: nobody else changes the file.
    let map = unsafe { MmapMut::map_mut(&file) }.expect("mapped");
    // SAFETY: nobody has a reference to the bytes.
    unsafe { map.unchecked_advise_range(UncheckedAdvice::Remove, PAGE, PAGE) }.expect("advised");
    assert_eq!(map[PAGE..2 * PAGE], vec![0; PAGE]);
    let expected = [&pattern(PAGE)[..], &vec![0; PAGE], &pattern(3 * PAGE)[2 * PAGE..]].concat();
    assert_eq!(content("remove"), expected);
    // SAFETY: as above.
    let copy = unsafe { MmapOptions::new().map_copy(&file) }.expect("mapped");
    // SAFETY: as above.
    unsafe { copy.unchecked_advise(UncheckedAdvice::Remove) }.expect_err("not shared");
}

#[test]
fn a_map_can_be_locked() {
    let file = file("lock", &[0; 128]);
    // SAFETY: nobody changes the file.
    let map = unsafe { Mmap::map(&file) }.expect("mapped");
    map.lock().expect("locked");
    map.lock().expect("locked");
    map.unlock().expect("unlocked");
    map.unlock().expect("unlocked");
}

#[test]
fn a_map_grows() {
    let file = file("grow", &[0; 3 * PAGE]);
    for offset in [0, 77] {
        // SAFETY: nobody else changes the file.
        let mut map = unsafe { MmapOptions::new().offset(offset).len(128).map_mut(&file) }.expect("mapped");
        map.fill(7);
        // SAFETY: nobody has a pointer to the bytes.
        unsafe { map.remap(2000, RemapOptions::new().may_move(true)) }.expect("grown");
        assert_eq!((map.len(), map[127], map[1999]), (2000, 7, 0));
        // SAFETY: as above.
        unsafe { map.remap(2 * PAGE, RemapOptions::new().may_move(true)) }.expect("grown");
        assert_eq!((map.len(), map[127], map[2 * PAGE - 1]), (2 * PAGE, 7, 0));
        map.fill(0);
    }
    // SAFETY: as above.
    let mut copy = unsafe { MmapOptions::new().len(PAGE).map_copy(&file) }.expect("mapped");
    copy.fill(9);
    // SAFETY: as above.
    unsafe { copy.remap(2 * PAGE, RemapOptions::new().may_move(true)) }.expect("grown");
    assert_eq!((copy[PAGE - 1], copy[PAGE], copy[2 * PAGE - 1]), (9, 0, 0));
    copy[2 * PAGE - 1] = 1;
    let mut map = MmapMut::map_anon(PAGE).expect("mapped");
    map.fill(5);
    // SAFETY: as above.
    unsafe { map.remap(100 * PAGE, RemapOptions::new().may_move(true)) }.expect("grown");
    assert_eq!((map[PAGE - 1], map[PAGE], map[100 * PAGE - 1]), (5, 0, 0));
    map.fill(6);
}

#[test]
fn a_map_shrinks_where_it_is() {
    let file = file("shrink", &[1; 20_000]);
    // SAFETY: nobody else changes the file.
    let mut map = unsafe { MmapMut::map_mut(&file) }.expect("mapped");
    let before = map.as_ptr();
    // SAFETY: nobody has a pointer to the bytes.
    unsafe { map.remap(400, RemapOptions::new()) }.expect("shrunk");
    assert_eq!((map.len(), map.as_ptr()), (400, before));
    map.fill(2);
    map.flush().expect("flushed");
    assert_eq!((content("shrink")[399], content("shrink")[400]), (2, 1));

    let mut map = MmapMut::map_anon(2 * PAGE).expect("mapped");
    map.fill(3);
    // SAFETY: as above.
    unsafe { map.remap(PAGE, RemapOptions::new()) }.expect("shrunk");
    // SAFETY: as above.
    unsafe { map.remap(2 * PAGE, RemapOptions::new().may_move(true)) }.expect("grown");
    assert_eq!((map[PAGE - 1], map[PAGE], map[2 * PAGE - 1]), (3, 0, 0));
}

#[test]
fn an_empty_map_grows_with_its_file() {
    let file = file("grow-empty", &[]);
    // SAFETY: nobody else changes the file.
    let mut map = unsafe { MmapMut::map_mut(&file) }.expect("mapped");
    file.set_len(100).expect("longer");
    // SAFETY: nobody has a pointer to the bytes.
    unsafe { map.remap(100, RemapOptions::new().may_move(true)) }.expect("grown");
    map.fill(4);
    map.flush().expect("flushed");
    assert_eq!(content("grow-empty"), [4; 100]);
}

#[test]
fn a_new_length_of_more_than_half_of_all_addresses_is_refused() {
    let mut map = MmapMut::map_anon(1024).expect("mapped");
    // SAFETY: nobody has a pointer to the bytes.
    unsafe { map.remap(usize::MAX / 2 + 2, RemapOptions::new().may_move(true)) }.expect_err("too long");
    assert_eq!(map.len(), 1024);
}
