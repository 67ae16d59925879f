//! Guests that run at the same time, and audits that hold one guest to the same rules.

use memctl_core::{Access, Code, HandleId, MappingId, Threads};

use crate::common::{GRANULE as G, Kind, MODES, Mode, World, map_at};

fn world(mode: Mode, threads: Threads) -> (World, [HandleId; 3]) {
    let mut world = World::new(mode);
    world.domain.set_threads(threads);
    let (_, handles) = world.shared_object(3 * G);
    (world, handles)
}

fn leased(world: &mut World, handles: [HandleId; 3]) -> [MappingId; 3] {
    [0, 1, 2].map(|guest| world.map(guest, handles[guest], map_at(0, 3 * G, Kind::Leased)).expect("free"))
}

/// What leases let guest 0 do in each granule of its window.
fn lent(world: &World) -> [Option<Option<Access>>; 3] {
    let memory = world.domain.views().find(|(_, view)| view.instance == world.guests[0]).expect("mapped").1.memory;
    [0, G, 2 * G].map(|at| world.ram.lent(memory, at))
}

const NO: Option<Option<Access>> = Some(None);
const READ: Option<Option<Access>> = Some(Some(Access::Read));
const WRITE: Option<Option<Access>> = Some(Some(Access::Write));

#[test]
fn leases_keep_whole_granules_apart() {
    for mode in MODES {
        let (mut world, handles) = world(mode, Threads::Many);
        let mappings = leased(&mut world, handles);
        world.acquire(0, mappings[0], (G + 1, 1), Access::Write).expect("nobody else");
        let ask = |part| {
            move |domain: &mut memctl_core::Domain, ram: &mut crate::common::Ram, me| {
                domain.acquire(ram, me, mappings[1], part, Access::Read)
            }
        };
        assert_eq!(world.refused(1, ask((2 * G - 1, 1))), Code::Busy, "{mode:?}");
        assert_eq!(world.refused(1, ask((G, 1))), Code::Busy, "{mode:?}");
        world.call(1, ask((G - 1, 1))).expect("another granule");
        world.call(1, ask((2 * G, 1))).expect("another granule");
    }
}

#[test]
fn sharing_without_leases_is_refused() {
    for mode in MODES {
        let (mut world, handles) = world(mode, Threads::Many);
        for kind in [Kind::Automatic, Kind::Aliasing] {
            let code = world.refused_map(0, handles[0], map_at(0, G, kind));
            assert_eq!(code, Code::Unsupported, "{mode:?} {kind:?}");
        }
        world.map(0, handles[0], map_at(0, G, Kind::Private)).expect("a snapshot is the guest's own");
    }
}

#[test]
fn unchecked_sharing_needs_windows_that_alias() {
    let ask = map_at(0, G, Kind::Automatic);
    let (mut copies, handles) = world(Mode::Copy, Threads::Unchecked);
    assert_eq!(copies.refused_map(0, handles[0], ask), Code::Unsupported);
    let (mut aliases, handles) = world(Mode::Alias, Threads::Unchecked);
    aliases.map(0, handles[0], ask).expect("asked for by name");
}

#[test]
fn a_window_that_aliases_can_be_touched_where_leases_say() {
    let (mut world, handles) = world(Mode::Alias, Threads::Many);
    let mapping = leased(&mut world, handles)[0];
    assert_eq!(lent(&world), [NO; 3]);
    let first = world.acquire(0, mapping, (1, 1), Access::Read).expect("nobody else");
    let again = world.acquire(0, mapping, (0, 2 * G), Access::Read).expect("readers");
    assert_eq!(lent(&world), [READ, READ, NO]);
    let last = world.acquire(0, mapping, (3 * G - 1, 1), Access::Write).expect("nobody else");
    assert_eq!(lent(&world), [READ, READ, WRITE]);
    world.release(0, again).expect("live");
    assert_eq!(lent(&world), [READ, NO, WRITE], "the first lease still covers its granule");
    world.call(0, |domain, ram, me| domain.upgrade(ram, me, first)).expect("alone");
    world.call(0, |domain, ram, me| domain.downgrade(ram, me, last)).expect("live");
    assert_eq!(lent(&world), [WRITE, NO, READ]);
    world.host(|domain, ram, guests| domain.abandon(ram, guests[0], first));
    world.release(0, last).expect("live");
    assert_eq!(lent(&world), [NO; 3]);
}

#[test]
fn a_lease_that_was_waited_for_opens_the_window_when_it_is_collected() {
    let (mut world, handles) = world(Mode::Alias, Threads::Many);
    let mappings = leased(&mut world, handles);
    let held = world.acquire(1, mappings[1], (0, 1), Access::Write).expect("nobody else");
    let asked =
        world.call(0, |domain, ram, me| domain.acquire_or_wait(ram, me, mappings[0], (0, 1), Access::Read, &|_| false));
    let Ok(memctl_core::Asked::Waits(waiter)) = asked else { panic!("another writes") };
    world.release(1, held).expect("live");
    assert_eq!(lent(&world), [NO; 3], "its guest may be anywhere");
    world.call(0, |domain, ram, me| domain.collect(ram, me, waiter)).expect("its turn").expect("its turn");
    assert_eq!(lent(&world), [READ, NO, NO]);
}

#[test]
fn access_that_cannot_be_given_is_no_lease() {
    let (mut world, handles) = world(Mode::Alias, Threads::Many);
    let mapping = leased(&mut world, handles)[0];
    world.ram.fails_at = Some(world.ram.calls);
    let refused = world.call(0, |domain, ram, me| domain.acquire(ram, me, mapping, (0, G), Access::Write));
    assert_eq!(refused.map_err(|error| error.code()), Err(Code::Io));
    assert_eq!(lent(&world), [NO; 3]);
    world.ram.fails_at = None;
    world.acquire(1, mapping_of(&world, 1), (0, G), Access::Write).expect("nobody has it");
    world.check_books();
}

fn mapping_of(world: &World, guest: usize) -> MappingId {
    world.domain.views().find(|(_, view)| view.instance == world.guests[guest]).expect("mapped").0
}

#[test]
fn an_audit_guards_windows_of_guests_that_run_one_at_a_time() {
    let (mut world, handles) = world(Mode::Alias, Threads::One);
    world.domain.audit();
    let mappings = leased(&mut world, handles);
    assert_eq!(lent(&world), [NO; 3]);
    world.acquire(0, mappings[0], (1, 1), Access::Write).expect("nobody else");
    assert_eq!(lent(&world), [WRITE, NO, NO]);
    world.acquire(1, mappings[1], (2, 1), Access::Write).expect("leases are as fine as ever");
    world.map(0, handles[0], map_at(4 * G, G, Kind::Private)).map(drop).expect_err("under a write lease");
}

#[test]
fn an_audit_of_what_copies_is_refused() {
    let (mut world, handles) = world(Mode::Copy, Threads::One);
    world.domain.audit();
    assert_eq!(world.refused_map(0, handles[0], map_at(0, G, Kind::Leased)), Code::Unsupported);
}

#[test]
fn an_object_does_not_grow_under_a_lease_of_somebody_who_may_be_running() {
    for mode in MODES {
        let (mut world, _) = world(mode, Threads::Many);
        let medium = memctl_core::Medium::Anonymous { owner: None };
        world.publish_name("odd", medium, G + 5, memctl_core::Rights::all());
        let handles = [0, 1].map(|guest| world.open(guest, "odd").expect("published"));
        let mapping = world.map(0, handles[0], map_at(0, 2 * G, Kind::Leased)).expect("free");
        let lease = world.acquire(0, mapping, (G, 6), Access::Write).expect("nobody else");
        assert_eq!(world.refused(1, |domain, ram, me| domain.resize(ram, me, handles[1], 2 * G)), Code::Busy);
        world.store(0, G + 9, 1);
        world.release(0, lease).expect("live");
        world.resize(1, handles[1], 2 * G).expect("nobody has a lease there");
        world.acquire(0, mapping, (0, 2 * G), Access::Read).expect("nobody else");
        assert_eq!(world.load(0, G + 9), 0, "{mode:?}: what was stored past the end is lost");
    }
}
