//! Ownership moves, and a block's bytes with it.

use memctl_core::{Code, Received};

use super::scene::{HEAP, Scene, Verb, attached, scenes};
use crate::common::{GRANULE as G, Mode};

#[test]
fn who_takes_a_block_has_what_its_owner_wrote() {
    for mut scene in attached() {
        let block = scene.alloc(0, G);
        scene.fill(0, block, 1);
        for (from, to) in [(0, 1), (1, 2), (2, 1), (1, 0), (0, 0)] {
            let byte = scene.bytes(from, block)[0];
            scene.hand(from, to, block);
            assert!(scene.is_filled(to, block, byte), "{:?} {:?} {from} to {to}", scene.mode, scene.run);
            scene.fill(to, block, byte + 1);
        }
        scene.finish_empty();
    }
}

#[test]
fn a_block_can_be_handed_on_by_who_has_not_attached_the_heap() {
    for mut scene in scenes() {
        scene.attach(0).expect("free");
        let block = scene.alloc(0, G);
        scene.fill(0, block, 5);
        scene.hand(0, 1, block);
        scene.hand(1, 2, block);
        scene.attach(2).expect("free");
        assert!(scene.is_filled(2, block, 5), "{:?} {:?}", scene.mode, scene.run);
        scene.finish_empty();
    }
}

/// The bytes that are copied for what `act` does.
fn moved(scene: &mut Scene, act: impl FnOnce(&mut Scene)) -> u64 {
    scene.world.try_running(0).expect("no faults here");
    let before = scene.world.ram.moved;
    act(scene);
    scene.world.ram.moved - before
}

#[test]
fn on_copy_exactly_the_bytes_of_the_block_that_changes_hands_move() {
    for mut scene in attached() {
        if scene.mode != Mode::Copy {
            continue;
        }
        let other = scene.alloc(0, 1);
        let block = scene.alloc(0, G);
        let token = block;
        assert_eq!(moved(&mut scene, |scene| scene.do_to(0, Verb::Give, token).expect("its owner's")), G);
        assert_eq!(moved(&mut scene, |scene| scene.do_to(1, Verb::Take, token).expect("given")), G);
        assert_eq!(moved(&mut scene, |scene| scene.send(1, 0, token).expect("its owner's")), G);
        assert_eq!(
            moved(&mut scene, |scene| {
                scene.receive(2, 0).expect("sent");
            }),
            G
        );
        assert_eq!(moved(&mut scene, |scene| scene.do_to(2, Verb::Share, token).expect("its owner's")), G);
        assert_eq!(moved(&mut scene, |scene| scene.do_to(0, Verb::Resolve, token).expect("shared")), G);
        let still = moved(&mut scene, |scene| {
            scene.do_to(0, Verb::Release, token).expect("read");
            scene.do_to(2, Verb::Unshare, token).expect("its owner's");
            scene.do_to(2, Verb::Free, token).expect("its owner's");
            scene.alloc(2, G);
            scene.alloc(1, 1);
        });
        assert_eq!(still, 0);
        let unit = scene.unit();
        assert_eq!(moved(&mut scene, |scene| scene.do_to(0, Verb::Give, other).expect("its owner's")), unit);
    }
}

#[test]
fn where_windows_alias_nothing_moves() {
    for mut scene in attached() {
        if scene.mode != Mode::Alias {
            continue;
        }
        let block = scene.alloc(0, HEAP);
        scene.hand(0, 1, block);
        scene.send(1, 0, block).expect("its owner's");
        scene.receive(2, 0).expect("sent");
        scene.do_to(2, Verb::Share, block).expect("its owner's");
        scene.do_to(0, Verb::Resolve, block).expect("shared");
        assert_eq!(scene.world.ram.moved, 0);
    }
}

#[test]
fn a_block_on_its_way_is_nobody_s() {
    for mut scene in attached() {
        let given = scene.alloc(0, 1);
        scene.do_to(0, Verb::Give, given).expect("its owner's");
        let sent = scene.alloc(0, 1);
        scene.send(0, 0, sent).expect("its owner's");
        for guest in 0..3 {
            for verb in Verb::OWNERS {
                assert_eq!(scene.refused(guest, verb, given), Code::Access, "{verb:?}");
                assert_eq!(scene.refused(guest, verb, sent), Code::Access, "{verb:?}");
            }
            assert_eq!(scene.refused(guest, Verb::Take, sent), Code::Busy);
            assert_eq!(scene.refused(guest, Verb::Resolve, given), Code::Busy);
        }
        scene.do_to(1, Verb::Take, given).expect("given");
        assert_eq!(scene.refused(2, Verb::Take, given), Code::Busy);
        assert_eq!(scene.receive(1, 0), Ok(Received::Block(sent)));
        scene.finish_empty();
    }
}

#[test]
fn what_a_guest_stores_in_a_block_that_it_gave_away_stays_its_own_on_copy() {
    for mut scene in attached() {
        if scene.mode != Mode::Copy {
            continue;
        }
        let block = scene.alloc(0, G);
        scene.fill(0, block, 1);
        scene.do_to(0, Verb::Give, block).expect("its owner's");
        scene.fill(0, block, 9);
        scene.do_to(1, Verb::Take, block).expect("given");
        scene.fill(0, block, 9);
        assert!(scene.is_filled(1, block, 1));
        scene.detach(0).expect("attached");
        scene.hand(1, 2, block);
        assert!(scene.is_filled(2, block, 1));
    }
}
