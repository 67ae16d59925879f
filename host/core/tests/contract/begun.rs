//! Shared windows that can't be stored to, until they can.

use memctl_core::{Code, Protection};

use crate::common::{GRANULE as G, Kind, MODES, MapAt, World, map_at};
use crate::protection::protect;

fn read_only(start: u64, len: u64, kind: Kind) -> MapAt {
    let mut ask = map_at(start, len, kind);
    ask.options.protection = Protection::Read;
    ask
}

fn world(mode: crate::common::Mode) -> World {
    let mut world = World::new(mode);
    world.ram.protects = 8;
    world
}

#[test]
fn read_only_windows_of_what_may_be_written_show_the_same_bytes() {
    for mode in MODES {
        let mut world = world(mode);
        let (object, handles) = world.shared_object(2 * G);
        world.map(0, handles[0], read_only(0, 2 * G, Kind::Automatic)).expect("free");
        world.map(0, handles[0], read_only(2 * G, G, Kind::Automatic).offset(G)).expect("nobody writes");
        assert_eq!(world.refused_map(0, handles[0], map_at(4 * G, G, Kind::Automatic)), Code::Overlap, "{mode:?}");
        world.overwrite(object, G, &[7]).expect("no leases");
        assert_eq!([world.load(0, G), world.load(0, 2 * G)], [7, 7], "{mode:?}");
        assert_eq!(
            world.refused(0, |domain, ram, me| {
                let memory = memctl_core::Memory { id: crate::common::memory_of(me), size: None };
                domain.protect(ram, me, memory, (0, G), Protection::ReadWrite)
            }),
            Code::Overlap,
            "{mode:?}: another window shows some of it"
        );
    }
}

#[test]
fn a_window_that_begins_to_be_written_is_one_that_was_mapped_so() {
    for mode in MODES {
        for file in [false, true] {
            let mut world = world(mode);
            let (object, handles) = if file { world.shared_file(2 * G) } else { world.shared_object(2 * G) };
            let snapshot = world.map(1, handles[1], map_at(0, G, Kind::Private)).expect("free");
            let mapping = world.map(0, handles[0], read_only(0, 2 * G, Kind::Automatic)).expect("free");
            protect(&mut world, (G, G), Protection::ReadWrite).expect("room");
            assert_eq!(world.refused_map(0, handles[0], map_at(4 * G, G, Kind::Automatic)), Code::Overlap, "{mode:?}");
            world.store(0, G, 5);
            assert_eq!(world.read(object).expect("no leases")[usize::try_from(G).expect("small")], 5, "{mode:?}");
            protect(&mut world, (0, 2 * G), Protection::Read).expect("fewer ranges");
            protect(&mut world, (0, 2 * G), Protection::ReadWrite).expect("fewer ranges");
            world.store(0, 0, 6);
            assert_eq!(world.load(1, 0), 0, "{mode:?}: a snapshot");
            world.turn(2).expect("no faults");
            world.unmap(0, mapping).expect("no leases");
            world.unmap(1, snapshot).expect("no leases");
            assert_eq!(world.stored(object)[0], 6, "{mode:?}");
            world.check_books();
        }
    }
}

#[test]
fn any_one_failure_leaves_it_read_only_or_makes_it_writable() {
    for mode in MODES {
        for file in [false, true] {
            for fails_at in 0..20 {
                let mut world = world(mode);
                let (object, handles) = if file { world.shared_file(2 * G) } else { world.shared_object(2 * G) };
                world.map(1, handles[1], map_at(0, G, Kind::Private)).expect("free");
                let mapping = world.map(0, handles[0], read_only(0, 2 * G, Kind::Automatic)).expect("free");
                world.turn(0).expect("no faults yet");
                world.ram.calls = 0;
                world.ram.fails_at = Some(fails_at);
                let begun = protect(&mut world, (0, 2 * G), Protection::ReadWrite);
                world.ram.fails_at = None;
                if begun.is_err() {
                    protect(&mut world, (0, 2 * G), Protection::ReadWrite).expect("it fails once");
                }
                world.store(0, 1, 9);
                world.unmap(0, mapping).expect("no leases");
                assert_eq!(world.stored(object)[1], 9, "{mode:?} {fails_at}");
                world.check_books();
            }
        }
    }
}
