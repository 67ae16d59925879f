//! Waiting for a lease: who is next, and who would wait forever.

use memctl_core::{Access, Asked, Code, Error, HandleId, LeaseId, MappingId, ObjectId, Quotas, WaiterId};

use crate::common::{GRANULE as G, Kind, MODES, Mode, World, map_at};

/// Three guests with the same two granules in leased windows.
struct Scene {
    world: World,
    object: ObjectId,
    handles: [HandleId; 3],
    mappings: [MappingId; 3],
}

const FIRST: (u64, u64) = (0, G);
const SECOND: (u64, u64) = (G, G);
const BOTH: (u64, u64) = (0, 2 * G);

impl Scene {
    fn new(mode: Mode) -> Self {
        let mut world = World::new(mode);
        let (object, handles) = world.shared_object(2 * G);
        let mappings =
            [0, 1, 2].map(|guest| world.map(guest, handles[guest], map_at(0, 2 * G, Kind::Leased)).expect("free"));
        Self { world, object, handles, mappings }
    }

    fn ask(&mut self, guest: usize, part: (u64, u64), access: Access) -> Result<Asked, Error> {
        let mapping = self.mappings[guest];
        self.world.call(guest, |domain, ram, me| domain.acquire_or_wait(ram, me, mapping, part, access, &|_| false))
    }

    fn get(&mut self, guest: usize, part: (u64, u64), access: Access) -> LeaseId {
        match self.ask(guest, part, access) {
            Ok(Asked::Granted(lease)) => lease,
            other => panic!("guest {guest} gets {other:?} for {access:?} {part:?}"),
        }
    }

    fn wait(&mut self, guest: usize, part: (u64, u64), access: Access) -> WaiterId {
        match self.ask(guest, part, access) {
            Ok(Asked::Waits(waiter)) => waiter,
            other => panic!("guest {guest} gets {other:?} for {access:?} {part:?}"),
        }
    }

    fn refusal(&mut self, guest: usize, part: (u64, u64), access: Access) -> Code {
        let before = self.world.domain.total_usage();
        let code = self.ask(guest, part, access).expect_err("refused").code();
        assert_eq!(self.world.domain.total_usage(), before);
        code
    }

    fn collect(&mut self, guest: usize, waiter: WaiterId) -> Result<Option<LeaseId>, Error> {
        self.world.call(guest, |domain, ram, me| domain.collect(ram, me, waiter))
    }

    fn served(&mut self, guest: usize, waiter: WaiterId) -> LeaseId {
        self.collect(guest, waiter).expect("nothing fails").expect("its turn")
    }

    fn release(&mut self, guest: usize, lease: LeaseId) {
        self.world.release(guest, lease).expect("live");
    }

    fn woken(&mut self) -> Vec<WaiterId> {
        self.world.woken()
    }
}

#[test]
fn who_waits_gets_the_lease_when_it_is_free_with_the_newest_bytes() {
    for mode in MODES {
        let mut scene = Scene::new(mode);
        let held = scene.get(0, FIRST, Access::Write);
        let waiter = scene.wait(1, FIRST, Access::Read);
        assert_eq!(scene.collect(1, waiter), Ok(None), "{mode:?}");
        scene.world.store(0, 5, 7);
        scene.release(0, held);
        assert_eq!(scene.woken(), [waiter], "{mode:?}");
        let lease = scene.served(1, waiter);
        assert_eq!(scene.world.load(1, 5), 7, "{mode:?}");
        assert_eq!(scene.collect(1, waiter).map_err(|error| error.code()), Err(Code::Stale), "{mode:?}: served once");
        scene.release(1, lease);
        scene.world.check_books();
        assert_eq!(scene.world.domain.total_usage().leases, 0);
    }
}

#[test]
fn readers_that_come_later_do_not_get_past_a_writer() {
    let mut scene = Scene::new(Mode::Copy);
    let reading = scene.get(0, FIRST, Access::Read);
    let writer = scene.wait(1, FIRST, Access::Write);
    let mapping = scene.mappings[2];
    let code = scene.world.refused(2, |domain, ram, me| domain.acquire(ram, me, mapping, FIRST, Access::Read));
    assert_eq!(code, Code::Busy, "nor does one that does not wait");
    let reader = scene.wait(2, FIRST, Access::Read);
    scene.release(0, reading);
    assert_eq!(scene.woken(), [writer]);
    let writing = scene.served(1, writer);
    assert_eq!(scene.collect(2, reader), Ok(None));
    scene.release(1, writing);
    scene.served(2, reader);
}

#[test]
fn what_conflicts_with_nobody_does_not_wait() {
    let mut scene = Scene::new(Mode::Alias);
    let _reading = scene.get(0, FIRST, Access::Read);
    scene.get(1, FIRST, Access::Read);
    scene.get(2, SECOND, Access::Write);
}

#[test]
fn all_readers_in_a_row_are_served_at_once() {
    let mut scene = Scene::new(Mode::Copy);
    let writing = scene.get(0, BOTH, Access::Write);
    let readers = [scene.wait(1, FIRST, Access::Read), scene.wait(2, BOTH, Access::Read)];
    scene.release(0, writing);
    assert_eq!(scene.woken(), readers);
    scene.served(1, readers[0]);
    scene.served(2, readers[1]);
}

#[test]
fn who_gives_up_lets_the_next_in() {
    let mut scene = Scene::new(Mode::Copy);
    let _reading = scene.get(0, FIRST, Access::Read);
    let writer = scene.wait(1, FIRST, Access::Write);
    let reader = scene.wait(2, FIRST, Access::Read);
    scene.world.host(|domain, ram, guests| domain.give_up(ram, guests[1], writer));
    assert_eq!(scene.woken(), [reader]);
    scene.served(2, reader);
    assert_eq!(scene.world.domain.usage(scene.world.guests[1]).expect("live").leases, 0);
    scene.world.check_books();
}

#[test]
fn a_lease_that_was_granted_and_never_collected_goes_to_the_next() {
    let mut scene = Scene::new(Mode::Copy);
    let writing = scene.get(0, FIRST, Access::Write);
    let (second, third) = (scene.wait(1, FIRST, Access::Write), scene.wait(2, FIRST, Access::Write));
    scene.release(0, writing);
    assert_eq!(scene.woken(), [second]);
    scene.world.host(|domain, ram, guests| domain.give_up(ram, guests[1], second));
    assert_eq!(scene.woken(), [third]);
    scene.served(2, third);
    scene.world.check_books();
}

#[test]
fn a_dead_holder_s_lease_goes_to_who_waits() {
    for mode in MODES {
        let mut scene = Scene::new(mode);
        let _held = scene.get(0, FIRST, Access::Write);
        scene.world.store(0, 0, 9);
        let waiter = scene.wait(1, FIRST, Access::Write);
        scene.world.end(0);
        assert_eq!(scene.woken(), [waiter], "{mode:?}");
        scene.served(1, waiter);
        assert_eq!(scene.world.load(1, 0), 9, "{mode:?}: what it stored is published, as with an alias");
    }
}

#[test]
fn a_dead_waiter_holds_nobody_up() {
    let mut scene = Scene::new(Mode::Copy);
    let writing = scene.get(0, FIRST, Access::Write);
    let (dead, next) = (scene.wait(1, FIRST, Access::Write), scene.wait(2, FIRST, Access::Write));
    scene.world.end(1);
    assert_eq!(scene.woken(), [dead], "so that its call ends");
    scene.release(0, writing);
    scene.served(2, next);
    scene.world.check_books();
}

#[test]
fn a_waiter_whose_window_goes_hears_that() {
    let mut scene = Scene::new(Mode::Copy);
    let _writing = scene.get(0, FIRST, Access::Write);
    let waiter = scene.wait(1, FIRST, Access::Write);
    scene.world.renew_memory(1);
    assert_eq!(scene.woken(), [waiter]);
    assert_eq!(scene.collect(1, waiter).map_err(|error| error.code()), Err(Code::Stale));
    scene.world.check_books();
}

#[test]
fn two_guests_that_would_wait_for_each_other_are_told() {
    let mut scene = Scene::new(Mode::Copy);
    let first = scene.get(0, FIRST, Access::Write);
    let _second = scene.get(1, SECOND, Access::Read);
    let waiter = scene.wait(1, FIRST, Access::Read);
    assert_eq!(scene.refusal(0, SECOND, Access::Write), Code::Deadlock);
    scene.get(0, SECOND, Access::Read);
    scene.release(0, first);
    scene.served(1, waiter);
    scene.world.check_books();
}

#[test]
fn a_ring_of_three_is_found() {
    let mut scene = Scene::new(Mode::Copy);
    let _first = scene.get(0, (0, 1), Access::Write);
    let _second = scene.get(1, (1, 1), Access::Write);
    let _third = scene.get(2, (2, 1), Access::Write);
    scene.wait(0, (1, 1), Access::Write);
    scene.wait(1, (2, 1), Access::Write);
    assert_eq!(scene.refusal(2, (0, 1), Access::Read), Code::Deadlock);
}

#[test]
fn nobody_waits_for_itself() {
    let mut scene = Scene::new(Mode::Copy);
    let _reading = scene.get(0, FIRST, Access::Read);
    assert_eq!(scene.refusal(0, BOTH, Access::Write), Code::Deadlock);
}

#[test]
fn a_refused_wait_leaves_no_trace() {
    let mut scene = Scene::new(Mode::Copy);
    let _reading = scene.get(0, FIRST, Access::Read);
    let mapping = scene.mappings[0];
    let code = scene
        .world
        .refused(0, |domain, ram, me| domain.acquire_or_wait(ram, me, mapping, BOTH, Access::Write, &|_| false));
    assert_eq!(code, Code::Deadlock);
}

#[test]
fn a_reader_does_not_wait_behind_a_writer_that_waits_for_it() {
    let mut scene = Scene::new(Mode::Copy);
    let _reading = scene.get(0, FIRST, Access::Read);
    scene.wait(1, FIRST, Access::Write);
    assert_eq!(scene.refusal(0, FIRST, Access::Read), Code::Deadlock);
}

#[test]
fn nobody_waits_for_who_cannot_run_meanwhile() {
    let mut scene = Scene::new(Mode::Copy);
    let _writing = scene.get(0, FIRST, Access::Write);
    let (mapping, below) = (scene.mappings[1], scene.world.guests[0]);
    let asked = scene.world.call(1, |domain, ram, me| {
        domain.acquire_or_wait(ram, me, mapping, FIRST, Access::Write, &|other| other == below)
    });
    assert_eq!(asked.map_err(|error| error.code()), Err(Code::Deadlock));
}

#[test]
fn nobody_waits_for_an_automatic_window() {
    let mut scene = Scene::new(Mode::Copy);
    let ask = map_at(4 * G, 2 * G, Kind::Automatic);
    scene.world.map(0, scene.handles[0], ask).expect("free");
    assert_eq!(scene.refusal(1, FIRST, Access::Read), Code::Busy);
}

#[test]
fn an_automatic_window_does_not_come_between_a_waiter_and_its_lease() {
    let mut scene = Scene::new(Mode::Copy);
    let _writing = scene.get(0, FIRST, Access::Write);
    scene.wait(1, BOTH, Access::Write);
    let ask = map_at(4 * G, G, Kind::Automatic).offset(G);
    assert_eq!(scene.world.refused_map(2, scene.handles[2], ask), Code::Busy);
}

#[test]
fn waits_are_bounded_and_given_back() {
    let guest = Quotas { waiters: 1, leases: 2, ..Quotas::GUEST };
    let mut world = World::with_quotas(Mode::Copy, guest, Quotas::DOMAIN);
    let (object, handles) = world.shared_object(2 * G);
    let mappings =
        [0, 1, 2].map(|guest| world.map(guest, handles[guest], map_at(0, 2 * G, Kind::Leased)).expect("free"));
    let mut scene = Scene { world, object, handles, mappings };
    let first = scene.get(0, FIRST, Access::Write);
    let waiter = scene.wait(1, FIRST, Access::Read);
    assert_eq!(scene.refusal(1, FIRST, Access::Read), Code::Quota);
    scene.release(0, first);
    scene.served(1, waiter);
    let second = scene.get(0, SECOND, Access::Write);
    let waiter = scene.wait(1, SECOND, Access::Read);
    scene.release(0, second);
    scene.served(1, waiter);
    scene.world.check_books();
}

#[test]
fn host_code_leases_ranges_of_objects_like_guests_do() {
    for mode in MODES {
        let mut scene = Scene::new(mode);
        let (handle, object) = (scene.handles[2], scene.object);
        let device = |scene: &mut Scene, access| {
            scene
                .world
                .call(2, |domain, ram, me| domain.acquire_or_wait(ram, me, handle, (3, 8), access, &|_| false))
                .expect("it may")
        };
        let Asked::Granted(writing) = device(&mut scene, Access::Write) else { panic!("nobody else") };
        assert!(scene.world.domain.leased_range(scene.world.guests[2], writing).is_ok());
        let reader = scene.wait(0, FIRST, Access::Read);
        scene.world.ram.overwrite(object, 3, &[5; 8]);
        scene.release(2, writing);
        let reading = scene.served(0, reader);
        assert_eq!([scene.world.load(0, 2), scene.world.load(0, 3)], [0, 5], "{mode:?}");
        let Asked::Waits(waiter) = device(&mut scene, Access::Write) else { panic!("a guest reads") };
        scene.release(0, reading);
        scene.served(2, waiter);
        scene.world.host(|domain, ram, guests| domain.drop_handle_of(ram, guests[2], handle));
        scene.world.end(2);
        scene.get(0, FIRST, Access::Write);
        scene.world.check_books();
    }
}

#[test]
fn what_a_device_wrote_is_seen_also_if_its_lease_is_abandoned() {
    for mode in MODES {
        let mut scene = Scene::new(mode);
        let (handle, object) = (scene.handles[2], scene.object);
        let ask = scene.world.call(2, |domain, ram, me| domain.acquire(ram, me, handle, BOTH, Access::Write));
        let writing = ask.expect("nobody else");
        scene.world.ram.overwrite(object, 3, &[5; 8]);
        scene.world.host(|domain, ram, guests| domain.abandon(ram, guests[2], writing));
        scene.get(0, BOTH, Access::Read);
        assert_eq!(scene.world.load(0, 3), 5, "{mode:?}");
    }
}

#[test]
fn a_device_takes_back_no_stores_beside_its_lease() {
    for mode in MODES {
        let mut world = World::new(mode);
        let (_, handles) = world.shared_object(2 * G);
        let mapping = world.map(0, handles[0], map_at(0, G, Kind::Automatic)).expect("free");
        let device = handles[1];
        let writing = world.call(1, |domain, ram, me| domain.acquire(ram, me, device, SECOND, Access::Write));
        let writing = writing.expect("nobody else");
        world.store(0, 3, 7);
        world.host(|domain, ram, guests| domain.release(ram, guests[1], writing)).expect("live");
        assert_eq!(world.load(0, 3), 7, "{mode:?}");
        world.host(|domain, ram, guests| domain.unmap(ram, guests[0], mapping)).expect("live");
    }
}

#[test]
fn bytes_that_host_code_has_leased_do_not_go() {
    let mut world = World::new(Mode::Copy);
    let (_, handles) = world.shared_object(2 * G);
    let device = handles[1];
    let lease =
        world.call(1, |domain, ram, me| domain.acquire(ram, me, device, (3, 8), Access::Read)).expect("nobody else");
    assert_eq!(world.refused(0, |domain, ram, me| domain.resize(ram, me, handles[0], 10)), Code::Busy);
    world.resize(0, handles[0], 11).expect("all of them are left");
    world.release(1, lease).expect("live");
    world.resize(0, handles[0], 1).expect("nobody has a lease");
}

#[test]
fn a_lease_on_an_object_keeps_its_storage() {
    let mut world = World::new(Mode::Copy);
    let (handle, _) = world.anonymous(0, G).expect("room");
    let lease =
        world.call(0, |domain, ram, me| domain.acquire(ram, me, handle, (0, 1), Access::Write)).expect("nobody else");
    world.host(|domain, ram, guests| domain.drop_handle_of(ram, guests[0], handle));
    assert_eq!(world.ram.objects(), 1);
    world.release(0, lease).expect("live");
    assert_eq!(world.ram.objects(), 0);
    assert_eq!(world.domain.total_usage(), Quotas::NONE);
}

#[test]
fn ranges_and_rights_are_checked_for_host_code_too() {
    let mut world = World::new(Mode::Copy);
    let medium = memctl_core::Medium::Anonymous { owner: None };
    world.publish_name("constant", medium, 100, memctl_core::Rights::READ);
    let handle = world.open(0, "constant").expect("published");
    let mut refused = |part, access| world.refused(0, |domain, ram, me| domain.acquire(ram, me, handle, part, access));
    assert_eq!(refused((0, 0), Access::Read), Code::Bounds);
    assert_eq!(refused((99, 2), Access::Read), Code::Bounds);
    assert_eq!(refused((u64::MAX, 2), Access::Read), Code::Bounds);
    assert_eq!(refused((0, 1), Access::Write), Code::Access);
}
