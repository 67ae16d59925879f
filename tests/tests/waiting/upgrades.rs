//! Leases to read that become leases to write, and back.

use std::thread;

use memctl_tests::probe::{Access, ErrorCode};
use memctl_tests::{FOREVER, GRANULE, PRIVATE};

use crate::scene::{guest, on_every_backend, until_waiting};

#[test]
fn the_only_reader_becomes_a_writer_and_a_reader_again() {
    on_every_backend(|world| {
        let ((mut a, in_a), (mut b, in_b)) = (guest(world), guest(world));
        let lease = a.acquire(in_a, Access::Read).expect("nobody else");
        a.upgrade(lease, in_a, 0).expect("nobody else reads");
        a.write(in_a.start, b"up");
        assert_eq!(b.acquire(in_b, Access::Read), Err(ErrorCode::Busy));
        a.downgrade(lease, in_a).expect("live");
        let other = b.acquire(in_b, Access::Read).expect("readers");
        assert_eq!(b.read(in_b.start, 2), b"up");
        assert_eq!(a.read(in_a.start, 2), b"up");
        assert_eq!(a.upgrade(lease, in_a, 1000), Err(ErrorCode::TimedOut));
        assert_eq!(a.read(in_a.start, 2), b"up", "it still reads");
        b.release(other, in_b).expect("live");
        a.release(lease, in_a).expect("live");
    });
}

#[test]
fn an_upgrade_waits_for_the_other_readers() {
    on_every_backend(|world| {
        let ((mut a, in_a), (mut b, in_b)) = (guest(world), guest(world));
        let (lease, other) =
            (a.acquire(in_a, Access::Read).expect("free"), b.acquire(in_b, Access::Read).expect("free"));
        thread::scope(|scope| {
            let waiting = scope.spawn(move || {
                a.upgrade(lease, in_a, FOREVER).expect("its turn comes");
                a.write(in_a.start, b"alone");
            });
            until_waiting(world, 1);
            assert_eq!(b.upgrade(other, in_b, FOREVER), Err(ErrorCode::Deadlock), "they would wait for each other");
            b.release(other, in_b).expect("live");
            waiting.join().expect("no panic");
        });
        // The writer went with its store.
        b.acquire(in_b, Access::Read).expect("free");
        assert_eq!(b.read(in_b.start, 5), b"alone");
    });
}

#[test]
fn what_an_upgrade_is_for_is_checked() {
    on_every_backend(|world| {
        let (mut a, in_a) = guest(world);
        let lease = a.acquire(in_a, Access::Read).expect("nobody else");
        for part in [in_a.part(0, GRANULE), in_a.part(0, 0), in_a.part(1, 2 * GRANULE - 1)] {
            assert_eq!(a.upgrade(lease, part, 0), Err(ErrorCode::Bounds));
            assert_eq!(a.downgrade(lease, part), Err(ErrorCode::Bounds));
        }
        a.upgrade(lease, in_a, 0).expect("it is as it was");
    });
}

#[test]
fn a_snapshot_is_not_upgraded() {
    on_every_backend(|world| {
        let mut a = world.guest();
        let mapped = a.mapped_by_name("object", GRANULE, PRIVATE);
        let lease = a.acquire(mapped, Access::Read).expect("nobody else");
        assert_eq!(a.upgrade(lease, mapped, 0), Err(ErrorCode::Access));
        a.downgrade(lease, mapped).expect("it is a lease to read already");
        a.release(lease, mapped).expect("live");
    });
}
