//! Guests that end, and memories that go.

use memctl_core::{Code, HeapOptions, Received};

use super::scene::{HEAP, Scene, Verb, attached, attached_with, heir};
use crate::common::{GRANULE as G, at};

fn name(scene: &mut Scene, guest: usize) {
    let me = scene.me(guest);
    scene.world.domain.name_instance(me, "heir");
}

#[test]
fn blocks_of_who_ends_are_freed() {
    for mut scene in attached() {
        let block = scene.alloc(0, HEAP);
        scene.fill(0, block, 1);
        scene.world.end(0);
        assert_eq!((scene.status().blocks, scene.status().free), (0, HEAP));
        for verb in Verb::ALL {
            assert_eq!(scene.refused(1, verb, block), Code::Stale, "{verb:?}");
        }
        let again = scene.alloc(1, HEAP);
        assert!(scene.is_filled(1, again, 0), "{:?} {:?}", scene.mode, scene.run);
        scene.finish_empty();
    }
}

#[test]
fn what_is_read_when_its_owner_ends_is_there_until_it_is_not_read_any_more() {
    for mut scene in attached() {
        let block = scene.alloc(0, HEAP);
        scene.fill(0, block, 1);
        scene.do_to(0, Verb::Share, block).expect("its owner's");
        for guest in [1, 2] {
            scene.do_to(guest, Verb::Resolve, block).expect("shared");
        }
        scene.world.end(0);
        scene.world.begin(0);
        scene.attach(0).expect("free");
        assert_eq!(scene.status().blocks, 1);
        assert_eq!(scene.try_alloc(1, scene.heap, 1, 1).map_err(|error| error.code()), Err(Code::OutOfMemory));
        for verb in Verb::ALL {
            assert_eq!(scene.refused(0, verb, block), Code::Stale, "{verb:?}");
        }
        assert_eq!(scene.refused(1, Verb::Resolve, block), Code::Stale);
        assert!(scene.is_filled(1, block, 1) && scene.is_filled(2, block, 1));
        scene.do_to(1, Verb::Release, block).expect("read");
        assert!(scene.is_filled(2, block, 1), "{:?} {:?}", scene.mode, scene.run);
        scene.world.end(2);
        assert_eq!(scene.status().blocks, 0);
        scene.finish_empty();
    }
}

#[test]
fn an_heir_has_what_the_dead_one_wrote_once_it_is_told() {
    for mut scene in attached_with(heir("heir")) {
        name(&mut scene, 1);
        let blocks = [G, 1, G].map(|len| scene.alloc(0, len));
        for (block, byte) in blocks.into_iter().zip(1..) {
            scene.fill(0, block, byte);
        }
        scene.do_to(0, Verb::Share, blocks[2]).expect("its owner's");
        scene.do_to(2, Verb::Resolve, blocks[2]).expect("shared");
        scene.world.end(0);
        let usage = scene.world.domain.usage(scene.me(1)).expect("live");
        assert_eq!((usage.blocks, usage.block_bytes), (3, 2 * G + scene.unit()));
        let mut told = Vec::new();
        for _ in 0..3 {
            told.push(scene.inherit(1).expect("three"));
        }
        for (block, byte) in blocks.into_iter().zip(1..) {
            assert!(told.contains(&block));
            assert!(scene.is_filled(1, block, byte), "{:?} {:?}", scene.mode, scene.run);
        }
        assert_eq!(scene.inherit(1).map_err(|error| error.code()), Err(Code::NotFound));
        assert_eq!(scene.refused(1, Verb::Free, blocks[2]), Code::Busy, "it is still read");
        scene.do_to(2, Verb::Release, blocks[2]).expect("read");
        for block in blocks {
            scene.do_to(1, Verb::Free, block).expect("its owner's");
        }
        scene.finish_empty();
    }
}

#[test]
fn an_heir_that_was_not_told_yet_can_spoil_nothing() {
    for mut scene in attached_with(heir("heir")) {
        name(&mut scene, 1);
        let block = scene.alloc(0, G);
        scene.fill(0, block, 8);
        scene.world.end(0);
        for verb in Verb::OWNERS {
            assert_eq!(scene.refused(1, verb, block), Code::Access, "{verb:?}");
        }
        scene.detach(1).expect("attached");
        scene.attach(1).expect("free");
        assert_eq!(scene.inherit(1), Ok(block));
        assert!(scene.is_filled(1, block, 8), "{:?} {:?}", scene.mode, scene.run);
        scene.hand(1, 2, block);
        assert!(scene.is_filled(2, block, 8), "{:?} {:?}", scene.mode, scene.run);
        scene.finish_empty();
    }
}

#[test]
fn an_heir_that_ends_leaves_what_it_was_not_told_of_to_the_next() {
    for mut scene in attached_with(heir("heir")) {
        name(&mut scene, 1);
        let block = scene.alloc(0, G);
        scene.fill(0, block, 8);
        scene.world.end(0);
        name(&mut scene, 2);
        scene.world.end(1);
        assert_eq!(scene.inherit(2), Ok(block));
        assert!(scene.is_filled(2, block, 8), "{:?} {:?}", scene.mode, scene.run);
        scene.world.end(2);
        assert_eq!(scene.status().blocks, 0, "nobody is called so any more");
        scene.finish_empty();
    }
}

#[test]
fn an_heir_that_reads_what_it_inherits_may_go_on_reading() {
    for mut scene in attached_with(heir("heir")) {
        name(&mut scene, 1);
        let block = scene.alloc(0, G);
        scene.fill(0, block, 8);
        scene.do_to(0, Verb::Share, block).expect("its owner's");
        scene.do_to(1, Verb::Resolve, block).expect("shared");
        scene.world.end(0);
        assert_eq!(scene.inherit(1), Ok(block));
        scene.do_to(1, Verb::Release, block).expect("read");
        assert!(scene.access(1, block).is_some(), "{:?} {:?}", scene.mode, scene.run);
        scene.do_to(1, Verb::Unshare, block).expect("its owner's");
        scene.fill(1, block, 9);
        scene.finish_empty();
    }
}

#[test]
fn without_its_heir_blocks_are_freed() {
    for mut scene in attached_with(heir("heir")) {
        scene.alloc(0, G);
        name(&mut scene, 0);
        scene.world.end(0);
        assert_eq!(scene.status().blocks, 0, "nobody inherits from itself");
        scene.finish_empty();
    }
}

#[test]
fn a_guest_may_end_in_every_state() {
    for mut scene in attached() {
        let waits = scene.wait(0, 3);
        let blocks: Vec<_> = (0..3).map(|_| scene.alloc(0, 1)).collect();
        scene.do_to(0, Verb::Share, blocks[0]).expect("its owner's");
        scene.do_to(0, Verb::Give, blocks[1]).expect("its owner's");
        let read = scene.alloc(1, 1);
        scene.do_to(1, Verb::Share, read).expect("its owner's");
        scene.do_to(0, Verb::Resolve, read).expect("shared");
        scene.world.end(0);
        assert_eq!(scene.world.woken_receivers(), [waits]);
        scene.world.check_books();
        scene.do_to(1, Verb::Unshare, read).expect("nobody reads it");
        scene.do_to(1, Verb::Take, blocks[1]).expect("still given away");
        assert_eq!(scene.refused(1, Verb::Resolve, blocks[0]), Code::Stale);
        scene.send(1, 3, read).expect("its owner's");
        assert_eq!(scene.receive(2, 3), Ok(Received::Block(read)), "not to who has ended");
        scene.finish_empty();
    }
}

#[test]
fn a_memory_that_goes_takes_windows_and_no_blocks() {
    for mut scene in attached() {
        let block = scene.alloc(0, G);
        scene.fill(0, block, 8);
        scene.world.renew_memory(0);
        assert_eq!(scene.window(0), vec![0; at(HEAP)]);
        let heap = scene.heap;
        assert_eq!(scene.world.refused(0, |domain, ram, me| domain.detach_heap(ram, me, heap)), Code::Stale);
        scene.attach(0).expect("free");
        assert!(scene.is_filled(0, block, 8), "{:?} {:?}", scene.mode, scene.run);
        scene.finish_empty();
    }
}

#[test]
fn an_heir_inherits_past_its_quota_and_can_own_no_more() {
    for mut scene in attached_with(HeapOptions { queues: 0, ..heir("heir") }) {
        let small = memctl_core::Quotas { blocks: 1, ..memctl_core::Quotas::GUEST };
        let late = scene.world.domain.begin(small);
        scene.world.domain.name_instance(late, "heir");
        let heap = scene.heap;
        let blocks = [0, 0].map(|guest| scene.alloc(guest, 1));
        scene.world.end(0);
        scene.world.host(|domain, ram, _| {
            assert_eq!(domain.usage(late).expect("live").blocks, 2);
            let refused = domain.alloc_block(ram, late, heap, (1, 1));
            assert_eq!(refused.map_err(|error| error.code()), Err(Code::Quota));
            for block in blocks {
                domain.inherit_block(ram, late, heap).expect("two");
                domain.free_block(ram, late, block).expect("told");
            }
            domain.alloc_block(ram, late, heap, (1, 1)).expect("room again");
            domain.end(ram, late);
        });
        scene.finish_empty();
    }
}
