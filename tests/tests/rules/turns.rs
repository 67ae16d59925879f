//! Rule 3: guests that run one at a time see each other's stores when control passes.

use memctl_tests::{AUTOMATIC, GRANULE, Guest, LEASED, on_every_backend};

#[test]
fn three_guests_take_turns() {
    on_every_backend(|world| {
        world.publish("object", 4 * GRANULE);
        let mut guests: Vec<(Guest, u64)> = (0..3)
            .map(|_| {
                let mut guest = world.guest();
                let start = guest.mapped_by_name("object", 4 * GRANULE, AUTOMATIC).start;
                (guest, start)
            })
            .collect();
        for turn in 0..30_u8 {
            let (guest, start) = &mut guests[usize::from(turn % 3)];
            let before = guest.read(*start + 1000, turn.into());
            assert_eq!(before, (0..turn).collect::<Vec<u8>>());
            guest.write(*start + 1000 + u64::from(turn), &[turn]);
        }
    });
}

#[test]
fn windows_at_different_offsets_show_the_same_bytes() {
    on_every_backend(|world| {
        world.publish("object", 4 * GRANULE);
        let (mut a, mut b) = (world.guest(), world.guest());
        let in_a = a.mapped_by_name("object", 3 * GRANULE, AUTOMATIC);
        let in_b = b.mapped_by_name("object", 3 * GRANULE, AUTOMATIC.at(GRANULE));
        a.write(in_a.start + 2 * GRANULE, b"from a");
        assert_eq!(b.read(in_b.start + GRANULE, 6), b"from a");
        b.write(in_b.start, b"from b");
        assert_eq!(a.read(in_a.start + GRANULE, 6), b"from b");
        b.write(in_b.start + 2 * GRANULE, b"only b");
        assert_eq!(world.object("object")[3 * GRANULE as usize..][..6], *b"only b");
    });
}

#[test]
fn the_host_is_one_of_them() {
    on_every_backend(|world| {
        world.publish("object", GRANULE);
        let mut guest = world.guest();
        let mapped = guest.mapped_by_name("object", GRANULE, AUTOMATIC);
        guest.write(mapped.start, b"guest");
        assert_eq!(world.object("object")[..5], *b"guest");
        world.domain.write_object("object", 2, b"--").expect("written");
        assert_eq!(guest.read(mapped.start, 5), b"gu--t");
        world.domain.write_object("object", GRANULE - 1, b"xy").expect("what is past the end is dropped");
        assert_eq!(guest.read(mapped.start + GRANULE - 1, 1), b"x");
    });
}

#[test]
fn a_new_mapping_shows_what_an_older_guest_stored() {
    on_every_backend(|world| {
        world.publish("object", GRANULE);
        let mut old = world.guest();
        let mapped = old.mapped_by_name("object", GRANULE, AUTOMATIC);
        old.write(mapped.start, b"stored");
        for ask in [AUTOMATIC, LEASED, memctl_tests::PRIVATE] {
            let mut new = world.guest();
            let seen = new.mapped_by_name("object", GRANULE, ask);
            assert_eq!(new.read(seen.start, 6), b"stored");
        }
    });
}

#[test]
fn a_call_that_stores_nothing_does_not_undo_what_others_stored() {
    on_every_backend(|world| {
        world.publish("object", GRANULE);
        let (mut a, mut b) = (world.guest(), world.guest());
        let in_a = a.mapped_by_name("object", GRANULE, AUTOMATIC);
        let in_b = b.mapped_by_name("object", GRANULE, AUTOMATIC);
        a.write(in_a.start, b"newest");
        b.call(|probe, store| probe.call_cross(store, 10));
        a.call(|probe, store| probe.call_cross(store, 10));
        b.call(|probe, store| probe.call_cross(store, 10));
        assert_eq!(world.object("object")[..6], *b"newest");
        assert_eq!(b.read(in_b.start, 6), b"newest");
    });
}

#[test]
fn windows_stay_where_they_are_when_the_memory_grows() {
    on_every_backend(|world| {
        world.publish("object", 2 * GRANULE);
        let (mut a, mut b) = (world.guest(), world.guest());
        let in_a = a.mapped_by_name("object", 2 * GRANULE, AUTOMATIC);
        let in_b = b.mapped_by_name("object", 2 * GRANULE, AUTOMATIC);
        for round in 0..3_u8 {
            let before = a.call(|probe, store| probe.call_grow(store, 64));
            assert!(before > 0, "the memory grows");
            a.write(in_a.start + u64::from(round), &[round]);
            assert_eq!(b.read(in_b.start + u64::from(round), 1), [round]);
        }
        let end = u64::from(a.call(|probe, store| probe.call_memory_size(store))) << 16;
        assert_eq!(a.read(end - GRANULE, 16), [0; 16], "new memory is zero");
        let object = a.open("object");
        let high = a.try_map(end - GRANULE, GRANULE, object, LEASED).expect("new memory takes windows");
        a.refresh(high).expect("refreshes");
        assert_eq!(a.read(high.start, 3), [0, 1, 2]);
    });
}

#[test]
fn a_guest_sees_through_its_leased_window_what_its_automatic_one_stored() {
    on_every_backend(|world| {
        world.publish("object", GRANULE);
        let mut guest = world.guest();
        let automatic = guest.mapped_by_name("object", GRANULE, AUTOMATIC);
        let leased = guest.mapped_by_name("object", GRANULE, LEASED);
        guest.write(automatic.start, b"stored");
        guest.refresh(leased).expect("refreshes");
        assert_eq!(guest.read(leased.start, 6), b"stored");
    });
}
