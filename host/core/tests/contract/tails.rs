//! Rule 1: the last granule past the object's end. And what `resize` does to it.

use memctl_core::{Access, Code};

use crate::common::{GRANULE as G, Kind, MODES, World, map_at};

const SHARED: [Kind; 2] = [Kind::Automatic, Kind::Leased];

#[test]
fn a_tail_reads_as_zero_and_its_stores_are_lost() {
    for mode in MODES {
        for kind in SHARED {
            let mut world = World::new(mode);
            let (object, handles) = world.shared_object(G + 3);
            let mapping = world.map(0, handles[0], map_at(0, 2 * G, kind)).expect("to the end of the granule");
            let lease = world.acquire(0, mapping, (0, 2 * G), Access::Write).expect("nobody else");
            assert!((G + 3..2 * G).all(|address| world.load(0, address) == 0), "{mode:?}");
            world.store(0, G + 2, 1);
            world.store(0, G + 3, 1);
            world.release(0, lease).expect("live");
            let other = world.map(1, handles[1], map_at(0, 2 * G, kind)).expect("free");
            world.call(1, |domain, ram, me| domain.refresh(ram, me, other, (0, 2 * G))).expect("no leases");
            assert_eq!([world.load(1, G + 2), world.load(1, G + 3)], [1, 0], "{mode:?} {kind:?}");
            assert_eq!([world.load(0, G + 2), world.load(0, G + 3)], [1, 0], "{mode:?} {kind:?}");
            assert_eq!(world.stored(object).len() as u64, G + 3);
        }
    }
}

#[test]
fn an_explicit_publish_or_refresh_loses_the_tail() {
    for mode in MODES {
        for refresh in [true, false] {
            let mut world = World::new(mode);
            let (_, handles) = world.shared_object(3);
            let mapping = world.map(0, handles[0], map_at(0, G, Kind::Automatic)).expect("free");
            world.store(0, 2, 1);
            world.store(0, 3, 1);
            world
                .call(0, |domain, ram, me| match refresh {
                    true => domain.refresh(ram, me, mapping, (0, G)),
                    false => domain.publish(ram, me, mapping, (0, G)),
                })
                .expect("no faults");
            assert_eq!([world.load(0, 2), world.load(0, 3)], [1, 0], "{mode:?}");
        }
    }
}

#[test]
fn stores_to_a_tail_do_not_come_up_when_the_object_grows() {
    for mode in MODES {
        for kind in SHARED {
            let mut world = World::new(mode);
            let (object, handles) = world.shared_object(3);
            let mapping = world.map(0, handles[0], map_at(0, G, kind)).expect("free");
            let lease = world.acquire(0, mapping, (0, G), Access::Write).expect("nobody else");
            world.store(0, 2, 1);
            world.store(0, 3, 1);
            world.resize(1, handles[1], 2 * G).expect("it grows");
            assert_eq!([world.load(0, 2), world.load(0, 3)], [1, 0], "{mode:?} {kind:?}: new bytes are zero");
            world.store(0, 4, 5);
            world.release(0, lease).expect("live");
            assert_eq!(world.stored(object)[2..5], [1, 0, 5], "{mode:?} {kind:?}");
        }
    }
}

#[test]
fn growing_shows_in_windows_that_were_there() {
    for mode in MODES {
        let mut world = World::new(mode);
        let (object, handles) = world.shared_object(3);
        for guest in [0, 1] {
            world.map(guest, handles[guest], map_at(0, G, Kind::Automatic)).expect("free");
        }
        world.store(0, 0, 1);
        world.resize(0, handles[0], G).expect("it grows");
        world.store(1, 9, 2);
        assert_eq!([world.load(0, 0), world.load(0, 9)], [1, 2], "{mode:?}");
        assert_eq!(world.stored(object)[9], 2, "{mode:?}");
    }
}

#[test]
fn bytes_that_a_mapping_shows_do_not_go() {
    for mode in MODES {
        for kind in [Kind::Automatic, Kind::Leased, Kind::Private] {
            let mut world = World::new(mode);
            let (_, handles) = world.shared_object(3 * G + 5);
            let mapping = world.map(1, handles[1], map_at(0, G, kind).offset(G)).expect("free");
            assert_eq!(
                world.refused(0, |domain, ram, me| domain.resize(ram, me, handles[0], 2 * G - 1)),
                Code::Overlap
            );
            world.resize(0, handles[0], 2 * G).expect("what goes is not shown");
            world.unmap(1, mapping).expect("no leases");
            world.resize(0, handles[0], 1).expect("nothing is shown");
        }
    }
}

#[test]
fn what_shrinking_cut_off_is_zero_when_it_grows_back() {
    for mode in MODES {
        let mut world = World::new(mode);
        let (object, handles) = world.shared_object(2 * G);
        world.overwrite(object, 0, &[7; 64]).expect("no faults");
        world.resize(0, handles[0], 3).expect("nothing is shown");
        world.resize(0, handles[0], 2 * G).expect("it grows");
        world.map(0, handles[0], map_at(0, 2 * G, Kind::Automatic)).expect("free");
        assert_eq!([world.load(0, 2), world.load(0, 3), world.load(0, G)], [7, 0, 0], "{mode:?}");
    }
}

#[test]
fn a_snapshot_s_tail_is_the_guest_s_own() {
    for mode in MODES {
        let mut world = World::new(mode);
        let (object, handles) = world.shared_object(3);
        world.map(0, handles[0], map_at(0, G, Kind::Private)).expect("free");
        assert_eq!(world.load(0, 3), 0);
        world.store(0, 3, 1);
        world.resize(1, handles[1], G).expect("it grows");
        assert_eq!((world.load(0, 3), world.stored(object)[3]), (1, 0), "{mode:?}");
    }
}
