//! What memmap2's own tests ask of it, asked in a guest of this package and elsewhere of memmap2 itself.

mod common;

use std::fs::File;
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::os::fd::AsRawFd;

use common::{content, file, path, pattern, reopen};
use memmap2::{Mmap, MmapMut, MmapOptions, MmapRaw};

const LEN: usize = 128;

#[test]
fn a_map_shows_the_file_and_takes_stores() {
    let file = file("rw", &[0; LEN]);
    // SAFETY: nobody else changes the file.
    let mut map = unsafe { MmapMut::map_mut(&file) }.expect("mapped");
    assert_eq!(map[..], [0; LEN]);
    map.copy_from_slice(&pattern(LEN));
    assert_eq!(map[..], pattern(LEN));
    map.flush().expect("flushed");
    assert_eq!(content("rw"), pattern(LEN));
}

#[test]
fn a_descriptor_is_as_good_as_a_file() {
    let file = file("fd", &pattern(LEN));
    // SAFETY: nobody changes the file.
    let map = unsafe { Mmap::map(file.as_raw_fd()) }.expect("mapped");
    assert_eq!(map[..], pattern(LEN));
}

#[test]
fn a_closed_descriptor_is_refused() {
    // SAFETY: there is nothing to map.
    let error = unsafe { Mmap::map(1_000_000) }.expect_err("no file");
    assert!(error.raw_os_error().is_some(), "{error}");
}

#[test]
fn an_empty_file_is_an_empty_map() {
    let file = file("empty", &[]);
    // SAFETY: nobody changes the file.
    let map = unsafe { Mmap::map(&file) }.expect("mapped");
    assert!(map.is_empty());
    // SAFETY: as above.
    let mut map = unsafe { MmapMut::map_mut(&file) }.expect("mapped");
    assert_eq!((map.len(), &mut map[..]), (0, &mut [][..]));
    map.flush().expect("flushed");
}

#[test]
fn anonymous_memory_is_zero_and_can_be_written() {
    let mut map = MmapMut::map_anon(LEN).expect("mapped");
    assert_eq!(map[..], [0; LEN]);
    map.copy_from_slice(&pattern(LEN));
    assert_eq!(map[..], pattern(LEN));
    assert!(MmapOptions::new().map_anon().expect("mapped").is_empty());
    assert!(MmapMut::map_anon(0).expect("mapped").is_empty());
}

#[test]
fn hints_are_accepted() {
    let options = MmapOptions::new().len(LEN).stack().populate().no_reserve_swap().no_probe_handle().to_owned();
    assert_eq!(options.map_anon().expect("mapped").len(), LEN);
    let file = file("hints", &pattern(LEN));
    // SAFETY: nobody changes the file.
    let map = unsafe { options.map(&file) }.expect("mapped");
    assert_eq!(map[..], pattern(LEN));
}

#[test]
fn more_than_the_half_of_all_addresses_is_refused() {
    let error = MmapMut::map_anon(usize::MAX).expect_err("too long");
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (ErrorKind::InvalidData, "memory map length overflows isize")
    );
    let file = file("overflow", &[1]);
    // SAFETY: there is nothing to map.
    let error = unsafe { MmapOptions::new().len(usize::MAX).map(&file) }.expect_err("too long");
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (ErrorKind::InvalidData, "memory map length overflows isize")
    );
    // The half is no length that overflows.
    let half = MmapOptions::new().len(isize::MAX.cast_unsigned()).to_owned();
    // SAFETY: as above.
    let error = unsafe { half.map(&file) }.expect_err("too long");
    assert_eq!(error.kind(), ErrorKind::OutOfMemory);
    assert_eq!(half.map_anon().expect_err("too long").kind(), ErrorKind::OutOfMemory);
}

#[test]
fn an_offset_past_the_end_is_refused() {
    let file = file("past", &[1, 2, 3]);
    // SAFETY: there is nothing to map.
    let error = unsafe { MmapOptions::new().offset(4).map(&file) }.expect_err("past the end");
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert_eq!(error.to_string(), "memory map offset is larger than length");
    // SAFETY: there is nothing to see.
    assert!(unsafe { MmapOptions::new().offset(3).map(&file) }.expect("mapped").is_empty());
}

#[test]
fn any_offset_will_do() {
    let bytes = pattern(70_000);
    let file = file("offset", &bytes);
    for (offset, len) in [(0_usize, 10), (1, 4095), (4095, 2), (4096, 4096), (65_535, 4000), (69_999, 1)] {
        // SAFETY: nobody changes the file.
        let map = unsafe { MmapOptions::new().offset(offset as u64).len(len).map(&file) }.expect("mapped");
        assert_eq!(map[..], bytes[offset..][..len], "{len} bytes from {offset} on");
        // SAFETY: as above.
        let map = unsafe { MmapOptions::new().offset(offset as u64).map_copy(&file) }.expect("mapped");
        assert_eq!(map[..], bytes[offset..], "from {offset} on");
    }
    // SAFETY: as above.
    let mut map = unsafe { MmapOptions::new().offset(4999).len(3).map_mut(&file) }.expect("mapped");
    map.copy_from_slice(b"abc");
    map.flush().expect("flushed");
    assert_eq!(content("offset")[4998..5003], [bytes[4998], b'a', b'b', b'c', bytes[5002]]);
}

#[test]
fn parts_can_be_flushed() {
    let file = file("parts", &[0; 10_000]);
    // SAFETY: nobody else changes the file.
    let mut map = unsafe { MmapMut::map_mut(&file) }.expect("mapped");
    map[..5].copy_from_slice(b"start");
    map[9_000..9_003].copy_from_slice(b"end");
    map.flush_async_range(0, 5).expect("flushed");
    map.flush_range(9_000, 3).expect("flushed");
    map.flush_range(10_000, 0).expect("flushed");
    map.flush_async().expect("flushed");
    assert_eq!((&content("parts")[..5], &content("parts")[9_000..9_003]), (&b"start"[..], &b"end"[..]));
    for (offset, len) in [(0, 10_001), (10_001, 0), (9_999, 2), (1, usize::MAX)] {
        assert_eq!(map.flush_range(offset, len).expect_err("outside").kind(), ErrorKind::InvalidInput);
        assert_eq!(map.flush_async_range(offset, len).expect_err("outside").kind(), ErrorKind::InvalidInput);
    }
}

#[test]
fn stores_to_a_copy_stay_there() {
    let file = file("copy", &[0; LEN]);
    // SAFETY: nobody changes the file.
    let mut map = unsafe { MmapOptions::new().map_copy(&file) }.expect("mapped");
    map[..6].copy_from_slice(b"abc123");
    map.flush().expect("flushed");
    assert_eq!(map[..6], *b"abc123");
    assert_eq!(content("copy"), [0; LEN]);
    // SAFETY: as above.
    assert_eq!(unsafe { Mmap::map(&file) }.expect("mapped")[..], [0; LEN]);
}

#[test]
fn a_file_opened_for_reading_can_be_mapped_and_copied() {
    common::file("read-only", &pattern(LEN));
    let file = File::open(path("read-only")).expect("opened");
    // SAFETY: nobody changes the file.
    let read = unsafe { Mmap::map(&file) }.expect("mapped");
    // SAFETY: as above.
    let mut copy = unsafe { MmapOptions::new().map_copy(&file) }.expect("mapped");
    // SAFETY: as above.
    let kept = unsafe { MmapOptions::new().map_copy_read_only(&file) }.expect("mapped");
    copy[0] = 99;
    assert_eq!((&read[..], &kept[..], copy[0]), (&pattern(LEN)[..], &pattern(LEN)[..], 99));
    // SAFETY: as above.
    let error = unsafe { MmapMut::map_mut(&file) }.expect_err("opened for reading");
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert_eq!(MmapRaw::map_raw(&file).expect_err("opened for reading").kind(), ErrorKind::PermissionDenied);
    assert_eq!(read.make_mut().expect_err("opened for reading").kind(), ErrorKind::PermissionDenied);
    kept.make_mut().expect("a copy is one's own")[0] = 98;
}

#[test]
fn a_file_opened_for_writing_can_t_be_mapped() {
    let file = File::create(path("write-only")).expect("created");
    file.set_len(10).expect("longer");
    // SAFETY: there is nothing to map.
    let error = unsafe { Mmap::map(&file) }.expect_err("opened for writing");
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
}

#[test]
fn a_map_changes_between_reading_and_writing() {
    let file = file("protect", &[0; 256]);
    // SAFETY: nobody else changes the file.
    let map = unsafe { MmapMut::map_mut(&file) }.expect("mapped");
    let mut map = map.make_read_only().expect("read-only").make_mut().expect("writable");
    map[..6].copy_from_slice(b"abc123");
    map.flush().expect("flushed");
    assert_eq!(content("protect")[..6], *b"abc123");
    // SAFETY: as above.
    let other = unsafe { Mmap::map(&file) }.expect("mapped");
    assert_eq!(other[..6], *b"abc123");
    let map = map.make_read_only().expect("read-only");
    assert_eq!(map[..6], *b"abc123");

    // SAFETY: as above.
    let copy = unsafe { MmapOptions::new().map_copy(&file) }.expect("mapped");
    let mut copy = copy.make_read_only().expect("read-only").make_mut().expect("writable");
    copy[0] = b'x';
    assert_eq!((copy[0], content("protect")[0]), (b'x', b'a'));

    let anonymous = MmapMut::map_anon(256).expect("mapped").make_read_only().expect("read-only");
    anonymous.make_mut().expect("writable")[255] = 1;
}

#[test]
fn raw_maps_give_pointers() {
    let file = file("raw", b"abc123");
    let map = MmapRaw::map_raw(&file).expect("mapped");
    assert_eq!((map.len(), map.as_ptr()), (6, map.as_mut_ptr().cast_const()));
    // SAFETY: the map has this byte, and nobody has a reference to it.
    unsafe { map.as_mut_ptr().write(b'X') };
    map.flush().expect("flushed");
    map.flush_range(1, 2).expect("flushed");
    map.flush_async().expect("flushed");
    map.flush_async_range(0, 6).expect("flushed");
    assert_eq!(content("raw"), b"Xbc123");
    drop(map);
    let map = MmapOptions::new().map_raw_read_only(&File::open(path("raw")).expect("opened")).expect("mapped");
    // SAFETY: the map has this byte, and nobody changes it.
    assert_eq!((map.len(), unsafe { map.as_ptr().read() }), (6, b'X'));
    let map = MmapRaw::from(MmapMut::map_anon(9).expect("mapped"));
    assert_eq!(map.len(), 9);
    // SAFETY: nobody changes the file.
    let map = MmapRaw::from(unsafe { Mmap::map(&file) }.expect("mapped"));
    assert!(format!("{map:?}").starts_with("MmapRaw { ptr: 0x"), "{map:?}");
}

#[test]
fn a_map_stays_when_its_file_is_closed() {
    let file = file("closed", &pattern(LEN));
    // SAFETY: nobody else changes the file.
    let mut map = unsafe { MmapMut::map_mut(&file) }.expect("mapped");
    drop(file);
    map[7] = 200;
    map.flush().expect("flushed");
    assert_eq!((map[8], content("closed")[7]), (8, 200));
}

#[test]
fn what_is_written_to_the_file_is_seen_in_the_map_and_the_other_way_round() {
    let mut file = file("coherent", &[0; 5000]);
    // SAFETY: references to the bytes are made after each change.
    let mut map = unsafe { MmapMut::map_mut(&file) }.expect("mapped");
    file.seek(SeekFrom::Start(4500)).expect("sought");
    file.write_all(b"written").expect("written");
    assert_eq!(map[4500..4507], *b"written");
    map[..6].copy_from_slice(b"stored");
    assert_eq!(content("coherent")[..6], *b"stored");
}

#[test]
fn two_maps_of_a_file_are_the_same_memory() {
    let file = file("twice", &[0; 9000]);
    // SAFETY: references to the bytes are made after each change.
    let mut map = unsafe { MmapMut::map_mut(&file) }.expect("mapped");
    // SAFETY: as above.
    let part = unsafe { MmapOptions::new().offset(5000).len(100).map(&reopen("twice")) }.expect("mapped");
    let read = File::open(path("twice")).expect("opened");
    // SAFETY: as above.
    let all = unsafe { Mmap::map(&read) }.expect("mapped");
    map[5001] = 77;
    assert_eq!((part[1], all[5001]), (77, 77));
    drop(map);
    assert_eq!((part[1], all[5001], content("twice")[5001]), (77, 77, 77));
    // SAFETY: as above.
    let mut again = unsafe { MmapMut::map_mut(&file) }.expect("mapped");
    again[5002] = 78;
    assert_eq!((part[2], all[5002]), (78, 78));
}

#[test]
fn maps_can_be_sent_and_shared() {
    fn check<T: Send + Sync + Unpin + std::panic::UnwindSafe + std::panic::RefUnwindSafe + 'static>() {}
    check::<Mmap>();
    check::<MmapMut>();
    check::<MmapRaw>();
    check::<MmapOptions>();
}

#[test]
fn maps_show_where_they_are() {
    let map = MmapMut::map_anon(9).expect("mapped");
    assert!(format!("{map:?}").starts_with("MmapMut { ptr: 0x"), "{map:?}");
    assert!(format!("{map:?}").ends_with(", len: 9 }"), "{map:?}");
    let text = "MmapOptions { offset: 5, len: None, huge: Some(0), stack: false, populate: true, no_reserve_swap: false, no_probe_handle: false }";
    assert_eq!(format!("{:?}", MmapOptions::new().offset(5).huge(None).populate()), text);
}

#[test]
fn a_regular_file_is_never_safe_to_map() {
    let file = file("if-safe", &pattern(LEN));
    let error = Mmap::map_if_safe(&file).expect_err("it can change");
    assert!(error.not_supported() || error.not_safe(), "{error:?}");
    let error = MmapOptions::new().offset(1000).map_if_safe(&file).expect_err("past the end");
    assert!(error.map_failed(), "{error:?}");
    assert_eq!(std::io::Error::from(error).kind(), ErrorKind::InvalidData);
}
