//! Who gets a lease, and when.

use std::thread;

use memctl_tests::FOREVER;
use memctl_tests::probe::{Access, ErrorCode};
use memctl_wasmtime::{DomainBuilder, Quotas};

use crate::scene::{first, guest, on_every_backend, on_every_backend_with, second, until_waiting};

#[test]
fn who_waits_gets_the_lease_and_the_newest_bytes() {
    on_every_backend(|world| {
        let ((mut a, in_a), (mut b, in_b)) = (guest(world), guest(world));
        let writing = a.acquire(in_a, Access::Write).expect("nobody else");
        thread::scope(|scope| {
            let waiting = scope.spawn(move || {
                let lease = b.acquire_within(in_b, Access::Read, FOREVER).expect("its turn comes");
                let seen = b.read(in_b.start, 5);
                b.release(lease, in_b).expect("live");
                seen
            });
            until_waiting(world, 1);
            a.write(in_a.start, b"bytes");
            a.release(writing, in_a).expect("live");
            assert_eq!(waiting.join().expect("no panic"), b"bytes");
        });
        assert_eq!(world.domain.usage().waiters, 0);
    });
}

#[test]
fn a_wait_ends_when_its_time_is_up() {
    on_every_backend(|world| {
        let ((mut a, in_a), (mut b, in_b)) = (guest(world), guest(world));
        let writing = a.acquire(in_a, Access::Write).expect("nobody else");
        for timeout in [0, 1, 1_000_000] {
            assert_eq!(b.acquire_within(in_b, Access::Write, timeout), Err(ErrorCode::TimedOut));
        }
        let usage = b.usage();
        assert_eq!((usage.waiters, usage.leases), (0, 0));
        a.release(writing, in_a).expect("live");
        b.acquire_within(in_b, Access::Write, 0).expect("nobody else");
    });
}

#[test]
fn a_stream_of_readers_does_not_starve_a_writer() {
    on_every_backend(|world| {
        let ((mut a, in_a), (mut b, in_b), (mut c, in_c)) = (guest(world), guest(world), guest(world));
        let reading = a.acquire(first(in_a), Access::Read).expect("nobody else");
        thread::scope(|scope| {
            let writer = scope.spawn(move || b.acquire_within(in_b, Access::Write, FOREVER).map(|_| b));
            until_waiting(world, 1);
            assert_eq!(c.acquire(first(in_c), Access::Read), Err(ErrorCode::Busy));
            assert_eq!(c.acquire_within(second(in_c), Access::Read, 0), Err(ErrorCode::TimedOut));
            a.release(reading, first(in_a)).expect("live");
            let writer = writer.join().expect("no panic").expect("its turn comes");
            assert_eq!(c.acquire(in_c, Access::Read), Err(ErrorCode::Busy));
            drop(writer);
            c.acquire(in_c, Access::Read).expect("the writer is gone");
        });
    });
}

#[test]
fn a_dead_guest_s_lease_goes_to_who_waits() {
    on_every_backend(|world| {
        for kill in [
            |guest: memctl_tests::Guest| drop(guest),
            |mut guest: memctl_tests::Guest| {
                guest.try_call(|probe, store| probe.call_trap(store)).expect_err("it traps");
                guest.state().memctl.end();
            },
        ] {
            let ((mut a, in_a), (mut b, in_b)) = (guest(world), guest(world));
            a.acquire(in_a, Access::Write).expect("nobody else");
            a.write(in_a.start, &[7]);
            thread::scope(|scope| {
                let waiting = scope.spawn(move || {
                    b.acquire_within(in_b, Access::Read, FOREVER).expect("its turn comes");
                    b.read(in_b.start, 1)
                });
                until_waiting(world, 1);
                kill(a);
                assert_eq!(waiting.join().expect("no panic"), [7]);
            });
        }
    });
}

#[test]
fn waiting_is_bounded() {
    let one = |builder: DomainBuilder| builder.parallel().guest_quotas(Quotas { waiters: 0, ..Quotas::GUEST });
    on_every_backend_with(one, |world| {
        let ((mut a, in_a), (mut b, in_b)) = (guest(world), guest(world));
        a.acquire(in_a, Access::Write).expect("nobody else");
        assert_eq!(b.acquire_within(in_b, Access::Read, FOREVER), Err(ErrorCode::Quota));
    });
}

#[test]
fn nobody_waits_for_what_is_mapped_without_leases() {
    on_every_backend_with(
        |builder| builder,
        |world| {
            let (mut a, (mut b, in_b)) = (world.guest(), guest(world));
            a.mapped_by_name("object", memctl_tests::GRANULE, memctl_tests::AUTOMATIC);
            assert_eq!(b.acquire_within(in_b, Access::Read, FOREVER), Err(ErrorCode::Busy));
        },
    );
}
