//! Guests that go on using a base that they have no right to any more.

use memctl_wasmtime::Violation;
use wasmtime::Val;

use crate::scene::{AUTOMATIC, Guest, IN_PLACE, Scene, WINDOW, on, with_result};

/// A guest whose first window shows `a` from byte 0 on, and the mapping.
fn bound(scene: &Scene) -> (Guest, u32) {
    let mut guest = scene.guest();
    let a = guest.open("a");
    let mapping = guest.bind(1, a, 0, AUTOMATIC).expect("bound");
    (guest, mapping)
}

/// The guest is trapped for good, and nothing that it could do after its next call got into the object.
fn assert_trapped(scene: &Scene, guest: &mut Guest) {
    for call in ["touch", "settle1"] {
        assert_eq!(guest.violation(call, &[]), Violation::Unsettled, "{call}");
    }
    assert_eq!(scene.byte("a", 6), 0);
    scene.domain.write_object("a", 5, &[1]).expect("nobody is inside");
    assert_eq!(scene.byte("a", 5), 1);
}

#[test]
fn a_guest_that_never_settles_is_trapped_at_its_next_crossing() {
    for call in ["raw", "store and call", "store and grow", "store and settle another", "store and trap"] {
        eprintln!("{call}");
        let name = |of: &str| if call == "raw" { format!("{of}1 raw") } else { format!("{of}1, {call}") };
        on(&IN_PLACE, |_, scene| {
            let (mut guest, mapping) = bound(&scene);
            assert_eq!(guest.violation(&name("unmap"), &with_result(Guest::to_unmap(mapping))), Violation::Unsettled);
            assert_trapped(&scene, &mut guest);
            let (mut guest, mapping) = bound(&scene);
            assert_eq!(guest.violation(&name("drop"), &[Val::I32(mapping.cast_signed())]), Violation::Unsettled);
            assert_trapped(&scene, &mut guest);
            let (mut guest, mapping) = bound(&scene);
            let b = guest.open("b");
            let arguments = with_result(Guest::to_rebind(mapping, b, 0, AUTOMATIC));
            assert_eq!(guest.violation(&name("rebind"), &arguments), Violation::Unsettled);
            assert_trapped(&scene, &mut guest);
            let mut guest = scene.guest();
            let a = guest.open("a");
            let arguments = with_result(Guest::to_bind(1, WINDOW, a, 0, AUTOMATIC));
            assert_eq!(guest.violation(&name("bind"), &arguments), Violation::Unsettled);
            assert_trapped(&scene, &mut guest);
        });
    }
}

#[test]
fn what_it_stores_before_it_settles_goes_where_it_had_a_right_to_store() {
    on(&IN_PLACE, |_, scene| {
        let (mut guest, mapping) = bound(&scene);
        guest.call("unmap1, store and settle", &with_result(Guest::to_unmap(mapping)));
        assert_eq!(guest.load(1, 5), 0, "its own memory has nothing of it");
        guest.call("touch", &[]);
    });
}

#[test]
fn an_object_that_is_gone_is_there_for_who_has_not_settled() {
    on(&IN_PLACE, |_, scene| {
        let mut guest = scene.guest();
        let object = guest.anonymous(WINDOW);
        let mapping = guest.bind(1, object, 0, AUTOMATIC).expect("bound");
        guest.close(object);
        // The last that held the object goes; the guest stores through the old base, and is trapped.
        let dropped = guest.violation("drop1, store and call", &[Val::I32(mapping.cast_signed())]);
        assert_eq!(dropped, Violation::Unsettled);
        assert_eq!(scene.domain.usage().objects, 0);
    });
}

#[test]
fn a_guest_that_the_host_ended_does_not_run_on_its_old_base() {
    on(&IN_PLACE, |_, scene| {
        let (mut guest, _) = bound(&scene);
        guest.store.data_mut().end();
        assert_eq!(guest.violation("store1", &[Val::I32(6), Val::I32(1)]), Violation::Unsettled);
        assert_eq!(scene.byte("a", 6), 0);
    });
}

#[test]
fn a_guest_outlives_its_domain_and_its_windows_their_store() {
    on(&IN_PLACE, |_, scene| {
        let (mut guest, mapping) = bound(&scene);
        let (other, _) = bound(&scene);
        drop(scene);
        guest.store(1, 1, 1);
        assert_eq!(guest.load(1, 1), 1);
        drop(other);
        guest.unmap(mapping).expect("live");
        assert_eq!(guest.load(1, 1), 0);
    });
}

#[test]
fn the_host_copies_no_object_onto_itself() {
    on(&IN_PLACE, |_, scene| {
        let (mut guest, _) = bound(&scene);
        let window = guest.memory("window1");
        let bytes = window.data_mut(&mut guest.store);
        assert!(scene.domain.read_object("a", 0, &mut bytes[..8]).is_err());
        assert!(scene.domain.write_object("a", 0, &bytes[8..16]).is_err());
        guest.store(1, 0, 1);
    });
}
