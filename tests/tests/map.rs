//! Mapping shows an object's bytes; the same on every backend.

use memctl_tests::on_every_backend;
use memctl_tests::probe::{Coherence, Sharing};

#[test]
fn shared_bytes_are_seen_when_control_passes() {
    on_every_backend(|world| {
        world
            .domain
            .publish("page", memctl_wasmtime::Source::anonymous(8192), memctl_wasmtime::Rights::all())
            .expect("published");
        let (mut a, mut b) = (world.guest(), world.guest());
        let (oa, ob) = (
            a.call(|p, s| p.call_open(s, "page")).expect("open"),
            b.call(|p, s| p.call_open(s, "page")).expect("open"),
        );
        let (wa, wb) = (a.alloc(8192), b.alloc(8192));
        a.map(wa, 8192, oa, Sharing::Shared, Coherence::Automatic).expect("maps");
        b.map(wb, 8192, ob, Sharing::Shared, Coherence::Automatic).expect("maps");
        for round in 0..10u8 {
            a.write(wa + 100, &[round, 1, 2]);
            assert_eq!(b.read(wb + 100, 3), [round, 1, 2]);
            b.write(wb + 5000, &[round]);
            assert_eq!(a.read(wa + 5000, 1), [round]);
        }
        let mut seen = [0; 3];
        world.domain.read_object("page", 100, &mut seen).expect("read");
        assert_eq!(seen, [9, 1, 2]);
    });
}
