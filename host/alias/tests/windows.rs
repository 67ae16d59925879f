//! Windows: what they show, what they keep, what they refuse.

use std::fs::OpenOptions;
use std::io::Write;
use std::sync::Arc;

use memctl_alias::{FileObject, Protection, Reservation, host_page_size};
use memctl_core::{Code, Error, Storage};

/// A guest memory of so many host pages.
fn memory(pages: u64) -> Reservation {
    let size = usize::try_from(pages * host_page_size()).expect("fits");
    Reservation::new(size, size, 0).expect("address space")
}

fn object(pages: u64) -> FileObject {
    FileObject::anonymous(pages * host_page_size()).expect("memory")
}

fn byte(memory: &Reservation, at: u64) -> u8 {
    let mut byte = [0xee];
    memory.read(at, &mut byte).expect("readable");
    byte[0]
}

fn object_byte(object: &FileObject, at: u64) -> u8 {
    let mut byte = [0xee];
    object.read_at(at, &mut byte).expect("readable");
    byte[0]
}

fn code<T>(result: Result<T, Error>) -> Option<Code> {
    result.err().map(|error| error.code())
}

#[test]
fn sizes_are_exact_and_growth_keeps_bytes_and_base() {
    let memory = Reservation::new(5, 100_000, 1).expect("address space");
    assert_eq!((memory.size(), memory.capacity()), (5, 100_000));
    memory.write(0, b"12345").expect("inside");
    assert_eq!(code(memory.write(1, b"12345")), Some(Code::Bounds));
    let base = memory.base();
    memory.grow(99_999).expect("capacity");
    assert_eq!((memory.size(), memory.base()), (99_999, base));
    assert_eq!((byte(&memory, 4), byte(&memory, 5), byte(&memory, 99_998)), (b'5', 0, 0));
    assert_eq!(code(memory.read(99_999, &mut [0])), Some(Code::Bounds));
    memory.grow(7).expect("nothing to do");
    assert_eq!(memory.size(), 99_999);
    assert_eq!(code(memory.grow(100_001)), Some(Code::Bounds));
    assert_eq!(memory.size(), 99_999);
}

#[test]
fn impossible_reservations_are_refused() {
    assert_eq!(code(Reservation::new(2, 1, 0)), Some(Code::Bounds));
    assert_eq!(code(Reservation::new(0, usize::MAX, 0)), Some(Code::OutOfMemory));
    assert_eq!(code(Reservation::new(0, 1, usize::MAX)), Some(Code::OutOfMemory));
    assert_eq!(code(Reservation::new(0, 1 << 60, 0)), Some(Code::OutOfMemory));
}

#[test]
fn a_memory_contains_its_end_but_no_other_memory_does() {
    let memories: Vec<_> = (0..50).map(|pages| memory(pages % 3)).collect();
    for memory in &memories {
        let end = memory.base().addr() + usize::try_from(memory.size()).expect("fits");
        assert!(memory.contains(memory.base().addr()) && memory.contains(end) && !memory.contains(end + 1));
        assert_eq!(memories.iter().filter(|other| other.contains(end)).count(), 1);
    }
}

#[test]
fn ids_are_never_reused() {
    let first = memory(1).id();
    assert_ne!(memory(1).id(), first);
}

#[test]
fn two_shared_views_are_one_memory() {
    let page = host_page_size();
    let (left, right, object) = (memory(4), memory(4), object(3));
    left.show_shared(page, 2 * page, &object, page).expect("map");
    right.show_shared(0, 3 * page, &object, 0).expect("map");
    left.write(page + 7, b"x").expect("inside");
    assert_eq!(byte(&right, page + 7), b'x');
    assert_eq!(object_byte(&object, page + 7), b'x');
    right.write(3 * page - 1, b"y").expect("inside");
    assert_eq!(byte(&left, 3 * page - 1), b'y');
    assert_eq!((byte(&left, page - 1), byte(&left, 3 * page)), (0, 0));
}

#[test]
fn a_private_view_keeps_its_stores() {
    let page = host_page_size();
    let (memory, mut object) = (memory(1), object(1));
    object.write_at(0, b"ab").expect("write");
    memory.show_private(0, page, &object, 0).expect("map");
    memory.write(1, b"X").expect("inside");
    assert_eq!((byte(&memory, 0), byte(&memory, 1)), (b'a', b'X'));
    assert_eq!(object_byte(&object, 1), b'b');
}

#[test]
fn hide_leaves_zeros_and_nothing_reaches_the_object() {
    let page = host_page_size();
    let (memory, object) = (memory(3), object(3));
    memory.show_shared(0, 3 * page, &object, 0).expect("map");
    memory.write(0, &vec![9; usize::try_from(3 * page).expect("fits")]).expect("inside");
    memory.hide(page, page).expect("unmap");
    assert_eq!((byte(&memory, page - 1), byte(&memory, page), byte(&memory, 2 * page)), (9, 0, 9));
    memory.write(page, b"z").expect("inside");
    assert_eq!(object_byte(&object, page), 9);
}

#[test]
fn detach_keeps_the_bytes_and_lets_later_writes_pass_by() {
    let page = host_page_size();
    let (memory, mut object) = (memory(4), object(2));
    object.write_at(0, b"ab").expect("write");
    object.write_at(page, b"cd").expect("write");
    memory.write(0, b"<").expect("inside");
    memory.show_private(page, 2 * page, &object, 0).expect("map");
    memory.write(page, b"X").expect("inside");
    memory.detach(page, 2 * page).expect("memory");
    object.write_at(0, b"__").expect("write");
    object.write_at(page, b"__").expect("write");
    assert_eq!((byte(&memory, page), byte(&memory, page + 1)), (b'X', b'b'));
    assert_eq!((byte(&memory, 2 * page), byte(&memory, 2 * page + 1)), (b'c', b'd'));
    assert_eq!((byte(&memory, 0), byte(&memory, 3 * page)), (b'<', 0));
    memory.write(2 * page, b"Y").expect("writable");
    assert_eq!(object_byte(&object, page), b'_');
    assert_eq!(memory.take_fault(), None);
}

#[test]
fn windows_that_are_not_whole_host_pages_inside_the_memory_are_refused() {
    let page = host_page_size();
    let (memory, object) = (memory(2), object(2));
    memory.write(0, b"stays").expect("inside");
    for (start, len, offset, expected) in [
        (1, page, 0, Code::Alignment),
        (0, page - 1, 0, Code::Alignment),
        (0, page, 1, Code::Alignment),
        (0, 0, 0, Code::Bounds),
        (page, 2 * page, 0, Code::Bounds),
        (0, 3 * page, 0, Code::Bounds),
        (u64::MAX - page + 1, page, 0, Code::Bounds),
    ] {
        assert_eq!(code(memory.show_shared(start, len, &object, offset)), Some(expected), "{start:#x} {len:#x}");
    }
    assert_eq!(code(memory.hide(1, page)), Some(Code::Alignment));
    assert_eq!(code(memory.detach(0, 3 * page)), Some(Code::Bounds));
    assert_eq!(code(memory.protect(0, 0, Protection::None)), Some(Code::Bounds));
    assert_eq!(byte(&memory, 0), b's');
}

#[test]
fn a_window_may_end_in_the_last_host_page_of_an_odd_size() {
    let page = host_page_size();
    let size = usize::try_from(page + 1).expect("fits");
    let memory = Reservation::new(size, size, 0).expect("address space");
    memory.show_shared(page, page, &object(1), 0).expect("map");
    assert_eq!(code(memory.show_shared(2 * page, page, &object(1), 0)), Some(Code::Bounds));
}

#[test]
fn an_offset_past_all_files_is_an_error_and_the_window_stays() {
    let page = host_page_size();
    let memory = memory(1);
    memory.write(0, b"stays").expect("inside");
    assert!(memory.show_shared(0, page, &object(1), u64::MAX - page + 1).is_err());
    assert_eq!(byte(&memory, 0), b's');
}

#[test]
fn a_read_only_object_can_be_read_but_not_shared_writable() {
    let page = host_page_size();
    let mut file = tempfile::NamedTempFile::new().expect("temporary file");
    file.write_all(b"text").expect("write");
    let file = Arc::new(OpenOptions::new().read(true).open(file.path()).expect("open"));
    assert_eq!(code(FileObject::from_file(Arc::clone(&file), true)), Some(Code::Access));
    let mut object = FileObject::from_file(file, false).expect("a regular file");
    let memory = memory(1);
    assert_eq!(code(memory.show_shared(0, page, &object, 0)), Some(Code::Access));
    assert_eq!(code(object.write_at(0, b"x")), Some(Code::Access));
    assert_eq!(code(object.set_size(1)), Some(Code::Access));
    memory.show_shared_as(0, page, &object, 0, Protection::Read).expect("map");
    assert_eq!((byte(&memory, 0), byte(&memory, 4)), (b't', 0));
    assert_eq!(code(memory.protect(0, page, Protection::ReadWrite)), Some(Code::Access));
    memory.show_private(0, page, &object, 0).expect("map");
    memory.write(0, b"T").expect("private");
    assert_eq!(object_byte(&object, 0), b't');
}

#[test]
fn zeroing_a_clean_tail_does_not_store() {
    let page = host_page_size();
    let (memory, object) = (memory(1), object(1));
    memory.show_shared_as(0, page, &object, 0, Protection::Read).expect("map");
    memory.zero_if_dirty(3, page - 3).expect("no store");
    assert_eq!(memory.take_fault(), None);
    memory.show_shared(0, page, &object, 0).expect("map");
    memory.write(page - 2, b"xy").expect("inside");
    memory.zero_if_dirty(3, page - 4).expect("inside");
    assert_eq!((byte(&memory, page - 2), byte(&memory, page - 1)), (0, b'y'));
    memory.zero(page - 1, 1).expect("inside");
    assert_eq!(object_byte(&object, page - 1), 0);
}

#[test]
fn populate_is_advice() {
    let page = host_page_size();
    let memory = memory(4);
    memory.show_shared(0, 4 * page, &object(1), 0).expect("map");
    memory.populate(0, page);
    memory.populate(0, 4 * page);
    memory.populate(1, 0);
    assert_eq!(memory.take_fault(), None);
}

#[test]
fn a_large_memory_starts_where_the_kernel_can_map_two_mebibytes_at_once() {
    const HUGE: usize = 2 << 20;
    let memories =
        [HUGE, 3 * HUGE + 4096, 4 << 30].map(|capacity| Reservation::new(4096, capacity, 4096).expect("room"));
    for memory in &memories {
        assert_eq!(memory.base().addr() % HUGE, 0);
        memory.write(0, &[1]).expect("accessible");
    }
}

#[test]
fn discarded_memory_is_zero_and_as_protected_as_before() {
    let page = host_page_size();
    let memory = memory(3);
    memory.write(0, &vec![7; usize::try_from(3 * page).expect("small")]).expect("inside");
    memory.protect(page, page, Protection::Read).expect("inside");
    memory.discard(page, page).expect("inside");
    assert_eq!([page - 1, page, 2 * page - 1, 2 * page].map(|at| byte(&memory, at)), [7, 0, 0, 7]);
    assert_eq!(code(memory.write(page, b"x")), Some(Code::Io), "still read-only");
    assert_eq!(code(memory.discard(1, page)), Some(Code::Alignment));
    assert_eq!(code(memory.discard(2 * page, 2 * page)), Some(Code::Bounds));
}

#[test]
fn a_window_is_shown_with_its_protection() {
    let page = host_page_size();
    for private in [false, true] {
        let (memory, object) = (memory(1), object(1));
        let show = |protection| match private {
            false => memory.show_shared_as(0, page, &object, 0, protection),
            true => memory.show_private_as(0, page, &object, 0, protection),
        };
        show(Protection::Read).expect("map");
        byte(&memory, 0);
        assert_eq!(code(memory.write(0, b"x")), Some(Code::Io));
        assert!(memory.take_fault().is_some());
        show(Protection::None).expect("map");
        memory.protect(0, page, Protection::ReadWrite).expect("the object can be written");
        memory.write(0, b"x").expect("open");
        assert_eq!(object_byte(&object, 0), if private { 0 } else { b'x' });
    }
}
