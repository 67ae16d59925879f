//! What is refused, and changes nothing.

use memctl_tests::probe::{Capabilities, ErrorCode, Protection};
use memctl_tests::{AUTOMATIC, Answer, Ask, GRANULE, Guest, LEASED, PRIVATE, World};
use memctl_wasmtime::{Mode, Quotas};

use crate::scene::{Protects, wherever_it_is_enforced};

/// Both calls that take a range answer like this, and change nothing.
#[track_caller]
fn refused(guest: &mut Guest, range: (u64, u64), code: ErrorCode) {
    let before = guest.state().memctl.usage();
    let protect = |guest: &mut Guest, protection| -> Answer<()> { guest.protect(range, protection) };
    for protection in [Protection::None, Protection::Read, Protection::ReadWrite] {
        assert_eq!(protect(guest, protection), Err(code), "{range:?}");
    }
    assert_eq!(guest.discard(range), Err(code), "{range:?}");
    assert_eq!(guest.state().memctl.usage(), before);
}

#[test]
fn ranges_are_checked_like_windows() {
    wherever_it_is_enforced(|world| {
        let mut guest = world.guest();
        let start = guest.granules(2);
        refused(&mut guest, (start + 1, GRANULE), ErrorCode::Alignment);
        refused(&mut guest, (start, GRANULE - 1), ErrorCode::Alignment);
        refused(&mut guest, (start, 0), ErrorCode::Bounds);
        refused(&mut guest, (0_u64.wrapping_sub(GRANULE), 2 * GRANULE), ErrorCode::Bounds);
        refused(&mut guest, (1 << 32, GRANULE), ErrorCode::Bounds);
        refused(&mut guest, (start, 1 << 40), ErrorCode::Bounds);
        guest.store(start).expect("nothing changed");
        assert_eq!(guest.load(start + 1).expect("nothing changed"), 1);
    });
}

#[test]
fn a_range_over_the_edge_of_a_window_is_overlap() {
    wherever_it_is_enforced(|world| {
        world.publish("object", 2 * GRANULE);
        let mut guest = world.guest();
        let start = guest.granules(4);
        let object = guest.open("object");
        let mapped = guest.try_map(start + GRANULE, 2 * GRANULE, object, AUTOMATIC).expect("free");
        refused(&mut guest, (start, 2 * GRANULE), ErrorCode::Overlap);
        refused(&mut guest, (start + 2 * GRANULE, 2 * GRANULE), ErrorCode::Overlap);
        refused(&mut guest, (start, 4 * GRANULE), ErrorCode::Overlap);
        guest.protect((start, GRANULE), Protection::Read).expect("beside it");
        guest.protect((start + 2 * GRANULE, GRANULE), Protection::Read).expect("inside it");
        guest.unmap(mapped).expect("no lease is held");
        assert_eq!(guest.state().memctl.usage().protected_ranges, 1);
    });
}

#[test]
fn where_nothing_can_protect_it_is_unsupported() {
    let world = World::new(Mode::Copy);
    let mut guest = world.guest();
    let can = guest.call(|probe, store| probe.call_capabilities_of(store));
    assert!(!can.contains(Capabilities::PROTECTION));
    let start = guest.granules(1);
    for protection in [Protection::None, Protection::Read, Protection::ReadWrite] {
        assert_eq!(guest.protect((start, GRANULE), protection), Err(ErrorCode::Unsupported));
    }
    assert_eq!(guest.seal(4096, 8192), Err(ErrorCode::Unsupported));
    assert_eq!(guest.sealed(), (0, 0));
    let object = guest.anonymous(GRANULE).expect("room");
    for protection in [Protection::None, Protection::Read] {
        for ask in [AUTOMATIC, LEASED, PRIVATE] {
            let mapped = guest.try_map(start, GRANULE, object, Ask { protection, ..ask });
            assert_eq!(mapped.map(drop), Err(ErrorCode::Unsupported));
        }
    }
    guest.store(0).expect("nothing is sealed");
}

#[test]
fn an_engine_without_signals_neither_aliases_nor_protects_by_pages() {
    let world = World::with_config(
        Mode::Auto,
        |builder| builder,
        |domain, config| {
            domain.configure(config).expect("the fault handler can be put in place");
            config.signals_based_traps(false);
        },
    );
    world.publish("object", GRANULE);
    let mut guest = world.guest();
    let can = guest.call(|probe, store| probe.call_capabilities_of(store));
    assert!(!can.intersects(Capabilities::PROTECTION | Capabilities::ZERO_COPY | Capabilities::ALIASING));
    assert_eq!(guest.seal(4096, 8192), Err(ErrorCode::Unsupported));
    let mapped = guest.mapped_by_name("object", GRANULE, AUTOMATIC);
    guest.write(mapped.start, b"copied");
    assert_eq!(world.object("object")[..6], *b"copied");
    assert!(world.domain.stats().bytes_copied > 0);
}

#[test]
fn advice_is_the_embedder_s_choice_and_says_what_it_is() {
    let world = World::with(Mode::Copy, memctl_wasmtime::DomainBuilder::advisory_protection);
    let mut guest = world.guest();
    let can = guest.call(|probe, store| probe.call_capabilities_of(store));
    assert!(!can.contains(Capabilities::PROTECTION));
    assert_eq!(guest.seal(4096, 8192), Ok((4096, 8192)));
    assert_eq!(guest.sealed(), (4096, 8192));
    guest.store(0).expect("it is advice");
    let start = guest.granules(1);
    guest.protect((start, GRANULE), Protection::Read).expect("advice");
    guest.store(start).expect("it is advice");
    assert_eq!(guest.discard((start, GRANULE)), Err(ErrorCode::Access), "the host keeps to it");
    assert_eq!(guest.state().memctl.usage(), Quotas { protected_ranges: 3, ..Quotas::NONE });
}

#[test]
fn capabilities_say_where_it_is_enforced() {
    wherever_it_is_enforced(|world| {
        let can = world.guest().call(|probe, store| probe.call_capabilities_of(store));
        assert!(can.contains(Capabilities::PROTECTION));
    });
}
