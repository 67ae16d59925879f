//! Mapping shows an object's bytes; the same on every backend.

use memctl_tests::{AUTOMATIC, on_every_backend};

#[test]
fn shared_bytes_are_seen_when_control_passes() {
    on_every_backend(|world| {
        world.publish("page", 8192);
        let (mut a, mut b) = (world.guest(), world.guest());
        let wa = a.mapped_by_name("page", 8192, AUTOMATIC).start;
        let wb = b.mapped_by_name("page", 8192, AUTOMATIC).start;
        for round in 0..10u8 {
            a.write(wa + 100, &[round, 1, 2]);
            assert_eq!(b.read(wb + 100, 3), [round, 1, 2]);
            b.write(wb + 5000, &[round]);
            assert_eq!(a.read(wa + 5000, 1), [round]);
        }
        assert_eq!(world.object("page")[100..103], [9, 1, 2]);
    });
}
