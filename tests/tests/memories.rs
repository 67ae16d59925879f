//! Which backend serves which memory: those that the domain made, and all others.
#![expect(clippy::cast_possible_truncation, reason = "lengths in tests are small")]

use memctl_tests::probe::{Access, Capabilities, ErrorCode};
use memctl_tests::{ALIASING, AUTOMATIC, GRANULE, Guest, LEASED, PRIVATE, World};
use memctl_wasmtime::{Domain, Mode, attach};
use wasmtime::{Config, InstanceAllocationStrategy, PoolingAllocationConfig};
use wasmtime_wasi::FsPerms;

/// Engines whose memories the domain knows nothing of.
const FOREIGN: [fn(&Domain, &mut Config); 2] = [plain, pooling];

fn plain(_: &Domain, _: &mut Config) {}

fn pooling(_: &Domain, config: &mut Config) {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_memories(4).total_tables(8).total_core_instances(20).total_component_instances(4);
    pool.total_stacks(0).max_memory_size(1 << 28);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config.memory_reservation(1 << 28);
}

/// Runs the claim for every kind of memory that the host doesn't know.
fn in_foreign_memories(modes: &[Mode], claim: impl Fn(&World)) {
    for &mode in modes {
        for engine in FOREIGN {
            let world = World::with_config(mode, |builder| builder, engine);
            world.publish("object", 2 * GRANULE);
            claim(&world);
        }
    }
}

fn whole_lists(world: &World) -> Guest {
    let mut guest = world.guest();
    guest.call(|probe, store| probe.call_use_whole_lists(store, true));
    guest
}

#[test]
fn foreign_memories_say_so() {
    in_foreign_memories(&[Mode::Auto, Mode::Copy, Mode::Alias], |world| {
        let can = world.guest().call(|probe, store| probe.call_capabilities_of(store));
        assert_eq!(can, Capabilities::WHOLE_WINDOW | Capabilities::FILES | Capabilities::FILE_TICKETS);
    });
}

#[test]
fn a_leased_window_of_a_foreign_memory_works_when_it_is_passed_whole() {
    in_foreign_memories(&[Mode::Auto, Mode::Copy], |world| {
        let (mut a, mut b) = (whole_lists(world), whole_lists(world));
        let in_a = a.mapped_by_name("object", 2 * GRANULE, LEASED);
        let in_b = b.mapped_by_name("object", 2 * GRANULE, LEASED);
        for round in 0..3_u8 {
            let lease = a.acquire(in_a, Access::Write).expect("free");
            assert_eq!(b.acquire(in_b, Access::Read), Err(ErrorCode::Busy));
            a.write(in_a.start + 5000, &[round; 3]);
            a.release(lease, in_a).expect("releases");
            assert_eq!(world.object("object")[5000..5003], [round; 3]);
            let lease = b.acquire(in_b, Access::Read).expect("free");
            assert_eq!(b.read(in_b.start + 5000, 3), [round; 3]);
            b.release(lease, in_b).expect("releases");
        }
        let lease = a.acquire(in_a, Access::Write).expect("free");
        a.write(in_a.start, b"by hand");
        a.publish(in_a).expect("publishes");
        a.release(lease, in_a).expect("releases");
        b.refresh(in_b).expect("refreshes");
        assert_eq!(b.read(in_b.start, 7), b"by hand");
        a.sync(in_a).expect("syncs");
        a.unmap(in_a).expect("unmaps");
        assert!(a.read(in_a.start, 8192).iter().all(|byte| *byte == 0));
    });
}

#[test]
fn a_foreign_window_stays_good_when_the_memory_moves() {
    in_foreign_memories(&[Mode::Copy], |world| {
        let mut guest = whole_lists(world);
        let mapped = guest.mapped_by_name("object", GRANULE, LEASED);
        let lease = guest.acquire(mapped, Access::Write).expect("free");
        guest.write(mapped.start, b"before");
        assert!(guest.call(|probe, store| probe.call_grow(store, 100)) > 0);
        guest.release(lease, mapped).expect("releases");
        assert_eq!(world.object("object")[..6], *b"before");
    });
}

#[test]
fn a_private_window_of_a_foreign_memory_is_a_snapshot() {
    in_foreign_memories(&[Mode::Auto, Mode::Copy, Mode::Alias], |world| {
        world.domain.write_object("object", 0, b"original").expect("written");
        world.file("file", b"original");
        let mut guest = whole_lists(world);
        let file = guest.open_file("/file", false);
        let windows = [guest.mapped_by_name("object", 2 * GRANULE, PRIVATE), guest.mapped(file, GRANULE, PRIVATE)];
        world.domain.write_object("object", 0, b"changed!").expect("written");
        guest.write_file("/file", 0, b"changed!");
        for mapped in windows {
            assert_eq!(guest.read(mapped.start, 9), b"original\0");
            guest.write(mapped.start, b"mine");
            guest.unmap(mapped).expect("unmaps");
            assert_eq!(guest.read(mapped.start, 4), [0; 4]);
        }
        assert_eq!(world.object("object")[..8], *b"changed!");
    });
}

#[test]
fn foreign_memories_are_not_synced_at_crossings() {
    in_foreign_memories(&[Mode::Auto, Mode::Copy], |world| {
        let mut guest = whole_lists(world);
        refused(&mut guest, &[AUTOMATIC, ALIASING]);
    });
}

#[test]
fn a_backend_that_must_alias_refuses_foreign_memories() {
    in_foreign_memories(&[Mode::Alias], |world| {
        let mut guest = whole_lists(world);
        refused(&mut guest, &[AUTOMATIC, LEASED, ALIASING]);
    });
}

#[test]
fn a_part_of_a_foreign_window_is_enough_where_only_it_moves() {
    in_foreign_memories(&[Mode::Copy], |world| {
        let mut guest = whole_lists(world);
        let mapped = guest.mapped_by_name("object", 2 * GRANULE, LEASED);
        let part = memctl_tests::Mapped { start: mapped.start + 100, len: 10, ..mapped };
        let lease = guest.acquire(part, Access::Write).expect("free");
        guest.write(mapped.start, &[7; 2 * GRANULE as usize]);
        guest.publish(part).expect("publishes");
        guest.release(lease, part).expect("releases");
        let mut expected = vec![0; 2 * GRANULE as usize];
        expected[100..110].fill(7);
        assert_eq!(world.object("object"), expected);
    });
}

#[test]
fn a_foreign_window_that_is_not_passed_is_refused_and_left_alone() {
    in_foreign_memories(&[Mode::Auto, Mode::Copy], |world| {
        let mut guest = world.guest();
        let object = guest.open("object");
        let start = guest.alloc(8192);
        guest.write(start, b"as it was");
        for ask in [LEASED, PRIVATE] {
            assert_eq!(guest.try_map(start, GRANULE, object, ask).err(), Some(ErrorCode::Unsupported));
        }
        assert_eq!(guest.read(start, 9), b"as it was");
        assert_eq!(guest.usage().mappings, 0);

        guest.call(|probe, store| probe.call_use_whole_lists(store, true));
        let mapped = guest.try_map(start, GRANULE, object, LEASED).expect("maps");
        let lease = guest.acquire(mapped, Access::Write).expect("free");
        guest.call(|probe, store| probe.call_use_whole_lists(store, false));
        guest.write(start, b"stored");
        assert_eq!(guest.publish(mapped), Err(ErrorCode::Unsupported));
        guest.drop_lease(lease);
        assert_eq!(guest.read(start, 6), b"stored");
        assert!(world.object("object").iter().all(|byte| *byte == 0));
    });
}

#[test]
fn a_dropped_mapping_of_a_foreign_memory_gives_everything_back() {
    in_foreign_memories(&[Mode::Copy], |world| {
        let mut guest = whole_lists(world);
        let mapped = guest.mapped_by_name("object", GRANULE, LEASED);
        guest.acquire(mapped, Access::Write).expect("free");
        guest.drop_mapping(mapped);
        assert_eq!((guest.usage().mappings, guest.usage().leases), (0, 0));
        guest.mapped_by_name("object", GRANULE, LEASED);
        drop(guest);
        assert_eq!(world.domain.usage(), memctl_wasmtime::Quotas::NONE);
    });
}

#[test]
fn a_store_that_is_not_attached_copies_and_is_not_synced_at_crossings() {
    for mode in [Mode::Auto, Mode::Copy] {
        let world = World::new(mode);
        world.publish("object", GRANULE);
        let mut guest = world.guest_with(FsPerms::ReadWrite, |_| ());
        let can = guest.call(|probe, store| probe.call_capabilities_of(store));
        assert_eq!(can, Capabilities::FILES | Capabilities::FILE_TICKETS);
        refused(&mut guest, &[AUTOMATIC, ALIASING]);

        let leased = guest.mapped_by_name("object", GRANULE, LEASED);
        let lease = guest.acquire(leased, Access::Write).expect("free");
        guest.write(leased.start, b"leased");
        guest.release(lease, leased).expect("releases");
        let snapshot = guest.mapped_by_name("object", GRANULE, PRIVATE);
        world.domain.write_object("object", 0, b"LEASED").expect("written");
        assert_eq!(guest.read(snapshot.start, 6), b"leased");
        guest.refresh(leased).expect("refreshes");
        assert_eq!(guest.read(leased.start, 6), b"LEASED");
        assert!(world.domain.stats().bytes_copied > 0);
    }
}

#[test]
fn attached_stores_with_the_domains_memories_alias_when_they_may_choose() {
    let world = World::new(Mode::Auto);
    world.publish("object", GRANULE);
    let (mut a, mut b) = (world.guest(), world.guest());
    let can = a.call(|probe, store| probe.call_capabilities_of(store));
    assert!(can.contains(Capabilities::ZERO_COPY | Capabilities::ALIASING | Capabilities::AUTOMATIC));
    assert!(!can.contains(Capabilities::WHOLE_WINDOW | Capabilities::PROTECTION));
    let in_a = a.mapped_by_name("object", GRANULE, AUTOMATIC);
    let in_b = b.mapped_by_name("object", GRANULE, AUTOMATIC);
    a.write(in_a.start, b"zero copy");
    assert_eq!(b.read(in_b.start, 9), b"zero copy");
    assert_eq!(world.domain.stats().bytes_copied, 0);
}

#[test]
fn an_embedder_with_a_call_hook_of_its_own_calls_ours_from_there() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    memctl_tests::on_every_backend(|world| {
        world.publish("object", GRANULE);
        let calls = Arc::new(AtomicU64::new(0));
        let counted = calls.clone();
        let mut a = world.guest_with(FsPerms::ReadWrite, |store| {
            let crossing = store.data().memctl.crossing(store.engine());
            store.call_hook(move |_, hook| {
                crossing(hook)?;
                counted.fetch_add(1, Ordering::Relaxed);
                Ok(())
            });
        });
        let mut b = world.guest_with(FsPerms::ReadWrite, attach);
        let in_a = a.mapped_by_name("object", GRANULE, AUTOMATIC);
        let in_b = b.mapped_by_name("object", GRANULE, AUTOMATIC);
        a.write(in_a.start, b"hooked");
        assert_eq!(b.read(in_b.start, 6), b"hooked");
        assert!(calls.load(Ordering::Relaxed) > 0);
    });
}

#[test]
fn foreign_and_known_memories_share_one_object() {
    let known = World::new(Mode::Auto);
    known.publish("object", GRANULE);
    // A second engine for guests of the same domain, whose memories are its own affair.
    let foreign = World::with_domain(&known.domain, |_, _| ());
    let (mut a, mut b) = (known.guest(), whole_lists(&foreign));
    let in_a = a.mapped_by_name("object", GRANULE, AUTOMATIC);
    let in_b = b.mapped_by_name("object", GRANULE, LEASED);
    a.write(in_a.start, b"from the alias");
    b.refresh(in_b).expect("refreshes");
    assert_eq!(b.read(in_b.start, 14), b"from the alias");
    a.unmap(in_a).expect("unmaps, since what it shows is not leased");
    let in_a = a.mapped_by_name("object", GRANULE, LEASED);
    let lease = b.acquire(in_b, Access::Write).expect("free");
    b.write(in_b.start, b"from the copy");
    b.release(lease, in_b).expect("releases");
    a.refresh(in_a).expect("refreshes");
    assert_eq!(a.read(in_a.start, 13), b"from the copy");
}

/// All of these are `unsupported`, and leave the window alone.
#[track_caller]
fn refused(guest: &mut Guest, asks: &[memctl_tests::Ask]) {
    let object = guest.open("object");
    let start = guest.alloc(4096);
    guest.write(start, b"as it was");
    for ask in asks {
        assert_eq!(guest.try_map(start, GRANULE, object, *ask).err(), Some(ErrorCode::Unsupported));
    }
    assert_eq!(guest.read(start, 9), b"as it was");
    assert_eq!(guest.usage().mappings, 0);
}

#[test]
fn a_guest_is_isolated_where_the_embedder_says_so() {
    for mode in [Mode::Auto, Mode::Copy] {
        let plain = World::new(mode).guest().call(|probe, store| probe.call_capabilities_of(store));
        let world = World::with(mode, memctl_wasmtime::DomainBuilder::isolated);
        let isolated = world.guest().call(|probe, store| probe.call_capabilities_of(store));
        assert_eq!(isolated, plain | Capabilities::ISOLATED);
        assert!(!plain.contains(Capabilities::ISOLATED));
    }
}
