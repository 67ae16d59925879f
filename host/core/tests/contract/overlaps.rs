//! Rule 4: at most one automatic window per range and store.

use memctl_core::Code;

use crate::common::{GRANULE as G, Kind, MODES, Mode, World, map_at};

/// What becomes of a second window, of the guest `second`, on a range that the first guest shows already.
fn second_window(mode: Mode, first: Kind, second: Kind, guest: usize) -> Option<Code> {
    let mut world = World::new(mode);
    let (_, handles) = world.shared_object(3 * G);
    world.map(0, handles[0], map_at(0, 2 * G, first)).expect("the first window");
    let ask = map_at(4 * G, 2 * G, second).offset(G);
    let answer = world.map(guest, handles[guest], ask).map_err(|error| error.code());
    if let Err(code) = answer {
        assert_eq!(world.refused_map(guest, handles[guest], ask), code);
    }
    assert_eq!(world.domain.views().count(), if answer.is_ok() { 2 } else { 1 });
    world.check_books();
    answer.err()
}

#[test]
fn two_automatic_windows_of_one_guest_on_one_range_are_overlap() {
    for mode in MODES {
        assert_eq!(second_window(mode, Kind::Automatic, Kind::Automatic, 0), Some(Code::Overlap), "{mode:?}");
    }
}

#[test]
fn automatic_windows_of_two_guests_are_not() {
    for mode in MODES {
        assert_eq!(second_window(mode, Kind::Automatic, Kind::Automatic, 1), None, "{mode:?}");
    }
}

#[test]
fn a_leased_or_private_window_is_beside_any_other() {
    for mode in MODES {
        for beside in [Kind::Leased, Kind::Private] {
            for guest in [0, 1] {
                for kind in [Kind::Automatic, Kind::Leased, Kind::Private] {
                    assert_eq!(second_window(mode, kind, beside, guest), None, "{mode:?}: {kind:?}, {beside:?}");
                    assert_eq!(second_window(mode, beside, kind, guest), None, "{mode:?}: {beside:?}, {kind:?}");
                }
            }
        }
    }
}

#[test]
fn aliasing_windows_are_beside_each_other_but_not_beside_automatic_ones() {
    use Kind::{Aliasing, Automatic, Leased, Private};
    assert_eq!(second_window(Mode::Alias, Aliasing, Aliasing, 0), None);
    assert_eq!(second_window(Mode::Alias, Aliasing, Aliasing, 1), None);
    assert_eq!(second_window(Mode::Alias, Aliasing, Automatic, 0), Some(Code::Overlap));
    assert_eq!(second_window(Mode::Alias, Automatic, Aliasing, 0), Some(Code::Overlap));
    assert_eq!(second_window(Mode::Alias, Automatic, Aliasing, 1), None);
    for beside in [Leased, Private] {
        assert_eq!(second_window(Mode::Alias, beside, Aliasing, 0), None);
        assert_eq!(second_window(Mode::Alias, Aliasing, beside, 0), None);
    }
}

#[test]
fn aliasing_stays_unsupported_where_bytes_are_copied_whatever_is_there() {
    for kind in [Kind::Leased, Kind::Private] {
        assert_eq!(second_window(Mode::Copy, kind, Kind::Aliasing, 0), Some(Code::Unsupported));
    }
    assert_eq!(second_window(Mode::Mixed, Kind::Aliasing, Kind::Aliasing, 1), Some(Code::Unsupported));
}

#[test]
fn neighbouring_ranges_do_not_overlap() {
    for mode in MODES {
        let mut world = World::new(mode);
        let (_, handles) = world.shared_object(3 * G);
        for granule in 0..3 {
            let ask = map_at(granule * G, G, Kind::Automatic).offset(granule * G);
            world.map(0, handles[0], ask).expect("each shows its own granule");
        }
    }
}

#[test]
fn a_range_is_free_again_after_unmap() {
    for mode in MODES {
        let mut world = World::new(mode);
        let (_, handles) = world.shared_object(G);
        let first = world.map(0, handles[0], map_at(0, G, Kind::Automatic)).expect("free");
        assert_eq!(world.refused_map(0, handles[0], map_at(G, G, Kind::Automatic)), Code::Overlap, "{mode:?}");
        world.unmap(0, first).expect("no leases");
        world.map(0, handles[0], map_at(G, G, Kind::Automatic)).expect("free again");
    }
}

#[test]
fn two_handles_to_one_file_are_one_object() {
    for mode in MODES {
        let mut world = World::new(mode);
        let (object, handles) = world.shared_file(G);
        let (second, adopted) =
            world.call(0, |domain, _, me| domain.file(me, (1, 2), G, memctl_core::Rights::all())).expect("room");
        assert_eq!(adopted, memctl_core::Adopted::Known(object));
        world.map(0, handles[0], map_at(0, G, Kind::Automatic)).expect("free");
        assert_eq!(world.refused_map(0, second, map_at(G, G, Kind::Automatic)), Code::Overlap, "{mode:?}");
    }
}
