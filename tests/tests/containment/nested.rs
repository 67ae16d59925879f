//! Calls through several stores: who faults is trapped, and who called it, through the host, gets an ordinary error.

use std::sync::{Arc, Mutex};

use memctl_tests::hostile::{Deed, RESULT, caller};
use memctl_tests::{AUTOMATIC, GRANULE, LEASED, PRIVATE};

use crate::scene::{BAD, Bad, Maker, SHARED, Scene, assert_cause};

/// Calls whose bad bytes are touched by the host, by an instruction in host code, and by the guest.
const CALLS: [(&str, &[u64]); 4] = [
    ("open", &[BAD.start as u64 - 1, 6, RESULT as u64]),
    ("anonymous", &[100, BAD.start as u64]),
    ("fill", &[BAD.start as u64, 7, 300]),
    ("load8", &[BAD.start as u64]),
];

#[test]
fn who_called_who_faults_goes_on() {
    let mut scene = Scene::new();
    let plain = Maker::plain_component(&scene);
    for ask in [AUTOMATIC, LEASED, PRIVATE] {
        for (call, arguments) in CALLS {
            let deed = Arc::default();
            let mut outer = caller(&scene.world, &deed);
            let object = outer.open("object");
            outer.map(SHARED, GRANULE, object, AUTOMATIC).expect("maps");
            let mut inner = plain.guest(&scene);
            scene.spoil(&mut inner, ask, Bad::Gone);
            let trap = Arc::new(Mutex::new(None));
            let seen = trap.clone();
            *deed.lock().expect("not poisoned") = Some(Box::new(move || {
                let called = inner.try_call(call, arguments);
                let Err(trap) = called else { return called };
                *seen.lock().expect("not poisoned") = Some((trap, inner.store.data().memctl.last_fault()));
                Err(wasmtime::format_err!("the inner guest trapped"))
            }));
            outer.write(SHARED + 100, b"before");
            assert_eq!(outer.call("call", &[]), 1, "an error like any other");
            outer.write(SHARED + 106, b"after");
            assert_eq!(outer.read(SHARED + 100, 11), b"beforeafter");
            let (trap, last) = trap.lock().expect("not poisoned").take().expect("it was called");
            assert_cause(&trap, last, Bad::Gone, call);
            assert_eq!(outer.store.data().memctl.last_fault(), None, "the outer guest did nothing");
            assert_eq!(scene.world.object("object")[100..111], *b"beforeafter");
            drop(outer);
            *deed.lock().expect("not poisoned") = None;
            scene.assert_others_go_on(call);
        }
    }
}

#[test]
fn who_faults_while_others_it_called_are_fine_is_trapped_alone() {
    let mut scene = Scene::new();
    let plain = Maker::plain_component(&scene);
    for ask in [AUTOMATIC, LEASED, PRIVATE] {
        let deed = Arc::<Mutex<Option<Deed>>>::default();
        let mut outer = caller(&scene.world, &deed);
        scene.spoil(&mut outer, ask, Bad::Gone);
        let inner = Arc::new(Mutex::new(plain.guest(&scene)));
        let same = inner.clone();
        *deed.lock().expect("not poisoned") =
            Some(Box::new(move || same.lock().expect("not poisoned").try_call("load8", &[0])));
        assert_eq!(outer.call("call", &[]), 0);
        let called = outer.try_call("fill", &[BAD.start.into(), 7, 300]);
        scene.assert_contained(outer, Bad::Gone, "the outer one", called);
        assert_eq!(inner.lock().expect("not poisoned").load(0), 0, "the inner one is as it was");
        *deed.lock().expect("not poisoned") = None;
    }
}
