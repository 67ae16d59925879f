//! Another process cuts the file off, or makes it longer again, while the guest is in the middle of a call.

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use memctl_tests::hostile::{Deed, Hostile, caller};
use memctl_tests::{AUTOMATIC, Ask, GRANULE, LEASED, PRIVATE, violation};
use memctl_wasmtime::{FaultKind, Violation};

use crate::scene::{BAD, Bad, Maker, PAGE, Scene, WINDOW};

const LEN: u64 = 4 * GRANULE;

/// Another process sets the file's length.
fn truncate(path: &Path, len: u64) {
    let done = Command::new("truncate").arg("--size").arg(len.to_string()).arg(path).status().expect("coreutils");
    assert!(done.success());
}

/// A guest with a whole window, whose `call` makes another process set the file to these lengths, one after the other.
fn guest(scene: &Scene, ask: Ask, lens: &'static [u64]) -> Hostile {
    let path = scene.world.dir.path().join("file");
    let deed: Deed = Box::new(move || {
        lens.iter().for_each(|len| truncate(&path, *len));
        Ok(0)
    });
    let mut guest = caller(&scene.world, &Arc::new(Mutex::new(Some(deed))));
    scene.make_whole();
    let object = guest.open("file");
    guest.map(WINDOW, LEN, object, ask).expect("maps");
    guest
}

#[test]
fn a_file_that_another_process_cuts_off_traps_its_guest() {
    let mut scene = Scene::new();
    for ask in [AUTOMATIC, LEASED, PRIVATE] {
        for name in ["load8", "fill"] {
            let mut guest = guest(&scene, ask, &[GRANULE + 100]);
            assert_eq!(guest.load(BAD.start), 7);
            guest.call("call", &[]);
            // A snapshot keeps the pages that it has a copy of; this one was only looked at.
            let called = match name {
                "fill" => guest.try_call(name, &[BAD.start.into(), 7, 300]),
                _ => guest.try_call(name, &[BAD.start.into()]),
            };
            scene.assert_contained(guest, Bad::Gone, name, called);
        }
    }
}

#[test]
fn a_file_that_was_cut_off_and_is_whole_again_before_anybody_looks_is_no_fault() {
    let scene = Scene::new();
    for ask in [AUTOMATIC, LEASED] {
        let mut guest = guest(&scene, ask, &[0, LEN]);
        guest.call("call", &[]);
        assert_eq!(guest.read(WINDOW, 3), [0; 3]);
        assert_eq!(guest.read(BAD.start, 3), [0; 3]);
        assert_eq!(guest.store.data().memctl.last_fault(), None);
    }
}

#[test]
fn when_the_file_is_whole_again_the_next_guest_works() {
    let mut scene = Scene::new();
    for ask in [AUTOMATIC, LEASED] {
        let mut trapped = guest(&scene, ask, &[100]);
        trapped.call("call", &[]);
        trapped.try_call("fill", &[BAD.start.into(), 7, 300]).expect_err("traps");

        // The trapped one's store still lives, with its scratch pages.
        let mut next = guest(&scene, AUTOMATIC, &[]);
        assert_eq!(next.read(BAD.start - 1, 2), [7; 2]);
        next.write(BAD.start, b"anew");
        let mut stored = [0; 4];
        scene.world.domain.read_object("file", 2 * GRANULE, &mut stored).expect("read");
        assert_eq!(stored, *b"anew");
        assert!(trapped.try_call("load8", &[0]).is_err());
        drop((trapped, next));
        scene.make_whole();
        scene.assert_others_go_on("both are gone");
    }
}

#[test]
fn a_guest_with_bad_pages_does_not_keep_others_from_resizing() {
    let scene = Scene::new();
    let mut trapped = guest(&scene, AUTOMATIC, &[0]);
    trapped.call("call", &[]);
    trapped.try_call("load8", &[WINDOW.into()]).expect_err("traps, and leaves an inaccessible page");
    // Whole again but for its last granule: the trapped guest's window has a tail.
    truncate(&scene.world.dir.path().join("file"), 100);
    let mut other = scene.world.guest();
    let object = other.open("file");
    assert_eq!(other.resize(object, LEN), Ok(()), "what is wrong with the window of one guest is nothing to another");
    let mapped = other.mapped(object, LEN, LEASED);
    assert_eq!(other.read(mapped.start + 100, 3), [0; 3]);
}

#[test]
fn a_tail_that_is_forbidden_traps_its_guest_with_the_address() {
    let mut scene = Scene::new();
    let path = scene.world.dir.path().join("file");
    let mut guest = Maker::module(&scene, "").guest(&scene);
    scene.make_whole();
    let object = guest.open("file");
    guest.map(WINDOW, LEN, object, AUTOMATIC).expect("maps");
    truncate(&path, 0);
    guest.try_call("load8", &[WINDOW.into()]).expect_err("traps, and leaves an inaccessible page");
    // The file ends in that page now: what is behind its end is the domain's to zero whenever the guest is entered.
    truncate(&path, 100);
    let trap = guest.try_call("load8", &[0]).expect_err("its window can't be refreshed");
    let Some(Violation::Fault(cause)) = violation(&trap) else { panic!("not a fault: {trap:?}") };
    assert_eq!(cause.kind, FaultKind::Protection);
    assert!((u64::from(WINDOW)..u64::from(WINDOW + PAGE)).contains(&cause.address), "{cause}");
    drop(guest);
    scene.make_whole();
    scene.assert_others_go_on("the guest is gone");
}
