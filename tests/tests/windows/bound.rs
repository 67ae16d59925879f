//! What windows show, and when.

use memctl_wasmtime::Quotas;

use crate::scene::{AUTOMATIC, GRANULE, LEASED, NARROW, PRIVATE, WIDE, on_every_backend, sum};

const ALL: (u64, u64) = (0, 4 * GRANULE);

#[test]
fn a_program_has_the_windows_it_was_linked_with() {
    on_every_backend(|scene| {
        let mut program = scene.program();
        assert_eq!(program.call(|raw, store| raw.call_count(store)), 3);
        assert_eq!([1, 2, 3].map(|window| program.size(window)), [Ok(NARROW), Ok(NARROW), Ok(WIDE)]);
        let memory = program.size(0).expect("its own memory");
        assert!(memory < NARROW * 16, "{memory}");
    });
}

#[test]
fn bytes_reach_the_object_and_come_from_it_in_every_window() {
    on_every_backend(|scene| {
        let mut program = scene.program();
        for (window, at) in [(1, 0), (2, NARROW - 4 * GRANULE), (3, 5 << 30)] {
            scene.world.domain.write_object("a", 0, &[window as u8; 4 * 4096]).expect("free");
            let object = program.open('a');
            let bound = program.try_bind(window, (at, 4 * GRANULE), (object, 0), AUTOMATIC).expect("there is room");
            assert_eq!(program.sum(window, at, 4 * GRANULE), sum(&[window as u8; 4 * 4096]));
            program.store(window, at + 5000, 42);
            assert_eq!(scene.world.object("a")[4999..5002], [window as u8, 42, window as u8]);
            scene.world.domain.write_object("a", 5000, &[43]).expect("free");
            assert_eq!(program.load(window, at + 5000), 43);
            program.unbind(bound).expect("no lease is held");
            assert_eq!(program.sum(window, at, 4 * GRANULE), 0, "zeroed");
            program.store(window, at, 9);
            assert_eq!(program.load(window, at), 9, "ordinary memory again");
            assert_eq!(scene.world.object("a")[0], window as u8);
        }
        assert_eq!(scene.world.domain.usage(), Quotas { objects: 3, ..Quotas::NONE }, "its handles");
    });
}

#[test]
fn two_guests_share_an_object_in_windows_exactly_as_in_memory() {
    on_every_backend(|scene| {
        let (mut a, mut b, mut in_memory) = (scene.program(), scene.program(), scene.world.guest());
        a.bound(1, 'a', AUTOMATIC);
        b.bound(3, 'a', AUTOMATIC);
        let mapped = in_memory.mapped_by_name("a", 4 * GRANULE, memctl_tests::AUTOMATIC);
        a.store(1, 7, 1);
        assert_eq!((b.load(3, 7), in_memory.read(mapped.start + 7, 1)), (1, vec![1]));
        b.store(3, GRANULE, 2);
        assert_eq!((a.load(1, GRANULE), in_memory.read(mapped.start + GRANULE, 1)), (2, vec![2]));
        in_memory.write(mapped.start + 100, b"hello");
        assert_eq!((a.sum(1, 100, 5), b.sum(3, 100, 5)), (sum(b"hello"), sum(b"hello")));
    });
}

#[test]
fn a_private_window_is_a_snapshot() {
    on_every_backend(|scene| {
        scene.world.domain.write_object("a", 0, b"original").expect("free");
        let (mut a, mut b) = (scene.program(), scene.program());
        let own = a.bound(1, 'a', PRIVATE);
        b.bound(1, 'a', AUTOMATIC);
        b.fill(1, 0, 8, b'!');
        assert_eq!(a.sum(1, 0, 8), sum(b"original"));
        a.fill(1, 0, 8, b'?');
        assert_eq!((b.sum(1, 0, 8), &scene.world.object("a")[..8]), (sum(b"!!!!!!!!"), &b"!!!!!!!!"[..]));
        a.unbind(own).expect("no lease is held");
        assert_eq!(a.sum(1, 0, 8), 0);
    });
}

#[test]
fn a_leased_window_is_coherent_where_leases_are_acquired_and_released() {
    on_every_backend(|scene| {
        let (mut a, mut b) = (scene.program(), scene.program());
        let (in_a, in_b) = (a.bound(1, 'a', LEASED), b.bound(2, 'a', LEASED));
        let busy = Err(memctl_wasmtime::Code::Busy as u32);
        let lease = a.acquire(in_a, (0, 2 * GRANULE), true).expect("free");
        assert_eq!(b.acquire(in_b, (GRANULE, GRANULE), false), busy);
        let rest = b.acquire(in_b, (2 * GRANULE, GRANULE), true).expect("free");
        a.store(1, 10, 77);
        b.store(2, 2 * GRANULE, 88);
        a.release(lease, (0, 2 * GRANULE)).expect("held until now");
        b.release(rest, (2 * GRANULE, GRANULE)).expect("held until now");
        assert_eq!([scene.world.object("a")[10], scene.world.object("a")[2 * GRANULE as usize]], [77, 88]);
        let both = [a.acquire(in_a, ALL, false).expect("free"), b.acquire(in_b, ALL, false).expect("many read")];
        assert_eq!((a.load(1, 2 * GRANULE), b.load(2, 10)), (88, 77));
        a.release(both[0], ALL).expect("held until now");
        b.release(both[1], ALL).expect("held until now");
        assert_eq!(a.publish(in_a, ALL), Err(memctl_wasmtime::Code::Access as u32));
        a.refresh(in_a, ALL).expect("nobody writes");
    });
}

#[test]
fn stores_past_the_object_s_end_are_lost_and_read_as_zero() {
    on_every_backend(|scene| {
        let mut program = scene.program();
        let bound = program.bound(1, 'b', AUTOMATIC);
        let end = 2 * GRANULE + GRANULE / 2;
        program.fill(1, 0, 3 * GRANULE, 5);
        assert_eq!(scene.world.object("b"), vec![5; end as usize]);
        program.refresh(bound, (0, 3 * GRANULE)).expect("nobody has a lease");
        assert_eq!(program.sum(1, end, GRANULE / 2), 0);
    });
}

#[test]
fn a_window_that_is_bound_again_shows_something_else_and_publishes_first() {
    on_every_backend(|scene| {
        let mut program = scene.program();
        let bound = program.bound(1, 'a', AUTOMATIC);
        let other = program.anonymous(4 * GRANULE);
        let a = program.open('a');
        program.fill(1, 0, 4 * GRANULE, 3);
        program.rebind(bound, (other, 0), AUTOMATIC).expect("as long");
        assert_eq!(scene.world.object("a"), vec![3; 4 * 4096]);
        assert_eq!(program.sum(1, 0, 4 * GRANULE), 0);
        program.fill(1, GRANULE, 1, 4);
        program.rebind(bound, (a, 0), PRIVATE).expect("as long");
        assert_eq!(program.load(1, GRANULE), 3);
        program.fill(1, 0, 4 * GRANULE, 9);
        program.rebind(bound, (other, 0), LEASED).expect("as long");
        assert_eq!(scene.world.object("a"), vec![3; 4 * 4096], "what was private is gone");
        let lease = program.acquire(bound, ALL, false).expect("free");
        assert_eq!((program.load(1, 0), program.load(1, GRANULE)), (0, 4));
        assert_eq!(program.rebind(bound, (a, 0), AUTOMATIC), Err(memctl_wasmtime::Code::Busy as u32));
        program.release(lease, ALL).expect("held until now");
        program.unbind(bound).expect("no lease is held");
        assert_eq!(program.sum(1, 0, 4 * GRANULE), 0);
    });
}

#[test]
fn windows_die_with_their_guest_and_give_everything_back() {
    on_every_backend(|scene| {
        let mut other = scene.program();
        let seen = other.bound(1, 'a', LEASED);
        let usage = scene.world.domain.usage();
        let mut program = scene.program();
        let bound = program.bound(1, 'a', LEASED);
        let shown = program.bound(3, 'b', AUTOMATIC);
        program.acquire(bound, ALL, true).expect("free");
        program.store(1, 0, 1);
        program.store(3, 0, 2);
        assert_eq!(other.acquire(seen, ALL, false), Err(memctl_wasmtime::Code::Busy as u32));
        program.try_call(|raw, store| raw.call_get(store, 1, NARROW)).expect_err("traps");
        let _ = shown;
        drop(program);
        other.acquire(seen, ALL, true).expect("its leases are revoked");
        assert_eq!((other.load(1, 0), scene.world.object("b")[0]), (1, 2), "its last stores count");
        assert_eq!(scene.world.domain.usage(), Quotas { leases: 1, ..usage });
    });
}

#[test]
fn a_dropped_mapping_leaves_a_zeroed_window_that_can_be_bound_again() {
    on_every_backend(|scene| {
        let mut program = scene.program();
        for round in 0..3_u8 {
            let bound = program.bound(2, 'a', AUTOMATIC);
            assert_eq!(program.load(2, 0), round);
            program.store(2, 0, round + 1);
            program.call(|raw, store| raw.call_drop_mapping(store, bound));
            assert_eq!(program.load(2, 0), 0);
        }
        assert_eq!(scene.world.object("a")[0], 3);
    });
}
