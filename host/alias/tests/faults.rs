//! Real faults of host code in this process: each would kill it if it were not contained.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};

use memctl_alias::{Fault, FaultKind, FileObject, Protection, Reservation, host_page_size};
use memctl_core::{Code, Error, Storage};

fn memory(pages: u64) -> Reservation {
    let size = usize::try_from(pages * host_page_size()).expect("fits");
    Reservation::new(size, size, 0).expect("address space")
}

fn fault(address: u64, kind: FaultKind, write: bool) -> Fault {
    Fault { address, kind, write: Some(write) }
}

fn code<T>(result: Result<T, Error>) -> Option<Code> {
    result.err().map(|error| error.code())
}

#[test]
fn a_file_cut_off_under_a_mapping_is_an_error_not_a_death() {
    let page = host_page_size();
    let (memory, mut object) = (memory(2), FileObject::anonymous(2 * page).expect("memory"));
    memory.show_shared(0, 2 * page, &object, 0).expect("map");
    memory.write(page - 1, b"kept").expect("inside");
    object.set_size(page).expect("shorter");
    let mut bytes = [9; 4];
    assert_eq!(code(memory.read(page, &mut bytes)), Some(Code::Io));
    assert_eq!(memory.last_fault(), Some(fault(page, FaultKind::Vanished, false)));
    assert_eq!(memory.take_fault(), Some(fault(page, FaultKind::Vanished, false)));
    assert_eq!(memory.take_fault(), None);
    memory.read(page - 1, &mut bytes[..1]).expect("still there");
    assert_eq!(bytes[0], b'k');
    assert_eq!(code(memory.write(page - 1, b"ab")), None, "the scratch page takes the second byte");
    assert_eq!(object.size(), Ok(page));
}

#[test]
fn the_first_and_the_last_byte_of_a_page_fault_where_they_are() {
    let page = host_page_size();
    let memory = memory(3);
    for address in [page, 2 * page - 1] {
        for (protection, write) in [(Protection::None, false), (Protection::None, true), (Protection::Read, true)] {
            memory.hide(page, page).expect("afresh");
            memory.protect(page, page, protection).expect("protect");
            let result = if write { memory.write(address, b"x") } else { memory.read(address, &mut [0]) };
            assert_eq!(code(result), Some(Code::Io));
            assert_eq!(memory.take_fault(), Some(fault(address, FaultKind::Protection, write)));
        }
        memory.write(page - 1, b"ab").expect("the neighbour and the scratch page");
    }
}

#[test]
fn a_store_to_a_protected_view_never_changes_the_object() {
    let page = host_page_size();
    let (memory, mut object) = (memory(4), FileObject::anonymous(4 * page).expect("memory"));
    object.write_at(page, b"before").expect("write");
    memory.show_shared_as(0, 4 * page, &object, 0, Protection::Read).expect("map");
    let store = vec![7; usize::try_from(3 * page).expect("fits")];
    assert_eq!(code(memory.write(page / 2, &store)), Some(Code::Io));
    // A large copy may begin anywhere.
    assert_eq!(memory.take_fault().map(|fault| (fault.kind, fault.write)), Some((FaultKind::Protection, Some(true))));
    let mut bytes = vec![0; usize::try_from(4 * page).expect("fits")];
    object.read_at(0, &mut bytes).expect("read");
    assert!(!bytes.contains(&7));
}

#[test]
fn the_last_byte_of_an_odd_size_and_its_host_page_are_contained() {
    let page = host_page_size();
    let size = usize::try_from(page + 1).expect("fits");
    let memory = Reservation::new(size, size, 0).expect("address space");
    memory.protect(page, page, Protection::None).expect("protect");
    assert_eq!(code(memory.read(page, &mut [0])), Some(Code::Io));
    assert_eq!(memory.take_fault(), Some(fault(page, FaultKind::Protection, false)));
}

#[test]
fn bytes_lent_out_report_their_fault() {
    let page = host_page_size();
    let memory = memory(2);
    memory.protect(page, page, Protection::Read).expect("protect");
    // SAFETY: nobody else knows this memory.
    let result = unsafe { memory.with_bytes(page - 2, 4, |bytes| bytes.fill(5)) };
    assert_eq!(code(result), Some(Code::Io));
    // SAFETY: as above.
    let sum = unsafe { memory.with_bytes(page - 2, 2, |bytes| bytes[0] + bytes[1]) };
    assert_eq!(sum, Ok(10));
}

#[test]
fn a_fault_on_each_page_of_a_large_memory_ends_in_one_scratch_memory() {
    let page = host_page_size();
    let (memory, mut object) = (memory(4096), FileObject::anonymous(4095 * page).expect("memory"));
    memory.write(4095 * page, b"ordinary").expect("inside");
    memory.show_shared(0, 4095 * page, &object, 0).expect("map");
    object.set_size(page).expect("shorter");
    let faults = (1..4095).filter(|at| memory.read(at * page, &mut [0]).is_err()).count();
    assert_eq!(faults, 65, "each of 64 gets a page, the next one gets them all");
    assert_eq!(memory.take_fault(), Some(fault(page, FaultKind::Vanished, false)));
    assert_eq!(memory.last_fault(), Some(fault(65 * page, FaultKind::Vanished, false)));
    let mut bytes = [9; 8];
    memory.read(4095 * page, &mut bytes).expect("scratch");
    assert_eq!(bytes, [0; 8]);
    assert_eq!(object.size(), Ok(page));
}

#[test]
fn detach_of_a_cut_off_file_is_an_error() {
    let page = host_page_size();
    let (memory, mut object) = (memory(2), FileObject::anonymous(2 * page).expect("memory"));
    object.write_at(0, b"kept").expect("write");
    memory.show_private(0, 2 * page, &object, 0).expect("map");
    object.set_size(page).expect("shorter");
    assert_eq!(code(memory.detach(0, 2 * page)), Some(Code::Io));
    assert_eq!(memory.take_fault().map(|fault| fault.address), Some(page));
    let mut bytes = [0; 4];
    memory.read(0, &mut bytes).expect("still shown");
    assert_eq!(&bytes, b"kept");
}

#[test]
fn threads_that_fault_at_once_each_find_their_own() {
    let page = host_page_size();
    let memories = [memory(2), memory(2), memory(2), memory(2)];
    let start = Barrier::new(memories.len());
    std::thread::scope(|scope| {
        for (thread, memory) in memories.iter().enumerate() {
            let start = &start;
            scope.spawn(move || {
                let address = page + thread as u64;
                for _ in 0..500 {
                    memory.protect(page, page, Protection::None).expect("protect");
                    start.wait();
                    assert_eq!(code(memory.read(address, &mut [0])), Some(Code::Io));
                    assert_eq!(memory.take_fault(), Some(fault(address, FaultKind::Protection, false)));
                }
            });
        }
    });
}

#[test]
fn threads_that_fault_on_one_page_at_once_both_go_on() {
    let page = host_page_size();
    let memory = memory(1);
    let start = Barrier::new(2);
    for _ in 0..500 {
        memory.protect(0, page, Protection::None).expect("protect");
        std::thread::scope(|scope| {
            for address in [0, page / 2] {
                let (memory, start) = (&memory, &start);
                scope.spawn(move || {
                    start.wait();
                    _ = memory.read(address, &mut [0]);
                });
            }
        });
        assert!(memory.take_fault().is_some());
        assert_eq!(memory.take_fault(), None);
    }
}

#[test]
fn memories_come_and_go_while_others_fault() {
    let page = host_page_size();
    let faulting = memory(2);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut kept = Vec::new();
                while !done.load(Ordering::Relaxed) {
                    let memory = memory(3);
                    memory.protect(0, page, Protection::None).expect("protect");
                    assert_eq!(code(memory.write(5, b"x")), Some(Code::Io));
                    assert_eq!(memory.take_fault(), Some(fault(5, FaultKind::Protection, true)));
                    kept.push(memory);
                    if kept.len() == 100 {
                        kept.clear();
                    }
                }
            });
        }
        for _ in 0..3000 {
            faulting.protect(page, page, Protection::None).expect("protect");
            assert_eq!(code(faulting.read(page, &mut [0])), Some(Code::Io));
            assert_eq!(faulting.take_fault(), Some(fault(page, FaultKind::Protection, false)));
        }
        done.store(true, Ordering::Relaxed);
    });
}
