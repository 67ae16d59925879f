//! Windows that reach past the end of their objects, and follow where that is.

use memctl_core::{Access, Code, Protection, Quotas, Reach, Threads};

use crate::common::{GRANULE as G, Kind, MODES, Mode, World, map_at, memory_of};
use crate::protection::{discard, protect};

const IDENTITY: (u64, u64) = (1, 2);

#[test]
fn what_lies_past_the_end_is_the_guest_s_own_zeroed_memory() {
    for mode in MODES {
        let mut world = World::new(mode);
        let (object, handles) = world.shared_object(G + 3);
        world.store(0, 3 * G, 9);
        let mapping = world.map(0, handles[0], map_at(0, 4 * G, Kind::Automatic).past_end()).expect("free");
        assert_eq!([world.load(0, 2 * G), world.load(0, 3 * G)], [0, 0], "{mode:?}");
        world.store(0, G, 1);
        world.store(0, 3 * G, 2);
        world.turn(1).expect("no faults");
        assert_eq!([world.load(0, G), world.load(0, 3 * G)], [1, 2], "{mode:?}: nobody else has it");
        assert_eq!(world.read(object).expect("no leases").len() as u64, G + 3);
        world.unmap(0, mapping).expect("no leases");
        assert_eq!([world.load(0, G), world.load(0, 3 * G)], [0, 0], "{mode:?}");
    }
}

#[test]
fn without_the_flag_it_is_refused() {
    for mode in MODES {
        let mut world = World::new(mode);
        let (_, handles) = world.shared_object(G + 3);
        assert_eq!(world.refused_map(0, handles[0], map_at(0, 4 * G, Kind::Automatic)), Code::Bounds);
        assert_eq!(world.refused_map(0, handles[0], map_at(0, G, Kind::Automatic).offset(2 * G)), Code::Bounds);
        let past = map_at(0, G, Kind::Automatic).offset(u64::MAX - G + 1).past_end();
        assert_eq!(world.refused_map(0, handles[0], past), Code::Bounds, "{mode:?}: it wraps");
    }
}

#[test]
fn a_shared_window_shows_what_the_object_grows_by() {
    for mode in MODES {
        for kind in [Kind::Automatic, Kind::Leased] {
            let mut world = World::new(mode);
            let (object, handles) = world.shared_object(3);
            world.map(0, handles[0], map_at(0, 4 * G, kind).past_end()).expect("free");
            let other =
                world.map(1, handles[1], map_at(0, G, kind).offset(2 * G).past_end()).expect("it begins past the end");
            world.store(0, 2 * G + 1, 5);
            world.resize(1, handles[1], 2 * G + 2).expect("it grows");
            world.overwrite(object, 2 * G, &[7]).expect("no leases");
            let lease =
                (kind == Kind::Leased).then(|| world.acquire(1, other, (0, G), Access::Read).expect("nobody writes"));
            assert_eq!(
                [world.load(1, 0), world.load(1, 1)],
                [7, 0],
                "{mode:?} {kind:?}: what was stored past the end is lost"
            );
            if let Some(lease) = lease {
                world.release(1, lease).expect("live");
            }
            if kind == Kind::Automatic {
                assert_eq!([world.load(0, 2 * G), world.load(0, 2 * G + 1)], [7, 0], "{mode:?}");
                world.store(0, 2 * G, 8);
                assert_eq!(
                    world.read(object).expect("no leases")[usize::try_from(2 * G).expect("small")],
                    8,
                    "{mode:?}"
                );
                assert_eq!(world.load(1, 0), 8, "{mode:?}");
            }
        }
    }
}

#[test]
fn a_private_window_stays_as_it_is() {
    for mode in MODES {
        let mut world = World::new(mode);
        let (object, handles) = world.shared_object(3);
        world.map(0, handles[0], map_at(0, 2 * G, Kind::Private).past_end()).expect("free");
        world.map(1, handles[1], map_at(0, G, Kind::Private).offset(4 * G).past_end()).expect("it shows nothing");
        world.store(0, G, 5);
        world.resize(2, handles[2], 5 * G).expect("it grows");
        world.overwrite(object, 0, &[7]).expect("no leases");
        world.overwrite(object, G, &[7]).expect("no leases");
        world.overwrite(object, 4 * G, &[7]).expect("no leases");
        assert_eq!([world.load(0, 0), world.load(0, G), world.load(1, 0)], [0, 5, 0], "{mode:?}");
    }
}

#[test]
fn what_an_object_loses_is_the_guest_s_own_memory_again() {
    for mode in MODES {
        let mut world = World::new(mode);
        let (object, handles) = world.shared_object(3 * G);
        let mapping = world.map(0, handles[0], map_at(0, 3 * G, Kind::Automatic).past_end()).expect("free");
        for address in [0, G, G + 7, 2 * G] {
            world.store(0, address, 1);
        }
        world.resize(1, handles[1], G + 7).expect("nobody minds");
        let loads = [0, G, G + 7, 2 * G].map(|address| world.load(0, address));
        assert_eq!(loads, [1, 1, 0, 0], "{mode:?}");
        world.store(0, 2 * G, 2);
        world.resize(1, handles[1], 3 * G).expect("it grows");
        assert_eq!(world.load(0, 2 * G), 0, "{mode:?}");
        assert_eq!(world.read(object).expect("no leases")[usize::try_from(2 * G).expect("small")], 0, "{mode:?}");
        world.unmap(0, mapping).expect("no leases");
        world.reload();
        world.check_books();
    }
}

#[test]
fn protection_covers_what_shows_nothing_yet_and_stays_when_it_does() {
    for mode in MODES {
        let mut world = World::new(mode);
        world.ram.protects = 8;
        let (_, handles) = world.shared_object(G);
        world.map(0, handles[0], map_at(0, 3 * G, Kind::Automatic).past_end()).expect("free");
        protect(&mut world, (G, G), Protection::Read).expect("room");
        let memory = memory_of(world.guests[0]);
        let permitted = |world: &World| [0, G, 2 * G].map(|at| world.ram.permitted(memory, at));
        let [all, read] = [Some(Access::Write), Some(Access::Read)];
        let expected = if world.ram.aliases(memory) { [all, read, all] } else { [all; 3] };
        assert_eq!(permitted(&world), expected, "{mode:?}");
        world.resize(1, handles[1], 3 * G).expect("it grows");
        assert_eq!(permitted(&world), expected, "{mode:?}");
        world.resize(1, handles[1], 1).expect("it shrinks");
        assert_eq!(permitted(&world), expected, "{mode:?}");
    }
}

#[test]
fn giving_memory_back_reaches_past_the_end_too() {
    for mode in MODES {
        let mut world = World::new(mode);
        let (object, handles) = world.shared_object(G);
        world.map(0, handles[0], map_at(0, 3 * G, Kind::Automatic).past_end()).expect("free");
        for address in [0, 1, G, 2 * G] {
            world.store(0, address, 1);
        }
        discard(&mut world, (0, 2 * G)).expect("nothing is protected");
        assert_eq!([0, 1, G, 2 * G].map(|address| world.load(0, address)), [0, 0, 0, 1], "{mode:?}");
        assert_eq!(world.read(object).expect("no leases")[0], 0, "{mode:?}");
        discard(&mut world, (2 * G, G)).expect("it shows nothing");
        assert_eq!(world.load(0, 2 * G), 0, "{mode:?}");
    }
}

/// A file that grows, shrinks and is written by calls that the domain hears of; gives how many backend calls that took.
fn heard(mode: Mode, fails_at: Option<u64>) -> u64 {
    let mut world = World::new(mode);
    world.hear_files();
    let (object, handles) = world.shared_file(G);
    world.ram.fails_at = fails_at;
    let mut expected = vec![0; usize::try_from(G).expect("small")];
    let Ok(_) = world.map(0, handles[0], map_at(0, 4 * G, Kind::Automatic).past_end()) else { return world.ram.calls };
    for (round, (reach, size)) in [
        (Reach::Range { offset: G - 1, len: 2 }, G + 1),
        (Reach::Size(3 * G), 3 * G),
        (Reach::End, 3 * G + 9),
        (Reach::Size(5), 5),
        (Reach::Range { offset: 2 * G, len: 9 }, 2 * G + 9),
    ]
    .into_iter()
    .enumerate()
    {
        let value = u8::try_from(round).expect("small") + 1;
        if world.turn(0).is_err() {
            continue;
        }
        world.store(0, 3, value);
        expected[3] = value;
        let before = expected.len() as u64;
        expected.resize(usize::try_from(size).expect("small"), 0);
        let (start, end) = match reach {
            Reach::Range { offset, len } => (offset, offset + len),
            Reach::End => (before, size),
            Reach::Size(_) => (0, 0),
        };
        let range = usize::try_from(start).expect("small")..usize::try_from(end).expect("small");
        expected[range.clone()].fill(value);
        let bytes = expected[range].to_vec();
        world.host(|domain, ram, guests| {
            let changing = domain.file_changes(ram, guests[0], IDENTITY, reach);
            ram.set_size(object, size);
            ram.overwrite(object, start, &bytes);
            if let Some(changing) = changing {
                domain.file_changed(ram, guests[0], changing);
            }
        });
        if fails_at.is_none() {
            let seen: Vec<_> = (0..4 * G).map(|address| world.load(0, address)).collect();
            assert_eq!(seen[..expected.len()], expected, "{mode:?} {reach:?}");
            assert!(seen[expected.len()..].iter().all(|byte| *byte == 0), "{mode:?} {reach:?}");
        }
    }
    world.ram.fails_at = None;
    world.host(|domain, ram, guests| domain.file_read(ram, guests[1], IDENTITY, 0, u64::MAX));
    if fails_at.is_none() {
        assert_eq!(world.stored(object), expected, "{mode:?}");
        expected.resize(usize::try_from(4 * G).expect("small"), 0);
        let seen: Vec<_> = (0..4 * G).map(|address| world.load(0, address)).collect();
        assert_eq!(seen, expected, "{mode:?}");
    }
    world.turn(0).expect("no faults now");
    let stored = world.stored(object);
    let seen: Vec<_> = (0..stored.len() as u64).map(|address| world.load(0, address)).collect();
    assert_eq!(seen, stored, "{mode:?} {fails_at:?}");
    world.check_books();
    world.ram.calls
}

#[test]
fn a_window_follows_a_file_through_the_calls_that_are_heard() {
    for mode in MODES {
        heard(mode, None);
    }
}

#[test]
fn a_window_shows_its_file_again_after_any_one_failure() {
    for mode in MODES {
        let calls = heard(mode, None);
        for fails_at in 0..calls {
            heard(mode, Some(fails_at));
        }
    }
}

#[test]
fn a_window_past_the_end_counts_with_all_of_its_bytes() {
    let mut world = World::with_quotas(Mode::Copy, Quotas { mapped_bytes: 3 * G, ..Quotas::GUEST }, Quotas::DOMAIN);
    let (_, handles) = world.shared_object(1);
    assert_eq!(world.refused_map(0, handles[0], map_at(0, 4 * G, Kind::Automatic).past_end()), Code::Quota);
    world.map(0, handles[0], map_at(0, 3 * G, Kind::Automatic).past_end()).expect("as much as the quota has");
}

#[test]
fn what_a_guest_stored_outlives_another_s_write_that_came_while_it_was_inside() {
    for mode in MODES {
        let mut world = World::new(mode);
        world.hear_files();
        let (object, handles) = world.shared_file(2 * G);
        world.map(0, handles[0], map_at(0, 2 * G, Kind::Automatic)).expect("free");
        world.store(0, 3, 7);
        world.ram.inside = Some(world.guests[0]);
        world.host(|domain, ram, guests| {
            let changing = domain.file_changes(ram, guests[1], IDENTITY, Reach::Range { offset: G, len: 1 });
            domain.file_read(ram, guests[1], IDENTITY, 0, G);
            ram.overwrite(object, G, &[8]);
            if let Some(changing) = changing {
                domain.file_changed(ram, guests[1], changing);
            }
        });
        world.ram.inside = None;
        assert_eq!(world.load(0, 3), 7, "{mode:?}");
        assert_eq!(world.read(object).expect("no leases")[3], 7, "{mode:?}");
    }
}

#[test]
fn where_guests_run_at_the_same_time_what_an_object_grows_by_is_closed_until_it_is_leased() {
    let mut world = World::new(Mode::Alias);
    world.domain.set_threads(Threads::Many);
    let (_, handles) = world.shared_object(G);
    let mapping = world.map(0, handles[0], map_at(0, 3 * G, Kind::Leased).past_end()).expect("free");
    world.resize(1, handles[1], 3 * G).expect("nobody has a lease");
    let memory = memory_of(world.guests[0]);
    let lent = |world: &World| [0, G, 2 * G].map(|at| world.ram.lent(memory, at));
    assert_eq!(lent(&world), [Some(None); 3]);
    let lease = world.acquire(0, mapping, (G, G), Access::Write).expect("nobody else");
    assert_eq!(lent(&world), [Some(None), Some(Some(Access::Write)), Some(None)]);
    world.release(0, lease).expect("live");
    assert_eq!(lent(&world), [Some(None); 3]);
}
