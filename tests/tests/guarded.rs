//! Leases that are enforced: guests that run at the same time, and audits.

use std::sync::Barrier;
use std::thread;

use memctl_tests::probe::{Access, Capabilities, ErrorCode};
use memctl_tests::{
    ALIASING, AUTOMATIC, FOREVER, GRANULE, Guest, LEASED, Mapped, PRIVATE, World, on_every_backend_with, violation,
};
use memctl_wasmtime::{BuildError, Domain, DomainBuilder, FaultKind, Mode, Violation};

/// Bytes of the object, and of the windows.
const LEN: usize = 3 * 4096;

fn parallel(claim: impl Fn(&World)) {
    on_every_backend_with(DomainBuilder::parallel, |world| {
        world.publish("object", 3 * GRANULE);
        claim(world);
    });
}

/// Where leased windows can't be touched outside leases.
fn guarded(claim: impl Fn(&World)) {
    let builds: [fn(DomainBuilder) -> DomainBuilder; 2] = [DomainBuilder::parallel, DomainBuilder::audit];
    for build in builds {
        let world = World::with(Mode::Alias, build);
        world.publish("object", 3 * GRANULE);
        claim(&world);
    }
}

fn leasing(world: &World) -> (Guest, Mapped) {
    let mut guest = world.guest();
    let mapped = guest.mapped_by_name("object", 3 * GRANULE, LEASED);
    (guest, mapped)
}

fn address(start: u64) -> u32 {
    u32::try_from(start).expect("a 32-bit address")
}

/// The guest is trapped when it does this, for touching `at` of its memory.
#[track_caller]
fn trapped(mut guest: Guest, at: u64, write: bool, act: impl FnOnce(&mut Guest) -> wasmtime::Result<()>) {
    act(&mut guest).expect_err("it traps");
    let fault = guest.state().memctl.last_fault().expect("for a fault");
    assert_eq!((fault.address, fault.kind, fault.write), (at, FaultKind::Protection, Some(write)));
}

fn load(guest: &mut Guest, at: u64) -> wasmtime::Result<()> {
    guest.try_call(|probe, store| probe.call_load_u8(store, address(at))).map(drop)
}

fn store(guest: &mut Guest, at: u64) -> wasmtime::Result<()> {
    guest.try_call(|probe, store| probe.call_store_u8(store, address(at), 1))
}

#[test]
fn what_touches_a_window_outside_its_leases_traps() {
    guarded(|world| {
        for at in [0, GRANULE - 1, GRANULE, 3 * GRANULE - 1] {
            let (guest, mapped) = leasing(world);
            trapped(guest, mapped.start + at, false, |guest| load(guest, mapped.start + at));
            let (guest, mapped) = leasing(world);
            trapped(guest, mapped.start + at, true, |guest| store(guest, mapped.start + at));
        }
        assert_eq!(world.object("object"), [0; LEN]);
    });
}

#[test]
fn leases_open_windows_of_interpreted_guests_too() {
    let world = World::with_config(Mode::Alias, DomainBuilder::audit, |domain, config| {
        domain.configure(config).expect("the fault handler can be put in place");
        config.target("pulley64").expect("a target of this build");
    });
    world.publish("object", 3 * GRANULE);
    let (mut guest, mapped) = leasing(&world);
    let lease = guest.acquire(mapped, Access::Write).expect("nobody else");
    store(&mut guest, mapped.start + GRANULE).expect("leased");
    guest.release(lease, mapped).expect("releases");
    assert_eq!(world.object("object")[4096], 1);
    let (guest, mapped) = leasing(&world);
    trapped(guest, mapped.start, true, |guest| store(guest, mapped.start));
    assert_eq!(world.object("object")[0], 0);
}

#[test]
fn a_lease_opens_its_granules_and_no_others() {
    guarded(|world| {
        let (mut guest, mapped) = leasing(world);
        let middle = mapped.part(GRANULE + 8, 8);
        let lease = guest.acquire(middle, Access::Read).expect("nobody else");
        load(&mut guest, middle.start).expect("leased");
        guest.upgrade(lease, middle, 0).expect("nobody else");
        store(&mut guest, middle.start).expect("leased to write");
        guest.downgrade(lease, middle).expect("live");
        load(&mut guest, middle.start).expect("leased to read");
        trapped(guest, middle.start, true, |guest| store(guest, middle.start));

        let (mut guest, mapped) = leasing(world);
        let lease = guest.acquire(middle_of(mapped), Access::Write).expect("the dead guest's lease went with it");
        guest.release(lease, middle_of(mapped)).expect("live");
        trapped(guest, mapped.start + GRANULE, false, |guest| load(guest, mapped.start + GRANULE));

        let (mut guest, mapped) = leasing(world);
        guest.acquire(middle_of(mapped), Access::Write).expect("free");
        trapped(guest, mapped.start + 2 * GRANULE, true, |guest| store(guest, mapped.start + 2 * GRANULE));
    });
}

fn middle_of(mapped: Mapped) -> Mapped {
    mapped.part(GRANULE, GRANULE)
}

#[test]
fn host_code_that_acts_for_a_guest_is_held_to_its_leases() {
    guarded(|world| {
        world.file("file", &[7; 64]);
        let (mut guest, mapped) = leasing(world);
        let into = address(mapped.start + 3);
        let error = guest.try_call(|probe, store| probe.call_read_into(store, "/file", 0, into, 8)).map(drop);
        let Some(Violation::Fault(cause)) = violation(&error.expect_err("it traps")) else { panic!("a fault") };
        assert_eq!((cause.address, cause.kind), (mapped.start + 3, FaultKind::Protection));
        drop(guest);
        assert_eq!(world.object("object"), [0; LEN], "the object is untouched");

        let (mut guest, mapped) = leasing(world);
        guest.acquire(mapped, Access::Write).expect("the dead guest had none");
        let read = guest.call(|probe, store| probe.call_read_into(store, "/file", 0, address(mapped.start + 3), 8));
        assert_eq!(read, Ok(8), "under a lease it is an ordinary read");
    });
}

#[test]
fn one_guest_s_violation_is_not_another_s() {
    guarded(|world| {
        let (mut good, in_good) = leasing(world);
        let lease = good.acquire(in_good, Access::Write).expect("nobody else");
        good.write(in_good.start, b"good");
        let (bad, in_bad) = leasing(world);
        trapped(bad, in_bad.start, true, |guest| store(guest, in_bad.start));
        assert_eq!(good.read(in_good.start, 4), b"good");
        good.release(lease, in_good).expect("live");
        assert_eq!(world.object("object")[..4], *b"good");
    });
}

#[test]
fn unmapped_windows_are_ordinary_memory_again() {
    guarded(|world| {
        let (mut guest, mapped) = leasing(world);
        guest.unmap(mapped).expect("live");
        guest.write(mapped.start, &[1; LEN]);
        assert_eq!(guest.read(mapped.start, 1), [1]);
    });
}

#[test]
fn the_tail_past_an_object_s_end_is_zero_under_every_lease() {
    guarded(|world| {
        world.publish("odd", GRANULE + 5);
        let mut guest = world.guest();
        let mapped = guest.mapped_by_name("odd", 2 * GRANULE, LEASED);
        let lease = guest.acquire(mapped, Access::Write).expect("nobody else");
        guest.write(mapped.start + GRANULE, b"12345 and lost");
        guest.release(lease, mapped).expect("live");
        guest.acquire(mapped, Access::Read).expect("nobody else");
        assert_eq!(guest.read(mapped.start + GRANULE, 8), b"12345\0\0\0");
    });
}

#[test]
fn counters_lose_no_count() {
    const ROUNDS: u64 = 300;
    parallel(|world| {
        let start = Barrier::new(3);
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let (mut guest, mapped) = leasing(world);
                    start.wait();
                    for _ in 0..ROUNDS {
                        let lease = guest.acquire_within(mapped, Access::Write, FOREVER).expect("its turn comes");
                        let at = address(mapped.start + GRANULE - 8);
                        let count = guest.call(|probe, store| probe.call_load_u64(store, at));
                        guest.call(|probe, store| probe.call_store_u64(store, at, count + 1));
                        guest.release(lease, mapped).expect("live");
                    }
                });
            }
        });
        let object = world.object("object");
        let count = object[4096 - 8..4096].try_into().expect("8 bytes");
        assert_eq!(u64::from_le_bytes(count), 3 * ROUNDS);
    });
}

#[test]
fn readers_never_see_a_torn_write() {
    const ROUNDS: u8 = 100;
    parallel(|world| {
        let start = Barrier::new(3);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let (mut guest, mapped) = leasing(world);
                    start.wait();
                    let mut last = 0;
                    while last < ROUNDS {
                        let lease = guest.acquire_within(mapped, Access::Read, FOREVER).expect("its turn comes");
                        let bytes = guest.read(mapped.start, 3 * 4096);
                        guest.release(lease, mapped).expect("live");
                        assert!(bytes.iter().all(|byte| *byte == bytes[0]), "some of one write, some of another");
                        assert!(bytes[0] >= last, "time goes back");
                        last = bytes[0];
                    }
                });
            }
            let (mut guest, mapped) = leasing(world);
            start.wait();
            for round in 1..=ROUNDS {
                let lease = guest.acquire_within(mapped, Access::Write, FOREVER).expect("its turn comes");
                guest.call(|probe, store| probe.call_fill(store, address(mapped.start), 3 * 4096, round));
                guest.release(lease, mapped).expect("live");
            }
        });
    });
}

#[test]
fn guests_that_run_at_the_same_time_share_under_leases_only() {
    parallel(|world| {
        let mut guest = world.guest();
        let object = guest.open("object");
        let start = guest.alloc(3 * 4096);
        for ask in [AUTOMATIC, ALIASING] {
            let refused = guest.try_map(start, GRANULE, object, ask).map(drop);
            assert_eq!(refused, Err(ErrorCode::Unsupported));
        }
        let can = guest.call(|probe, store| probe.call_capabilities_of(store));
        assert!(
            can.contains(Capabilities::PARALLEL) && !can.contains(Capabilities::AUTOMATIC | Capabilities::ALIASING)
        );
        assert_eq!(can.contains(Capabilities::GUARDED), world.mode == Mode::Alias);
        let mapped = guest.try_map(start, GRANULE, object, PRIVATE).expect("a snapshot is the guest's own");
        guest.write(mapped.start, b"mine");
        assert_eq!(world.object("object")[..4], [0; 4]);
    });
}

#[test]
fn leases_keep_whole_granules_apart() {
    parallel(|world| {
        let ((mut a, in_a), (mut b, in_b)) = (leasing(world), leasing(world));
        a.acquire(in_a.part(GRANULE + 100, 1), Access::Write).expect("nobody else");
        assert_eq!(b.acquire(in_b.part(GRANULE, 1), Access::Read), Err(ErrorCode::Busy));
        assert_eq!(b.acquire(in_b.part(2 * GRANULE - 1, 1), Access::Read), Err(ErrorCode::Busy));
        b.acquire(in_b.part(GRANULE - 1, 1), Access::Write).expect("another granule");
        b.acquire(in_b.part(2 * GRANULE, 1), Access::Write).expect("another granule");
    });
}

#[test]
fn sharing_without_leases_at_the_same_time_is_asked_for_by_an_unsafe_name() {
    // SAFETY: no host function reads or writes the windows here.
    let unchecked = |builder: DomainBuilder| unsafe { builder.parallel_unchecked() };
    on_every_backend_with(unchecked, |world| {
        world.publish("object", GRANULE);
        let mut guests = [world.guest(), world.guest()];
        if world.mode == Mode::Copy {
            let object = guests[0].open("object");
            let start = guests[0].alloc(4096);
            let refused = guests[0].try_map(start, GRANULE, object, AUTOMATIC).map(drop);
            assert_eq!(refused, Err(ErrorCode::Unsupported));
            return;
        }
        let start = Barrier::new(2);
        thread::scope(|scope| {
            for (index, guest) in guests.iter_mut().enumerate() {
                let start = &start;
                scope.spawn(move || {
                    let mapped = guest.mapped_by_name("object", GRANULE, AUTOMATIC);
                    start.wait();
                    for round in 0..200 {
                        let at = address(mapped.start) + u32::try_from(index).expect("0 or 1");
                        guest.call(|probe, store| probe.call_store_u8(store, at, round));
                    }
                });
            }
        });
        assert_eq!(world.object("object")[..2], [199; 2]);
    });
}

#[test]
fn an_audit_leaves_automatic_windows_alone() {
    let world = World::with(Mode::Alias, DomainBuilder::audit);
    world.publish("object", GRANULE);
    let mut guest = world.guest();
    let mapped = guest.mapped_by_name("object", GRANULE, AUTOMATIC);
    guest.write(mapped.start, b"free");
    assert_eq!(world.object("object")[..4], *b"free");
}

#[test]
fn an_audit_where_windows_are_copied_is_an_error() {
    let built = Domain::builder().mode(Mode::Copy).audit().build();
    assert!(matches!(built, Err(BuildError::Audit)), "{built:?}");
    let world = World::with(Mode::Auto, DomainBuilder::audit);
    world.publish("object", GRANULE);
    // Its crossings aren't seen: windows would be copied.
    let mut guest = world.guest_with(wasmtime_wasi::FsPerms::ReadWrite, |_| {});
    let object = guest.open("object");
    let start = guest.alloc(4096);
    assert_eq!(guest.try_map(start, GRANULE, object, LEASED).map(drop), Err(ErrorCode::Unsupported));
}
