//! Memory control's own calls: the bad bytes as a part of a window, as a name, and as the place of the result.

use memctl_tests::hostile::{Hostile, RESULT, map_arguments, part_arguments};
use memctl_tests::{AUTOMATIC, GRANULE, LEASED, PRIVATE};

use crate::scene::{BAD, Bad, Maker, PAGE, SHARED, Scene, WINDOW};

/// Each call with its arguments, but for the place of the result, on the mapping of another window.
fn calls(guest: &mut Hostile) -> Vec<(&'static str, Vec<u64>, u32)> {
    let object = guest.open("object");
    guest.write(0, b"object");
    let at = SHARED + 8 * PAGE;
    let mapping = guest.map(at, GRANULE, object, LEASED).expect("maps");
    let part = part_arguments(mapping, at, GRANULE);
    vec![
        ("anonymous", vec![GRANULE], 8),
        ("open", vec![0, 6], 8),
        ("len", vec![object.into()], 16),
        ("map", map_arguments(at + 4 * PAGE, GRANULE, object, LEASED, 0)[..10].to_vec(), 8),
        ("publish", part.clone(), 2),
        ("refresh", part.clone(), 2),
        ("sync", part.clone(), 2),
        ("acquire", [part.clone(), vec![0]].concat(), 8),
        ("unmap", part, 2),
    ]
}

#[test]
fn a_result_there_traps() {
    let mut scene = Scene::new();
    for maker in [Maker::plain_component(&scene), Maker::module(&scene, "")] {
        let count = calls(&mut maker.guest(&scene)).len();
        let cases: Vec<_> = (0..count).flat_map(|call| [0, 1].map(|place| (call, place))).collect();
        maker.contains(&mut scene, &cases, |guest, &(call, place)| {
            // The object is shared automatic elsewhere, so that it is not leased; that call is refused, and says so there.
            let (name, arguments, size) = calls(guest).swap_remove(call);
            let at = [BAD.start, BAD.end - size][place];
            guest.try_call(name, &[arguments, vec![at.into()]].concat())
        });
    }
}

#[test]
fn a_name_there_traps() {
    let mut scene = Scene::new();
    for maker in [Maker::plain_component(&scene), Maker::module(&scene, "")] {
        let cases = [(BAD.start, 6), (BAD.start - 1, 6), (BAD.end - 1, 1), (BAD.end - 1, 6), (BAD.start, 2 * PAGE)];
        maker.contains(&mut scene, &cases, |guest, &(at, len)| {
            guest.try_call("open", &[at.into(), len.into(), RESULT.into()])
        });
    }
}

/// What a call about the bad window answers, or that it trapped its own guest; in no case does anybody else notice.
fn on_the_bad_window(act: impl Fn(&mut Hostile, u32) -> wasmtime::Result<()>) {
    let mut scene = Scene::new();
    for maker in [Maker::plain_component(&scene), Maker::module(&scene, "")] {
        for ask in [AUTOMATIC, LEASED, PRIVATE] {
            for bad in if matches!(maker, Maker::Module(_)) { &Bad::OF_MODULES[..] } else { &Bad::OF_COMPONENTS } {
                let mut guest = maker.guest(&scene);
                let mapping = scene.map_and_spoil(&mut guest, ask, *bad);
                match act(&mut guest, mapping) {
                    Ok(()) => drop(guest),
                    Err(trap) => scene.assert_contained(guest, *bad, "the window's own call", Err::<(), _>(trap)),
                }
                scene.assert_others_go_on(&format!("{ask:?}, {bad:?}"));
            }
        }
    }
}

#[test]
fn calls_about_the_bad_part_harm_nobody_else() {
    for name in ["publish", "refresh", "sync", "unmap"] {
        for (at, len) in [(WINDOW, 4 * PAGE), (BAD.start, 2 * PAGE), (BAD.end - 1, 1), (BAD.start - 1, 2)] {
            on_the_bad_window(|guest, mapping| {
                let arguments = [part_arguments(mapping, at, len.into()), vec![RESULT.into()]].concat();
                guest.try_call(name, &arguments).map(drop)
            });
        }
    }
}

#[test]
fn leases_on_the_bad_part_harm_nobody_else() {
    for access in [0, 1] {
        on_the_bad_window(|guest, mapping| {
            let part = part_arguments(mapping, WINDOW, 4 * GRANULE);
            guest.try_call("acquire", &[&part[..], &[access, RESULT.into()]].concat())?;
            if let Ok(lease) = guest.handle() {
                let part = part_arguments(lease, WINDOW, 4 * GRANULE);
                guest.try_call("release", &[&part[..], &[RESULT.into()]].concat())?;
            }
            Ok(())
        });
    }
}

#[test]
fn the_window_is_zeroed_memory_after_unmap() {
    on_the_bad_window(|guest, mapping| {
        guest.try_call("unmap", &[part_arguments(mapping, WINDOW, 4 * GRANULE), vec![RESULT.into()]].concat())?;
        assert_eq!(guest.unit(), Ok(()));
        for at in [WINDOW, BAD.start, BAD.end - 1] {
            assert_eq!(guest.load(at), 0);
            guest.write(at, &[5]);
            assert_eq!(guest.load(at), 5);
        }
        Ok(())
    });
}

#[test]
fn the_window_is_mapped_again_after_unmap() {
    on_the_bad_window(|guest, mapping| {
        guest.call("unmap", &[part_arguments(mapping, WINDOW, 4 * GRANULE), vec![RESULT.into()]].concat());
        let object = guest.open("object");
        let over = guest.map(BAD.start, GRANULE, object, AUTOMATIC).expect("maps");
        guest.write(BAD.start, &[9]);
        assert_eq!(guest.on_part("publish", over, BAD.start, GRANULE), Ok(()));
        assert_eq!(guest.load(BAD.start), 9);
        Ok(())
    });
}

#[test]
fn a_mapping_over_the_bad_window_is_refused_and_changes_nothing() {
    on_the_bad_window(|guest, _| {
        let object = guest.open("object");
        for ask in [AUTOMATIC, LEASED, PRIVATE] {
            assert_eq!(guest.map(BAD.start, GRANULE, object, ask), Err(memctl_tests::probe::ErrorCode::Overlap as u8));
        }
        guest.try_call("load8", &[BAD.start.into()]).map(drop)
    });
}
