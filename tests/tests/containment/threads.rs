//! Several threads fault at once.

use std::sync::Barrier;
use std::thread;

use memctl_tests::hostile::RESULT;
use memctl_tests::{AUTOMATIC, LEASED, PRIVATE};

use crate::scene::{BAD, Bad, Maker, Scene};

/// How often they meet.
const ROUNDS: usize = 150;

#[test]
fn two_stores_that_fault_at_once_are_trapped_each_for_itself() {
    let mut scenes = [Scene::new(), Scene::new()];
    let makers = scenes.each_ref().map(|scene| [Maker::plain_component(scene), Maker::module(scene, "")]);
    for round in 0..ROUNDS {
        let at = u64::from(BAD.start) + u64::try_from(round).expect("small");
        let together = Barrier::new(2);
        thread::scope(|scope| {
            let faulting = scenes.iter_mut().zip(&makers).enumerate().map(|(thread, (scene, makers))| {
                let mut guest = makers[round % 2].guest(scene);
                scene.spoil(&mut guest, [AUTOMATIC, LEASED, PRIVATE][round % 3], Bad::Gone);
                let together = &together;
                move || {
                    together.wait();
                    let called = match (round + thread) % 4 {
                        0 => guest.try_call("fill", &[at, 7, 300]),
                        1 => guest.try_call("open", &[at, 10, RESULT.into()]),
                        2 => guest.try_call("anonymous", &[10, at.next_multiple_of(8)]),
                        _ => guest.try_call("load8", &[at]),
                    };
                    scene.assert_contained(guest, Bad::Gone, &format!("round {round}"), called);
                }
            });
            // Both are ready before either waits: nobody is left waiting for one that failed.
            for fault in faulting.collect::<Vec<_>>() {
                scope.spawn(fault);
            }
        });
    }
}

#[test]
fn a_guest_runs_on_while_others_fault_all_the_time() {
    let together = Barrier::new(2);
    let (mut scene, calm) = (Scene::new(), Scene::new());
    let maker = Maker::plain_component(&scene);
    let mut guest = Maker::plain_component(&calm).guest(&calm);
    let object = guest.open("object");
    guest.map(crate::scene::SHARED, 4096, object, AUTOMATIC).expect("maps");
    thread::scope(|scope| {
        scope.spawn(|| {
            together.wait();
            for round in 0..ROUNDS {
                let mut guest = maker.guest(&scene);
                scene.spoil(&mut guest, AUTOMATIC, Bad::Gone);
                let called = guest.try_call("fill", &[BAD.start.into(), 7, 300]);
                scene.assert_contained(guest, Bad::Gone, &format!("round {round}"), called);
            }
        });
        scope.spawn(|| {
            together.wait();
            for round in 0..20 * ROUNDS {
                let byte = u8::try_from(round % 251).expect("a byte");
                guest.write(crate::scene::SHARED, &[byte]);
                assert_eq!(calm.world.object("object")[0], byte);
            }
            assert_eq!(guest.store.data().memctl.last_fault(), None);
        });
    });
}
