//! Host code that takes leases like a guest.

use std::thread;
use std::time::Duration;

use memctl_tests::probe::{Access as Asked, ErrorCode};
use memctl_tests::{FOREVER, GRANULE};
use memctl_wasmtime::{Access, Error, Quotas, Rights, Source};

use crate::scene::{first, guest, on_every_backend, until_waiting};

#[test]
fn a_guest_waits_for_a_device() {
    on_every_backend(|world| {
        let (mut a, in_a) = guest(world);
        let device = world.domain.device();
        let mut lease = device.lease("object", 0..GRANULE, Access::Write).expect("nobody else");
        thread::scope(|scope| {
            let waiting = scope.spawn(move || {
                a.acquire_within(first(in_a), Asked::Read, FOREVER).expect("its turn comes");
                a.read(in_a.start, 5)
            });
            until_waiting(world, 1);
            lease.write(0, b"frame").expect("under the lease");
            lease.release().expect("live");
            assert_eq!(waiting.join().expect("no panic"), b"frame");
        });
    });
}

#[test]
fn a_device_waits_for_a_guest() {
    on_every_backend(|world| {
        let (mut a, in_a) = guest(world);
        let held = a.acquire(in_a, Asked::Write).expect("nobody else");
        a.write(in_a.start, b"guest");
        thread::scope(|scope| {
            let device = world.domain.device();
            let waiting = scope.spawn(move || {
                let lease = device.lease_blocking("object", 1..3, Access::Read, Duration::MAX).expect("its turn comes");
                let mut bytes = [0; 2];
                lease.read(1, &mut bytes).map(|()| bytes)
            });
            until_waiting(world, 1);
            a.release(held, in_a).expect("live");
            assert_eq!(waiting.join().expect("no panic"), Ok(*b"ue"));
        });
        a.acquire(in_a, Asked::Write).expect("a lease goes when it is dropped");
    });
}

#[test]
fn a_device_s_leases_go_with_it() {
    on_every_backend(|world| {
        let (mut a, in_a) = guest(world);
        let device = world.domain.device();
        let lease = device.lease("object", 0..1, Access::Write).expect("nobody else");
        assert_eq!(a.acquire(in_a, Asked::Read), Err(ErrorCode::Busy));
        drop(device);
        assert_eq!(a.acquire(in_a, Asked::Read), Err(ErrorCode::Busy), "the lease holds it");
        drop(lease);
        a.acquire(in_a, Asked::Read).expect("nobody else");
        a.state().memctl.end();
        drop(a);
        assert_eq!(world.domain.usage(), Quotas::NONE);
    });
}

#[test]
fn what_a_device_may_do_is_checked() {
    on_every_backend(|world| {
        world.domain.publish("constant", Source::anonymous(8), Rights::READ).expect("a new name");
        let device = world.domain.device();
        let refused = |name, range, access| device.lease(name, range, access).map(drop).expect_err("refused").code();
        assert_eq!(refused("nothing", 0..1, Access::Read), memctl_wasmtime::Code::NotFound);
        assert_eq!(refused("constant", 0..1, Access::Write), memctl_wasmtime::Code::Access);
        assert_eq!(refused("constant", 0..9, Access::Read), memctl_wasmtime::Code::Bounds);
        assert_eq!(refused("constant", 3..3, Access::Read), memctl_wasmtime::Code::Bounds);
        #[expect(clippy::reversed_empty_ranges, reason = "that is what is refused")]
        let reversed = 3..2;
        assert_eq!(refused("constant", reversed, Access::Read), memctl_wasmtime::Code::Bounds);
        let mut lease = device.lease("constant", 0..4, Access::Read).expect("nobody else");
        assert_eq!(lease.upgrade(), Err(Error::Access { right: "write" }));
        assert!(matches!(lease.write(0, &[1]), Err(Error::Access { .. })));
        // In a domain whose guests run at the same time a lease covers whole granules, and so does what may be reached.
        assert!(matches!(lease.read(GRANULE - 1, &mut [0; 2]), Err(Error::OutOfBounds { .. })));
        let late = device.lease_blocking("object", 0..1, Access::Write, Duration::ZERO);
        drop(late.expect("nobody else"));
    });
}
