//! What a guest has that memmap2 doesn't: bytes that can't be protected, and rule 4, by which a range has one window.
#![cfg(target_os = "wasi")]

mod common;

use std::fs::File;
use std::io::{ErrorKind, Write};

use common::{content, file, path, pattern, reopen};
use memctl_guest::domain;
use memctl_guest::protection::{self, Protection};
use memmap2::{Mmap, MmapMut, MmapOptions, RemapOptions};

const PAGE: usize = 65_536;

/// Whether the host answers calls that protect memory; by `--advisory-protection` also where it can't.
fn protects() -> bool {
    let map = MmapMut::map_anon(1).expect("mapped");
    let granule = std::ptr::slice_from_raw_parts(map.as_ptr(), domain::granule());
    let protects = protection::protect(granule, Protection::Read).is_ok();
    if protects {
        protection::protect(granule, Protection::ReadWrite).expect("ordinary memory again");
    }
    protects
}

#[test]
fn maps_of_the_same_bytes_take_one_window() {
    let file = file("one-window", &pattern(3 * PAGE));
    let before = domain::usage().mappings;
    // SAFETY: nobody changes the file.
    let all = unsafe { Mmap::map(&file) }.expect("mapped");
    // SAFETY: as above.
    let part = unsafe { MmapOptions::new().offset(PAGE as u64 + 1).len(10).map(&file) }.expect("mapped");
    assert_eq!(part.as_ptr(), all[PAGE + 1..].as_ptr());
    assert_eq!(domain::usage().mappings - before, 1);
    drop(all);
    assert_eq!(part[..], pattern(3 * PAGE)[PAGE + 1..PAGE + 11]);
    drop(part);
    assert_eq!(domain::usage().mappings, before);
}

#[test]
fn a_map_that_a_writable_one_shows_a_part_of_is_refused() {
    let file = file("overlap", &pattern(3 * PAGE));
    // SAFETY: nobody changes the file.
    let part = unsafe { MmapOptions::new().offset(PAGE as u64).len(PAGE).map_mut(&file) }.expect("mapped");
    // SAFETY: as above.
    let error = unsafe { MmapOptions::new().offset(100).len(PAGE).map(&file) }.expect_err("an overlap");
    assert_eq!(error.kind(), ErrorKind::ResourceBusy);
    let text = error.to_string();
    assert!(
        text.starts_with("bytes 100 to 65636 of a file (whole granules: 0 to ") && text.contains("Drop that map first"),
        "{text}"
    );
    drop(part);
    // SAFETY: as above.
    unsafe { MmapOptions::new().offset(100).len(PAGE).map(&file) }.expect("mapped");
}

#[test]
fn maps_for_reading_may_show_some_of_the_same_bytes_where_the_host_protects() {
    let file = file("readers", &pattern(3 * PAGE));
    // SAFETY: nobody changes the file.
    let first = unsafe { MmapOptions::new().len(2 * PAGE).map(&file) }.expect("mapped");
    // SAFETY: as above.
    let second = unsafe { MmapOptions::new().offset(PAGE as u64).len(2 * PAGE).map(&file) };
    if !protects() {
        assert_eq!(second.expect_err("an overlap").kind(), ErrorKind::ResourceBusy);
        return;
    }
    let second = second.expect("mapped");
    assert_eq!((&first[..], &second[..]), (&pattern(3 * PAGE)[..2 * PAGE], &pattern(3 * PAGE)[PAGE..]));
    assert_eq!(second.make_mut().expect_err("an overlap").kind(), ErrorKind::ResourceBusy);
    first.make_mut().expect("writable: the other one is gone");
}

#[test]
fn a_directory_is_no_regular_file() {
    let folder = File::open("/scratch").expect("opened");
    // SAFETY: there is nothing to map.
    let error = unsafe { MmapOptions::new().len(10).map(&folder) }.expect_err("a directory");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("regular file"), "{error}");
}

#[test]
fn a_window_for_reading_is_made_one_for_writing_where_it_is() {
    common::file("upgrade", &pattern(PAGE));
    let read = File::open(path("upgrade")).expect("opened");
    // SAFETY: references to the bytes are made after each change.
    let map = unsafe { Mmap::map(&read) }.expect("mapped");
    // SAFETY: as above.
    let mut other = unsafe { MmapMut::map_mut(&reopen("upgrade")) }.expect("mapped");
    other[5] = 200;
    if protects() {
        assert_eq!(map[5], 200, "the same window");
    } else {
        assert_eq!(
            map[5], 5,
            "a snapshot, since the host could not keep stores away from a file that may only be read"
        );
    }
    assert_eq!(map[6], 6);
    drop(other);
    assert_eq!((map[6], content("upgrade")[5]), (6, 200));
    assert_eq!(map.make_mut().expect_err("opened for reading").kind(), ErrorKind::PermissionDenied);
}

#[test]
fn a_file_that_may_only_be_read_shows_later_changes_where_the_host_protects() {
    let mut file = file("later", &[1; 100]);
    let read = File::open(path("later")).expect("opened");
    // SAFETY: references to the bytes are made after each change.
    let map = unsafe { Mmap::map(&read) }.expect("mapped");
    file.write_all(&[2; 100]).expect("written");
    let expected = if protects() { 2 } else { 1 };
    assert_eq!(map[..], [expected; 100]);
}

#[test]
fn a_map_may_be_longer_than_its_file() {
    let file = file("longer", &[1; 10]);
    // SAFETY: nobody else changes the file.
    let mut map = unsafe { MmapOptions::new().len(2 * PAGE).map_mut(&file) }.expect("mapped");
    assert_eq!((map[9], map[10], map[2 * PAGE - 1]), (1, 0, 0));
    file.set_len(2 * PAGE as u64).expect("longer");
    map[2 * PAGE - 1] = 7;
    map.flush().expect("flushed");
    assert_eq!((content("longer").len(), content("longer")[2 * PAGE - 1]), (2 * PAGE, 7));
    file.set_len(1).expect("shorter");
    assert_eq!((map[0], map[2 * PAGE - 1]), (1, 0));
}

#[test]
fn a_shared_window_doesn_t_move_from_under_another_map() {
    let file = file("stay", &pattern(4 * PAGE));
    // SAFETY: nobody changes the file.
    let mut map = unsafe { MmapOptions::new().len(PAGE).map_mut(&file) }.expect("mapped");
    // SAFETY: as above.
    let other = unsafe { MmapOptions::new().len(10).map(&file) }.expect("mapped");
    // SAFETY: nobody has a pointer to the bytes.
    let error = unsafe { map.remap(4 * PAGE, RemapOptions::new().may_move(true)) }.expect_err("it would move");
    assert_eq!(
        (error.kind(), map.len(), other[9], map[PAGE - 1]),
        (ErrorKind::ResourceBusy, PAGE, 9, pattern(PAGE)[PAGE - 1])
    );
    // SAFETY: as above.
    let error = unsafe { map.remap(4 * PAGE, RemapOptions::new()) }.expect_err("no room");
    assert_eq!(error.kind(), ErrorKind::OutOfMemory);
    drop(other);
    // SAFETY: as above.
    unsafe { map.remap(4 * PAGE, RemapOptions::new().may_move(true)) }.expect("grown");
    assert_eq!(map[..], pattern(4 * PAGE));
}

#[test]
fn a_remap_that_is_refused_leaves_the_map_as_it_was() {
    let file = file("refused", &pattern(3 * PAGE));
    // SAFETY: nobody changes the file.
    let mut map = unsafe { MmapOptions::new().len(PAGE).map_mut(&file) }.expect("mapped");
    // SAFETY: as above.
    let rest = unsafe { MmapOptions::new().offset(PAGE as u64).len(PAGE).map_mut(&file) }.expect("mapped");
    let before = map.as_ptr();
    // SAFETY: nobody has a pointer to the bytes.
    let error = unsafe { map.remap(3 * PAGE, RemapOptions::new().may_move(true)) }.expect_err("an overlap");
    assert_eq!((error.kind(), map.as_ptr(), map.len()), (ErrorKind::ResourceBusy, before, PAGE));
    map[0] = 99;
    assert_eq!((map[PAGE - 1], rest[0], content("refused")[0]), (pattern(PAGE)[PAGE - 1], pattern(3 * PAGE)[PAGE], 99));
}

#[test]
fn more_files_can_be_mapped_than_can_be_open() {
    let map = |at: u8| {
        let file = file(&format!("many-{at}"), &[at; 10]);
        // SAFETY: nobody changes the file.
        unsafe { Mmap::map(&file) }.expect("mapped")
    };
    let maps: Vec<_> = (0..200).map(map).collect();
    assert!(maps.iter().zip(0..).all(|(map, at)| map[..] == [at; 10]));
}

#[test]
fn nothing_can_be_executed() {
    let file = file("exec", &[0; 10]);
    // SAFETY: there is nothing to see.
    assert_eq!(unsafe { MmapOptions::new().map_exec(&file) }.expect_err("wasm").kind(), ErrorKind::Unsupported);
    assert_eq!(MmapMut::map_anon(10).expect("mapped").make_exec().expect_err("wasm").kind(), ErrorKind::Unsupported);
}

#[test]
fn a_map_for_reading_is_protected_where_the_host_can() {
    let can = protects();
    let protected = || domain::usage().protected_ranges > 0;
    let file = file("protected", &pattern(10));
    assert!(!protected());
    // SAFETY: nobody changes the file.
    let map = unsafe { Mmap::map(&file) }.expect("mapped");
    assert_eq!(protected(), can);
    // SAFETY: as above.
    let other = unsafe { MmapMut::map_mut(&file) }.expect("mapped");
    assert!(!protected(), "one of the maps that share the window stores there");
    drop(other);
    assert_eq!(protected(), can);
    let map = map.make_mut().expect("writable");
    assert!(!protected());
    let map = map.make_read_only().expect("read-only");
    assert_eq!(protected(), can);
    drop(map);
    // SAFETY: as above.
    let copy = unsafe { MmapOptions::new().map_copy_read_only(&file) }.expect("mapped");
    assert_eq!(protected(), can);
    drop(copy);
    let anonymous = MmapMut::map_anon(10).expect("mapped").make_read_only().expect("read-only");
    assert_eq!(protected(), can);
    drop(anonymous);
    assert!(!protected());
}
