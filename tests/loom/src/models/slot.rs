//! The fault table's slot: handlers that look, reservations that come and go.

use loom::sync::Arc;
use loom::thread;

use super::memory::Memory;
use crate::explore::Model;
use crate::fault::{Fault, FaultKind};
use crate::slot::Slot;

pub(super) const MODELS: &[Model] = &[
    ("slot: no handler is in address space that went", no_handler_is_in_address_space_that_went),
    ("slot: two handlers are both waited for", two_handlers_are_both_waited_for),
    ("slot: a second life is never taken for the first", a_second_life_is_never_taken_for_the_first),
    ("slot: who was given a reservation finds it", who_was_given_a_reservation_finds_it),
    ("slot: a count that moved finds its fault", a_count_that_moved_finds_its_fault),
    ("slot: the first of two faults waits", the_first_of_two_faults_waits),
];

/// Where the first and the second life of a slot lie.
const FIRST: usize = 0x1000;
const SECOND: usize = 0x8000;
const LEN: usize = 0x1000;

/// A handler that was led to an address, by a guest's access or by a wild pointer.
fn look(slot: &Slot, address: usize, behind: &Memory) {
    if let Some(pinned) = slot.pin(address) {
        let (base, end) = pinned.accessible();
        assert!((base..end).contains(&address));
        behind.read();
    }
}

/// What dropping a reservation does.
fn give_up(slot: &Slot, behind: &Memory) {
    slot.give_up();
    // munmap(2)
    behind.write();
}

fn no_handler_is_in_address_space_that_went() {
    let (slot, space) = (Arc::new(Slot::default()), Memory::new());
    slot.begin(FIRST, FIRST + LEN);
    let handler = thread::spawn({
        let (slot, space) = (slot.clone(), space.clone());
        move || look(&slot, FIRST, &space)
    });
    give_up(&slot, &space);
    assert!(slot.pin(FIRST).is_none());
    handler.join().unwrap();
}

fn two_handlers_are_both_waited_for() {
    let (slot, space) = (Arc::new(Slot::default()), Memory::new());
    slot.begin(FIRST, FIRST + LEN);
    let handlers = [FIRST, FIRST + LEN - 1].map(|address| {
        let (slot, space) = (slot.clone(), space.clone());
        thread::spawn(move || look(&slot, address, &space))
    });
    give_up(&slot, &space);
    handlers.into_iter().for_each(|handler| handler.join().unwrap());
}

fn a_second_life_is_never_taken_for_the_first() {
    let slot = Arc::new(Slot::default());
    let (first, second) = (Memory::new(), Memory::new());
    slot.begin(FIRST, FIRST + LEN);
    let handler = thread::spawn({
        let (slot, first) = (slot.clone(), first.clone());
        move || look(&slot, FIRST, &first)
    });
    give_up(&slot, &first);
    slot.begin(SECOND, SECOND + LEN);
    look(&slot, SECOND, &second);
    assert!(slot.pin(SECOND).is_some(), "whatever the late handler does");
    give_up(&slot, &second);
    handler.join().unwrap();
}

fn who_was_given_a_reservation_finds_it() {
    let slot = Arc::new(Slot::default());
    slot.begin(FIRST, FIRST + LEN);
    // Led to the first life by a pointer that it should not have.
    let stranger = thread::spawn({
        let slot = slot.clone();
        move || drop(slot.pin(FIRST))
    });
    slot.give_up();
    slot.begin(SECOND, SECOND + LEN);
    let guest = thread::spawn({
        let slot = slot.clone();
        move || {
            let pinned = slot.pin(SECOND + LEN - 1).expect("it lives");
            assert_eq!(pinned.accessible(), (SECOND, SECOND + LEN));
        }
    });
    guest.join().unwrap();
    slot.give_up();
    stranger.join().unwrap();
}

fn fault(address: u64) -> Fault {
    Fault { address, kind: FaultKind::Protection, write: None }
}

fn a_count_that_moved_finds_its_fault() {
    let slot = Arc::new(Slot::default());
    slot.begin(FIRST, FIRST + LEN);
    let handler = thread::spawn({
        let slot = slot.clone();
        move || slot.record(fault(7))
    });
    if slot.contained() == 1 {
        assert_eq!(slot.last(), Some(fault(7)));
        assert_eq!(slot.take(), Some(fault(7)));
    }
    handler.join().unwrap();
}

fn the_first_of_two_faults_waits() {
    let slot = Arc::new(Slot::default());
    slot.begin(FIRST, FIRST + LEN);
    let handlers = [1, 2].map(|address| {
        let slot = slot.clone();
        thread::spawn(move || slot.record(fault(address)))
    });
    let early = slot.take();
    let counts = handlers.map(|handler| handler.join().unwrap());
    let late = slot.take();
    let taken: Vec<_> = [early, late].into_iter().flatten().map(|fault| fault.address).collect();
    assert!(matches!(taken[..], [1] | [2] | [1, 2] | [2, 1]), "{taken:?}");
    assert!(counts.iter().all(|count| (1..=2).contains(count)), "{counts:?}");
    assert_eq!((slot.contained(), slot.take()), (2, None));
}
