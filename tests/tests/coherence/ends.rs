//! Guests that end halfway: what they stored up to then is what everybody sees, on every backend.

use memctl_tests::probe::Access;
use memctl_tests::{AUTOMATIC, GRANULE, Guest, LEASED, Mapped, PRIVATE, World};

use crate::the_same_on_every_backend;

/// A way for a guest to end, and its store if that lives on.
type End = fn(Guest, Mapped) -> Option<Guest>;

const ENDS: [(&str, End); 6] = [
    ("dropped", |_, _| None),
    ("ended", |mut guest, _| {
        guest.state().memctl.end();
        Some(guest)
    }),
    ("ended, then dropped", |mut guest, _| {
        guest.state().memctl.end();
        drop(guest);
        None
    }),
    ("trapped", |mut guest, _| {
        guest.try_call(|probe, store| probe.call_trap(store)).expect_err("traps");
        Some(guest)
    }),
    ("trapped by the host's code, halfway", |mut guest, mapped| {
        // Stores one byte after the other until the memory ends.
        let end = guest.call(|probe, store| probe.call_memory_size(store)) << 16;
        let at = u32::try_from(mapped.start + GRANULE + 2500).expect("small");
        guest.try_call(|probe, store| probe.call_spin_over(store, at, end - at + 1)).expect_err("traps");
        Some(guest)
    }),
    ("unmapped", |mut guest, mapped| {
        guest.unmap(mapped).expect("unmaps");
        Some(guest)
    }),
];

fn survivor(world: &World) -> (Guest, Mapped) {
    let mut other = world.guest();
    let seen = other.mapped_by_name("object", 2 * GRANULE, AUTOMATIC.at(GRANULE));
    (other, seen)
}

#[test]
fn what_was_stored_before_the_end_is_seen_and_nothing_after_it() {
    for (name, end) in ENDS {
        eprintln!("{name}");
        the_same_on_every_backend(|world| {
            world.publish("object", 3 * GRANULE);
            let (mut other, seen) = survivor(world);
            let mut guest = world.guest();
            let mapped = guest.mapped_by_name("object", 2 * GRANULE, AUTOMATIC);
            other.write(seen.start, b"other");
            guest.write(mapped.start + GRANULE + 5, b"mine");
            guest.write(mapped.start, b"first");
            let left = end(guest, mapped);
            let after_the_end = other.read(seen.start, 2 * 4096);
            assert_eq!(after_the_end[..9], *b"othermine");
            other.write(seen.start, b"o");
            other.write(seen.start + 2000, b"later");
            drop(left);
            let at_last = other.read(seen.start, 2 * 4096);
            assert_eq!(at_last[2000..2005], *b"later", "the end of the store changes nothing");
            (after_the_end, at_last, world.object("object"))
        });
    }
}

#[test]
fn what_was_stored_under_a_lease_is_seen_when_the_guest_ends() {
    for (name, end) in &ENDS[..3] {
        eprintln!("{name}");
        the_same_on_every_backend(|world| {
            world.publish("object", 3 * GRANULE);
            let mut other = world.guest();
            let seen = other.mapped_by_name("object", 2 * GRANULE, LEASED.at(GRANULE));
            let mut guest = world.guest();
            let mapped = guest.mapped_by_name("object", 2 * GRANULE, LEASED);
            let part = Mapped { len: GRANULE, start: mapped.start + GRANULE, ..mapped };
            guest.acquire(part, Access::Write).expect("free");
            guest.write(part.start, b"under a lease");
            let left = end(guest, mapped);
            other.acquire(seen, Access::Write).expect("it was revoked");
            let read = other.read(seen.start, 13);
            assert_eq!(read, b"under a lease");
            drop(left);
            (read, other.read(seen.start, 2 * 4096))
        });
    }
}

#[test]
fn a_snapshot_outlives_the_guest_that_wrote() {
    for (name, end) in ENDS {
        eprintln!("{name}");
        the_same_on_every_backend(|world| {
            world.publish("object", 3 * GRANULE);
            let mut guest = world.guest();
            let mapped = guest.mapped_by_name("object", 2 * GRANULE, AUTOMATIC);
            guest.write(mapped.start + GRANULE, b"early");
            let mut other = world.guest();
            let snapshot = other.mapped_by_name("object", 2 * GRANULE, PRIVATE.at(GRANULE));
            guest.write(mapped.start + GRANULE, b"later");
            let left = end(guest, mapped);
            let seen = other.read(snapshot.start, 2 * 4096);
            assert_eq!(seen[..5], *b"early");
            drop(left);
            (seen, other.read(snapshot.start, 2 * 4096))
        });
    }
}
