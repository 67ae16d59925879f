//! Heaps that grow.

use memctl_core::{Code, HeapOptions, HeapStatus, Protection, Quotas};

use super::scene::{HEAP, Run, Scene, Verb, scenes_with};
use crate::common::{GRANULE as G, MODES, World};

const MAX: u64 = 8 * G;

fn growing() -> HeapOptions {
    HeapOptions { max_len: MAX, ..HeapOptions::default() }
}

fn lens(scene: &Scene) -> (u64, u64) {
    let HeapStatus { len, max_len, .. } = scene.status();
    (len, max_len)
}

#[test]
fn every_attached_window_shows_what_a_heap_grew_by() {
    for mut scene in scenes_with(growing()) {
        (0..3).for_each(|guest| scene.attach(guest).expect("room for all that it grows to"));
        assert_eq!(lens(&scene), (HEAP, MAX));
        let first = scene.alloc(0, HEAP);
        scene.fill(0, first, 1);
        let grown = scene.alloc(1, HEAP);
        assert_eq!((lens(&scene).0, grown.offset), (MAX, HEAP));
        assert!(scene.is_filled(1, grown, 0), "{:?} {:?}", scene.mode, scene.run);
        scene.fill(1, grown, 2);
        for to in [2, 0, 1] {
            let from = (to + 2) % 3;
            scene.hand(if to == 2 { 1 } else { from }, to, grown);
            assert!(scene.is_filled(to, grown, 2), "{:?} {:?} {to}", scene.mode, scene.run);
        }
        assert!(scene.is_filled(0, first, 1));
        scene.finish();
    }
}

#[test]
fn what_guests_stored_where_a_heap_had_yet_to_grow_is_no_block_s() {
    for mut scene in scenes_with(growing()) {
        (0..3).for_each(|guest| scene.attach(guest).expect("free"));
        for guest in 0..3 {
            (HEAP..MAX).for_each(|address| scene.world.store(guest, address, 9));
        }
        scene.alloc(0, HEAP);
        let grown = scene.alloc(0, HEAP);
        assert!(scene.is_filled(0, grown, 0), "{:?} {:?}", scene.mode, scene.run);
        scene.hand(0, 1, grown);
        assert!(scene.is_filled(1, grown, 0), "{:?} {:?}", scene.mode, scene.run);
        scene.finish();
    }
}

#[test]
fn a_heap_grows_as_far_as_it_was_told_and_no_further() {
    for mut scene in scenes_with(growing()) {
        scene.alloc(0, 3 * G);
        let heap = scene.heap;
        for (len, align) in [(5 * G + 1, 1), (MAX, 1), (1, MAX), (u64::MAX / 2, 1)] {
            let code = scene.world.refused(0, |domain, ram, me| domain.alloc_block(ram, me, heap, (len, align)));
            assert_eq!(code, if len > 1 << 40 { Code::Quota } else { Code::OutOfMemory }, "{len} {align}");
        }
        assert_eq!(lens(&scene).0, HEAP, "what can't fit doesn't make it grow");
        scene.try_alloc(0, heap, 4 * G, 4 * G).expect("behind what is taken");
        scene.alloc(0, G);
        assert_eq!(scene.status().free, 0);
        scene.finish();
    }
}

#[test]
fn what_a_heap_grows_by_counts_against_the_domain() {
    for mode in MODES {
        for run in [Run::OneAtATime, Run::AtTheSameTime] {
            let limit = Quotas { object_bytes: G, ..Quotas::DOMAIN };
            let mut scene = Scene::new(World::with_quotas(mode, Quotas::GUEST, limit), (mode, run), growing());
            scene.alloc(0, HEAP);
            let heap = scene.heap;
            let code = scene.world.refused(0, |domain, ram, me| domain.alloc_block(ram, me, heap, (2 * G, 1)));
            assert_eq!(code, Code::Quota);
            scene.alloc(0, G);
            assert_eq!(lens(&scene).0, HEAP + G, "as much as it may, though it would have liked more");
            assert_eq!(scene.world.domain.total_usage().object_bytes, G);
            let code = scene.world.refused(0, |domain, ram, me| domain.alloc_block(ram, me, heap, (1, 1)));
            assert_eq!(code, Code::Quota);
            scene.finish();
        }
    }
}

#[test]
fn a_host_without_memory_leaves_a_heap_as_long_as_it_was() {
    for mut scene in scenes_with(growing()) {
        scene.attach(0).expect("free");
        let block = scene.alloc(0, HEAP);
        scene.fill(0, block, 3);
        let heap = scene.heap;
        scene.world.ram.fails_at = Some(scene.world.ram.calls);
        scene.world.ram.fails_on = true;
        let code = scene.world.refused(0, |domain, ram, me| domain.alloc_block(ram, me, heap, (G, 1)));
        assert_eq!(code, Code::Io);
        (scene.world.ram.fails_at, scene.world.ram.fails_on) = (None, false);
        scene.alloc(0, G);
        assert!(scene.is_filled(0, block, 3));
        scene.finish();
    }
}

#[test]
fn a_window_needs_room_for_all_that_a_heap_grows_to() {
    for mut scene in scenes_with(growing()) {
        let refused = scene.attach_at(0, scene.heap, G, Protection::ReadWrite);
        assert_eq!(refused.map_err(|error| error.code()), Err(Code::Bounds));
        scene.attach_at(0, scene.heap, 0, Protection::Read).expect("room");
        let block = scene.alloc(1, MAX);
        scene.attach(1).expect("room");
        scene.fill(1, block, 6);
        scene.do_to(1, Verb::Share, block).expect("its owner's");
        scene.do_to(0, Verb::Resolve, block).expect("shared");
        assert!(scene.is_filled(0, block, 6), "{:?} {:?}", scene.mode, scene.run);
        scene.finish();
    }
}
