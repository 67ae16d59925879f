//! Tokens are plain numbers: whatever they say is checked.

use memctl_core::{Code, HeapId, InstanceId, Token};

use super::scene::{Verb, attached};
use crate::common::GRANULE as G;

#[test]
fn a_token_forged_in_any_field_is_stale() {
    for mut scene in attached() {
        let (other, _) = scene.publish("other", 4 * G, Default::default());
        let block = scene.alloc(0, G);
        let beside = scene.try_alloc(0, other, G, 1).expect("room");
        let neighbour = scene.alloc(0, G);
        let mut forged = Vec::new();
        for bits in [0, 1, 2, 31, 32, 33, 63] {
            let flip = 1 << bits;
            forged.extend([
                Token { heap: block.heap ^ flip, ..block },
                Token { offset: block.offset ^ flip, ..block },
                Token { len: block.len ^ flip, ..block },
                Token { generation: block.generation ^ flip, ..block },
            ]);
        }
        forged.extend([
            Token { heap: beside.heap, ..block },
            Token { generation: beside.generation, ..block },
            Token { generation: neighbour.generation, ..block },
            Token { heap: u64::MAX, offset: u64::MAX, len: u64::MAX, generation: u64::MAX },
            Token { heap: 0, offset: 0, len: 0, generation: 0 },
        ]);
        for token in forged {
            if [block, beside, neighbour].contains(&token) {
                continue;
            }
            for guest in [0, 1] {
                for verb in Verb::ALL {
                    let code = scene.refused(guest, verb, token);
                    // Who sends names the queue's heap beside the token; that one isn't there either.
                    assert_eq!(code, Code::Stale, "{verb:?} {token:?}");
                }
            }
        }
        scene.finish_empty();
    }
}

#[test]
fn only_the_owner_of_a_block_may_end_share_or_hand_it_on() {
    for mut scene in attached() {
        let block = scene.alloc(0, G);
        for verb in Verb::OWNERS {
            assert_eq!(scene.refused(1, verb, block), Code::Access, "{verb:?}");
        }
        assert_eq!(scene.refused(1, Verb::Take, block), Code::Busy, "it was not given away");
        scene.do_to(0, Verb::Share, block).expect("its owner's");
        scene.do_to(1, Verb::Resolve, block).expect("shared");
        for verb in Verb::OWNERS {
            assert_eq!(scene.refused(1, verb, block), Code::Access, "{verb:?}, by a reader");
        }
        scene.finish_empty();
    }
}

#[test]
fn heaps_queues_and_members_that_are_not_there_are_refused() {
    for mut scene in attached() {
        let block = scene.alloc(0, G);
        let heap = scene.heap;
        let none = HeapId::from_bits(heap.to_bits() + 7);
        let (other, _) = scene.publish("other", G, Default::default());
        let world = &mut scene.world;
        assert_eq!(world.refused(0, |domain, _, me| domain.open_heap(me, "none")), Code::NotFound);
        assert_eq!(world.refused(0, |domain, _, me| domain.heap_status(me, none)), Code::Stale);
        assert_eq!(world.refused(0, |domain, _, _| domain.heap_member(none, 0)), Code::Stale);
        assert_eq!(world.refused(0, |domain, _, _| domain.heap_member(heap, 1)), Code::NotFound);
        assert_eq!(world.refused(0, |domain, _, _| domain.heap_member(heap, u32::MAX)), Code::NotFound);
        assert_eq!(world.refused(0, |domain, ram, me| domain.alloc_block(ram, me, none, (1, 1))), Code::Stale);
        assert_eq!(world.refused(0, |domain, ram, me| domain.detach_heap(ram, me, none)), Code::Stale);
        assert_eq!(world.refused(0, |domain, ram, me| domain.inherit_block(ram, me, none)), Code::Stale);
        assert_eq!(world.refused(0, |domain, ram, me| domain.inherit_block(ram, me, heap)), Code::NotFound);
        for (heap, queue, code) in [
            (none, 0, Code::Stale),
            (heap, 8, Code::NotFound),
            (heap, u32::MAX, Code::NotFound),
            (other, 0, Code::NotFound),
        ] {
            let sent = world.refused(0, |domain, ram, me| domain.send_block(ram, me, heap, queue, block));
            assert_eq!(sent, code, "{queue}");
            if heap != other {
                let asked = world.refused(0, |domain, ram, me| domain.receive_or_wait(ram, me, heap, queue));
                assert_eq!(asked, code, "{queue}");
            }
        }
        assert_eq!(world.domain.open_heap(world.guests[0], "heap"), Ok(heap));
        assert_eq!(world.domain.heap_member(heap, 0), Ok((heap, 0)));
        scene.finish_empty();
    }
}

#[test]
fn who_has_ended_is_stale_to_every_call() {
    for mut scene in attached() {
        let block = scene.alloc(1, G);
        let gone = scene.me(0);
        scene.world.end(0);
        let heap = scene.heap;
        for verb in [Verb::Take, Verb::Resolve, Verb::Release, Verb::Send] {
            let code = scene.world.refused(1, |domain, ram, _: InstanceId| verb.call(domain, ram, gone, block));
            assert_eq!(code, Code::Stale, "{verb:?}");
        }
        let world = &mut scene.world;
        assert_eq!(world.refused(1, |domain, _, _| domain.open_heap(gone, "heap")), Code::Stale);
        assert_eq!(world.refused(1, |domain, ram, _| domain.alloc_block(ram, gone, heap, (1, 1))), Code::Stale);
        assert_eq!(world.refused(1, |domain, ram, _| domain.receive_or_wait(ram, gone, heap, 0)), Code::Stale);
        assert_eq!(world.refused(1, |domain, ram, _| domain.inherit_block(ram, gone, heap)), Code::Stale);
    }
}
