//! Rule 2: a private mapping is a snapshot at the time of the call.

use memctl_core::{Access, Code, Medium, Rights, Shown};

use crate::common::{GRANULE as G, Kind, MODES, Mode, World, map_at};

/// In every mode: the first guest has a snapshot of an object of ones, on which `write` is let loose. It reads ones still.
fn stays(file: bool, write: impl Fn(&mut World, memctl_core::ObjectId, [memctl_core::HandleId; 3])) {
    for mode in MODES {
        let mut world = World::new(mode);
        let (object, handles) = if file { world.shared_file(2 * G) } else { world.shared_object(2 * G) };
        world.overwrite(object, 0, &[1; 64]).expect("no faults");
        world.map(0, handles[0], map_at(0, 2 * G, Kind::Private)).expect("free");
        // One granule is touched, the other isn't: both must stay.
        world.store(0, 5, 9);
        write(&mut world, object, handles);
        assert_eq!([world.load(0, 0), world.load(0, 5), world.load(0, G)], [1, 9, 1], "{mode:?}");
        assert_ne!(world.stored(object), [1; 64], "{mode:?}: something was written");
        assert!(!world.stored(object).contains(&9), "{mode:?}: the snapshot's stores stay with it");
    }
}

#[test]
fn a_snapshot_does_not_see_another_mapper_write() {
    stays(false, |world, _, handles| {
        world.map(1, handles[1], map_at(0, 2 * G, Kind::Automatic)).expect("free");
        world.store(1, 0, 2);
        world.store(1, G, 2);
    });
}

#[test]
fn a_snapshot_does_not_see_its_own_guest_write() {
    stays(false, |world, _, handles| {
        world.map(0, handles[0], map_at(4 * G, 2 * G, Kind::Automatic)).expect("free");
        world.store(0, 4 * G, 2);
    });
}

#[test]
fn a_snapshot_does_not_see_a_lease_holder_write() {
    stays(false, |world, _, handles| {
        let mapping = world.map(1, handles[1], map_at(0, 2 * G, Kind::Leased)).expect("free");
        let lease = world.acquire(1, mapping, (0, 2 * G), Access::Write).expect("nobody else");
        world.store(1, 0, 2);
        world.release(1, lease).expect("no faults");
    });
}

#[test]
fn a_snapshot_does_not_see_the_host_write() {
    stays(false, |world, object, _| world.overwrite(object, 0, &[2; 64]).expect("no faults"));
}

#[test]
fn a_snapshot_of_a_file_does_not_see_a_descriptor_write() {
    stays(true, |world, object, _| {
        world.host(|domain, ram, _| {
            domain.file_opened_for_writing(ram, (1, 2)).expect("no faults");
            ram.overwrite(object, 0, &[2; 64]);
        });
    });
}

#[test]
fn a_snapshot_has_what_other_windows_had_stored_before() {
    for mode in MODES {
        let mut world = World::new(mode);
        let (_, handles) = world.shared_object(G);
        world.map(1, handles[1], map_at(0, G, Kind::Automatic)).expect("free");
        world.store(1, 3, 3);
        world.map(0, handles[0], map_at(0, G, Kind::Private)).expect("free");
        world.store(1, 3, 4);
        assert_eq!([world.load(0, 3), world.load(1, 3)], [3, 4], "{mode:?}");
    }
}

#[test]
fn a_snapshot_outlives_its_handle_and_the_object_s_growth() {
    for mode in MODES {
        let mut world = World::new(mode);
        let (handle, object) = world.anonymous(0, G + 1).expect("room");
        world.overwrite(object, G, &[1]).expect("no faults");
        world.map(0, handle, map_at(0, 2 * G, Kind::Private)).expect("free");
        world.resize(0, handle, 2 * G).expect("it grows");
        world.overwrite(object, G, &[2; 8]).expect("no faults");
        world.host(|domain, ram, guests| domain.drop_handle_of(ram, guests[0], handle));
        assert_eq!([world.load(0, G), world.load(0, G + 1)], [1, 0], "{mode:?}");
    }
}

#[test]
fn a_snapshot_shows_storage_only_while_nobody_can_write_it() {
    let mut world = World::new(Mode::Alias);
    let (_, handles) = world.shared_object(G);
    let shown = |world: &World| world.domain.views().map(|(_, view)| view.shown).collect::<Vec<_>>();
    let snapshot = world.map(0, handles[0], map_at(0, G, Kind::Private)).expect("free");
    assert_eq!(shown(&world), [Shown::Snapshot]);
    let writer = world.map(1, handles[1], map_at(0, G, Kind::Leased)).expect("free");
    assert_eq!(shown(&world), [Shown::Copy, Shown::Alias]);
    world.unmap(0, snapshot).expect("no leases");
    world.map(0, handles[0], map_at(0, G, Kind::Private)).expect("free");
    assert_eq!(shown(&world), [Shown::Copy, Shown::Alias]);
    world.unmap(1, writer).expect("no leases");
    world.map(0, handles[0], map_at(G, G, Kind::Private)).expect("free");
    assert!(shown(&world).contains(&Shown::Snapshot));
}

#[test]
fn a_file_that_may_be_open_for_writing_is_copied() {
    for opened_before in [true, false] {
        let mut world = World::new(Mode::Alias);
        let open =
            |world: &mut World| world.host(|domain, ram, _| domain.file_opened_for_writing(ram, (1, 2))).expect("ok");
        if opened_before {
            open(&mut world);
        }
        let (_, handles) = world.shared_file(G);
        if !opened_before {
            open(&mut world);
        }
        world.map(0, handles[0], map_at(0, G, Kind::Private)).expect("free");
        assert!(world.domain.views().all(|(_, view)| view.shown == Shown::Copy));
    }
}

#[test]
fn files_past_those_that_are_remembered_count_as_written() {
    let mut world = World::new(Mode::Alias);
    world.host(|domain, ram, _| {
        for inode in 0..5000 {
            domain.file_opened_for_writing(ram, (9, inode)).expect("no faults");
        }
    });
    let (_, handles) = world.shared_file(G);
    world.map(0, handles[0], map_at(0, G, Kind::Private)).expect("free");
    assert!(world.domain.views().all(|(_, view)| view.shown == Shown::Copy));
}

#[test]
fn a_snapshot_of_what_somebody_is_writing_is_busy() {
    for mode in MODES {
        let mut world = World::new(mode);
        let (_, handles) = world.shared_object(2 * G);
        let mapping = world.map(1, handles[1], map_at(0, 2 * G, Kind::Leased)).expect("free");
        let lease = world.acquire(1, mapping, (0, 1), Access::Write).expect("nobody else");
        world.store(1, 0, 2);
        assert_eq!(world.refused_map(0, handles[0], map_at(0, G, Kind::Private)), Code::Busy, "{mode:?}");
        world.map(0, handles[0], map_at(G, G, Kind::Private).offset(G)).expect("beside the lease");
        world.release(1, lease).expect("no faults");
        world.map(0, handles[0], map_at(0, G, Kind::Private)).expect("released");
        assert_eq!(world.load(0, 0), 2, "{mode:?}");
    }
}

#[test]
fn publish_refresh_and_sync_leave_a_snapshot_alone() {
    for mode in MODES {
        let mut world = World::new(mode);
        let object = world.publish_name("to read", Medium::Anonymous { owner: None }, G, Rights::READ);
        let handle = world.open(0, "to read").expect("published");
        let mapping = world.map(0, handle, map_at(0, G, Kind::Private)).expect("free");
        world.store(0, 0, 5);
        world.call(0, |domain, ram, me| domain.publish(ram, me, mapping, (0, G))).expect("does nothing");
        world.call(0, |domain, ram, me| domain.refresh(ram, me, mapping, (0, G))).expect("does nothing");
        world.call(0, |domain, ram, me| domain.sync(ram, me, mapping, (0, G))).expect("does nothing");
        assert_eq!((world.load(0, 0), world.stored(object)[0]), (5, 0), "{mode:?}");
    }
}
