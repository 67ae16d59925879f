//! Rule 3: shared bytes are coherent whenever control passes.

use crate::common::{GRANULE as G, Kind, MODES, Mode, World, map_at};

#[test]
fn guests_that_take_turns_see_each_other_s_stores() {
    for mode in MODES {
        for guests in [2, 3] {
            let mut world = World::new(mode);
            let (object, handles) = world.shared_object(G);
            for (guest, handle) in handles.into_iter().enumerate().take(guests) {
                world.map(guest, handle, map_at(G, G, Kind::Automatic)).expect("free");
            }
            for turn in 0..30_u8 {
                let guest = usize::from(turn * 7 % 5) % guests;
                world.turn(guest).expect("no faults");
                assert_eq!(world.load(guest, G), turn, "{mode:?}");
                world.store(guest, G, turn + 1);
            }
            assert_eq!(world.stored(object)[0], 30);
        }
    }
}

#[test]
fn guests_that_store_to_different_bytes_lose_none() {
    for mode in MODES {
        let mut world = World::new(mode);
        let (object, handles) = world.shared_object(G);
        for (guest, handle) in handles.into_iter().enumerate() {
            world.map(guest, handle, map_at(0, G, Kind::Automatic)).expect("free");
        }
        for guest in [0, 1, 2, 1, 0] {
            let address = guest as u64;
            let before = world.load(guest, address);
            world.store(guest, address, before + 1);
        }
        assert_eq!(world.stored(object)[..3], [2, 2, 1], "{mode:?}");
    }
}

#[test]
fn a_guest_without_a_window_does_not_disturb_those_with() {
    for mode in MODES {
        let mut world = World::new(mode);
        let (_, handles) = world.shared_object(G);
        world.map(0, handles[0], map_at(0, G, Kind::Automatic)).expect("free");
        world.map(1, handles[1], map_at(0, G, Kind::Automatic)).expect("free");
        world.store(0, 0, 1);
        world.turn(2).expect("no faults");
        world.turn(0).expect("no faults");
        world.store(0, 1, 2);
        world.turn(2).expect("no faults");
        assert_eq!([world.load(1, 0), world.load(1, 1)], [1, 2], "{mode:?}");
    }
}

#[test]
fn the_host_s_own_writes_are_seen_and_lose_nothing() {
    for mode in MODES {
        let mut world = World::new(mode);
        let (object, handles) = world.shared_object(G);
        world.map(0, handles[0], map_at(0, G, Kind::Automatic)).expect("free");
        world.map(1, handles[1], map_at(0, G, Kind::Automatic)).expect("free");
        world.store(0, 0, 1);
        world.overwrite(object, 1, &[2]).expect("no faults");
        assert_eq!([world.load(0, 0), world.load(0, 1)], [1, 2], "{mode:?}");
        assert_eq!([world.load(1, 0), world.load(1, 1)], [1, 2], "{mode:?}");
    }
}

#[test]
fn a_descriptor_s_writes_to_a_mapped_file_are_seen_at_the_next_crossing() {
    for mode in MODES {
        let mut world = World::new(mode);
        let (object, handles) = world.shared_file(G);
        world.map(0, handles[0], map_at(0, G, Kind::Automatic)).expect("free");
        world.store(0, 0, 1);
        // A host call on the file: the domain is not told, only of the crossing.
        world.leave();
        assert_eq!(world.ram.stored(object)[0], 1, "{mode:?}: the call reads what was stored");
        world.ram.overwrite(object, 1, &[2]);
        world.turn(0).expect("no faults");
        assert_eq!([world.load(0, 0), world.load(0, 1)], [1, 2], "{mode:?}");
    }
}

#[test]
fn a_crossing_with_nothing_to_move_moves_nothing() {
    let mut world = World::new(Mode::Copy);
    let (_, handles) = world.shared_object(G);
    world.map(0, handles[0], map_at(0, G, Kind::Automatic)).expect("free");
    world.turn(0).expect("no faults");
    let calls = world.ram.calls;
    for _ in 0..10 {
        world.store(0, 0, 1);
        world.host(|_, _, _| ());
        world.turn(0).expect("no faults");
        world.turn(2).expect("no faults");
    }
    assert_eq!(world.ram.calls, calls, "alone with its windows, a guest pays nothing");
}

#[test]
fn publishing_one_window_keeps_the_stores_in_another() {
    for mode in MODES {
        let mut world = World::new(mode);
        let (object, handles) = world.shared_object(2 * G);
        let first = world.map(0, handles[0], map_at(0, G, Kind::Automatic)).expect("free");
        world.map(0, handles[0], map_at(G, G, Kind::Automatic).offset(G)).expect("free");
        world.store(0, G, 8);
        world.call(0, |domain, ram, me| domain.publish(ram, me, first, (0, G))).expect("no faults");
        assert_eq!(world.load(0, G), 8, "{mode:?}");
        assert_eq!(world.stored(object)[usize::try_from(G).expect("small")], 8, "{mode:?}");
    }
}

#[test]
fn publish_and_refresh_of_automatic_windows_lose_nothing() {
    for mode in MODES {
        let mut world = World::new(mode);
        let (_, handles) = world.shared_object(G);
        let mappings =
            [0, 1].map(|guest| world.map(guest, handles[guest], map_at(0, G, Kind::Automatic)).expect("free"));
        world.store(0, 0, 1);
        world.call(0, |domain, ram, me| domain.refresh(ram, me, mappings[0], (0, G))).expect("no faults");
        assert_eq!(world.load(0, 0), 1, "{mode:?}");
        world.store(1, 1, 2);
        world.call(1, |domain, ram, me| domain.publish(ram, me, mappings[1], (1, 1))).expect("no faults");
        world.call(0, |domain, ram, me| domain.refresh(ram, me, mappings[0], (3, 1))).expect("no faults");
        assert_eq!([world.load(0, 0), world.load(0, 1)], [1, 2], "{mode:?}");
    }
}

#[test]
fn windows_at_different_offsets_and_memories_are_coherent_too() {
    for mode in MODES {
        let mut world = World::new(mode);
        let (_, handles) = world.shared_object(3 * G);
        world.map(0, handles[0], map_at(0, 2 * G, Kind::Automatic)).expect("free");
        world.map(1, handles[1], map_at(4 * G, 2 * G, Kind::Automatic).offset(G)).expect("free");
        world.store(0, G, 1);
        assert_eq!(world.load(1, 4 * G), 1, "{mode:?}");
        world.store(1, 5 * G, 2);
        world.store(1, 4 * G + 1, 3);
        assert_eq!(world.load(0, G + 1), 3, "{mode:?}");
    }
}

#[test]
fn an_aliasing_window_s_stores_reach_copies_elsewhere() {
    for mode in [Mode::Alias, Mode::Mixed] {
        let mut world = World::new(mode);
        let (object, handles) = world.shared_object(G);
        for start in [0, G] {
            world.map(0, handles[0], map_at(start, G, Kind::Aliasing)).expect("the ring buffer's trick");
        }
        world.map(1, handles[1], map_at(0, G, Kind::Automatic)).expect("free");
        world.store(0, 0, 1);
        assert_eq!(world.load(0, G), 1, "{mode:?}: at once");
        world.store(1, 1, 2);
        assert_eq!(world.load(1, 0), 1, "{mode:?}");
        world.store(0, G + 2, 3);
        assert_eq!([world.load(1, 0), world.load(1, 1), world.load(1, 2)], [1, 2, 3], "{mode:?}");
        assert_eq!(world.stored(object)[..3], [1, 2, 3], "{mode:?}");
    }
}
