//! Rule 9: a call that the backend fails leaves no half state.

use memctl_core::{Access, Code, Error, Quotas};

use crate::common::{GRANULE as G, Kind, MODES, Mode, World, map_at};

/// Does a call that may be failed once. If it is, books and views are as they were, and trying again succeeds.
fn twice<T>(world: &mut World, call: impl Fn(&mut World) -> Result<T, Error>) -> T {
    let before = state(world);
    match call(world) {
        Ok(done) => done,
        Err(error) => {
            assert_eq!(error.code(), Code::Io);
            assert_eq!(state(world), before, "{error}");
            call(world).expect("it fails once")
        }
    }
}

/// Does a call that ends something, even if it is failed.
fn gone(world: &mut World, call: impl Fn(&mut World) -> Result<(), Error>) {
    if let Err(error) = call(world) {
        assert_eq!(error.code(), Code::Io);
        let again = call(world).map_err(|error| error.code());
        // The guest could not be let in to make the call, or it was made and what it names is gone.
        assert!(matches!(again, Ok(()) | Err(Code::Stale)), "{again:?}");
    }
    assert_eq!(call(world).map_err(|error| error.code()), Err(Code::Stale));
}

fn state(world: &World) -> (Vec<String>, Vec<Quotas>, Quotas) {
    let mut views: Vec<_> = world
        .domain
        .views()
        .map(|(id, view)| format!("{id:?} {:?} {:?} {:?}", view.memory, view.window, view.object))
        .collect();
    views.sort();
    let usage = world.guests.iter().filter_map(|guest| world.domain.usage(*guest).ok()).collect();
    (views, usage, world.domain.total_usage())
}

/// Everything that moves bytes, once. Gives the number of calls that were made.
fn scenario(mode: Mode, file: bool, fails_at: Option<u64>) -> u64 {
    let mut world = World::new(mode);
    let (object, handles) = if file { world.shared_file(3 * G + 5) } else { world.shared_object(3 * G + 5) };
    world.store(0, 2 * G, 9);
    world.ram.calls = 0;
    world.ram.fails_at = fails_at;

    let snapshot = twice(&mut world, |world| world.map(2, handles[2], map_at(0, 2 * G, Kind::Private)));
    let automatic = [0, 1]
        .map(|guest| twice(&mut world, |world| world.map(guest, handles[guest], map_at(0, 2 * G, Kind::Automatic))));
    let leased = twice(&mut world, |world| world.map(0, handles[0], map_at(4 * G, 2 * G, Kind::Leased).offset(2 * G)));
    for guest in [0, 1, 0] {
        twice(&mut world, |world| world.turn(guest));
        let stored = u8::try_from(guest).expect("small") + 1;
        world.store(guest, guest as u64, stored);
    }
    let part = (4 * G, G);
    let lease = twice(&mut world, |world| world.acquire(0, leased, part, Access::Write));
    twice(&mut world, |world| world.try_running(0));
    world.store(0, 4 * G, 3);
    twice(&mut world, |world| world.call(0, |domain, ram, me| domain.publish(ram, me, leased, part)));
    twice(&mut world, |world| world.call(0, |domain, ram, me| domain.refresh(ram, me, automatic[0], (0, G))));
    gone(&mut world, |world| world.release(0, lease));
    twice(&mut world, |world| world.resize(1, handles[1], 4 * G));
    twice(&mut world, |world| world.overwrite(object, 7, &[7]));
    let _sync_may_tell_of_an_earlier_failure =
        world.call(1, |domain, ram, me| domain.sync(ram, me, automatic[1], (0, G)));
    gone(&mut world, |world| world.unmap(0, automatic[0]));
    twice(&mut world, |world| world.try_running(2));
    assert_eq!([0, 1, 7].map(|address| world.load(2, address)), [0; 3], "{mode:?} {fails_at:?}: a snapshot stays");
    gone(&mut world, |world| world.unmap(2, snapshot));
    world.check_books();
    let calls = world.ram.calls;
    (0..3).for_each(|guest| world.end(guest));
    // What guests added to the published object stays, and counts against the domain.
    let added = if file { 0 } else { world.ram.stored(object).len() as u64 - (3 * G + 5) };
    let usage = Quotas { object_bytes: added, ..Quotas::NONE };
    assert_eq!((world.domain.views().count(), world.domain.total_usage()), (0, usage));
    if fails_at.is_none() {
        assert_eq!([0, 1, 7].map(|at| world.ram.stored(object)[at]), [1, 2, 7]);
    }
    calls
}

#[test]
fn any_one_failing_call_leaves_no_half_state() {
    for mode in MODES {
        for file in [false, true] {
            let calls = scenario(mode, file, None);
            assert!(calls > 10);
            // Under Miri, which is a thousand times slower, one in the middle.
            let failing = if cfg!(miri) { calls / 2..calls / 2 + 1 } else { 0..calls };
            for fails_at in failing {
                scenario(mode, file, Some(fails_at));
            }
        }
    }
}

#[test]
fn a_failed_map_leaves_the_window_and_the_quota_as_they_were() {
    for mode in MODES {
        let mut world = World::new(mode);
        let (_, handles) = world.shared_object(G);
        world.store(0, 3, 9);
        let usage = world.domain.usage(world.guests[0]);
        world.ram.fails_at = Some(world.ram.calls);
        let failed = world.map(0, handles[0], map_at(0, G, Kind::Automatic));
        assert_eq!(failed.map_err(|error| error.code()), Err(Code::Io));
        assert_eq!((world.load(0, 3), world.domain.usage(world.guests[0])), (9, usage), "{mode:?}");
    }
}

#[test]
fn a_guest_whose_bytes_can_t_be_brought_in_does_not_run_on_old_ones() {
    let mut world = World::new(Mode::Copy);
    let (object, handles) = world.shared_object(G);
    world.map(0, handles[0], map_at(0, G, Kind::Automatic)).expect("free");
    world.overwrite(object, 0, &[1]).expect("no faults");
    world.ram.fails_at = Some(world.ram.calls);
    assert_eq!(world.turn(0).map_err(|error| error.code()), Err(Code::Io));
    assert_eq!(world.load(0, 0), 1, "the next try brings them in");
}

#[test]
fn a_publish_that_tore_is_seen_whole_or_torn_by_all_alike() {
    let mut world = World::new(Mode::Copy);
    let (object, handles) = world.shared_object(G);
    let mappings = [0, 1].map(|guest| world.map(guest, handles[guest], map_at(0, G, Kind::Leased)).expect("free"));
    let lease = world.acquire(0, mappings[0], (0, G), Access::Write).expect("nobody else");
    (0..G).for_each(|address| world.store(0, address, 1));
    world.ram.fails_at = Some(world.ram.calls);
    assert_eq!(world.release(0, lease).map_err(|error| error.code()), Err(Code::Io));
    let torn = world.stored(object);
    for guest in [0, 1] {
        let lease = world.acquire(guest, mappings[guest], (0, G), Access::Read).expect("the lease is gone");
        assert_eq!((0..G).map(|address| world.load(guest, address)).collect::<Vec<_>>(), torn);
        world.release(guest, lease).expect("live");
    }
}
