//! Leases that become others: to read, to write.

use memctl_core::{Access, Asked, Code, LeaseId, MappingId, WaiterId};

use crate::common::{GRANULE as G, Kind, MODES, Mode, World, map_at};

fn scene(mode: Mode) -> (World, [MappingId; 3]) {
    let mut world = World::new(mode);
    let (_, handles) = world.shared_object(G);
    let mappings = [0, 1, 2].map(|guest| world.map(guest, handles[guest], map_at(0, G, Kind::Leased)).expect("free"));
    (world, mappings)
}

fn get(world: &mut World, guest: usize, mapping: MappingId, access: Access) -> LeaseId {
    world.acquire(guest, mapping, (0, G), access).expect("free")
}

fn upgrade(world: &mut World, guest: usize, lease: LeaseId) -> Result<Asked, Code> {
    let asked = world.call(guest, |domain, ram, me| domain.upgrade_or_wait(ram, me, lease, &|_| false));
    asked.map_err(|error| error.code())
}

#[test]
fn a_writer_that_downgrades_shows_its_stores_and_lets_readers_in() {
    for mode in MODES {
        let (mut world, mappings) = scene(mode);
        let lease = get(&mut world, 0, mappings[0], Access::Write);
        world.store(0, 1, 3);
        world.call(0, |domain, ram, me| domain.downgrade(ram, me, lease)).expect("live");
        get(&mut world, 1, mappings[1], Access::Read);
        assert_eq!(world.load(1, 1), 3, "{mode:?}");
        let write = world.refused(1, |domain, ram, me| domain.acquire(ram, me, mappings[1], (0, 1), Access::Write));
        assert_eq!(write, Code::Busy, "{mode:?}: it still reads");
    }
}

#[test]
fn the_only_reader_can_become_a_writer() {
    for mode in MODES {
        let (mut world, mappings) = scene(mode);
        let lease = get(&mut world, 0, mappings[0], Access::Read);
        let other = get(&mut world, 1, mappings[1], Access::Read);
        assert_eq!(world.refused(0, |domain, ram, me| domain.upgrade(ram, me, lease)), Code::Busy, "{mode:?}");
        world.release(1, other).expect("live");
        world.call(0, |domain, ram, me| domain.upgrade(ram, me, lease)).expect("nobody else reads");
        world.store(0, 0, 8);
        world.release(0, lease).expect("live");
        get(&mut world, 1, mappings[1], Access::Read);
        assert_eq!(world.load(1, 0), 8, "{mode:?}");
    }
}

#[test]
fn an_upgrade_goes_before_a_writer_that_waits_for_it() {
    let (mut world, mappings) = scene(Mode::Copy);
    let lease = get(&mut world, 0, mappings[0], Access::Read);
    let other = get(&mut world, 1, mappings[1], Access::Read);
    let writer = world
        .call(2, |domain, ram, me| domain.acquire_or_wait(ram, me, mappings[2], (0, G), Access::Write, &|_| false));
    let Ok(Asked::Waits(writer)) = writer else { panic!("two read") };
    let Ok(Asked::Waits(upgrading)) = upgrade(&mut world, 0, lease) else { panic!("another reads") };
    world.release(1, other).expect("live");
    assert_eq!(world.woken(), [upgrading]);
    let collected = world.call(0, |domain, ram, me| domain.collect(ram, me, upgrading));
    assert_eq!(collected, Ok(Some(lease)), "it is the same lease");
    world.release(0, lease).expect("live");
    assert_eq!(world.woken(), [writer]);
    world.check_books();
}

#[test]
fn two_that_upgrade_would_wait_for_each_other() {
    let (mut world, mappings) = scene(Mode::Copy);
    let leases = [0, 1].map(|guest| get(&mut world, guest, mappings[guest], Access::Read));
    let Ok(Asked::Waits(first)) = upgrade(&mut world, 0, leases[0]) else { panic!("another reads") };
    assert_eq!(upgrade(&mut world, 1, leases[1]), Err(Code::Deadlock));
    world.release(1, leases[1]).expect("it still has its lease to read");
    let collected = world.call(0, |domain, ram, me| domain.collect(ram, me, first));
    assert_eq!(collected, Ok(Some(leases[0])));
}

/// Once the device is gone, the third waits for the first, which went before it; the first waits for the second, and that for the third.
#[test]
fn an_upgrade_that_would_close_a_ring_by_going_first_is_told() {
    let mut world = World::new(Mode::Copy);
    let (_, handles) = world.shared_object(3 * G);
    let mappings =
        [0, 1, 2].map(|guest| world.map(guest, handles[guest], map_at(0, 3 * G, Kind::Leased)).expect("free"));
    let device = world.host(|domain, ram, _| {
        let device = domain.begin(memctl_core::Quotas::GUEST);
        let handle = domain.open(device, "shared").expect("published");
        domain.acquire(ram, device, handle, (G, G), Access::Write).expect("nobody else");
        device
    });
    let [first, _second] =
        [0, 1].map(|guest| world.acquire(guest, mappings[guest], (0, G), Access::Read).expect("readers"));
    world.acquire(2, mappings[2], (2 * G, G), Access::Write).expect("nobody else");
    let mut wait = |guest: usize, part| {
        let asked = world.call(guest, |domain, ram, me| {
            domain.acquire_or_wait(ram, me, mappings[guest], part, Access::Read, &|_| false)
        });
        assert!(matches!(asked, Ok(Asked::Waits(_))), "{asked:?}");
    };
    wait(2, (0, 2 * G));
    wait(1, (2 * G, G));
    assert_eq!(upgrade(&mut world, 0, first), Err(Code::Deadlock));
    world.host(|domain, ram, _| domain.end(ram, device));
    assert_eq!(world.woken().len(), 1, "the third reads, and the ring is open");
}

#[test]
fn an_upgrade_that_is_given_up_leaves_a_lease_to_read() {
    let (mut world, mappings) = scene(Mode::Copy);
    let leases = [0, 1].map(|guest| get(&mut world, guest, mappings[guest], Access::Read));
    let Ok(Asked::Waits(waiter)) = upgrade(&mut world, 0, leases[0]) else { panic!("another reads") };
    world.release(1, leases[1]).expect("live");
    world.host(|domain, ram, guests| domain.give_up(ram, guests[0], waiter));
    get(&mut world, 1, mappings[1], Access::Read);
    world.release(0, leases[0]).expect("live");
    world.check_books();
}

#[test]
fn what_is_private_is_not_upgraded() {
    let mut world = World::new(Mode::Copy);
    let (_, handles) = world.shared_object(G);
    let mapping = world.map(0, handles[0], map_at(0, G, Kind::Private)).expect("free");
    let lease = get(&mut world, 0, mapping, Access::Read);
    assert_eq!(world.refused(0, |domain, ram, me| domain.upgrade(ram, me, lease)), Code::Access);
}

#[test]
fn another_s_lease_is_stale() {
    let (mut world, mappings) = scene(Mode::Copy);
    let lease = get(&mut world, 0, mappings[0], Access::Read);
    assert_eq!(world.refused(1, |domain, ram, me| domain.upgrade(ram, me, lease)), Code::Stale);
    assert_eq!(world.refused(1, |domain, ram, me| domain.downgrade(ram, me, lease)), Code::Stale);
}

/// Guests 0 and 1 read, and guest 0 waits to write.
fn waiting_upgrade() -> (World, [MappingId; 3], [LeaseId; 2], WaiterId) {
    let (mut world, mappings) = scene(Mode::Copy);
    let leases = [0, 1].map(|guest| get(&mut world, guest, mappings[guest], Access::Read));
    let Ok(Asked::Waits(waiter)) = upgrade(&mut world, 0, leases[0]) else { panic!("another reads") };
    (world, mappings, leases, waiter)
}

fn collect(world: &mut World, waiter: WaiterId) -> Result<Option<LeaseId>, Code> {
    world.call(0, |domain, ram, me| domain.collect(ram, me, waiter)).map_err(|error| error.code())
}

#[test]
fn an_upgrade_of_a_lease_that_is_given_back_is_waited_for_no_more() {
    let (mut world, mappings, leases, waiter) = waiting_upgrade();
    world.release(0, leases[0]).expect("live");
    assert_eq!(world.woken(), [waiter], "so that its call ends");
    assert_eq!(collect(&mut world, waiter), Err(Code::Stale));
    get(&mut world, 2, mappings[2], Access::Read);
    world.check_books();
}

#[test]
fn a_lease_that_is_downgraded_does_not_become_one_to_write_later() {
    let (mut world, mappings, leases, waiter) = waiting_upgrade();
    world.release(1, leases[1]).expect("live");
    world.call(0, |domain, ram, me| domain.downgrade(ram, me, leases[0])).expect("live");
    get(&mut world, 1, mappings[1], Access::Read);
    assert_eq!(collect(&mut world, waiter), Err(Code::Stale), "another reads");
    world.check_books();
}

#[test]
fn a_lease_that_is_upgraded_does_not_become_one_to_read_later() {
    let (mut world, mappings, leases, waiter) = waiting_upgrade();
    world.release(1, leases[1]).expect("live");
    assert_eq!(upgrade(&mut world, 0, leases[0]), Ok(Asked::Granted(leases[0])));
    world.host(|domain, ram, guests| domain.give_up(ram, guests[0], waiter));
    let read = world.refused(1, |domain, ram, me| domain.acquire(ram, me, mappings[1], (0, 1), Access::Read));
    assert_eq!(read, Code::Busy);
    world.check_books();
}
