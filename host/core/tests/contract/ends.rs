//! Rule 8: what is left when a mapping, a memory or a guest goes.

use memctl_core::{Access, Code, HandleId, MappingId, ObjectId, Quotas};

use crate::common::{GRANULE as G, Kind, MODES, Mode, World, map_at};

/// The first guest has stored a 1 through an automatic window, a 2 under a lease, and a 3 into a snapshot.
fn busy_guest(mode: Mode) -> (World, ObjectId, [HandleId; 3], [MappingId; 3]) {
    let mut world = World::new(mode);
    let (object, handles) = world.shared_object(3 * G);
    let automatic = world.map(0, handles[0], map_at(0, G, Kind::Automatic)).expect("free");
    let leased = world.map(0, handles[0], map_at(G, G, Kind::Leased).offset(G)).expect("free");
    let private = world.map(0, handles[0], map_at(2 * G, G, Kind::Private).offset(2 * G)).expect("free");
    world.acquire(0, leased, (G, G), Access::Write).expect("nobody else");
    world.store(0, 0, 1);
    world.store(0, G, 2);
    world.store(0, 2 * G, 3);
    (world, object, handles, [automatic, leased, private])
}

fn first_bytes(stored: &[u8]) -> Vec<u8> {
    stored.iter().copied().step_by(usize::try_from(G).expect("small")).collect()
}

#[test]
fn what_a_guest_stored_is_published_when_it_ends() {
    for mode in MODES {
        let (mut world, object, handles, _) = busy_guest(mode);
        world.end(0);
        assert_eq!(first_bytes(&world.stored(object)), [1, 2, 0], "{mode:?}");
        let mapping = world.map(1, handles[1], map_at(0, 3 * G, Kind::Leased)).expect("free");
        world.acquire(1, mapping, (0, 3 * G), Access::Write).expect("the lease was revoked");
        world.check_books();
    }
}

#[test]
fn what_a_guest_stored_is_published_when_its_memory_goes() {
    for mode in MODES {
        let (mut world, object, handles, mappings) = busy_guest(mode);
        world.renew_memory(0);
        assert_eq!(first_bytes(&world.stored(object)), [1, 2, 0], "{mode:?}");
        assert_eq!(world.domain.usage(world.guests[0]), Ok(Quotas { objects: 1, ..Quotas::NONE }));
        for mapping in mappings {
            assert_eq!(world.refused(0, |domain, ram, me| domain.unmap(ram, me, mapping)), Code::Stale);
        }
        world.map(0, handles[0], map_at(0, 3 * G, Kind::Automatic)).expect("the handle is still good");
        assert_eq!([world.load(0, 0), world.load(0, G)], [1, 2], "{mode:?}");
    }
}

#[test]
fn a_guest_that_ends_while_another_ran_last_takes_nothing_back() {
    for mode in MODES {
        let mut world = World::new(mode);
        let (object, handles) = world.shared_object(2 * G);
        let first = world.map(0, handles[0], map_at(0, G, Kind::Automatic)).expect("free");
        world.map(1, handles[1], map_at(0, G, Kind::Automatic).offset(G)).expect("free");
        world.acquire(0, first, (0, 8), Access::Write).expect("nobody else");
        world.store(0, 0, 1);
        world.store(1, 3, 2);
        world.end(0);
        assert_eq!(world.load(1, 3), 2, "{mode:?}");
        let stored = world.stored(object);
        assert_eq!((stored[0], stored[usize::try_from(G).expect("small") + 3]), (1, 2), "{mode:?}");
    }
}

#[test]
fn an_unmapped_window_is_zero_and_the_object_keeps_the_stores() {
    for mode in MODES {
        for kind in [Kind::Automatic, Kind::Private] {
            let mut world = World::new(mode);
            let (object, handles) = world.shared_object(G);
            world.store(0, 0, 7);
            let mapping = world.map(0, handles[0], map_at(0, G, kind)).expect("free");
            world.store(0, 1, 8);
            world.unmap(0, mapping).expect("no leases");
            assert_eq!([world.load(0, 0), world.load(0, 1)], [0, 0], "{mode:?}");
            assert_eq!(world.stored(object)[1], if kind == Kind::Private { 0 } else { 8 }, "{mode:?}");
            world.store(0, 1, 9);
            assert_ne!(world.stored(object)[1], 9, "{mode:?}: the window is the guest's alone");
        }
    }
}

#[test]
fn a_dropped_mapping_s_leases_are_revoked_and_published() {
    for mode in MODES {
        let (mut world, object, _, [_, leased, _]) = busy_guest(mode);
        world.call(0, |domain, ram, me| domain.drop_mapping_of(ram, me, leased)).expect("no faults");
        assert_eq!(world.stored(object)[usize::try_from(G).expect("small")], 2, "{mode:?}");
        assert_eq!(world.domain.usage(world.guests[0]).expect("live").leases, 0);
        assert_eq!(world.refused(0, |domain, ram, me| domain.drop_mapping_of(ram, me, leased)), Code::Stale);
    }
}

#[test]
fn ending_twice_changes_nothing() {
    let (mut world, ..) = busy_guest(Mode::Alias);
    world.end(0);
    let (before, total) = (postcard::to_allocvec(&world.domain).expect("plain data"), world.domain.total_usage());
    world.host(|domain, ram, guests| domain.end(ram, guests[0]));
    assert_eq!(postcard::to_allocvec(&world.domain).expect("plain data"), before);
    assert_eq!(world.domain.total_usage(), total);
}

#[test]
fn an_object_goes_with_its_last_handle_and_mapping() {
    for mode in MODES {
        let mut world = World::new(mode);
        let (handle, _) = world.anonymous(0, G).expect("room");
        let mapping = world.map(0, handle, map_at(0, G, Kind::Automatic)).expect("free");
        world.store(0, 0, 5);
        world.host(|domain, ram, guests| domain.drop_handle_of(ram, guests[0], handle));
        assert_eq!((world.ram.objects(), world.load(0, 0)), (1, 5), "{mode:?}: the mapping keeps it");
        world.unmap(0, mapping).expect("no leases");
        assert_eq!(world.ram.objects(), 0, "{mode:?}");
        assert_eq!(world.domain.total_usage(), Quotas::NONE);
    }
}

#[test]
fn everything_is_given_back_when_everybody_ends() {
    for mode in MODES {
        let mut world = World::new(mode);
        for guest in 0..3 {
            let (handle, _) = world.anonymous(guest, 2 * G).expect("room");
            let mapping = world.map(guest, handle, map_at(0, 2 * G, Kind::Automatic)).expect("free");
            world.acquire(guest, mapping, (0, 1), Access::Write).expect("nobody else");
        }
        for guest in [1, 0, 2] {
            world.end(guest);
        }
        assert_eq!((world.ram.objects(), world.domain.views().count()), (0, 0), "{mode:?}");
        assert_eq!(world.domain.total_usage(), Quotas::NONE);
    }
}
