//! Rule 8: unmap, drop, trap and kill.

use memctl_tests::probe::{Access, ErrorCode};
use memctl_tests::{AUTOMATIC, GRANULE, Guest, LEASED, PRIVATE, on_every_backend};
use memctl_wasmtime::Quotas;

/// Bytes of a window that is too large to be zeroed by stores.
const LARGE: u64 = 2 << 20;

#[test]
fn an_unmapped_window_is_zeroed_memory() {
    for len in [GRANULE, LARGE] {
        for ask in [AUTOMATIC, LEASED, PRIVATE] {
            on_every_backend(|world| {
                world.publish("object", len);
                let mut guest = world.guest();
                let mapped = guest.mapped_by_name("object", len, ask);
                let (at, bytes) = (u32::try_from(mapped.start).expect("small"), u32::try_from(len).expect("small"));
                guest.call(|probe, store| probe.call_fill(store, at, bytes, 0xff));
                guest.unmap(mapped).expect("unmaps");
                assert_eq!(guest.call(|probe, store| probe.call_sum(store, at, bytes)), 0);
                guest.write(mapped.start, b"ordinary memory");
                assert_eq!(guest.read(mapped.start, 15), b"ordinary memory");
                assert_ne!(world.object("object")[..15], *b"ordinary memory");
            });
        }
    }
}

#[test]
fn dropping_a_mapping_unmaps_it() {
    for ask in [AUTOMATIC, LEASED, PRIVATE] {
        on_every_backend(|world| {
            world.publish("object", GRANULE);
            let mut guest = world.guest();
            let mapped = guest.mapped_by_name("object", GRANULE, ask);
            guest.write(mapped.start, b"stored");
            guest.drop_mapping(mapped);
            assert_eq!(guest.read(mapped.start, 6), [0; 6]);
            assert_eq!((guest.usage().mappings, guest.usage().mapped_bytes), (0, 0));
            if ask.coherence == AUTOMATIC.coherence {
                let stored = if ask.sharing == AUTOMATIC.sharing { *b"stored" } else { [0; 6] };
                assert_eq!(world.object("object")[..6], stored);
            }
        });
    }
}

#[test]
fn dropping_a_mapping_publishes_what_was_stored_under_its_leases() {
    on_every_backend(|world| {
        world.publish("object", GRANULE);
        let (mut guest, mut other) = (world.guest(), world.guest());
        let mapped = guest.mapped_by_name("object", GRANULE, LEASED);
        guest.acquire(mapped, Access::Write).expect("free");
        guest.write(mapped.start, b"stored");
        guest.drop_mapping(mapped);
        assert_eq!(guest.usage().leases, 0);
        let seen = other.mapped_by_name("object", GRANULE, LEASED);
        other.acquire(seen, Access::Write).expect("free again");
        assert_eq!(other.read(seen.start, 6), b"stored");
    });
}

#[test]
fn unmapping_one_window_leaves_the_others_alone() {
    on_every_backend(|world| {
        world.publish("object", 3 * GRANULE);
        let mut guest = world.guest();
        let object = guest.open("object");
        let start = guest.alloc(3 * 4096);
        let windows = [0, 1, 2].map(|granule| {
            let offset = granule * GRANULE;
            guest.try_map(start + offset, GRANULE, object, AUTOMATIC.at(offset)).expect("maps")
        });
        guest.write(start, &[9; 3 * GRANULE as usize]);
        guest.unmap(windows[1]).expect("unmaps");
        let mut expected = vec![9; 3 * GRANULE as usize];
        assert_eq!(world.object("object"), expected);
        expected[GRANULE as usize..2 * GRANULE as usize].fill(0);
        assert_eq!(guest.read(start, 3 * GRANULE as u32), expected);
    });
}

/// A guest that stored under a lease and without one ends; the other sees the stores, may lease, and all quotas are given back.
#[track_caller]
fn after_the_end(end: impl Fn(Guest)) {
    on_every_backend(|world| {
        world.publish("automatic", GRANULE);
        world.publish("leased", GRANULE);
        let mut other = world.guest();
        let seen = other.mapped_by_name("automatic", GRANULE, AUTOMATIC);
        let seen_leased = other.mapped_by_name("leased", GRANULE, LEASED);
        let usage = world.domain.usage();

        let mut guest = world.guest();
        let automatic = guest.mapped_by_name("automatic", GRANULE, AUTOMATIC);
        let leased = guest.mapped_by_name("leased", GRANULE, LEASED);
        let own = guest.anonymous(10 * GRANULE).expect("made");
        guest.mapped(own, GRANULE, PRIVATE);
        guest.acquire(leased, Access::Write).expect("free");
        guest.write(automatic.start, b"last words");
        guest.write(leased.start, b"last words");
        end(guest);

        assert_eq!(other.read(seen.start, 10), b"last words");
        other.acquire(seen_leased, Access::Write).expect("its leases are gone");
        assert_eq!(other.read(seen_leased.start, 10), b"last words");
        assert_eq!(world.domain.usage(), Quotas { leases: 1, ..usage });
        other.write(seen.start, b"and on it goes");
        assert_eq!(world.object("automatic")[..14], *b"and on it goes");
    });
}

#[test]
fn a_dropped_store_gives_everything_back() {
    after_the_end(drop);
}

#[test]
fn a_guest_that_traps_gives_everything_back_when_its_store_goes() {
    after_the_end(|mut guest| {
        let trap = guest.try_call(|probe, store| probe.call_trap(store)).expect_err("traps");
        assert_eq!(trap.downcast_ref::<wasmtime::Trap>(), Some(&wasmtime::Trap::UnreachableCodeReached));
        drop(guest);
    });
}

#[test]
fn a_guest_can_be_ended_while_its_store_lives() {
    let kept = std::cell::RefCell::new(Vec::new());
    after_the_end(|mut guest| {
        guest.state().memctl.end();
        assert_eq!(guest.anonymous(GRANULE), Err(ErrorCode::Stale));
        kept.borrow_mut().push(guest);
    });
}

#[test]
fn whatever_an_ended_guest_asks_for_is_stale() {
    on_every_backend(|world| {
        world.publish("object", GRANULE);
        let mut guest = world.guest();
        let object = guest.open("object");
        let mapped = guest.mapped(object, GRANULE, LEASED);
        guest.state().memctl.end();
        assert_eq!(guest.acquire(mapped, Access::Write), Err(ErrorCode::Stale));
        assert_eq!(guest.try_map(mapped.start, GRANULE, object, LEASED).map(drop), Err(ErrorCode::Stale));
        assert_eq!(guest.unmap(mapped), Err(ErrorCode::Stale));
    });
}

#[test]
fn the_stores_of_a_trapped_guest_are_seen_while_its_store_lives() {
    on_every_backend(|world| {
        world.publish("object", GRANULE);
        let (mut guest, mut other) = (world.guest(), world.guest());
        let mapped = guest.mapped_by_name("object", GRANULE, AUTOMATIC);
        let seen = other.mapped_by_name("object", GRANULE, AUTOMATIC);
        guest.write(mapped.start, b"first");
        // Stores, and traps halfway in one call: the last byte is past the memory's end.
        let end = u64::from(guest.call(|probe, store| probe.call_memory_size(store))) << 16;
        let past = u32::try_from(end - mapped.start).expect("small");
        let at = u32::try_from(mapped.start).expect("small");
        guest.try_call(|probe, store| probe.call_spin_over(store, at, past + 1)).expect_err("traps");
        assert_eq!(other.read(seen.start, 5), [0xff; 5]);
        other.write(seen.start, b"on");
        drop(guest);
        assert_eq!(other.read(seen.start, 3), b"on\xff", "the end of the trapped guest changes nothing");
    });
}

#[test]
fn a_domain_outlives_its_handles() {
    for mode in memctl_tests::BACKENDS {
        let world = memctl_tests::World::new(mode);
        world.publish("object", GRANULE);
        let mut guest = world.guest();
        let mapped = guest.mapped_by_name("object", GRANULE, AUTOMATIC);
        drop(world);
        guest.write(mapped.start, b"on my own");
        assert_eq!(guest.read(mapped.start, 9), b"on my own");
        guest.unmap(mapped).expect("unmaps");
    }
}
