//! A domain that is written out and read back in the middle of everything.

use memctl_core::{Code, Received};

use super::scene::{Verb, attached_with, heir};
use crate::common::GRANULE as G;

#[test]
fn heaps_go_on_as_before_when_the_domain_was_written_out_and_read_back() {
    for mut scene in attached_with(heir("heir")) {
        let me = scene.me(2);
        scene.world.domain.name_instance(me, "heir");
        let owned = scene.alloc(0, 1);
        scene.fill(0, owned, 1);
        let block = scene.alloc(0, G);
        scene.fill(0, block, 2);
        scene.world.reload();
        scene.do_to(0, Verb::Share, block).expect("its owner's");
        scene.world.reload();
        scene.do_to(1, Verb::Resolve, block).expect("shared");
        scene.world.reload();
        assert_eq!(scene.refused(0, Verb::Free, block), Code::Busy);
        scene.do_to(1, Verb::Release, block).expect("read");
        scene.do_to(0, Verb::Give, block).expect("its owner's");
        scene.world.reload();
        scene.do_to(1, Verb::Take, block).expect("given");
        assert!(scene.is_filled(1, block, 2), "{:?} {:?}", scene.mode, scene.run);
        let waits = scene.wait(0, 0);
        scene.world.reload();
        scene.send(1, 0, block).expect("its owner's");
        scene.world.reload();
        assert_eq!(scene.world.woken_receivers(), [waits]);
        assert_eq!(scene.collect(0, waits), Ok(Some(block)));
        scene.send(0, 1, block).expect("its owner's");
        scene.world.end(0);
        scene.world.reload();
        assert_eq!(scene.inherit(2), Ok(owned));
        assert!(scene.is_filled(2, owned, 1), "{:?} {:?}", scene.mode, scene.run);
        assert_eq!(scene.receive(2, 1), Ok(Received::Block(block)));
        scene.finish_empty();
    }
}
