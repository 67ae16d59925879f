//! Guests that call guests, through the host.

use std::sync::{Arc, Mutex};

use memctl_tests::hostile::{Deed, Hostile, caller};
use memctl_tests::{AUTOMATIC, GRANULE, World};

use crate::the_same_on_every_backend;

const WINDOW: u32 = 0x4_0000;
const PAGE: u32 = 4096;

/// A guest whose window shows the object from granule `first` on, so that the window's byte `at` is the object's `first * 4096 + at`.
struct Guest {
    guest: Hostile,
    first: u32,
}

type Shared = Arc<Mutex<Guest>>;
type Slot = Arc<Mutex<Option<Deed>>>;

impl Guest {
    fn new(world: &World, first: u32) -> (Shared, Slot) {
        let slot = Slot::default();
        let mut guest = caller(world, &slot);
        let object = guest.open("object");
        let ask = AUTOMATIC.at(u64::from(first) * GRANULE);
        guest.map(WINDOW, 3 * GRANULE, object, ask).expect("maps");
        (Arc::new(Mutex::new(Self { guest, first })), slot)
    }

    /// The address of a byte of the object.
    fn at(&self, byte: u32) -> u32 {
        WINDOW + byte - self.first * PAGE
    }

    fn around(&mut self, byte: u32, value: u8) -> u64 {
        let at = self.at(byte);
        self.guest.call("around", &[at.into(), value.into()])
    }
}

/// When `outer` calls, `inner` does `deed`.
fn when_called(slot: &Slot, inner: &Shared, mut deed: impl FnMut(&mut Guest) -> u64 + Send + 'static) {
    let inner = inner.clone();
    let deed: Deed = Box::new(move || Ok(deed(&mut inner.lock().expect("not entered twice"))));
    *slot.lock().expect("free") = Some(deed);
}

/// A byte that all windows show.
const BYTE: u32 = 2 * PAGE + 77;

#[test]
fn who_calls_sees_what_who_was_called_stored() {
    the_same_on_every_backend(|world| {
        world.publish("object", 5 * GRANULE);
        let ((a, slot), (b, _)) = (Guest::new(world, 0), Guest::new(world, 1));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = seen.clone();
        when_called(&slot, &b, move |b| {
            let at = b.at(BYTE);
            log.lock().expect("free").push(b.guest.load(at));
            b.guest.write(at, &[2]);
            b.guest.write(b.at(BYTE) + 1, &[3]);
            0
        });
        let after = a.lock().expect("free").around(BYTE, 1);
        assert_eq!(after, 2, "stored by the guest that was called in the middle");
        let mut a = a.lock().expect("free");
        let at = a.at(BYTE) + 1;
        assert_eq!(a.guest.load(at), 3);
        let seen = seen.lock().expect("free").clone();
        assert_eq!(seen, [1], "stored before the call, by the guest that is still in the middle of it");
        (seen, world.object("object"))
    });
}

#[test]
fn three_guests_deep_each_sees_all_that_was_stored() {
    the_same_on_every_backend(|world| {
        world.publish("object", 5 * GRANULE);
        let guests = [0, 1, 2].map(|first| Guest::new(world, first));
        let [(a, slot_a), (b, slot_b), (c, _)] = guests;
        when_called(&slot_a, &b, |b| b.around(BYTE, 2));
        when_called(&slot_b, &c, |c| {
            let at = c.at(BYTE);
            let seen = c.guest.load(at);
            c.guest.write(at, &[seen + 1]);
            0
        });
        let mut told = Vec::new();
        for round in 0..20_u8 {
            told.push(a.lock().expect("free").around(BYTE, round));
            let seen = [&a, &b, &c].map(|guest| {
                let mut guest = guest.lock().expect("free");
                let at = guest.at(BYTE);
                guest.guest.load(at)
            });
            assert_eq!(seen, [3; 3]);
        }
        assert_eq!(told, [3; 20], "the innermost stored last");
        told
    });
}

#[test]
fn a_guest_sees_what_the_host_wrote_in_the_middle_of_a_call() {
    the_same_on_every_backend(|world| {
        world.publish("object", 5 * GRANULE);
        let (a, slot) = Guest::new(world, 0);
        let domain = world.domain.clone();
        *slot.lock().expect("free") = Some(Box::new(move || {
            let mut before = [0];
            domain.read_object("object", BYTE.into(), &mut before)?;
            domain.write_object("object", BYTE.into(), &[before[0] + 10])?;
            Ok(0)
        }));
        let after = a.lock().expect("free").around(BYTE, 5);
        assert_eq!(after, 15);
        after
    });
}

#[test]
fn a_guest_that_traps_in_the_middle_leaves_what_it_stored() {
    the_same_on_every_backend(|world| {
        world.publish("object", 5 * GRANULE);
        let ((a, slot), (b, _)) = (Guest::new(world, 0), Guest::new(world, 1));
        when_called(&slot, &b, |b| {
            b.guest.write(b.at(BYTE), &[9]);
            let end = u64::from(memctl_tests::hostile::MEMORY);
            b.guest.try_call("fill", &[end - 4, 1, 8]).expect_err("past the memory's end");
            0
        });
        let after = a.lock().expect("free").around(BYTE, 1);
        assert_eq!(after, 9);
        drop(b);
        let mut a = a.lock().expect("free");
        let at = a.at(BYTE);
        a.guest.write(at + 1, &[4]);
        (after, a.guest.read(at - 2, 5), world.object("object"))
    });
}

#[test]
fn the_same_guest_in_two_windows_of_a_nested_call_keeps_both() {
    the_same_on_every_backend(|world| {
        world.publish("object", 5 * GRANULE);
        world.publish("other", GRANULE);
        let ((a, slot), (b, _)) = (Guest::new(world, 0), Guest::new(world, 1));
        for guest in [&a, &b] {
            let guest = &mut guest.lock().expect("free").guest;
            let other = guest.open("other");
            guest.map(WINDOW + 0x1_0000, GRANULE, other, AUTOMATIC).expect("maps");
        }
        when_called(&slot, &b, |b| {
            let seen = b.guest.load(WINDOW + 0x1_0000);
            b.guest.write(WINDOW + 0x1_0001, &[seen + 1]);
            0
        });
        let mut told = Vec::new();
        for round in 0..5_u8 {
            a.lock().expect("free").guest.write(WINDOW + 0x1_0000, &[round]);
            told.push(a.lock().expect("free").around(BYTE, round));
            told.push(a.lock().expect("free").guest.load(WINDOW + 0x1_0001).into());
        }
        assert_eq!(told, [0, 1, 1, 2, 2, 3, 3, 4, 4, 5]);
        (told, world.object("other"))
    });
}
