//! Queues: who gets what, and when.

use memctl_core::{Code, Quotas, Received, ReceiverId, Token};

use super::scene::{HEAP, Run, Scene, Verb, attached, scenes};
use crate::common::{GRANULE as G, MODES, World};

fn block(scene: &mut Scene, guest: usize) -> Token {
    scene.alloc(guest, 1)
}

#[test]
fn what_was_sent_first_is_received_first() {
    for mut scene in attached() {
        let blocks: Vec<_> = (0..HEAP / G).map(|_| block(&mut scene, 0)).collect();
        for (token, byte) in blocks.iter().zip(1..) {
            scene.fill(0, *token, byte);
            scene.send(0, 2, *token).expect("its owner's");
        }
        for (token, byte) in blocks.iter().zip(1..) {
            let to = usize::from(byte) % 3;
            assert_eq!(scene.receive(to, 2), Ok(Received::Block(*token)));
            assert!(scene.is_filled(to, *token, byte), "{:?} {:?}", scene.mode, scene.run);
        }
        scene.finish_empty();
    }
}

#[test]
fn queues_don_t_mix() {
    for mut scene in attached() {
        let tokens = [0, 1, 7].map(|queue| {
            let token = block(&mut scene, 0);
            scene.send(0, queue, token).expect("its owner's");
            (queue, token)
        });
        for (queue, token) in tokens.into_iter().rev() {
            assert_eq!(scene.receive(1, queue), Ok(Received::Block(token)));
        }
        scene.wait(1, 0);
        scene.finish_empty();
    }
}

#[test]
fn who_waits_is_served_in_order() {
    for mut scene in attached() {
        let waiting = [1, 2, 1].map(|guest| (guest, scene.wait(guest, 0)));
        assert_eq!(scene.world.woken_receivers(), []);
        for (guest, id) in waiting {
            assert_eq!(scene.collect(guest, id), Ok(None));
            let token = scene.alloc(0, 1);
            scene.fill(0, token, 7);
            scene.send(0, 0, token).expect("its owner's");
            assert_eq!(scene.world.woken_receivers(), [id]);
            assert_eq!(scene.collect(guest, id), Ok(Some(token)));
            assert!(scene.is_filled(guest, token, 7), "{:?} {:?}", scene.mode, scene.run);
            assert_eq!(scene.collect(guest, id).map_err(|error| error.code()), Err(Code::Stale), "once");
            scene.do_to(guest, Verb::Free, token).expect("its owner's");
        }
        scene.finish_empty();
    }
}

#[test]
fn a_wait_is_its_caller_s_alone() {
    for mut scene in attached() {
        let id = scene.wait(1, 0);
        let token = block(&mut scene, 0);
        scene.send(0, 0, token).expect("its owner's");
        for other in [id, ReceiverId::from_bits(id.to_bits() ^ 1), ReceiverId::from_bits(u64::MAX)] {
            assert_eq!(scene.world.refused(2, |domain, ram, me| domain.collect_block(ram, me, other)), Code::Stale);
        }
        let me = scene.me(2);
        scene.world.domain.stop_receiving(me, id);
        assert_eq!(scene.collect(1, id), Ok(Some(token)));
        scene.finish_empty();
    }
}

#[test]
fn what_was_on_its_way_to_who_gives_up_goes_to_the_next_and_else_is_first_again() {
    for mut scene in attached() {
        let first = scene.wait(1, 0);
        let second = scene.wait(2, 0);
        let tokens = [0, 0].map(|guest| block(&mut scene, guest));
        scene.send(0, 0, tokens[0]).expect("its owner's");
        let gives_up = scene.me(1);
        scene.world.domain.stop_receiving(gives_up, first);
        assert_eq!(scene.world.woken_receivers(), [first, second]);
        scene.send(0, 0, tokens[1]).expect("its owner's");
        let gives_up = scene.me(2);
        scene.world.domain.stop_receiving(gives_up, second);
        for token in tokens {
            assert_eq!(scene.receive(1, 0), Ok(Received::Block(token)));
        }
        scene.finish_empty();
    }
}

#[test]
fn what_was_on_its_way_to_who_ends_goes_to_the_next() {
    for mut scene in attached() {
        let first = scene.wait(1, 0);
        let token = block(&mut scene, 0);
        scene.fill(0, token, 4);
        scene.send(0, 0, token).expect("its owner's");
        assert_eq!(scene.world.woken_receivers(), [first]);
        let second = scene.wait(2, 0);
        scene.world.end(1);
        assert_eq!(scene.world.woken_receivers(), [second, first]);
        assert_eq!(scene.collect(2, second), Ok(Some(token)));
        assert!(scene.is_filled(2, token, 4), "{:?} {:?}", scene.mode, scene.run);
        scene.finish_empty();
    }
}

#[test]
fn a_receiver_without_quota_leaves_the_block_first_in_its_queue() {
    for mode in MODES {
        for run in [Run::OneAtATime, Run::AtTheSameTime] {
            let one = Quotas { blocks: 1, ..Quotas::GUEST };
            let mut scene = Scene::new(World::with_quotas(mode, one, Quotas::DOMAIN), (mode, run), Default::default());
            let mine = block(&mut scene, 1);
            let waits = scene.wait(1, 0);
            let tokens = [0, 2].map(|guest| {
                let token = block(&mut scene, guest);
                scene.send(guest, 0, token).expect("its owner's");
                token
            });
            assert_eq!(scene.collect(1, waits).map_err(|error| error.code()), Err(Code::Quota));
            let heap = scene.heap;
            let refused = scene.world.refused(1, |domain, ram, me| domain.receive_or_wait(ram, me, heap, 0));
            assert_eq!(refused, Code::Quota);
            scene.do_to(1, Verb::Free, mine).expect("its owner's");
            assert_eq!(scene.receive(1, 0), Ok(Received::Block(tokens[0])));
            assert_eq!(scene.receive(2, 0), Ok(Received::Block(tokens[1])));
            scene.finish_empty();
        }
    }
}

#[test]
fn calls_that_wait_for_blocks_are_bounded() {
    for mut scene in scenes() {
        let limit = scene.world.domain.limits(scene.me(0)).expect("live").waiters;
        let waiting: Vec<_> = (0..limit).map(|_| scene.wait(0, 0)).collect();
        let heap = scene.heap;
        let refused = scene.world.refused(0, |domain, ram, me| domain.receive_or_wait(ram, me, heap, 0));
        assert_eq!(refused, Code::Quota);
        let me = scene.me(0);
        scene.world.domain.stop_receiving(me, waiting[3]);
        scene.wait(0, 1);
        scene.finish_empty();
    }
}
