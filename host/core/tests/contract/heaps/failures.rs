//! Every call of the backend, failed once.

use memctl_core::{Code, Error, HeapOptions, HeapStatus, Protection, Quotas};

use super::scene::{HEAP, Run, Scene, Verb, heir};
use crate::common::{GRANULE as G, MODES, Mode, World, memory_of};

/// What can be told from outside: what is used, what is attached, what of the heap is taken. It may have grown.
fn told(scene: &Scene) -> (Vec<Quotas>, Quotas, u32, u64, usize) {
    let usage = scene.world.guests.iter().filter_map(|guest| scene.world.domain.usage(*guest).ok()).collect();
    let HeapStatus { len, free, blocks, .. } = scene.status();
    let total = Quotas { object_bytes: 0, ..scene.world.domain.total_usage() };
    (usage, total, blocks, len - free, scene.world.domain.views().count())
}

/// Does a call that may be failed once. If it is, all is as it was, and trying again succeeds.
fn twice<T>(scene: &mut Scene, call: impl Fn(&mut Scene) -> Result<T, Error>) -> T {
    let before = told(scene);
    match call(scene) {
        Ok(done) => done,
        Err(error) => {
            assert_eq!(error.code(), Code::Io);
            assert_eq!(told(scene), before, "{error}");
            call(scene).expect("it fails once")
        }
    }
}

/// Everything that calls the backend. Gives the number of calls that were made.
fn scenario((mode, run): (Mode, Run), protection: Protection, fails_at: Option<u64>) -> u64 {
    let options = HeapOptions { max_len: 2 * HEAP, ..heir("heir") };
    let mut scene = Scene::new(World::new(mode), (mode, run), options);
    let me = scene.me(2);
    scene.world.domain.name_instance(me, "heir");
    (scene.world.ram.calls, scene.world.ram.fails_at) = (0, fails_at);
    let fails = format!("{mode:?} {run:?} {protection:?} {fails_at:?}");

    let early = twice(&mut scene, |scene| scene.try_alloc(0, scene.heap, 1, 1));
    twice(&mut scene, |scene| scene.attach(0));
    twice(&mut scene, |scene| scene.attach_at(1, scene.heap, 0, protection));
    scene.fill(0, early, 1);
    let block = twice(&mut scene, |scene| scene.try_alloc(0, scene.heap, G, G));
    scene.fill(0, block, 2);
    let grown = twice(&mut scene, |scene| scene.try_alloc(0, scene.heap, HEAP, 1));
    scene.fill(0, grown, 3);
    twice(&mut scene, |scene| scene.do_to(0, Verb::Share, block));
    twice(&mut scene, |scene| scene.do_to(1, Verb::Resolve, block));
    assert!(scene.is_filled(1, block, 2), "{fails}");
    scene.do_to(1, Verb::Release, block).expect("can't fail");
    twice(&mut scene, |scene| scene.do_to(0, Verb::Unshare, block));
    scene.fill(0, block, 4);
    twice(&mut scene, |scene| scene.do_to(0, Verb::Give, block));
    twice(&mut scene, |scene| scene.do_to(1, Verb::Take, block));
    assert!(scene.is_filled(1, block, 4), "{fails}");
    twice(&mut scene, |scene| scene.send(1, 0, block));
    twice(&mut scene, |scene| scene.receive(0, 0));
    assert!(scene.is_filled(0, block, 4), "{fails}");
    let waits = scene.wait(1, 0);
    twice(&mut scene, |scene| scene.send(0, 0, block));
    // Who can't have it yet leaves it in the queue.
    if scene.collect(1, waits).is_err() {
        assert_eq!(scene.receive(1, 0), Ok(memctl_core::Received::Block(block)));
    }
    assert!(scene.is_filled(1, block, 4), "{fails}");
    let quiet = scene.world.ram.calls;
    if scene.detach(0).is_err() {
        // What could not be published is lost; the heap is detached all the same.
        assert!(scene.world.domain.attached_at(scene.me(0), scene.heap).is_err());
        twice(&mut scene, |scene| scene.attach(0));
    } else {
        twice(&mut scene, |scene| scene.attach(0));
        assert!(scene.is_filled(0, early, 1) && scene.is_filled(0, grown, 3), "{fails}");
    }
    let kept = fails_at.is_none_or(|nth| nth < quiet);
    let before = scene.bytes(0, early);
    scene.world.end(0);
    twice(&mut scene, |scene| scene.attach(2));
    for _ in 0..2 {
        let told = twice(&mut scene, |scene| scene.inherit(2));
        if kept {
            assert!(scene.is_filled(2, told, if told == early { 1 } else { 3 }), "{fails} {before:?}");
        }
    }
    scene.do_to(1, Verb::Free, block).expect("can't fail");
    assert_no_more_than_due(&scene, &fails);
    scene.world.check_books();
    let calls = scene.world.ram.calls;
    scene.world.end(1);
    scene.world.end(2);
    let status = scene.status();
    assert_eq!((status.blocks, status.free), (0, status.len), "{fails}");
    let grown = Quotas { object_bytes: status.len - HEAP, ..Quotas::NONE };
    assert_eq!((scene.world.domain.views().count(), scene.world.domain.total_usage()), (0, grown), "{fails}");
    calls
}

/// Guest 1 owns nothing by then.
fn assert_no_more_than_due(scene: &Scene, fails: &str) {
    if scene.has_pages(1) {
        let memory = memory_of(scene.me(1));
        assert!(
            (0..2 * HEAP)
                .all(|address| address >= scene.status().len || scene.world.ram.access(memory, address).is_none()),
            "{fails}"
        );
    }
}

#[test]
fn any_one_failing_call_leaves_no_half_state() {
    for mode in MODES {
        for run in [Run::OneAtATime, Run::AtTheSameTime] {
            for protection in [Protection::ReadWrite, Protection::Read] {
                let calls = scenario((mode, run), protection, None);
                assert!(calls > 10);
                // Under Miri, which is a thousand times slower, one in the middle.
                let failing = if cfg!(miri) { calls / 2..calls / 2 + 1 } else { 0..calls };
                for fails_at in failing {
                    scenario((mode, run), protection, Some(fails_at));
                }
            }
        }
    }
}
