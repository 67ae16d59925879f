//! Leases: many readers or one writer for a range.

use memctl_core::{Access, Code, HandleId, MappingId, ObjectId};

use crate::common::{GRANULE as G, Kind, MODES, Mode, World, map_at};

fn leased_everywhere(mode: Mode) -> (World, ObjectId, [HandleId; 3], [MappingId; 3]) {
    let mut world = World::new(mode);
    let (object, handles) = world.shared_object(4 * G);
    let mappings =
        [0, 1, 2].map(|guest| world.map(guest, handles[guest], map_at(0, 4 * G, Kind::Leased)).expect("free"));
    (world, object, handles, mappings)
}

#[test]
fn many_may_read_or_one_may_write() {
    for mode in MODES {
        let (mut world, _, _, mappings) = leased_everywhere(mode);
        let readers = [0, 1].map(|guest| world.acquire(guest, mappings[guest], (0, 8), Access::Read).expect("readers"));
        let write = |world: &mut World, part| {
            world.refused(2, |domain, ram, me| domain.acquire(ram, me, mappings[2], part, Access::Write))
        };
        assert_eq!(write(&mut world, (7, 2)), Code::Busy, "{mode:?}");
        let beside = world.acquire(2, mappings[2], (8, 8), Access::Write).expect("beside the readers");
        for access in [Access::Read, Access::Write] {
            for guest in [0, 2] {
                let ask = (15, 4);
                let code =
                    world.refused(guest, |domain, ram, me| domain.acquire(ram, me, mappings[guest], ask, access));
                assert_eq!(code, Code::Busy, "{mode:?}: not even the holder itself");
            }
        }
        for (guest, lease) in readers.into_iter().enumerate() {
            world.release(guest, lease).expect("live");
        }
        world.acquire(2, mappings[2], (0, 8), Access::Write).expect("the readers are gone");
        world.release(2, beside).expect("live");
    }
}

#[test]
fn a_release_shows_the_stores_to_the_next_holder() {
    for mode in MODES {
        let (mut world, object, _, mappings) = leased_everywhere(mode);
        for round in 0..30_u8 {
            let guest = usize::from(round % 3);
            let lease = world.acquire(guest, mappings[guest], (0, 2), Access::Write).expect("nobody else");
            assert_eq!(world.load(guest, 0), round, "{mode:?}");
            world.store(guest, 0, round + 1);
            assert_eq!(
                world.domain.leased(world.guests[guest], lease),
                Ok((mappings[guest], memctl_core::Span::claim("", 0, 2).expect("two bytes")))
            );
            world.release(guest, lease).expect("live");
        }
        assert_eq!(world.stored(object)[0], 30);
    }
}

#[test]
fn two_writers_of_different_ranges_lose_nothing() {
    for mode in MODES {
        let (mut world, object, _, mappings) = leased_everywhere(mode);
        let leases = [0, 1, 2].map(|guest| {
            world.acquire(guest, mappings[guest], (guest as u64, 1), Access::Write).expect("its own byte")
        });
        for guest in 0..3 {
            world.store(guest, guest as u64, 7);
        }
        for guest in [1, 0, 2] {
            world.release(guest, leases[guest]).expect("live");
        }
        assert_eq!(world.stored(object)[..3], [7, 7, 7], "{mode:?}");
    }
}

#[test]
fn leases_and_the_automatic_windows_of_others_keep_each_other_out() {
    for mode in MODES {
        for automatic in [0, 1] {
            let mut world = World::new(mode);
            let (_, handles) = world.shared_object(2 * G);
            let mapping = world.map(1, handles[1], map_at(0, 2 * G, Kind::Leased)).expect("free");
            let ask = map_at(4 * G, G, Kind::Automatic);
            for access in [Access::Read, Access::Write] {
                let lease = world.acquire(1, mapping, (G - 1, 2), access).expect("nobody else");
                assert_eq!(world.refused_map(automatic, handles[automatic], ask), Code::Busy, "{mode:?}");
                world.release(1, lease).expect("live");
            }
            world.map(automatic, handles[automatic], ask).expect("no leases");
            for access in [Access::Read, Access::Write] {
                let answer = world.refused(1, |domain, ram, me| domain.acquire(ram, me, mapping, (G - 1, 2), access));
                assert_eq!(answer, Code::Busy, "{mode:?}");
                let beside = world.acquire(1, mapping, (G, G), access).expect("beside the automatic window");
                world.release(1, beside).expect("live");
            }
        }
    }
}

#[test]
fn leased_and_automatic_windows_see_each_other_s_stores_when_they_take_turns() {
    for mode in MODES {
        let mut world = World::new(mode);
        let (object, handles) = world.shared_object(G);
        let leased = world.map(0, handles[0], map_at(0, G, Kind::Leased)).expect("free");
        for round in (0..20).step_by(2) {
            let automatic = world.map(1, handles[1], map_at(0, G, Kind::Automatic)).expect("no leases");
            assert_eq!(world.load(1, 0), round, "{mode:?}");
            world.store(1, 0, round + 1);
            world.unmap(1, automatic).expect("no leases");
            let lease = world.acquire(0, leased, (0, G), Access::Write).expect("nobody else");
            assert_eq!(world.load(0, 0), round + 1, "{mode:?}");
            world.store(0, 0, round + 2);
            world.release(0, lease).expect("live");
        }
        assert_eq!(world.stored(object)[0], 20);
    }
}

#[test]
fn the_holder_may_publish_and_refresh_and_loses_nothing() {
    for mode in MODES {
        let (mut world, object, _, mappings) = leased_everywhere(mode);
        let lease = world.acquire(0, mappings[0], (0, 8), Access::Write).expect("nobody else");
        world.store(0, 0, 1);
        // Somebody else changes other bytes: what the window shows is not all the newest.
        let other = world.acquire(1, mappings[1], (8, 8), Access::Write).expect("other bytes");
        world.store(1, 8, 2);
        world.release(1, other).expect("live");
        world.call(0, |domain, ram, me| domain.refresh(ram, me, mappings[0], (0, 8))).expect("its own lease");
        assert_eq!(world.load(0, 0), 1, "{mode:?}: the holder's bytes are the newest");
        world.call(0, |domain, ram, me| domain.publish(ram, me, mappings[0], (0, 4))).expect("its own lease");
        assert_eq!(world.ram.stored(object)[..9], [1, 0, 0, 0, 0, 0, 0, 0, 2], "{mode:?}");
        world.call(0, |domain, ram, me| domain.sync(ram, me, mappings[0], (0, 8))).expect("its own lease");
        world.release(0, lease).expect("live");
    }
}

#[test]
fn a_leased_window_is_published_under_a_lease_only() {
    for mode in MODES {
        let (mut world, object, _, mappings) = leased_everywhere(mode);
        let newer = world.acquire(1, mappings[1], (0, 8), Access::Write).expect("nobody else");
        world.store(1, 0, 2);
        world.release(1, newer).expect("live");
        // The window may be older than the object: publishing it would take the other's stores back.
        assert_eq!(world.refused(0, |domain, ram, me| domain.publish(ram, me, mappings[0], (0, 8))), Code::Access);
        assert_eq!(world.stored(object)[0], 2, "{mode:?}");
    }
}

#[test]
fn the_host_keeps_to_leases() {
    for mode in MODES {
        let (mut world, object, _, mappings) = leased_everywhere(mode);
        let reader = world.acquire(0, mappings[0], (0, 8), Access::Read).expect("nobody else");
        assert!(world.read(object).is_ok(), "one more reader");
        assert_eq!(world.overwrite(object, 0, &[1]).map_err(|error| error.code()), Err(Code::Busy), "{mode:?}");
        world.release(0, reader).expect("live");
        let writer = world.acquire(0, mappings[0], (0, 8), Access::Write).expect("nobody else");
        assert_eq!(world.read(object).map_err(|error| error.code()), Err(Code::Busy), "{mode:?}");
        world.release(0, writer).expect("live");
        assert!(world.overwrite(object, 0, &[1]).is_ok(), "{mode:?}");
    }
}

#[test]
fn bytes_under_another_s_lease_do_not_move() {
    for mode in MODES {
        let (mut world, _, _, mappings) = leased_everywhere(mode);
        let part = (0, 8);
        let reader = world.acquire(0, mappings[0], part, Access::Read).expect("nobody else");
        assert_eq!(world.refused(1, |domain, ram, me| domain.publish(ram, me, mappings[1], part)), Code::Busy);
        assert_eq!(world.refused(1, |domain, ram, me| domain.sync(ram, me, mappings[1], part)), Code::Busy);
        world.call(1, |domain, ram, me| domain.refresh(ram, me, mappings[1], part)).expect("beside a reader");
        world
            .call(0, |domain, ram, me| domain.sync(ram, me, mappings[0], part))
            .expect("its own reading is no obstacle");
        world.release(0, reader).expect("live");
        world.acquire(0, mappings[0], part, Access::Write).expect("nobody else");
        assert_eq!(world.refused(1, |domain, ram, me| domain.refresh(ram, me, mappings[1], part)), Code::Busy);
    }
}

#[test]
fn a_mapping_under_a_lease_is_not_unmapped() {
    for mode in MODES {
        let (mut world, _, _, mappings) = leased_everywhere(mode);
        let lease = world.acquire(0, mappings[0], (0, 1), Access::Read).expect("nobody else");
        assert_eq!(world.refused(0, |domain, ram, me| domain.unmap(ram, me, mappings[0])), Code::Busy, "{mode:?}");
        world.release(0, lease).expect("live");
        world.unmap(0, mappings[0]).expect("released");
    }
}

#[test]
fn an_abandoned_lease_s_stores_are_lost() {
    // Only where the host can't reach the window any more, which is never an aliasing one.
    let (mut world, object, _, mappings) = leased_everywhere(Mode::Copy);
    let lease = world.acquire(0, mappings[0], (0, G), Access::Write).expect("nobody else");
    world.store(0, 0, 1);
    world.host(|domain, ram, guests| domain.abandon(ram, guests[0], lease));
    assert_eq!(world.stored(object)[0], 0);
    world.acquire(1, mappings[1], (0, G), Access::Read).expect("the lease is gone");
    world.acquire(0, mappings[0], (0, G), Access::Read).expect("beside the other");
    assert_eq!([world.load(0, 0), world.load(1, 0)], [0, 0], "for everybody");
}

#[test]
fn an_abandoned_lease_leaves_an_automatic_window_as_it_is() {
    // Found by the fuzz target core_domain: on copy the stores beside the lease were lost.
    for mode in MODES {
        let mut world = World::new(mode);
        let (object, handles) = world.shared_object(2 * G);
        let mapping = world.map(1, handles[1], map_at(0, 2 * G, Kind::Automatic)).expect("free");
        let lease = world.acquire(1, mapping, (0, 8), Access::Write).expect("nobody else");
        world.store(1, 4, 3);
        world.store(1, 20, 5);
        world.host(|domain, ram, guests| domain.abandon(ram, guests[1], lease));
        assert_eq!([world.load(1, 4), world.load(1, 20)], [3, 5], "{mode:?}");
        assert_eq!(world.stored(object)[20], 5, "{mode:?}");
    }
}

#[test]
fn a_lease_on_a_snapshot_is_for_reading() {
    for mode in MODES {
        let mut world = World::new(mode);
        let (_, handles) = world.shared_object(G);
        let mapping = world.map(0, handles[0], map_at(0, G, Kind::Private)).expect("free");
        let write = world.refused(0, |domain, ram, me| domain.acquire(ram, me, mapping, (0, G), Access::Write));
        assert_eq!(write, Code::Access, "{mode:?}");
        world.store(0, 0, 4);
        let lease = world.acquire(0, mapping, (0, G), Access::Read).expect("nobody else");
        assert_eq!(world.load(0, 0), 4, "{mode:?}: a snapshot is not refreshed");
        world.release(0, lease).expect("live");
    }
}
