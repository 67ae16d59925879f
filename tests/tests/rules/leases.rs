//! Leases: many readers or one writer, and bytes that move where they are acquired and released.

use memctl_tests::probe::{Access, ErrorCode};
use memctl_tests::{AUTOMATIC, GRANULE, Guest, LEASED, Mapped, PRIVATE, World, on_every_backend};
use memctl_wasmtime::{Error, Mode};

/// Two guests with a leased window each on the same two granules.
fn two_guests(claim: impl Fn(&World, (&mut Guest, Mapped), (&mut Guest, Mapped))) {
    on_every_backend(|world| {
        world.publish("object", 2 * GRANULE);
        let (mut a, mut b) = (world.guest(), world.guest());
        let in_a = a.mapped_by_name("object", 2 * GRANULE, LEASED);
        let in_b = b.mapped_by_name("object", 2 * GRANULE, LEASED);
        claim(world, (&mut a, in_a), (&mut b, in_b));
    });
}

fn first(mapped: Mapped) -> Mapped {
    Mapped { len: GRANULE, ..mapped }
}

fn second(mapped: Mapped) -> Mapped {
    Mapped { start: mapped.start + GRANULE, len: GRANULE, ..mapped }
}

#[test]
fn bytes_move_at_release_and_acquire() {
    two_guests(|world, (a, in_a), (b, in_b)| {
        let write = a.acquire(in_a, Access::Write).expect("free");
        a.write(in_a.start, b"under a lease");
        let mut seen = [0; 13];
        let early = world.domain.read_object("object", 0, &mut seen);
        assert!(matches!(early, Err(Error::Busy { .. })), "the host keeps to leases too: {early:?}");
        a.release(write, in_a).expect("releases");
        assert_eq!(world.object("object")[..13], *b"under a lease");
        if world.mode == Mode::Copy {
            assert_eq!(b.read(in_b.start, 13), [0; 13], "not before the acquire");
        }
        let read = b.acquire(in_b, Access::Read).expect("free");
        assert_eq!(b.read(in_b.start, 13), b"under a lease");
        b.release(read, in_b).expect("releases");
    });
}

#[test]
fn crossings_move_no_bytes_of_a_leased_window() {
    two_guests(|world, (a, in_a), (b, in_b)| {
        let copied = world.domain.stats().bytes_copied;
        for _ in 0..10 {
            a.write(in_a.start, b"stored");
            b.write(in_b.start + GRANULE, b"stored");
        }
        assert_eq!(world.domain.stats().bytes_copied, copied);
    });
}

#[test]
fn a_writer_keeps_everybody_out() {
    two_guests(|_, (a, in_a), (b, in_b)| {
        let write = a.acquire(in_a, Access::Write).expect("free");
        for access in [Access::Read, Access::Write] {
            assert_eq!(b.acquire(in_b, access), Err(ErrorCode::Busy));
            assert_eq!(b.acquire(second(in_b), access), Err(ErrorCode::Busy));
            assert_eq!(a.acquire(in_a, access), Err(ErrorCode::Busy), "its own guest too");
        }
        assert_eq!(b.publish(in_b), Err(ErrorCode::Busy));
        assert_eq!(b.refresh(in_b), Err(ErrorCode::Busy));
        assert_eq!(b.sync(in_b), Err(ErrorCode::Busy));
        a.publish(in_a).expect("its own write lease covers it");
        a.release(write, in_a).expect("releases");
        b.acquire(in_b, Access::Write).expect("free again");
    });
}

#[test]
fn readers_keep_writers_out_and_nobody_else() {
    two_guests(|_, (a, in_a), (b, in_b)| {
        let one = a.acquire(in_a, Access::Read).expect("free");
        let two = b.acquire(in_b, Access::Read).expect("others may read");
        let three = b.acquire(first(in_b), Access::Read).expect("any number of times");
        assert_eq!(a.acquire(in_a, Access::Write), Err(ErrorCode::Busy));
        assert_eq!(a.publish(in_a), Err(ErrorCode::Busy));
        a.refresh(in_a).expect("readers may refresh");
        for (lease, part) in [(two, in_b), (three, first(in_b))] {
            b.release(lease, part).expect("releases");
        }
        a.release(one, in_a).expect("releases");
        a.acquire(in_a, Access::Write).expect("free again");
    });
}

#[test]
fn the_host_keeps_to_leases() {
    two_guests(|world, (a, in_a), _| {
        let busy = |done: Result<(), Error>| assert!(matches!(done, Err(Error::Busy { .. })), "{done:?}");
        let read = a.acquire(in_a, Access::Read).expect("free");
        busy(world.domain.write_object("object", 0, b"x"));
        assert_eq!(world.object("object")[0], 0, "it may read beside a reader");
        a.release(read, in_a).expect("releases");
        let write = a.acquire(in_a, Access::Write).expect("free");
        busy(world.domain.write_object("object", 0, b"x"));
        busy(world.domain.read_object("object", 0, &mut [0]));
        a.release(write, in_a).expect("releases");
        world.domain.write_object("object", 0, b"x").expect("free again");
    });
}

#[test]
fn a_leased_window_is_published_under_a_lease_to_write_only() {
    two_guests(|_, (a, in_a), _| {
        assert_eq!(a.publish(in_a), Err(ErrorCode::Access));
        let read = a.acquire(in_a, Access::Read).expect("free");
        assert_eq!(a.publish(in_a), Err(ErrorCode::Access));
        a.release(read, in_a).expect("releases");
        let part = a.acquire(first(in_a), Access::Write).expect("free");
        assert!(a.publish(in_a).is_err(), "all of it");
        a.publish(first(in_a)).expect("publishes");
        a.release(part, first(in_a)).expect("releases");
        assert_eq!(a.publish(first(in_a)), Err(ErrorCode::Access));
    });
}

#[test]
fn leases_on_different_parts_do_not_conflict() {
    two_guests(|world, (a, in_a), (b, in_b)| {
        let one = a.acquire(first(in_a), Access::Write).expect("free");
        let two = b.acquire(second(in_b), Access::Write).expect("free");
        a.write(in_a.start, b"one");
        b.write(in_b.start + GRANULE, b"two");
        a.release(one, first(in_a)).expect("releases");
        b.release(two, second(in_b)).expect("releases");
        assert_eq!(world.object("object")[..3], *b"one");
        assert_eq!(world.object("object")[GRANULE as usize..][..3], *b"two");
    });
}

#[test]
fn a_refused_lease_leaves_the_window_alone() {
    two_guests(|world, (a, in_a), (b, in_b)| {
        let write = a.acquire(first(in_a), Access::Write).expect("free");
        b.write(in_b.start + GRANULE, b"not published");
        assert_eq!(b.acquire(in_b, Access::Read), Err(ErrorCode::Busy));
        assert_eq!(b.read(in_b.start + GRANULE, 13), b"not published");
        a.release(write, first(in_a)).expect("releases");
        assert_eq!(world.domain.usage().leases, 0);
    });
}

#[test]
fn dropping_a_lease_releases_and_publishes() {
    two_guests(|world, (a, in_a), (b, in_b)| {
        let write = a.acquire(in_a, Access::Write).expect("free");
        a.write(in_a.start, b"dropped");
        a.drop_lease(write);
        assert_eq!(world.object("object")[..7], *b"dropped");
        b.acquire(in_b, Access::Write).expect("free again");
    });
}

#[test]
fn releasing_another_part_than_the_leased_one_publishes_all_the_same() {
    for ask in [LEASED, AUTOMATIC] {
        on_every_backend(|world| {
            world.publish("object", GRANULE);
            let mut guest = world.guest();
            let mapped = guest.mapped_by_name("object", GRANULE, ask);
            let lease = guest.acquire(mapped, Access::Write).expect("free");
            guest.write(mapped.start, b"stored");
            assert_eq!(guest.release(lease, Mapped { len: 1, ..mapped }), Err(ErrorCode::Bounds));
            assert_eq!(guest.read(mapped.start, 6), b"stored");
            assert_eq!(world.object("object")[..6], *b"stored");
        });
    }
}

#[test]
fn a_private_window_is_not_leased_for_writing() {
    on_every_backend(|world| {
        world.publish("object", GRANULE);
        let mut guest = world.guest();
        let mapped = guest.mapped_by_name("object", GRANULE, PRIVATE);
        assert_eq!(guest.acquire(mapped, Access::Write), Err(ErrorCode::Access));
        let read = guest.acquire(mapped, Access::Read).expect("reads its snapshot");
        guest.release(read, mapped).expect("releases");
    });
}

#[test]
fn what_an_automatic_window_shows_is_not_leased() {
    two_guests(|world, (a, in_a), (b, in_b)| {
        let mut third = world.guest();
        let automatic = third.mapped_by_name("object", GRANULE, AUTOMATIC);
        for access in [Access::Read, Access::Write] {
            assert_eq!(a.acquire(in_a, access), Err(ErrorCode::Busy));
            let lease = b.acquire(second(in_b), access).expect("the automatic window doesn't show these bytes");
            b.release(lease, second(in_b)).expect("releases");
        }
        third.unmap(automatic).expect("unmaps");
        a.acquire(in_a, Access::Write).expect("free");
    });
}

#[test]
fn what_is_leased_is_not_mapped_automatic() {
    for access in [Access::Read, Access::Write] {
        two_guests(|world, (a, in_a), _| {
            let lease = a.acquire(first(in_a), access).expect("free");
            let mut third = world.guest();
            let object = third.open("object");
            let start = third.alloc(8192);
            third.write(start, b"as it was");
            assert_eq!(third.try_map(start, 2 * GRANULE, object, AUTOMATIC).err(), Some(ErrorCode::Busy));
            assert_eq!(third.read(start, 9), b"as it was");
            third.try_map(start, GRANULE, object, AUTOMATIC.at(GRANULE)).expect("these bytes are free");
            a.release(lease, first(in_a)).expect("releases");
            third.mapped(object, GRANULE, AUTOMATIC);
        });
    }
}

#[test]
fn a_snapshot_waits_for_the_writer() {
    two_guests(|_, (a, in_a), (b, _)| {
        let write = a.acquire(in_a, Access::Write).expect("free");
        a.write(in_a.start, b"half");
        let object = b.open("object");
        let start = b.alloc(4096);
        assert_eq!(b.try_map(start, GRANULE, object, PRIVATE).err(), Some(ErrorCode::Busy));
        a.release(write, in_a).expect("releases");
        let snapshot = b.try_map(start, GRANULE, object, PRIVATE).expect("free");
        assert_eq!(b.read(snapshot.start, 4), b"half");
    });
}

#[test]
fn leased_windows_of_one_guest_may_show_the_same_bytes() {
    on_every_backend(|world| {
        world.publish("object", GRANULE);
        let mut guest = world.guest();
        let object = guest.open("object");
        let [one, two] = [guest.mapped(object, GRANULE, LEASED), guest.mapped(object, GRANULE, LEASED)];
        let write = guest.acquire(one, Access::Write).expect("free");
        assert_eq!(guest.acquire(two, Access::Read), Err(ErrorCode::Busy));
        guest.write(one.start, b"here");
        guest.release(write, one).expect("releases");
        guest.acquire(two, Access::Read).expect("free");
        assert_eq!(guest.read(two.start, 4), b"here");
    });
}
