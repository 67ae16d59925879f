//! A guest that stores all over its window.

use memctl_core::Token;

use super::scene::{HEAP, Scene, Verb, attached};
use crate::common::{GRANULE as G, Mode};

fn scribble(scene: &mut Scene, guest: usize) {
    (0..HEAP).for_each(|address| scene.world.store(guest, address, 0xa5));
}

/// Blocks of all kinds, not one of them guest 2's.
fn blocks(scene: &mut Scene) -> [Token; 4] {
    let blocks = [1, 2, 3, 4].map(|byte| {
        let block = scene.alloc(0, 1);
        scene.fill(0, block, byte);
        block
    });
    scene.do_to(0, Verb::Share, blocks[1]).expect("its owner's");
    scene.do_to(1, Verb::Resolve, blocks[1]).expect("shared");
    scene.do_to(0, Verb::Give, blocks[2]).expect("its owner's");
    scene.send(0, 0, blocks[3]).expect("its owner's");
    blocks
}

#[test]
fn what_a_guest_stores_anywhere_changes_nothing_that_is_known_of_the_heap() {
    for mut scene in attached().filter(|scene| !scene.has_pages(2)) {
        blocks(&mut scene);
        scene.world.try_running(2).expect("no faults here");
        let before = postcard::to_allocvec(&scene.world.domain).expect("plain data");
        scribble(&mut scene, 2);
        assert!(postcard::to_allocvec(&scene.world.domain).expect("plain data") == before);
        let more: Vec<_> = std::iter::from_fn(|| scene.try_alloc(1, scene.heap, 1, 1).ok()).collect();
        assert_eq!(more.len() as u64, HEAP / scene.unit() - 4);
        for block in more {
            assert!(scene.is_filled(1, block, 0), "{:?} {:?}", scene.mode, scene.run);
        }
        scene.finish();
    }
}

#[test]
fn on_copy_no_byte_of_others_blocks_changes() {
    for mut scene in attached().filter(|scene| scene.mode == Mode::Copy) {
        let blocks = blocks(&mut scene);
        scribble(&mut scene, 2);
        let own = (HEAP / scene.unit() > 4).then(|| scene.alloc(2, 1));
        scribble(&mut scene, 2);
        if let Some(own) = own {
            scene.do_to(2, Verb::Share, own).expect("its owner's");
            scribble(&mut scene, 2);
            assert!(scene.is_filled(2, own, 0xa5));
        }
        scene.detach(2).expect("attached");
        scene.attach(2).expect("free");
        scene.do_to(1, Verb::Take, blocks[2]).expect("given");
        scene.receive(1, 0).expect("sent");
        scene.detach(0).expect("attached");
        scene.attach(0).expect("free");
        for (guest, block, byte) in
            [(0, blocks[0], 1), (0, blocks[1], 2), (1, blocks[1], 2), (1, blocks[2], 3), (1, blocks[3], 4)]
        {
            assert!(scene.is_filled(guest, block, byte), "{block:?} {:?}", scene.run);
        }
        scene.finish_empty();
    }
}

#[test]
fn a_reader_that_stores_spoils_the_block_for_itself_alone_on_copy() {
    for mut scene in attached().filter(|scene| scene.mode == Mode::Copy) {
        let block = scene.alloc(0, G);
        scene.fill(0, block, 1);
        scene.do_to(0, Verb::Share, block).expect("its owner's");
        scene.do_to(1, Verb::Resolve, block).expect("shared");
        scribble(&mut scene, 1);
        scene.do_to(2, Verb::Resolve, block).expect("shared");
        scene.do_to(1, Verb::Release, block).expect("read");
        scene.do_to(1, Verb::Resolve, block).expect("shared");
        assert!(scene.is_filled(1, block, 1) && scene.is_filled(2, block, 1) && scene.is_filled(0, block, 1));
        scene.finish_empty();
    }
}
