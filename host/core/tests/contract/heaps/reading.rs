//! Sharing blocks and reading them.

use memctl_core::Code;

use super::scene::{Verb, attached, scenes};
use crate::common::GRANULE as G;

#[test]
fn a_shared_block_shows_every_reader_what_its_owner_wrote() {
    for mut scene in attached() {
        let block = scene.alloc(0, G);
        scene.fill(0, block, 4);
        scene.do_to(0, Verb::Share, block).expect("its owner's");
        for guest in [1, 2] {
            scene.do_to(guest, Verb::Resolve, block).expect("shared");
            assert!(scene.is_filled(guest, block, 4), "{:?} {:?}", scene.mode, scene.run);
        }
        assert!(scene.is_filled(0, block, 4), "the owner reads it too");
        scene.finish_empty();
    }
}

#[test]
fn what_is_read_stays_and_stays_as_it_is() {
    for mut scene in attached() {
        let block = scene.alloc(0, G);
        scene.do_to(0, Verb::Share, block).expect("its owner's");
        for guest in [1, 2] {
            scene.do_to(guest, Verb::Resolve, block).expect("shared");
        }
        for readers in [2, 1] {
            for verb in [Verb::Free, Verb::Unshare, Verb::Give, Verb::Send] {
                assert_eq!(scene.refused(0, verb, block), Code::Busy, "{verb:?} with {readers} readers");
            }
            scene.do_to(readers, Verb::Release, block).expect("read");
        }
        scene.do_to(0, Verb::Unshare, block).expect("nobody reads it");
        scene.fill(0, block, 2);
        scene.do_to(0, Verb::Share, block).expect("its owner's");
        scene.do_to(1, Verb::Resolve, block).expect("shared");
        assert!(scene.is_filled(1, block, 2), "{:?} {:?}", scene.mode, scene.run);
        scene.finish_empty();
    }
}

#[test]
fn only_what_is_shared_can_be_read_and_by_each_once() {
    for mut scene in attached() {
        let block = scene.alloc(0, G);
        assert_eq!(scene.refused(1, Verb::Resolve, block), Code::Busy, "not shared");
        assert_eq!(scene.refused(0, Verb::Resolve, block), Code::Busy, "its owner");
        assert_eq!(scene.refused(1, Verb::Release, block), Code::Stale, "not read");
        scene.do_to(0, Verb::Share, block).expect("its owner's");
        assert_eq!(scene.refused(0, Verb::Resolve, block), Code::Busy, "its owner");
        scene.do_to(1, Verb::Resolve, block).expect("shared");
        assert_eq!(scene.refused(1, Verb::Resolve, block), Code::Busy, "twice");
        assert_eq!(scene.refused(2, Verb::Release, block), Code::Stale, "not read by this one");
        scene.do_to(1, Verb::Release, block).expect("read");
        assert_eq!(scene.refused(1, Verb::Release, block), Code::Stale, "not any more");
        scene.finish_empty();
    }
}

#[test]
fn sharing_what_is_shared_and_unsharing_what_is_not_do_nothing() {
    for mut scene in attached() {
        let block = scene.alloc(0, G);
        scene.do_to(0, Verb::Unshare, block).expect("its owner's");
        scene.fill(0, block, 3);
        scene.do_to(0, Verb::Share, block).expect("its owner's");
        scene.do_to(1, Verb::Resolve, block).expect("shared");
        scene.do_to(0, Verb::Share, block).expect("its owner's");
        assert!(scene.is_filled(1, block, 3));
        scene.finish_empty();
    }
}

#[test]
fn a_shared_block_that_is_given_away_is_shared_no_more() {
    for mut scene in attached() {
        let block = scene.alloc(0, G);
        scene.fill(0, block, 3);
        scene.do_to(0, Verb::Share, block).expect("its owner's");
        scene.hand(0, 1, block);
        assert!(scene.is_filled(1, block, 3), "{:?} {:?}", scene.mode, scene.run);
        assert_eq!(scene.refused(2, Verb::Resolve, block), Code::Busy);
        scene.fill(1, block, 4);
        scene.finish_empty();
    }
}

#[test]
fn a_block_is_read_where_the_heap_is_attached_later() {
    for mut scene in scenes() {
        scene.attach(0).expect("free");
        let block = scene.alloc(0, G);
        scene.fill(0, block, 6);
        scene.do_to(0, Verb::Share, block).expect("its owner's");
        scene.do_to(1, Verb::Resolve, block).expect("shared");
        scene.attach(1).expect("free");
        assert!(scene.is_filled(1, block, 6), "{:?} {:?}", scene.mode, scene.run);
        scene.detach(1).expect("attached");
        assert_eq!(scene.refused(0, Verb::Free, block), Code::Busy, "it is still read");
        scene.do_to(1, Verb::Release, block).expect("read");
        scene.do_to(0, Verb::Free, block).expect("nobody reads it");
        scene.finish_empty();
    }
}
