//! What holds of aliases and of copies holds of windows in place.

use wasmtime::Val;

use crate::scene::{AUTOMATIC, GRANULE, IN_PLACE, KINDS, Kind, LEASED, PRIVATE, READ, Scene, WINDOW, on};

const OUT_OF_MEMORY: u32 = 9;

#[test]
fn a_window_in_place_moves_no_bytes() {
    on(&KINDS, |kind, scene| {
        let mut guest = scene.guest();
        let (a, long) = (guest.open("a"), guest.open("long"));
        scene.domain.write_object("a", 7, &[1]).expect("written");
        let mapping = guest.bind(1, a, 0, AUTOMATIC).expect("bound");
        assert_eq!(guest.load(1, 7), 1);
        guest.store(1, 8, 2);
        assert_eq!(scene.byte("a", 8), 2);
        guest.rebind(mapping, long, WINDOW, AUTOMATIC).expect("bound anew");
        assert_eq!(guest.load(1, 8), 0);
        guest.store(1, 8, 3);
        guest.unmap(mapping).expect("live");
        assert_eq!(guest.load(1, 8), 0, "ordinary zeroed memory");
        assert_eq!((scene.byte("a", 8), scene.byte("long", WINDOW + 8)), (2, 3));
        let stats = scene.stats();
        let (copies, in_place) = (kind == Kind::Copying, IN_PLACE.contains(&kind));
        assert_eq!(stats.bytes_copied > 0, copies, "{stats:?}");
        let shown = (stats.aliased, stats.in_place, stats.copied);
        let expected = if copies {
            (0, 0, 2)
        } else if in_place {
            (0, 2, 0)
        } else {
            (2, 0, 0)
        };
        assert_eq!(shown, expected);
    });
}

#[test]
fn capabilities_say_which_windows_are_shown_in_place() {
    on(&KINDS, |kind, scene| {
        let mut guest = scene.guest();
        let zero_copy = kind != Kind::Copying;
        assert_eq!(guest.capabilities(1), (zero_copy, kind == Kind::Alias));
        assert_eq!(guest.capabilities(0), (kind == Kind::Alias, kind == Kind::Alias), "the memory itself never is");
        assert_eq!(guest.call("count", &[]), 2);
    });
}

#[test]
fn two_guests_share_one_object() {
    on(&KINDS, |_, scene| {
        let (mut one, mut other) = (scene.guest(), scene.guest());
        let (of_one, of_other) = (one.open("a"), other.open("a"));
        one.bind(1, of_one, 0, AUTOMATIC).expect("bound");
        other.bind(2, of_other, 0, AUTOMATIC).expect("bound");
        for turn in 1..5 {
            one.store(1, turn, 10);
            assert_eq!(other.load(2, turn), 10);
            other.store(2, turn, 20);
            assert_eq!(one.load(1, turn), 20);
        }
        drop(one);
        other.store(2, 9, 30);
        assert_eq!(scene.byte("a", 9), 30);
    });
}

#[test]
fn one_guest_binds_back_and_forth() {
    on(&KINDS, |_, scene| {
        let mut guest = scene.guest();
        let (a, b) = (guest.open("a"), guest.open("b"));
        let mapping = guest.bind(1, a, 0, AUTOMATIC).expect("bound");
        for turn in 0..20 {
            guest.store(1, 0, turn);
            guest.rebind(mapping, b, 0, AUTOMATIC).expect("bound");
            assert_eq!(guest.load(1, 0), (turn - 1).max(0) + if turn == 0 { 0 } else { 100 });
            guest.store(1, 0, turn + 100);
            guest.rebind(mapping, a, 0, AUTOMATIC).expect("bound");
            assert_eq!(guest.load(1, 0), turn);
        }
    });
}

#[test]
fn what_lies_past_the_end_reads_as_zero_and_is_lost() {
    on(&KINDS, |_, scene| {
        let (mut one, mut other) = (scene.guest(), scene.guest());
        let (of_one, of_other) = (one.open("short"), other.open("short"));
        one.bind(1, of_one, 0, AUTOMATIC).expect("the last granule is part of the object's range");
        other.bind(1, of_other, 0, AUTOMATIC).expect("bound");
        let end = WINDOW - GRANULE / 2;
        one.store(1, end, 1);
        one.store(1, end - 1, 2);
        assert_eq!((other.load(1, end), other.load(1, end - 1)), (0, 2));
        assert_eq!(one.load(1, end), 0);
        one.store(1, end + 1, 3);
        other.resize(of_other, WINDOW).expect("there is room in the granule");
        assert_eq!((one.load(1, end), one.load(1, end + 1)), (0, 0), "new bytes are zero");
        one.store(1, WINDOW - 1, 4);
        assert_eq!(other.load(1, WINDOW - 1), 4);
    });
}

#[test]
fn an_object_that_a_window_shows_in_place_grows_no_further_than_its_granule() {
    on(&KINDS, |kind, scene| {
        let mut guest = scene.guest();
        let a = guest.open("a");
        let mapping = guest.bind(1, a, 0, AUTOMATIC).expect("bound");
        guest.store(1, 1, 7);
        let grown = guest.resize(a, WINDOW + 1);
        assert_eq!(grown, if IN_PLACE.contains(&kind) { Err(OUT_OF_MEMORY) } else { Ok(0) });
        assert_eq!(guest.load(1, 1), 7);
        guest.unmap(mapping).expect("live");
        guest.resize(a, 4 * WINDOW).expect("nobody shows it");
        assert_eq!(scene.byte("a", 1), 7);
        assert_eq!(scene.bytes("a")[2..], vec![0; 4 * 0x1_0000 - 2]);
    });
}

#[test]
fn an_object_without_handles_lives_as_long_as_its_window() {
    on(&KINDS, |_, scene| {
        let mut guest = scene.guest();
        let object = guest.anonymous(WINDOW);
        let mapping = guest.bind(1, object, 0, AUTOMATIC).expect("bound");
        guest.close(object);
        guest.store(1, 5, 5);
        assert_eq!(guest.load(1, 5), 5);
        guest.drop_mapping(mapping);
        assert_eq!(guest.load(1, 5), 0);
        assert_eq!(scene.domain.usage().objects, 0);
    });
}

#[test]
fn what_a_window_held_before_is_gone_after_it() {
    on(&KINDS, |_, scene| {
        let mut guest = scene.guest();
        guest.store(1, 0, 1);
        let a = guest.open("a");
        let mapping = guest.bind(1, a, 0, AUTOMATIC).expect("bound");
        assert_eq!(guest.load(1, 0), 0);
        guest.unmap(mapping).expect("live");
        assert_eq!(guest.call("sum1", &[]), 0);
    });
}

#[test]
fn leased_windows_of_one_guest_show_the_same_object() {
    on(&KINDS, |kind, scene| {
        let mut guest = scene.guest();
        let a = guest.open("a");
        guest.bind(1, a, 0, LEASED).expect("bound");
        guest.bind(2, a, 0, LEASED).expect("bound");
        assert_eq!(scene.stats().in_place, if IN_PLACE.contains(&kind) { 2 } else { 0 });
        // Without a lease nothing is promised but that nobody else is hurt.
        guest.store(1, 0, 1);
        guest.load(2, 0);
    });
}

#[test]
fn what_cant_be_in_place_is_copied() {
    on(&IN_PLACE, |_, scene| {
        let mut guest = scene.guest();
        let (a, b, long) = (guest.open("a"), guest.open("b"), guest.open("long"));
        scene.domain.write_object("a", 0, &[1]).expect("written");
        let private = guest.bind(1, a, 0, PRIVATE).expect("a snapshot");
        guest.store(1, 0, 2);
        assert_eq!((guest.load(1, 0), scene.byte("a", 0)), (2, 1));
        // One after the other in one window: copied, in place, copied.
        guest.rebind(private, b, 0, AUTOMATIC).expect("bound");
        guest.store(1, 0, 3);
        guest.rebind(private, a, 0, PRIVATE).expect("bound");
        assert_eq!((guest.load(1, 0), scene.byte("b", 0)), (1, 3));
        guest.unmap(private).expect("live");
        assert_eq!(guest.load(1, 0), 0);
        let part = guest.bind_part(1, GRANULE, long).expect("bound");
        guest.store(1, 0, 4);
        assert_eq!(scene.byte("long", 0), 4);
        guest.unmap(part).expect("live");
        assert!(guest.bind(1, a, 0, READ).is_err(), "neither pages nor checks can protect it");
        let stats = scene.stats();
        assert_eq!((stats.in_place, stats.copied), (1, 3), "{stats:?}");
    });
}

#[test]
fn engines_that_may_rely_on_one_base_copy() {
    type Change = fn(&mut wasmtime::Config);
    let changes: [(&str, Change, &str); 5] = [
        ("reserved", |config| _ = config.memory_reservation(1 << 20), "1 3"),
        ("guarded", |config| _ = config.memory_guard_size(1 << 16), "1 3"),
        ("fixed", |config| _ = config.memory_may_move(false), "1 3"),
        ("at its maximum", |_| {}, "1 1"),
        ("with signals", |config| _ = config.signals_based_traps(true), "1 3"),
    ];
    for (name, change, limits) in changes {
        eprintln!("{name}");
        let scene = Scene::new(Kind::Board, change, limits);
        let mut guest = scene.guest();
        let a = guest.open("a");
        assert_eq!(guest.capabilities(1), (false, false));
        let mapping = guest.bind(1, a, 0, AUTOMATIC).expect("bound");
        guest.store(1, 0, 1);
        assert_eq!(scene.byte("a", 0), 1);
        guest.unmap(mapping).expect("live");
        assert_eq!((scene.stats().in_place, scene.stats().copied), (0, 1));
    }
}

#[test]
fn a_window_in_place_does_not_grow_and_one_at_its_maximum_stays_at_home() {
    on(&IN_PLACE, |_, scene| {
        let mut guest = scene.guest();
        let long = guest.open("long");
        let mapping = guest.bind(1, long, 0, AUTOMATIC).expect("bound");
        assert_eq!(guest.call("grow1", &[Val::I32(1)]), -1);
        guest.unmap(mapping).expect("live");
        assert_eq!(guest.call("grow1", &[Val::I32(1)]), 1);
        assert_eq!(guest.capabilities(1), (true, false));
        assert_eq!(guest.call("grow1", &[Val::I32(1)]), 2);
        assert_eq!(guest.capabilities(1), (false, false), "it can be imported as a memory that never moves");
    });
}
