//! Bad input and its answer. `World::refused` compares domain, memories and objects before and after.

use memctl_core::{Access, Code, Error, Medium, Memory, MemoryId, Protection, Rights};

use crate::common::{GRANULE as G, Kind, MEMORY, MODES, Mode, World, map_at};

/// What the first guest is answered when it maps a 2.5-granule object like that, in every mode.
fn answer(ask: crate::common::MapAt) -> Code {
    let codes = MODES.map(|mode| {
        let mut world = World::new(mode);
        let (_, handles) = world.shared_object(2 * G + G / 2);
        world.store(0, 0, 7);
        world.refused_map(0, handles[0], ask)
    });
    assert!(codes.iter().all(|code| *code == codes[0]));
    codes[0]
}

#[test]
fn a_window_or_offset_off_the_granule_is_alignment() {
    assert_eq!(answer(map_at(1, G, Kind::Automatic)), Code::Alignment);
    assert_eq!(answer(map_at(0, G - 1, Kind::Automatic)), Code::Alignment);
    assert_eq!(answer(map_at(0, G, Kind::Private).offset(G / 2)), Code::Alignment);
}

#[test]
fn a_window_outside_the_memory_is_bounds() {
    assert_eq!(answer(map_at(MEMORY, G, Kind::Automatic)), Code::Bounds);
    assert_eq!(answer(map_at(MEMORY - G, 2 * G, Kind::Leased)), Code::Bounds);
}

#[test]
fn a_window_or_range_that_wraps_around_is_bounds() {
    assert_eq!(answer(map_at(u64::MAX - G + 1, 2 * G, Kind::Automatic)), Code::Bounds);
    assert_eq!(answer(map_at(0, u64::MAX - G + 1, Kind::Automatic)), Code::Bounds);
    assert_eq!(answer(map_at(0, 2 * G, Kind::Automatic).offset(u64::MAX - G + 1)), Code::Bounds);
}

#[test]
fn a_range_past_the_object_is_bounds() {
    assert_eq!(answer(map_at(0, G, Kind::Private).offset(3 * G)), Code::Bounds);
    assert_eq!(answer(map_at(0, 4 * G, Kind::Automatic)), Code::Bounds);
}

#[test]
fn no_bytes_are_bounds() {
    assert_eq!(answer(map_at(0, 0, Kind::Automatic)), Code::Bounds);
    for mode in MODES {
        let mut world = World::new(mode);
        let (_, handles) = world.shared_object(G);
        assert_eq!(world.refused(0, |domain, _, me| domain.anonymous(me, 0)), Code::Bounds);
        assert_eq!(world.refused(0, |domain, ram, me| domain.resize(ram, me, handles[0], 0)), Code::Bounds);
    }
}

#[test]
fn windows_that_share_bytes_are_overlap() {
    for mode in MODES {
        let mut world = World::new(mode);
        let (_, handles) = world.shared_object(3 * G);
        world.map(0, handles[0], map_at(2 * G, 2 * G, Kind::Leased)).expect("the window is free");
        for (start, len) in [(G, 2 * G), (2 * G, 2 * G), (3 * G, G), (3 * G, 2 * G), (G, 3 * G)] {
            assert_eq!(world.refused_map(0, handles[0], map_at(start, len, Kind::Private)), Code::Overlap);
        }
        world.map(0, handles[0], map_at(G, G, Kind::Private)).expect("it ends where the other starts");
        world.map(0, handles[0], map_at(4 * G, G, Kind::Private)).expect("it starts where the other ends");
        world.map(1, handles[1], map_at(2 * G, G, Kind::Private)).expect("another guest's memory");
    }
}

#[test]
fn a_handle_without_the_right_is_access() {
    for mode in MODES {
        let mut world = World::new(mode);
        let medium = Medium::Anonymous { owner: None };
        world.publish_name("to read", medium, G, Rights::READ);
        world.publish_name("to write", medium, G, Rights::WRITE);
        let handle = world.open(0, "to read").expect("published");
        assert_eq!(world.refused_map(0, handle, map_at(0, G, Kind::Automatic)), Code::Access);
        assert_eq!(world.refused_map(0, handle, map_at(0, G, Kind::Leased)), Code::Access);
        assert_eq!(world.refused(0, |domain, ram, me| domain.resize(ram, me, handle, 2 * G)), Code::Access);
        let unread = world.open(0, "to write").expect("published");
        assert_eq!(world.refused_map(0, unread, map_at(0, G, Kind::Private)), Code::Access);
        let mapping = world.map(0, handle, map_at(0, G, Kind::Private)).expect("reading is allowed");
        let write = |domain: &mut memctl_core::Domain, ram: &mut crate::common::Ram, me| {
            domain.acquire(ram, me, mapping, (0, G), Access::Write)
        };
        assert_eq!(world.refused(0, write), Code::Access);
    }
}

#[test]
fn an_unknown_name_is_not_found() {
    let mut world = World::new(Mode::Copy);
    assert_eq!(world.refused(0, |domain, _, me| domain.open(me, "nothing")), Code::NotFound);
    let long = "x".repeat(100_000);
    let Err(Error::NotFound { name }) = world.domain.named(&long) else { panic!("nothing is called that") };
    assert_eq!(name.len(), 64);
}

#[test]
fn protection_that_is_not_enforced_is_unsupported() {
    for protection in [Protection::None, Protection::Read] {
        for kind in [Kind::Automatic, Kind::Private] {
            let mut ask = map_at(0, G, kind);
            ask.options.protection = protection;
            assert_eq!(answer(ask), Code::Unsupported);
        }
    }
}

#[test]
fn aliasing_where_bytes_are_copied_is_unsupported() {
    let mut world = World::new(Mode::Copy);
    let (_, handles) = world.shared_object(G);
    assert_eq!(world.refused_map(0, handles[0], map_at(0, G, Kind::Aliasing)), Code::Unsupported);
}

#[test]
fn a_part_outside_the_window_is_bounds() {
    for mode in MODES {
        let mut world = World::new(mode);
        let (_, handles) = world.shared_object(4 * G);
        let mapping = world.map(0, handles[0], map_at(G, 2 * G, Kind::Leased)).expect("free");
        for part in [(0, G), (G - 1, 2), (2 * G, G + 1), (3 * G, 1), (G, 0), (u64::MAX, 2), (G, u64::MAX)] {
            assert_eq!(world.refused(0, |domain, ram, me| domain.publish(ram, me, mapping, part)), Code::Bounds);
            assert_eq!(world.refused(0, |domain, ram, me| domain.refresh(ram, me, mapping, part)), Code::Bounds);
            assert_eq!(world.refused(0, |domain, ram, me| domain.sync(ram, me, mapping, part)), Code::Bounds);
            for access in [Access::Read, Access::Write] {
                let acquire = world.refused(0, |domain, ram, me| domain.acquire(ram, me, mapping, part, access));
                assert_eq!(acquire, Code::Bounds);
            }
        }
    }
}

#[test]
fn a_memory_of_unknown_size_is_the_embeddings_to_check() {
    let mut world = World::new(Mode::Copy);
    let (_, handles) = world.shared_object(G);
    let far = map_at(u64::MAX - G, 2 * G, Kind::Leased);
    let memory = Memory { id: MemoryId(77), size: None };
    let map = |domain: &mut memctl_core::Domain, ram: &mut crate::common::Ram, me| {
        domain.map(ram, me, memory, far.window, handles[0], far.options)
    };
    assert_eq!(world.refused(0, map), Code::Bounds, "but it never wraps");
}
