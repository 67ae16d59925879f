//! Where guests run at the same time, pages keep blocks from who doesn't have them.

use memctl_core::{Access, HeapOptions, Protection, Threads};

use super::scene::{HEAP, Run, Scene, Verb, attached, attached_with, heir};
use crate::common::{GRANULE as G, Mode, World, memory_of};

const READ: Option<Access> = Some(Access::Read);
const WRITE: Option<Access> = Some(Access::Write);

fn guarded() -> impl Iterator<Item = Scene> {
    attached().filter(|scene| scene.has_pages(0) && scene.mode == Mode::Alias)
}

/// What each of two guests can do in a block.
fn both(scene: &Scene, block: memctl_core::Token) -> [Option<Access>; 2] {
    [0, 1].map(|guest| scene.access(guest, block))
}

#[test]
fn a_block_can_be_touched_by_who_has_it_as_it_has_it() {
    for mut scene in guarded() {
        let block = scene.alloc(0, G);
        assert_eq!(both(&scene, block), [WRITE, None]);
        scene.do_to(0, Verb::Share, block).expect("its owner's");
        assert_eq!(both(&scene, block), [READ, None]);
        scene.do_to(1, Verb::Resolve, block).expect("shared");
        assert_eq!(both(&scene, block), [READ, READ]);
        scene.do_to(1, Verb::Release, block).expect("read");
        assert_eq!(both(&scene, block), [READ, None]);
        scene.do_to(0, Verb::Unshare, block).expect("its owner's");
        assert_eq!(both(&scene, block), [WRITE, None]);
        scene.do_to(0, Verb::Give, block).expect("its owner's");
        assert_eq!(both(&scene, block), [None, None]);
        scene.do_to(1, Verb::Take, block).expect("given");
        assert_eq!(both(&scene, block), [None, WRITE]);
        scene.send(1, 0, block).expect("its owner's");
        assert_eq!(both(&scene, block), [None, None]);
        let waits = scene.wait(0, 1);
        scene.receive(0, 0).expect("sent");
        assert_eq!(both(&scene, block), [WRITE, None]);
        scene.send(0, 1, block).expect("its owner's");
        assert_eq!(both(&scene, block), [None, None], "on its way");
        scene.collect(0, waits).expect("it is there");
        assert_eq!(both(&scene, block), [WRITE, None]);
        scene.do_to(0, Verb::Free, block).expect("its owner's");
        assert_eq!(both(&scene, block), [None, None]);
        scene.finish_empty();
    }
}

#[test]
fn a_block_of_a_byte_has_pages_of_its_own() {
    for mut scene in guarded() {
        let blocks = [0, 1, 0].map(|guest| scene.alloc(guest, 1));
        for (block, owner) in blocks.into_iter().zip([0, 1, 0]) {
            assert_eq!(block.offset % G, 0);
            for address in block.offset..block.offset + G {
                let can = [0, 1].map(|guest| scene.world.ram.access(memory_of(scene.me(guest)), address));
                assert_eq!(can, if owner == 0 { [WRITE, None] } else { [None, WRITE] });
            }
        }
        scene.finish_empty();
    }
}

#[test]
fn nothing_of_a_window_can_be_touched_but_blocks() {
    for mut scene in guarded() {
        let own = scene.alloc(0, G);
        scene.alloc(1, G);
        scene.detach(0).expect("attached");
        scene.attach(0).expect("free");
        let me = memory_of(scene.me(0));
        for address in 0..HEAP {
            let expected = if address >= own.offset && address < own.offset + G { WRITE } else { None };
            assert_eq!(scene.world.ram.access(me, address), expected, "{address}");
        }
        scene.finish_empty();
    }
}

#[test]
fn a_read_only_window_lets_its_owner_read() {
    for mut scene in guarded() {
        scene.detach(0).expect("attached");
        scene.attach_at(0, scene.heap, 0, Protection::Read).expect("free");
        let block = scene.alloc(0, G);
        assert_eq!(scene.access(0, block), READ);
        scene.do_to(0, Verb::Share, block).expect("its owner's");
        scene.do_to(0, Verb::Unshare, block).expect("its owner's");
        assert_eq!(scene.access(0, block), READ);
        scene.finish_empty();
    }
}

#[test]
fn a_window_that_shows_nothing_for_its_protection_shows_no_block() {
    for mut scene in guarded() {
        scene.detach(0).expect("attached");
        scene.attach_at(0, scene.heap, 0, Protection::None).expect("free");
        let block = scene.alloc(0, G);
        assert_eq!(scene.access(0, block), None);
        scene.finish_empty();
    }
}

#[test]
fn growing_opens_nothing_to_anybody() {
    for mut scene in attached_with(HeapOptions { max_len: 2 * HEAP, ..HeapOptions::default() }) {
        if !scene.has_pages(0) {
            continue;
        }
        let first = scene.alloc(0, HEAP);
        let grown = scene.alloc(0, G);
        let can = |scene: &Scene, at| [0, 1].map(|guest| scene.world.ram.access(memory_of(scene.me(guest)), at));
        assert_eq!(scene.access(0, first), WRITE);
        assert_eq!(can(&scene, grown.offset)[0], WRITE);
        if scene.has_pages(1) {
            assert_eq!(can(&scene, grown.offset)[1], None);
        }
        for at in (grown.offset + G..scene.status().len).step_by(usize::try_from(G).expect("small")) {
            assert_eq!(can(&scene, at)[0], None, "{at}");
        }
        scene.finish();
    }
}

#[test]
fn an_heir_can_touch_what_it_was_told_of() {
    for mut scene in attached_with(heir("heir")).filter(|scene| scene.has_pages(1)) {
        let me = scene.me(1);
        scene.world.domain.name_instance(me, "heir");
        let blocks = [0, 0].map(|guest| scene.alloc(guest, G));
        scene.do_to(0, Verb::Share, blocks[1]).expect("its owner's");
        scene.world.end(0);
        assert_eq!(blocks.map(|block| scene.access(1, block)), [None, None]);
        for _ in 0..2 {
            scene.inherit(1).expect("two");
        }
        assert_eq!(blocks.map(|block| scene.access(1, block)), [WRITE, READ]);
        scene.finish_empty();
    }
}

#[test]
fn an_audited_guest_is_held_to_its_blocks() {
    let mut world = World::new(Mode::Alias);
    world.domain.audit();
    let mut scene = Scene::new(world, (Mode::Alias, Run::OneAtATime), HeapOptions::default());
    (0..2).for_each(|guest| scene.attach(guest).expect("free"));
    let block = scene.alloc(0, 1);
    assert_eq!(both(&scene, block), [WRITE, None]);
    scene.hand(0, 1, block);
    assert_eq!(both(&scene, block), [None, WRITE]);
}

#[test]
fn pages_are_no_matter_where_sharing_is_unchecked() {
    let mut world = World::new(Mode::Alias);
    world.domain.set_threads(Threads::Unchecked);
    let mut scene = Scene::new(world, (Mode::Alias, Run::OneAtATime), HeapOptions::default());
    (0..2).for_each(|guest| scene.attach(guest).expect("free"));
    let block = scene.alloc(0, 1);
    // Leased windows are kept apart also there.
    assert_eq!(both(&scene, block), [WRITE, None]);
}
