//! Allocating and freeing blocks.

use memctl_core::{Code, Error, Token};
use proptest::prelude::*;

use super::scene::{HEAP, Scene, Verb, attached, scenes};
use crate::common::GRANULE as G;

fn refused(scene: &mut Scene, len: u64, align: u64) -> Code {
    let heap = scene.heap;
    scene.world.refused(0, |domain, ram, me| domain.alloc_block(ram, me, heap, (len, align)))
}

#[test]
fn a_block_is_zero_also_where_others_were() {
    for mut scene in attached() {
        for guest in [0, 1, 2, 1, 0] {
            let blocks: Vec<_> = (0..4).map(|_| scene.alloc(guest, G)).collect();
            for block in blocks {
                assert!(scene.is_filled(guest, block, 0), "{:?} {:?}", scene.mode, scene.run);
                scene.fill(guest, block, 9);
                scene.do_to(guest, Verb::Free, block).expect("its owner's");
            }
        }
        scene.finish_empty();
    }
}

#[test]
fn a_block_that_was_allocated_unattached_is_zero_when_it_is_seen() {
    for mut scene in scenes() {
        scene.attach(1).expect("free");
        let old = scene.alloc(1, HEAP);
        scene.fill(1, old, 9);
        scene.detach(1).expect("attached");
        scene.do_to(1, Verb::Free, old).expect("its owner's");
        let new = scene.alloc(0, HEAP);
        scene.attach(0).expect("free");
        assert!(scene.is_filled(0, new, 0), "{:?} {:?}", scene.mode, scene.run);
        scene.finish_empty();
    }
}

#[test]
fn a_block_is_zero_where_a_guest_scribbled_before_there_was_any() {
    for mut scene in attached() {
        if scene.has_pages(1) {
            continue;
        }
        (0..HEAP).for_each(|address| scene.world.store(1, address, 7));
        let block = scene.alloc(0, HEAP);
        assert!(scene.is_filled(0, block, 0), "{:?} {:?}", scene.mode, scene.run);
    }
}

#[test]
fn a_block_is_zero_where_host_code_wrote_before_there_was_any() {
    for mut scene in attached() {
        let object = scene.object;
        scene.world.overwrite(object, 0, &[7; 100]).expect("nobody has it");
        let block = scene.alloc(0, HEAP);
        assert!(scene.is_filled(0, block, 0), "{:?} {:?}", scene.mode, scene.run);
    }
}

#[test]
fn what_cannot_be_is_refused_by_its_own_code_and_changes_nothing() {
    for mut scene in attached() {
        let block = scene.alloc(0, 1);
        let room = HEAP - scene.unit();
        for (len, align, code) in [
            (0, 1, Code::Bounds),
            (0, 3, Code::Bounds),
            (1, 0, Code::Alignment),
            (1, 3, Code::Alignment),
            (1, u64::MAX, Code::Alignment),
            (room + 1, 1, Code::OutOfMemory),
            (1, 1 << 63, Code::OutOfMemory),
            (room, HEAP, Code::OutOfMemory),
            (u64::MAX, 1, Code::Quota),
            (u64::MAX, 1 << 63, Code::Quota),
        ] {
            assert_eq!(refused(&mut scene, len, align), code, "{len} {align}");
        }
        scene.do_to(0, Verb::Free, block).expect("its owner's");
        scene.finish_empty();
    }
}

#[test]
fn numbers_as_large_as_they_get_are_refused_where_no_quota_is_in_the_way() {
    let endless = memctl_core::Quotas { block_bytes: u64::MAX, ..memctl_core::Quotas::GUEST };
    let world = crate::common::World::with_quotas(crate::common::Mode::Copy, endless, endless);
    let options = memctl_core::HeapOptions { max_len: u64::MAX - (G - 1), ..Default::default() };
    let mut scene = Scene::new(world, (crate::common::Mode::Copy, super::scene::Run::OneAtATime), options);
    for (len, align) in [(u64::MAX, 1), (u64::MAX, 1 << 63), (u64::MAX - 16, 16), (1 << 63, 1 << 63)] {
        assert_eq!(refused(&mut scene, len, align), if len == 1 << 63 { Code::Quota } else { Code::OutOfMemory });
    }
}

#[test]
fn a_block_that_was_freed_is_stale_and_frees_nothing_else() {
    for mut scene in attached() {
        let old = scene.alloc(0, G);
        scene.do_to(0, Verb::Free, old).expect("its owner's");
        assert_eq!(scene.refused(0, Verb::Free, old), Code::Stale);
        let new = scene.alloc(0, G);
        assert_eq!((new.heap, new.offset, new.len), (old.heap, old.offset, old.len));
        for guest in 0..3 {
            for verb in Verb::ALL {
                assert_eq!(scene.refused(guest, verb, old), Code::Stale, "{verb:?}");
            }
        }
        scene.do_to(0, Verb::Free, new).expect("another block");
        scene.finish_empty();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 2 } else { 64 }, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn live_blocks_are_aligned_inside_and_apart(
        steps in prop::collection::vec((0_usize..3, 1_u64..50, 0_u32..7, 0_usize..8), 1..60)
    ) {
        for mut scene in attached() {
            let mut live: Vec<(usize, Token, u8)> = Vec::new();
            for (guest, len, bits, which) in &steps {
                if which % 3 == 0 && !live.is_empty() {
                    let (owner, token, byte) = live.remove(which % live.len());
                    prop_assert!(scene.is_filled(owner, token, byte));
                    scene.do_to(owner, Verb::Free, token).expect("its owner's");
                    continue;
                }
                let align = 1 << bits;
                match scene.try_alloc(*guest, scene.heap, *len, align) {
                    Ok(token) => {
                        prop_assert!(token.len == *len && token.offset % align == 0 && token.offset + len <= HEAP);
                        let apart = live.iter().all(|(_, other, _)| {
                            token.offset + token.len <= other.offset || other.offset + other.len <= token.offset
                        });
                        prop_assert!(apart, "{token:?} {live:?}");
                        let byte = u8::try_from(live.len() + 1).expect("few");
                        scene.fill(*guest, token, byte);
                        live.push((*guest, token, byte));
                    }
                    Err(error) => prop_assert!(matches!(error, Error::OutOfMemory { .. }), "{error}"),
                }
                for &(owner, token, byte) in &live {
                    prop_assert!(scene.is_filled(owner, token, byte), "{:?} {:?}", scene.mode, scene.run);
                }
            }
            scene.finish_empty();
        }
    }
}
