//! A process with no room for one more mapping (`vm.max_map_count`).

use memctl_alias::{FileObject, Protection, Reservation, host_page_size};
use memctl_core::{Code, Storage};

use crate::child::{self, Held, exit, first_fault, memory};
use crate::sys;

#[test]
fn a_fault_keeps_the_interrupted_codes_errno() {
    exit(
        child::run("mappings::a_fault_keeps_the_interrupted_codes_errno", || {
            first_fault();
            let page = host_page_size();
            let memory = memory(4);
            memory.protect(page, page, Protection::None).expect("protect");
            sys::use_up_mappings();
            sys::set_errno(77);
            sys::load(memory.base().wrapping_add(usize::try_from(page).expect("fits")));
            assert_eq!(sys::errno(), 77, "although the handler's first mmap failed");
            assert!(memory.take_fault().is_some());
            sys::leave();
        }),
        sys::DONE,
    );
}

#[test]
fn without_room_for_a_mapping_hide_still_takes_the_object_away() {
    exit(
        child::run("mappings::without_room_for_a_mapping_hide_still_takes_the_object_away", || {
            first_fault();
            let page = host_page_size();
            let (memory, object) = (memory(64), FileObject::anonymous(64 * page).expect("memory"));
            memory.show_shared(0, 64 * page, &object, 0).expect("map");
            for at in 0..64 {
                memory.write(at * page, b"secret").expect("inside");
            }
            // Each in the middle of one view needs two more mappings than there are; the spare room helps for a while.
            let mut bytes = [9; 6];
            let refused = (1..32).map(|half| 2 * half * page).find(|at| {
                sys::use_up_mappings();
                let hidden = memory.hide(*at, page).map_err(|error| error.code());
                if hidden.is_ok() {
                    memory.read(*at, &mut bytes).expect("ordinary memory");
                    assert_eq!(bytes, [0; 6]);
                }
                hidden == Err(Code::OutOfMemory)
            });
            let refused = refused.expect("the spare room has an end");
            assert!(refused > 2 * page, "there was spare room");
            // Nor is there room for a scratch page of its own.
            assert!(memory.read(refused, &mut bytes).is_err(), "inaccessible");
            assert_eq!(bytes, [0; 6]);
            assert!(memory.take_fault().is_some());
            object.read_at(refused, &mut bytes).expect("read");
            assert_eq!(&bytes, b"secret");
            sys::leave();
        }),
        sys::DONE,
    );
}

#[test]
fn without_room_for_a_mapping_a_failed_map_or_detach_leaves_the_window() {
    exit(
        child::run("mappings::without_room_for_a_mapping_a_failed_map_or_detach_leaves_the_window", || {
            first_fault();
            let page = host_page_size();
            let (memory, object) = (memory(16), FileObject::anonymous(8 * page).expect("memory"));
            memory.write(2 * page, b"stays").expect("inside");
            memory.show_private(8 * page, 8 * page, &object, 0).expect("map");
            memory.write(9 * page, b"stays").expect("inside");
            sys::use_up_mappings();
            assert!(memory.show_shared(2 * page, page, &object, 0).is_err());
            assert!(memory.detach(9 * page, page).is_err());
            let mut bytes = [0; 5];
            for at in [2 * page, 9 * page] {
                memory.read(at, &mut bytes).expect("as before");
                assert_eq!(&bytes, b"stays");
            }
            sys::leave();
        }),
        sys::DONE,
    );
}

#[test]
fn without_room_for_a_mapping_a_failed_protect_leaves_the_window() {
    exit(
        child::run("mappings::without_room_for_a_mapping_a_failed_protect_leaves_the_window", || {
            first_fault();
            let page = host_page_size();
            let memory = memory(8);
            memory.write(3 * page, b"stays").expect("inside");
            sys::use_up_mappings();
            for protection in [Protection::None, Protection::Read] {
                let refused = memory.protect(3 * page, page, protection).map_err(|error| error.code());
                assert_eq!(refused, Err(Code::OutOfMemory));
                memory.write(3 * page, b"stays").expect("as before");
            }
            assert_eq!(memory.take_fault(), None);
            sys::leave();
        }),
        sys::DONE,
    );
}

#[test]
fn with_room_for_few_mappings_a_reservation_is_there_or_nothing_of_it() {
    exit(
        child::run("mappings::with_room_for_few_mappings_a_reservation_is_there_or_nothing_of_it", || {
            first_fault();
            let page = usize::try_from(host_page_size()).expect("fits");
            // Its place in the table exists before.
            drop(memory(1));
            let fillers = sys::use_up_mappings();
            let mut refused = 0;
            for filler in fillers {
                for (min, capacity) in [(page, page), (0, page), (page, 4 << 20), (0, 4 << 20)] {
                    let before = Held::now();
                    match Reservation::new(min, capacity, page) {
                        Ok(memory) => {
                            memory.write(0, &b"x"[..min.min(1)]).expect("accessible");
                            drop(memory);
                        }
                        Err(error) => {
                            assert_eq!(error.code(), Code::OutOfMemory);
                            refused += 1;
                        }
                    }
                    assert_eq!(Held::now(), before);
                }
                sys::give_back(filler);
            }
            assert!((1..32).contains(&refused), "{refused} of 32");
            sys::leave();
        }),
        sys::DONE,
    );
}
