//! Memories that grow between the turns.

use memctl_tests::{AUTOMATIC, GRANULE, Guest, Mapped, World};

use crate::the_same_on_every_backend;

/// Three guests with windows on overlapping ranges of one object.
fn three(world: &World) -> [(Guest, Mapped, u64); 3] {
    world.publish("object", 6 * GRANULE);
    [0, 1, 2].map(|first| {
        let mut guest = world.guest();
        let mapped = guest.mapped_by_name("object", 4 * GRANULE, AUTOMATIC.at(first * GRANULE));
        (guest, mapped, first)
    })
}

/// Everybody's view of the granules that all show.
fn views(guests: &mut [(Guest, Mapped, u64); 3]) -> [Vec<u8>; 3] {
    guests.each_mut().map(|(guest, mapped, first)| guest.read(mapped.start + (2 - *first) * GRANULE, 2 * 4096))
}

#[test]
fn windows_at_different_offsets_stay_one_object_while_memories_grow() {
    the_same_on_every_backend(|world| {
        let mut guests = three(world);
        let mut told = Vec::new();
        for round in 0..12_u64 {
            let turn = usize::try_from(round % 3).expect("small");
            let (guest, mapped, first) = &mut guests[turn];
            let pages = [0, 1, 100, 2000][usize::try_from(round % 4).expect("small")];
            assert!(guest.call(|probe, store| probe.call_grow(store, pages)) > 0, "there is room");
            let at = mapped.start + (2 - *first) * GRANULE + 500 * round;
            guest.write(at, &round.to_le_bytes());
            let seen = views(&mut guests);
            assert!(seen.iter().all(|view| *view == seen[0]), "round {round}");
            assert_eq!(seen[0][usize::try_from(500 * round).expect("small")], u8::try_from(round).expect("small"));
            told.push(seen[0].clone());
        }
        (told, world.object("object"))
    });
}

#[test]
fn a_memory_much_larger_than_its_window_keeps_the_window() {
    the_same_on_every_backend(|world| {
        let mut guests = three(world);
        guests[0].0.write(guests[0].1.start + 2 * GRANULE, b"before");
        // Near a gibibyte: wherever the bytes are on this host, they may have to move.
        assert!(guests[0].0.call(|probe, store| probe.call_grow(store, 15_000)) > 0, "there is room");
        let before = views(&mut guests);
        guests[0].0.write(guests[0].1.start + 2 * GRANULE, b"after");
        guests[1].0.write(guests[1].1.start + GRANULE + 5, b"!");
        let after = views(&mut guests);
        assert_eq!((&before[2][..6], &after[2][..6]), (&b"before"[..], &b"after!"[..]));
        (before, after)
    });
}

#[test]
fn a_memory_that_may_not_grow_keeps_its_window() {
    the_same_on_every_backend(|world| {
        let mut guests = three(world);
        guests[0].0.write(guests[0].1.start + 2 * GRANULE, b"kept");
        assert_eq!(guests[0].0.call(|probe, store| probe.call_grow(store, 70_000)), -1, "more than 32 bits");
        guests[1].0.write(guests[1].1.start + GRANULE + 4, b"too");
        let seen = views(&mut guests);
        assert_eq!(&seen[0][..7], b"kepttoo");
        seen
    });
}
