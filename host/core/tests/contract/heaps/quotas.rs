//! What blocks, leases and windows of heaps count for, and that all of it is given back.

use memctl_core::{Code, Error, Quotas, Received};

use super::scene::{HEAP, Run, Scene, Verb, attached, scenes};
use crate::common::{GRANULE as G, MODES, Mode, World};

fn tight(limit: Quotas) -> impl Iterator<Item = (Scene, &'static str)> {
    MODES.into_iter().flat_map(move |mode: Mode| {
        [Run::OneAtATime, Run::AtTheSameTime].into_iter().flat_map(move |run| {
            ["guest", "domain"].map(move |scope| {
                let world = match scope {
                    "guest" => World::with_quotas(mode, limit, Quotas::DOMAIN),
                    _ => World::with_quotas(mode, Quotas::GUEST, limit),
                };
                (Scene::new(world, (mode, run), Default::default()), scope)
            })
        })
    })
}

#[test]
fn blocks_and_their_bytes_are_bounded() {
    for (mut scene, scope) in tight(Quotas { blocks: 2, ..Quotas::GUEST }) {
        let blocks = [0, 0].map(|guest| scene.alloc(guest, 1));
        let refused = scene.try_alloc(0, scene.heap, 1, 1);
        assert!(matches!(refused, Err(Error::Quota { what: "blocks", scope: of, .. }) if of == scope));
        scene.do_to(0, Verb::Free, blocks[0]).expect("its owner's");
        scene.alloc(0, 1);
        scene.finish_empty();
    }
    for (mut scene, scope) in tight(Quotas { block_bytes: 2 * G, ..Quotas::GUEST }) {
        let block = scene.alloc(0, G + 1);
        let heap = scene.heap;
        let code = scene.world.refused(0, |domain, ram, me| domain.alloc_block(ram, me, heap, (G, 1)));
        assert_eq!(code, Code::Quota, "of the {scope}");
        scene.do_to(0, Verb::Free, block).expect("its owner's");
        scene.alloc(0, 2 * G);
        scene.finish_empty();
    }
}

#[test]
fn a_taker_without_quota_leaves_the_block_as_it_was() {
    for (mut scene, scope) in tight(Quotas { blocks: 2, ..Quotas::GUEST }) {
        let given = scene.alloc(0, G);
        scene.do_to(0, Verb::Give, given).expect("its owner's");
        let other = scene.alloc(1, 1);
        if scope == "domain" {
            // It counts for the domain all the way.
            let heap = scene.heap;
            let code = scene.world.refused(2, |domain, ram, me| domain.alloc_block(ram, me, heap, (1, 1)));
            assert_eq!(code, Code::Quota);
        } else {
            scene.alloc(1, 1);
            assert_eq!(scene.refused(1, Verb::Take, given), Code::Quota);
            scene.do_to(1, Verb::Free, other).expect("its owner's");
        }
        scene.do_to(1, Verb::Take, given).expect("there is room, or it counted before");
        scene.world.check_books();
        scene.finish_empty();
    }
}

#[test]
fn what_is_read_counts_as_a_lease() {
    for (mut scene, scope) in tight(Quotas { leases: 1, ..Quotas::GUEST }) {
        let blocks = [0, 0].map(|guest| {
            let block = scene.alloc(guest, 1);
            scene.do_to(guest, Verb::Share, block).expect("its owner's");
            block
        });
        scene.do_to(1, Verb::Resolve, blocks[0]).expect("room");
        let who = if scope == "domain" { 2 } else { 1 };
        assert_eq!(scene.refused(who, Verb::Resolve, blocks[1]), Code::Quota, "of the {scope}");
        scene.do_to(1, Verb::Release, blocks[0]).expect("read");
        scene.do_to(who, Verb::Resolve, blocks[1]).expect("room again");
        scene.finish_empty();
    }
}

#[test]
fn a_window_on_a_heap_counts_as_a_mapping() {
    for (mut scene, scope) in tight(Quotas { mapped_bytes: HEAP, ..Quotas::GUEST }) {
        let (other, _) = scene.publish("other", G, Default::default());
        scene.attach(0).expect("room");
        let refused = scene.attach_at(0, other, HEAP, memctl_core::Protection::ReadWrite);
        assert!(matches!(refused, Err(Error::Quota { what: "mapped bytes", scope: of, .. }) if of == scope));
        scene.detach(0).expect("attached");
        scene.attach_at(0, other, HEAP, memctl_core::Protection::ReadWrite).expect("room again");
        scene.world.check_books();
    }
}

#[test]
fn all_that_was_used_is_given_back_to_the_last() {
    for mut scene in attached() {
        let me = scene.me(0);
        let attached = scene.world.domain.usage(me).expect("live");
        let block = scene.alloc(0, G);
        for (from, to) in [(0, 1), (1, 0)] {
            scene.hand(from, to, block);
            scene.send(to, 0, block).expect("its owner's");
            assert_eq!(scene.receive(to, 0), Ok(Received::Block(block)));
            scene.do_to(to, Verb::Share, block).expect("its owner's");
            scene.do_to(2, Verb::Resolve, block).expect("shared");
            scene.do_to(2, Verb::Release, block).expect("read");
        }
        let waits = scene.wait(0, 5);
        scene.world.domain.stop_receiving(me, waits);
        scene.do_to(0, Verb::Free, block).expect("its owner's");
        assert_eq!(scene.world.domain.usage(me), Ok(attached));
        (0..3).for_each(|guest| scene.detach(guest).expect("attached"));
        for guest in 0..3 {
            assert_eq!(scene.world.domain.usage(scene.me(guest)), Ok(Quotas::NONE));
        }
        assert_eq!(scene.world.domain.total_usage(), Quotas::NONE);
    }
}

#[test]
fn what_is_on_its_way_counts_for_who_gave_it_away_until_somebody_has_it() {
    for mut scene in attached() {
        let [giver, taker] = [0, 1].map(|guest| scene.me(guest));
        let blocks = |scene: &Scene| [giver, taker].map(|me| scene.world.domain.usage(me).expect("live").blocks);
        let (given, sent) = (scene.alloc(0, 1), scene.alloc(0, 1));
        scene.do_to(0, Verb::Give, given).expect("its owner's");
        scene.send(0, 0, sent).expect("its owner's");
        assert_eq!(blocks(&scene), [2, 0]);
        scene.do_to(1, Verb::Take, given).expect("given");
        assert_eq!(blocks(&scene), [1, 1]);
        scene.receive(1, 0).expect("sent");
        assert_eq!(blocks(&scene), [0, 2]);
        scene.finish_empty();
    }
}

#[test]
fn what_a_dead_guest_gave_away_stays_given_until_the_embedder_reclaims_it() {
    for mut scene in attached() {
        let blocks = [0; 3].map(|guest| scene.alloc(guest, 1));
        scene.do_to(0, Verb::Give, blocks[0]).expect("its owner's");
        scene.do_to(0, Verb::Give, blocks[1]).expect("its owner's");
        scene.send(0, 0, blocks[2]).expect("its owner's");
        let kept = scene.alloc(1, 1);
        scene.world.end(0);
        assert_eq!(scene.world.domain.total_usage().blocks, 4);
        scene.do_to(1, Verb::Take, blocks[0]).expect("given");
        assert_eq!(scene.world.domain.reclaim_blocks(scene.heap), Ok(2));
        assert_eq!(scene.refused(1, Verb::Take, blocks[1]), Code::Stale);
        scene.wait(1, 0);
        for block in [blocks[0], kept] {
            scene.do_to(1, Verb::Free, block).expect("its owner's");
        }
        assert_eq!(scene.world.domain.reclaim_blocks(scene.heap), Ok(0));
        scene.finish_empty();
    }
}

#[test]
fn a_heap_s_blocks_are_reclaimed_from_its_chain_s_queues_and_others_are_left_there() {
    for mut scene in scenes() {
        let (second, _) = scene.publish("second", 2 * G, Default::default());
        let options = memctl_core::HeapOptions::default();
        let chain = scene.world.domain.publish_chain("chain", &["heap", "second"], options).expect("two heaps");
        let blocks = [scene.heap, second].map(|heap| scene.try_alloc(0, heap, 1, 1).expect("room"));
        for block in blocks {
            scene.world.call(0, |domain, ram, me| domain.send_block(ram, me, chain, 0, block)).expect("its owner's");
        }
        assert_eq!(scene.world.domain.reclaim_blocks(second), Ok(1));
        assert_eq!(scene.refused(1, Verb::Take, blocks[1]), Code::Stale);
        assert_eq!(scene.world.domain.reclaim_blocks(chain), Ok(1));
        assert_eq!(scene.world.domain.total_usage(), Quotas::NONE);
        scene.finish_empty();
    }
}
