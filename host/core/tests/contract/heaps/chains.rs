//! Several heaps as one.

use memctl_core::{Code, HeapId, HeapOptions, HeapRights, Protection, Received, Token};

use super::scene::{HEAP, Scene, Verb, scenes};
use crate::common::{GRANULE as G, MODES, Mode, World, at, memory};

/// The first heap of the scene, of 4 granules, and a second of 2 behind it.
fn chain(scene: &mut Scene) -> (HeapId, HeapId) {
    let (second, _) = scene.publish("second", 2 * G, HeapOptions::default());
    let chain = scene.world.domain.publish_chain("chain", &["heap", "second"], HeapOptions::default());
    (chain.expect("both are heaps"), second)
}

fn alloc(scene: &mut Scene, guest: usize, chain: HeapId, len: u64) -> Token {
    scene.try_alloc(guest, chain, len, 1).expect("room")
}

#[test]
fn a_chain_is_one_range_of_blocks_that_are_its_heaps() {
    for mut scene in scenes() {
        let (chain, second) = chain(&mut scene);
        for guest in [0, 1] {
            scene.attach_at(guest, chain, G, Protection::ReadWrite).expect("free");
        }
        let first = alloc(&mut scene, 0, chain, HEAP);
        let next = alloc(&mut scene, 0, chain, G);
        assert_eq!((first.heap, next.heap), (scene.heap.to_bits(), second.to_bits()));
        assert_eq!(scene.world.domain.heap_member(chain, 1), Ok((second, HEAP)));
        let me = scene.me(0);
        assert_eq!(scene.world.domain.attached_at(me, second).map(|span| span.start()), Ok(G + HEAP));
        for (token, byte) in [(first, 1), (next, 2)] {
            scene.fill(0, token, byte);
            scene.hand(0, 1, token);
            assert!(scene.is_filled(1, token, byte), "{:?} {:?}", scene.mode, scene.run);
        }
        assert_eq!(scene.try_alloc(2, chain, 2 * G, 1).map_err(|error| error.code()), Err(Code::OutOfMemory));
        let status = scene.world.domain.heap_status(me, chain).expect("published");
        assert_eq!((status.len, status.max_len, status.free, status.blocks), (6 * G, 6 * G, G, 2));
        scene.world.call(0, |domain, ram, me| domain.detach_heap(ram, me, chain)).expect("attached");
        assert_eq!(scene.world.domain.usage(me).expect("live").mappings, 0);
        scene.finish_empty();
    }
}

#[test]
fn a_chain_s_queue_takes_blocks_of_all_its_heaps_and_of_no_other() {
    for mut scene in scenes() {
        let (chain, second) = chain(&mut scene);
        let (third, _) = scene.publish("third", G, HeapOptions::default());
        let blocks = [scene.heap, second].map(|heap| scene.try_alloc(0, heap, 1, 1).expect("room"));
        let other = scene.try_alloc(0, third, 1, 1).expect("room");
        for block in blocks {
            scene.world.call(0, |domain, ram, me| domain.send_block(ram, me, chain, 0, block)).expect("in the chain");
        }
        let sent = scene.world.refused(0, |domain, ram, me| domain.send_block(ram, me, chain, 0, other));
        assert_eq!(sent, Code::NotFound);
        for block in blocks {
            let received = scene.world.call(1, |domain, ram, me| domain.receive_or_wait(ram, me, chain, 0));
            assert_eq!(received, Ok(Received::Block(block)));
        }
        scene.finish_empty();
    }
}

#[test]
fn a_chain_that_can_t_be_attached_whole_is_not_attached_at_all() {
    for mut scene in scenes() {
        let (chain, second) = chain(&mut scene);
        let block = scene.alloc(0, G);
        scene.attach(0).expect("free");
        scene.fill(0, block, 5);
        scene.detach(0).expect("attached");
        let attach = |scene: &mut Scene, start| {
            let before = (scene.world.domain.usage(scene.me(0)), scene.world.domain.views().count());
            let refused = scene.attach_at(0, chain, start, Protection::ReadWrite).expect_err("the second has no place");
            assert_eq!(before, (scene.world.domain.usage(scene.me(0)), scene.world.domain.views().count()));
            refused.code()
        };
        assert_eq!(attach(&mut scene, 3 * G), Code::Bounds, "past the memory's end");
        let me = scene.me(0);
        scene.world.domain.set_heap_rights(me, "second", HeapRights::empty());
        assert_eq!(attach(&mut scene, 0), Code::Access);
        scene.world.domain.set_heap_rights(me, "second", HeapRights::all());
        scene.attach_at(0, second, 6 * G, Protection::ReadWrite).expect("free");
        assert_eq!(attach(&mut scene, 0), Code::Overlap, "one of them is attached");
        scene.world.call(0, |domain, ram, me| domain.detach_heap(ram, me, second)).expect("attached");
        scene.attach_at(0, chain, 0, Protection::ReadWrite).expect("free");
        assert!(scene.is_filled(0, block, 5), "{:?} {:?}", scene.mode, scene.run);
        scene.finish_empty();
    }
}

#[test]
fn a_block_of_a_chain_is_in_a_heap_that_its_owner_may_allocate_in() {
    for mut scene in scenes() {
        let (chain, second) = chain(&mut scene);
        scene.set_rights(0, HeapRights::READ | HeapRights::WRITE);
        assert_eq!(alloc(&mut scene, 0, chain, 1).heap, second.to_bits());
        assert_eq!(alloc(&mut scene, 1, chain, 1).heap, scene.heap.to_bits());
        scene.set_rights(1, HeapRights::all());
        let me = scene.me(1);
        scene.world.domain.set_heap_rights(me, "chain", HeapRights::READ);
        assert_eq!(scene.try_alloc(1, chain, 1, 1).map_err(|error| error.code()), Err(Code::Access));
        scene.finish_empty();
    }
}

#[test]
fn a_chain_is_made_of_different_heaps_that_are_no_chains() {
    let mut scene = scenes().next().expect("some");
    chain(&mut scene);
    let domain = &mut scene.world.domain;
    let mut code = |name: &str, heaps: &[&str]| {
        domain.publish_chain(name, heaps, HeapOptions::default()).map_err(|error| error.code()).expect_err("refused")
    };
    assert_eq!(code("new", &[]), Code::Bounds);
    assert_eq!(code("new", &["none"]), Code::NotFound);
    assert_eq!(code("new", &["heap", "heap"]), Code::Unsupported);
    assert_eq!(code("new", &["heap", "chain"]), Code::Unsupported);
    assert_eq!(code("heap", &["second"]), Code::Unsupported);
    for mode in MODES {
        let mut world = World::new(mode);
        let huge = HeapOptions { max_len: 1 << 63, ..HeapOptions::default() };
        for name in ["a", "b"] {
            world.host(|domain, ram, _| {
                let medium = memctl_core::Medium::Anonymous { owner: None };
                let (_, adopted) = domain.publish_heap(name, medium, G, huge.clone()).expect("new");
                ram.add_object(adopted.object(), G);
            });
        }
        let wraps = world.domain.publish_chain("long", &["a", "b"], HeapOptions::default());
        assert_eq!(wraps.map_err(|error| error.code()), Err(Code::Bounds));
    }
}

#[test]
fn a_failing_second_heap_leaves_the_blocks_of_the_first_as_they_were() {
    for mut scene in scenes() {
        if scene.mode == Mode::Mixed {
            continue;
        }
        let (chain, second) = chain(&mut scene);
        scene.attach_at(0, chain, 0, Protection::ReadWrite).expect("free");
        let blocks = [scene.heap, scene.heap, second, second].map(|heap| scene.try_alloc(0, heap, G, 1).expect("room"));
        for (block, byte) in blocks.into_iter().zip(1..) {
            scene.fill(0, block, byte);
        }
        scene.world.call(0, |domain, ram, me| domain.detach_heap(ram, me, chain)).expect("attached");
        let first = scene.world.ram.calls;
        scene.attach_at(0, chain, 0, Protection::ReadWrite).expect("free");
        let calls = scene.world.ram.calls - first;
        scene.world.call(0, |domain, ram, me| domain.detach_heap(ram, me, chain)).expect("attached");
        for nth in 0..calls {
            scene.world.ram.fails_at = Some(scene.world.ram.calls + nth);
            scene.attach_at(0, chain, 0, Protection::ReadWrite).expect_err("it fails");
            let me = scene.me(0);
            assert_eq!(scene.world.domain.views().filter(|(_, view)| view.instance == me).count(), 0);
            assert_eq!((0..6 * G).map(|address| scene.world.load(0, address)).collect::<Vec<_>>(), vec![0; at(6 * G)]);
        }
        scene.world.ram.fails_at = None;
        scene.attach_at(0, chain, 0, Protection::ReadWrite).expect("free");
        for (block, byte) in blocks.into_iter().zip(1..) {
            assert!(scene.is_filled(0, block, byte), "{:?} {:?}", scene.mode, scene.run);
        }
        scene.do_to(0, Verb::Free, blocks[0]).expect("its owner's");
        let _: memctl_core::Memory = memory(scene.me(0));
        scene.finish_empty();
    }
}
