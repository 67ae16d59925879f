//! Rights, each denied.

use memctl_core::{Code, HeapOptions, HeapRights, Protection, Received};

use super::scene::{Scene, Verb, scenes, scenes_with};
use crate::common::{GRANULE as G, memory};

fn attaches(scene: &mut Scene, guest: usize, protection: Protection) -> Result<(), Code> {
    let heap = scene.heap;
    let attached = scene
        .world
        .call(guest, |domain, ram, me| domain.attach_heap(ram, me, heap, memory(me), 0, protection))
        .map_err(|error| error.code());
    if attached.is_ok() {
        scene.detach(guest).expect("attached");
    }
    attached
}

#[test]
fn each_right_is_needed_for_what_it_is_for() {
    for mut scene in scenes() {
        for bits in 0..8 {
            let rights = HeapRights::from_bits(bits).expect("three rights");
            let [read, write, allocate] =
                [HeapRights::READ, HeapRights::WRITE, HeapRights::ALLOCATE].map(|right| rights.contains(right));
            scene.set_rights(1, rights);
            let allowed = |yes| if yes { Ok(()) } else { Err(Code::Access) };
            let given = scene.alloc(0, 1);
            scene.do_to(0, Verb::Give, given).expect("its owner's");
            let sent = scene.alloc(0, 1);
            scene.send(0, 0, sent).expect("its owner's");
            let shared = scene.alloc(0, 1);
            scene.do_to(0, Verb::Share, shared).expect("its owner's");

            let heap = scene.heap;
            let opened = scene.world.call(1, |domain, _, me| domain.open_heap(me, "heap").map(drop));
            assert_eq!(opened.map_err(|error| error.code()), allowed(bits != 0), "{rights:?}");
            let seen = scene.world.domain.heap_status(scene.me(1), heap).map(|status| status.rights);
            assert_eq!(seen.map_err(|error| error.code()), allowed(bits != 0).map(|()| rights), "{rights:?}");
            assert_eq!(attaches(&mut scene, 1, Protection::Read), allowed(read), "{rights:?}");
            assert_eq!(attaches(&mut scene, 1, Protection::None), allowed(read), "{rights:?}");
            assert_eq!(attaches(&mut scene, 1, Protection::ReadWrite), allowed(read && write), "{rights:?}");
            let owned = scene.try_alloc(1, heap, 1, 1);
            assert_eq!(owned.clone().map(drop).map_err(|error| error.code()), allowed(write && allocate), "{rights:?}");
            let taken = scene.do_to(1, Verb::Take, given).map_err(|error| error.code());
            assert_eq!(taken, allowed(write), "{rights:?}");
            let received = scene.receive(1, 0).map(|got| assert_eq!(got, Received::Block(sent)));
            assert_eq!(received.map_err(|error| error.code()), allowed(read && write), "{rights:?}");
            let resolved = scene.do_to(1, Verb::Resolve, shared).map_err(|error| error.code());
            assert_eq!(resolved, allowed(read), "{rights:?}");

            // Whatever it holds by then it can give back.
            scene.set_rights(1, HeapRights::empty());
            if resolved.is_ok() {
                scene.do_to(1, Verb::Release, shared).expect("read");
            }
            scene.do_to(0, Verb::Free, shared).expect("nobody reads it");
            if let Ok(owned) = owned {
                scene.do_to(1, Verb::Free, owned).expect("its owner's");
            }
            let who = if taken.is_ok() { 1 } else { 0 };
            if who == 0 {
                scene.do_to(0, Verb::Take, given).expect("still there");
            }
            scene.do_to(who, Verb::Free, given).expect("its owner's");
            let left = scene.receive(0, 0).expect("allowed");
            let who = if left == Received::Block(sent) { 0 } else { 1 };
            if let Received::Waits(id) = left {
                let me = scene.me(0);
                scene.world.domain.stop_receiving(me, id);
            }
            scene.do_to(who, Verb::Free, sent).expect("its owner's");
        }
        scene.finish_empty();
    }
}

#[test]
fn what_was_said_of_one_guest_holds_for_no_other() {
    for mut scene in scenes_with(HeapOptions { rights: HeapRights::READ, ..HeapOptions::default() }) {
        scene.set_rights(1, HeapRights::all());
        let heap = scene.heap;
        for guest in [0, 2] {
            let code = scene.world.refused(guest, |domain, ram, me| domain.alloc_block(ram, me, heap, (1, 1)));
            assert_eq!(code, Code::Access);
        }
        scene.alloc(1, G);
        scene.world.end(1);
        scene.world.begin(1);
        let code = scene.world.refused(1, |domain, ram, me| domain.alloc_block(ram, me, heap, (1, 1)));
        assert_eq!(code, Code::Access, "who has its seat is another");
        scene.finish_empty();
    }
}

#[test]
fn a_guest_without_rights_puts_nothing_in_a_queue() {
    for mut scene in scenes() {
        let block = scene.alloc(1, 1);
        scene.set_rights(1, HeapRights::empty());
        assert_eq!(scene.refused(1, Verb::Send, block), Code::Access);
        scene.do_to(1, Verb::Free, block).expect("its owner's");
        scene.finish_empty();
    }
}
