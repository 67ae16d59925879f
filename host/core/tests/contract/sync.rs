//! `sync`: what reaches the medium.

use memctl_core::{Access, Code};

use crate::common::{GRANULE as G, Kind, MODES, Mode, World, map_at};

#[test]
fn sync_publishes_and_reaches_the_medium() {
    for mode in MODES {
        for kind in [Kind::Automatic, Kind::Leased] {
            let mut world = World::new(mode);
            let (object, handles) = world.shared_file(G);
            let mapping = world.map(0, handles[0], map_at(0, G, kind)).expect("free");
            world.acquire(0, mapping, (0, G), Access::Write).expect("nobody else");
            world.store(0, 0, 3);
            world.call(0, |domain, ram, me| domain.sync(ram, me, mapping, (0, G))).expect("no faults");
            assert_eq!(
                (world.ram.synced.as_slice(), world.ram.stored(object)[0]),
                ([object].as_slice(), 3),
                "{mode:?}"
            );
        }
    }
}

#[test]
fn syncing_a_leased_window_takes_back_nobody_s_stores() {
    for mode in MODES {
        let mut world = World::new(mode);
        let (object, handles) = world.shared_object(G);
        let mappings = [0, 1].map(|guest| world.map(guest, handles[guest], map_at(0, G, Kind::Leased)).expect("free"));
        let lease = world.acquire(0, mappings[0], (0, G), Access::Write).expect("nobody else");
        world.store(0, 0, 1);
        world.release(0, lease).expect("live");
        world.call(1, |domain, ram, me| domain.sync(ram, me, mappings[1], (0, G))).expect("nobody has a lease");
        assert_eq!(world.stored(object)[0], 1, "{mode:?}");
    }
}

#[test]
fn syncing_a_leased_window_takes_back_no_descriptor_s_writes() {
    for mode in MODES {
        let mut world = World::new(mode);
        let (object, handles) = world.shared_file(G);
        let mapping = world.map(0, handles[0], map_at(0, G, Kind::Leased)).expect("free");
        world.leave();
        world.ram.overwrite(object, 0, &[1]);
        world.call(0, |domain, ram, me| domain.sync(ram, me, mapping, (0, G))).expect("nobody has a lease");
        assert_eq!(world.stored(object)[0], 1, "{mode:?}");
    }
}

#[test]
fn a_publish_that_failed_at_a_crossing_is_told_at_sync_and_unmap() {
    for sync in [true, false] {
        let mut world = World::new(Mode::Copy);
        let (object, handles) = world.shared_object(G);
        let mapping = world.map(0, handles[0], map_at(0, G, Kind::Automatic)).expect("free");
        world.store(0, 0, 1);
        world.ram.fails_at = Some(world.ram.calls);
        let _torn = world.stored(object);
        world.ram.fails_at = None;
        if sync {
            let answer = world.call(0, |domain, ram, me| domain.sync(ram, me, mapping, (0, G)));
            assert_eq!(answer.map_err(|error| error.code()), Err(Code::Io));
            world.call(0, |domain, ram, me| domain.sync(ram, me, mapping, (0, G))).expect("told once");
            assert_eq!(world.stored(object)[0], 1);
        }
        let answer = world.unmap(0, mapping);
        assert_eq!(answer.map_err(|error| error.code()), if sync { Ok(()) } else { Err(Code::Io) });
        assert_eq!((world.domain.views().count(), world.load(0, 0)), (0, 0), "gone all the same");
    }
}
