//! Attaching heaps and detaching them.

use memctl_core::{Code, Error, Protection};

use super::scene::{HEAP, Verb, attached, scenes};
use crate::common::{GRANULE as G, Kind, MEMORY, at, map_at, memory, memory_of};

#[test]
fn a_detached_window_is_zero_and_blocks_stay_their_owner_s() {
    for mut scene in attached() {
        let blocks = [0, 1, 0].map(|guest| scene.alloc(guest, G));
        scene.fill(0, blocks[0], 1);
        scene.fill(1, blocks[1], 2);
        scene.fill(0, blocks[2], 3);
        scene.do_to(0, Verb::Share, blocks[2]).expect("its owner's");
        scene.detach(0).expect("attached");
        assert_eq!(scene.window(0), vec![0; at(HEAP)], "{:?} {:?}", scene.mode, scene.run);
        assert!(scene.is_filled(1, blocks[1], 2));
        scene.attach_at(0, scene.heap, 2 * G, Protection::ReadWrite).expect("free");
        assert!(scene.is_filled(0, blocks[0], 1), "{:?} {:?}", scene.mode, scene.run);
        assert!(scene.is_filled(0, blocks[2], 3));
        scene.finish_empty();
    }
}

#[test]
fn a_heap_is_attached_once_and_where_nothing_else_is() {
    for mut scene in scenes() {
        let (_, handles) = scene.world.shared_object(G);
        scene.world.map(2, handles[2], map_at(0, G, Kind::Leased)).expect("free");
        let heap = scene.heap;
        let refused = |scene: &mut super::scene::Scene, guest, start| {
            scene.world.refused(guest, |domain, ram, me| {
                domain.attach_heap(ram, me, heap, memory(me), start, Protection::ReadWrite)
            })
        };
        for (start, code) in [
            (1, Code::Alignment),
            (MEMORY - HEAP + G, Code::Bounds),
            (u64::MAX - (G - 1), Code::Bounds),
            (u64::MAX, Code::Bounds),
        ] {
            assert_eq!(refused(&mut scene, 0, start), code, "{start:#x}");
        }
        assert_eq!(refused(&mut scene, 2, 0), Code::Overlap, "a window is there");
        assert_eq!(scene.world.refused(0, |domain, ram, me| domain.detach_heap(ram, me, heap)), Code::Stale);
        scene.attach(0).expect("free");
        for start in [0, HEAP] {
            assert_eq!(refused(&mut scene, 0, start), Code::Overlap, "twice");
        }
        assert_eq!(scene.world.refused_map(0, handles[0], map_at(0, G, Kind::Leased)), Code::Overlap);
        scene.detach(0).expect("attached");
        assert_eq!(scene.world.refused(0, |domain, ram, me| domain.detach_heap(ram, me, heap)), Code::Stale);
        scene.attach(0).expect("again");
        scene.world.check_books();
    }
}

#[test]
fn a_read_only_window_shows_blocks_and_takes_no_stores() {
    for mut scene in scenes() {
        scene.attach(0).expect("free");
        scene.attach_at(1, scene.heap, 0, Protection::Read).expect("free");
        let block = scene.alloc(0, G);
        scene.fill(0, block, 7);
        scene.do_to(0, Verb::Share, block).expect("its owner's");
        scene.do_to(1, Verb::Resolve, block).expect("shared");
        let own = scene.alloc(1, G);
        for (token, byte) in [(block, 7), (own, 0)] {
            assert!(scene.is_filled(1, token, byte), "{:?} {:?}", scene.mode, scene.run);
            assert!(
                scene.access(1, token) <= Some(memctl_core::Access::Read)
                    || scene.world.ram.forbidden(memory_of(scene.me(1))).len() == 1
            );
        }
        scene.do_to(1, Verb::Release, block).expect("read");
        scene.do_to(0, Verb::Unshare, block).expect("nobody reads it");
        // Without a window to write it in it goes as it came.
        scene.hand(0, 1, block);
        assert!(scene.is_filled(1, block, 7));
        scene.hand(1, 0, block);
        assert!(scene.is_filled(0, block, 7), "{:?} {:?}", scene.mode, scene.run);
        scene.finish_empty();
    }
}

#[test]
fn a_window_that_was_made_read_write_later_is_one() {
    for mut scene in scenes() {
        scene.attach_at(0, scene.heap, 0, Protection::Read).expect("free");
        scene.attach(1).expect("free");
        let block = scene.alloc(0, G);
        scene
            .world
            .call(0, |domain, ram, me| domain.protect(ram, me, memory(me), (0, HEAP), Protection::ReadWrite))
            .expect("it may write");
        scene.fill(0, block, 8);
        scene.hand(0, 1, block);
        assert!(scene.is_filled(1, block, 8), "{:?} {:?}", scene.mode, scene.run);
        let rest = scene.alloc(1, HEAP - G);
        assert!(scene.is_filled(1, rest, 0));
        scene.finish_empty();
    }
}

#[test]
fn a_block_moves_whatever_its_owner_or_taker_protected() {
    for protection in [Protection::None, Protection::Read] {
        for mut scene in attached() {
            let block = scene.alloc(0, G);
            scene.fill(0, block, 8);
            for guest in [0, 1] {
                let part = (block.offset, G);
                scene
                    .world
                    .call(guest, |domain, ram, me| domain.protect(ram, me, memory(me), part, protection))
                    .expect("a window of its own");
            }
            scene.hand(0, 1, block);
            let allowed = if protection == Protection::None { None } else { Some(memctl_core::Access::Read) };
            if scene.world.ram.aliases(memory_of(scene.me(1))) {
                assert_eq!(scene.access(1, block), allowed, "{:?} {:?}", scene.mode, scene.run);
            }
            assert!(scene.is_filled(1, block, 8), "{:?} {:?}", scene.mode, scene.run);
            scene.do_to(1, Verb::Free, block).expect("its owner's");
            let new = scene.alloc(1, G);
            assert_eq!(new.offset, block.offset);
            assert!(scene.is_filled(1, new, 0), "{:?} {:?}", scene.mode, scene.run);
            if scene.world.ram.aliases(memory_of(scene.me(1))) {
                assert_eq!(scene.access(1, new), allowed, "{:?} {:?}", scene.mode, scene.run);
            }
            scene.finish_empty();
        }
    }
}

#[test]
fn a_window_of_a_heap_is_no_mapping_and_can_t_be_discarded() {
    for mut scene in attached() {
        let block = scene.alloc(1, G);
        scene.fill(1, block, 8);
        scene.do_to(1, Verb::Give, block).expect("its owner's");
        let me = scene.me(0);
        let mapping = scene.world.domain.views().find(|(_, view)| view.instance == me).expect("attached").0;
        let world = &mut scene.world;
        let read = memctl_core::Access::Read;
        assert_eq!(world.refused(0, |domain, ram, me| domain.acquire(ram, me, mapping, (0, G), read)), Code::Stale);
        assert_eq!(world.refused(0, |domain, ram, me| domain.publish(ram, me, mapping, (0, G))), Code::Stale);
        assert_eq!(world.refused(0, |domain, ram, me| domain.refresh(ram, me, mapping, (0, G))), Code::Stale);
        assert_eq!(world.refused(0, |domain, ram, me| domain.sync(ram, me, mapping, (0, G))), Code::Stale);
        assert_eq!(world.refused(0, |domain, ram, me| domain.unmap(ram, me, mapping)), Code::Stale);
        assert_eq!(world.refused(0, |domain, ram, me| domain.drop_mapping_of(ram, me, mapping)), Code::Stale);
        assert_eq!(world.refused(0, |domain, ram, me| domain.discard(ram, me, memory(me), (0, G))), Code::Access);
        scene.do_to(2, Verb::Take, block).expect("given");
        assert!(scene.is_filled(2, block, 8), "{:?} {:?}", scene.mode, scene.run);
        scene.finish_empty();
    }
}

#[test]
fn no_object_is_a_heap_too() {
    for mut scene in scenes() {
        let file = memctl_core::Medium::File { identity: (5, 6) };
        scene.world.host(|domain, ram, guests| {
            let (_, adopted) = domain.publish_heap("of a file", file, G, Default::default()).expect("new");
            ram.add_object(adopted.object(), G);
            let all = memctl_core::Rights::all();
            assert!(matches!(domain.file(guests[0], (5, 6), G, all), Err(Error::Unsupported { .. })));
            assert!(matches!(domain.publish_name("it", file, G, all), Err(Error::Unsupported { .. })));
            let other = memctl_core::Medium::File { identity: (7, 8) };
            let named = domain.publish_name("it", other, G, all).expect("new");
            ram.add_object(named.object(), G);
            let taken = domain.publish_heap("another", other, G, Default::default());
            assert!(matches!(taken, Err(Error::Unsupported { .. })));
        });
        scene
            .attach_at(0, scene.world.domain.heap_named("of a file").expect("published"), 0, Protection::ReadWrite)
            .expect("free");
    }
}
