//! What a guest can make its host spend is bounded, and comes back.

use std::sync::{Mutex, PoisonError};

use memctl_tests::probe::{Access, ErrorCode};
use memctl_tests::{AUTOMATIC, Answer, GRANULE, Guest, LEASED, Mapped, PRIVATE, World, on_every_backend_with};
use memctl_wasmtime::Quotas;

/// The process has one table of files and one of maps: these tests take turns.
fn alone<R>(test: impl FnOnce() -> R) -> R {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    test()
}

fn on_every_backend(claim: impl Fn(&World)) {
    alone(|| {
        on_every_backend_with(
            |builder| builder.guest_quotas(Quotas { mappings: 100, leases: 100, ..Quotas::GUEST }),
            claim,
        );
    });
}

/// Open files and maps of this process.
fn held() -> (usize, usize) {
    let files = std::fs::read_dir("/proc/self/fd").expect("procfs").count();
    let maps = std::fs::read_to_string("/proc/self/maps").expect("procfs").lines().count();
    (files, maps)
}

/// The process holds about what it held before; maps may be split and joined by the allocators.
#[track_caller]
fn assert_held(before: (usize, usize)) {
    let after = held();
    assert!(after.0 <= before.0, "files: {before:?}, then {after:?}");
    assert!(after.1 <= before.1 + 20, "maps: {before:?}, then {after:?}");
}

#[test]
fn mapping_ten_thousand_times_leaves_nothing() {
    on_every_backend(|world| {
        world.publish("object", GRANULE);
        let mut guest = world.guest();
        let object = guest.open("object");
        let start = guest.alloc(4096);
        let mut held_before = None;
        for round in 0..10_000 {
            let ask = [AUTOMATIC, LEASED, PRIVATE][round % 3];
            let mapped = guest.try_map(start, GRANULE, object, ask).expect("maps");
            if round % 2 == 0 {
                guest.unmap(mapped).expect("unmaps");
            }
            guest.drop_mapping(mapped);
            if round == 10 {
                held_before = Some(held());
            }
        }
        assert_held(held_before.expect("there were more rounds"));
        assert_eq!((guest.usage().mappings, guest.usage().mapped_bytes), (0, 0));
    });
}

/// Keeps doing a thing and giving it up without dropping its handle: sooner or later that is `quota`, and no longer once they are dropped.
fn bounded<T>(
    guest: &mut Guest,
    mut take: impl FnMut(&mut Guest) -> Answer<T>,
    mut drop_handle: impl FnMut(&mut Guest, T),
) {
    for _ in 0..2 {
        let mut kept = Vec::new();
        let refused = loop {
            match take(guest) {
                Ok(one) => kept.push(one),
                Err(code) => break code,
            }
            assert!(kept.len() < 10_000, "any number of them can be kept");
        };
        assert_eq!(refused, ErrorCode::Quota);
        assert!(kept.len() >= 100, "the quota can be used in full");
        kept.into_iter().for_each(|one| drop_handle(guest, one));
    }
}

#[test]
fn handles_of_unmapped_mappings_are_bounded() {
    on_every_backend(|world| {
        world.publish("object", GRANULE);
        let mut guest = world.guest();
        let object = guest.open("object");
        let start = guest.alloc(4096);
        let take = |guest: &mut Guest| {
            let mapped = guest.try_map(start, GRANULE, object, LEASED)?;
            guest.unmap(mapped)?;
            Ok(mapped)
        };
        bounded(&mut guest, take, Guest::drop_mapping);
    });
}

#[test]
fn handles_of_revoked_leases_are_bounded() {
    on_every_backend(|world| {
        world.publish("object", GRANULE);
        let mut guest = world.guest();
        let object = guest.open("object");
        let start = guest.alloc(4096);
        let take = |guest: &mut Guest| {
            let mapped: Mapped = guest.try_map(start, GRANULE, object, LEASED)?;
            let lease = guest.acquire(mapped, Access::Read);
            guest.drop_mapping(mapped);
            lease
        };
        bounded(&mut guest, take, Guest::drop_lease);
        assert_eq!(guest.usage().leases, 0);
    });
}

#[test]
fn guests_that_end_leave_no_files_and_no_maps() {
    on_every_backend(|world| {
        world.publish("object", 4 * GRANULE);
        world.file("file", &[1; 8192]);
        let live_and_die = || {
            let mut guest = world.guest();
            let file = guest.open_file("/file", true);
            let own = guest.anonymous(8192).expect("made");
            for (object, ask) in [(file, AUTOMATIC), (file, LEASED), (own, PRIVATE), (own, LEASED)] {
                let mapped = guest.mapped(object, 8192, ask);
                guest.write(mapped.start, b"stored");
            }
            let mapped = guest.mapped_by_name("object", 8192, LEASED);
            guest.acquire(mapped, Access::Write).expect("free");
        };
        (0..10).for_each(|_| live_and_die());
        let before = held();
        (0..200).for_each(|_| live_and_die());
        assert_held(before);
        assert_eq!(world.domain.usage(), Quotas::NONE);
    });
}

#[test]
fn worlds_that_end_leave_no_files_and_no_maps() {
    alone(|| {
        let live_and_die = || {
            for mode in memctl_tests::BACKENDS {
                let world = World::new(mode);
                world.publish("object", GRANULE);
                let mut guest = world.guest();
                guest.mapped_by_name("object", GRANULE, AUTOMATIC);
            }
        };
        (0..3).for_each(|_| live_and_die());
        let before = held();
        (0..20).for_each(|_| live_and_die());
        assert_held(before);
    });
}
