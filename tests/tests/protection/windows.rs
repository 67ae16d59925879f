//! Protection of windows, at `map` and later.

use memctl_tests::probe::{Access, ErrorCode, Protection, Rights};
use memctl_tests::{AUTOMATIC, Ask, GRANULE, LEASED, PRIVATE, World};
use memctl_wasmtime::{Mode, Quotas, Source};

use crate::scene::{Protects, address, trapped, wherever_it_is_enforced};

const READ: Ask = Ask { protection: Protection::Read, ..AUTOMATIC };

fn publish(world: &World) {
    world.publish("object", 2 * GRANULE);
    world.domain.write_object("object", 0, &[3; 8192]).expect("nobody is in the way");
}

#[test]
fn a_window_mapped_for_reading_can_be_loaded_only() {
    wherever_it_is_enforced(|world| {
        publish(world);
        for ask in [AUTOMATIC, LEASED, PRIVATE] {
            let mut guest = world.guest();
            let mapped = guest.mapped_by_name("object", 2 * GRANULE, Ask { protection: Protection::Read, ..ask });
            assert_eq!(guest.read(mapped.start, 4), [3; 4]);
            assert_eq!(guest.state().memctl.usage().protected_ranges, 1);
            let at = mapped.start + GRANULE;
            trapped(guest, at, true, |guest| guest.store(at));
        }
        assert_eq!(world.object("object"), [3; 8192]);
    });
}

#[test]
fn a_window_mapped_without_access_cannot_be_touched_until_it_is_opened() {
    wherever_it_is_enforced(|world| {
        publish(world);
        for ask in [AUTOMATIC, LEASED, PRIVATE] {
            let closed = Ask { protection: Protection::None, ..ask };
            let mut guest = world.guest();
            let mapped = guest.mapped_by_name("object", 2 * GRANULE, closed);
            guest.protect((mapped.start, GRANULE), Protection::Read).expect("its own window");
            assert_eq!(guest.load(mapped.start).expect("opened"), 3);
            trapped(guest, mapped.start + GRANULE, false, |guest| guest.load(mapped.start + GRANULE));
        }
    });
}

#[test]
fn a_window_is_ordinary_memory_after_unmap() {
    wherever_it_is_enforced(|world| {
        publish(world);
        for ask in [AUTOMATIC, LEASED, PRIVATE] {
            for protection in [Protection::None, Protection::Read] {
                let mut guest = world.guest();
                let mapped = guest.mapped_by_name("object", 2 * GRANULE, Ask { protection, ..ask });
                guest.unmap(mapped).expect("no lease is held");
                assert_eq!(guest.state().memctl.usage().protected_ranges, 0);
                assert_eq!(guest.read(mapped.start, 4), [0; 4]);
                guest.store(mapped.start + GRANULE).expect("ordinary memory");
            }
        }
    });
}

#[test]
fn a_window_of_a_board_s_granule_is_ordinary_memory_after_unmap() {
    // Less than a host page, and more than a megabyte: both end inside a host page.
    for (len, ask) in [(96, READ), (96, AUTOMATIC), ((1 << 20) + 32, AUTOMATIC)] {
        let world = World::instrumented(Mode::Copy, |builder| builder.granule(32), |_| {});
        world.publish("object", 2 << 20);
        world.domain.write_object("object", 0, &vec![7; 2 << 20]).expect("published");
        let mut guest = world.guest();
        let mapped = guest.mapped_by_name("object", len, ask);
        let end = u32::try_from(len).expect("small");
        assert_eq!(guest.read(mapped.start, end), vec![7; end as usize]);
        assert_eq!(guest.unmap(mapped), Ok(()));
        assert_eq!(guest.read(mapped.start, end), vec![0; end as usize]);
        guest.write(mapped.start, b"ordinary");
    }
}

#[test]
fn a_read_only_object_is_shared_for_reading() {
    wherever_it_is_enforced(|world| {
        world
            .domain
            .publish("constant", Source::anonymous(GRANULE), memctl_wasmtime::Rights::READ)
            .expect("a new name");
        let mut guest = world.guest();
        let object = guest.open("constant");
        let rights = guest.call(|probe, store| probe.call_object_rights(store, object));
        assert_eq!(rights, Rights::READ);
        let mapped = guest.mapped(object, GRANULE, READ);
        world.domain.write_object("constant", 5, b"news").expect("the host may");
        assert_eq!(guest.read(mapped.start + 5, 4), b"news", "it is shared");
        assert_eq!(guest.protect((mapped.start, GRANULE), Protection::ReadWrite), Err(ErrorCode::Access));
        guest.protect((mapped.start, GRANULE), Protection::None).expect("less is always possible");
        guest.protect((mapped.start, GRANULE), Protection::Read).expect("and back");
        trapped(guest, mapped.start, true, |guest| guest.store(mapped.start));
    });
}

#[test]
fn a_read_only_file_is_shared_for_reading() {
    wherever_it_is_enforced(|world| {
        let path = world.file("constant", &[9; 5000]);
        let mut guest = world.guest();
        let object = guest.open_file("constant", false);
        let mapped = guest.mapped(object, 2 * GRANULE, READ);
        assert_eq!(guest.read(mapped.start + 4990, 20), [[9; 10], [0; 10]].concat());
        guest.write_file("constant", 1, b"news");
        assert_eq!(guest.read(mapped.start, 5), b"\x09news");
        guest.unmap(mapped).expect("no lease is held");
        assert_eq!(std::fs::read(path).expect("it is there")[..6], *b"\x09news\x09");
    });
}

#[test]
fn readers_of_one_range_need_no_lease_to_keep_apart() {
    wherever_it_is_enforced(|world| {
        world
            .domain
            .publish("constant", Source::anonymous(GRANULE), memctl_wasmtime::Rights::READ)
            .expect("a new name");
        let mut guest = world.guest();
        let first = guest.mapped_by_name("constant", GRANULE, READ);
        let second = guest.mapped_by_name("constant", GRANULE, READ);
        world.domain.write_object("constant", 0, b"both").expect("the host may");
        assert_eq!(guest.read(first.start, 4), guest.read(second.start, 4));
    });
}

#[test]
fn a_reader_and_a_writer_of_one_range_in_one_store_are_overlap() {
    wherever_it_is_enforced(|world| {
        world.file("shared", &[1; 4096]);
        let mut guest = world.guest();
        let (reader, writer) = (guest.open_file("shared", false), guest.open_file("shared", true));
        let start = guest.granules(2);
        for (first, second) in [((reader, READ), (writer, AUTOMATIC)), ((writer, AUTOMATIC), (reader, READ))] {
            let mapped = guest.try_map(start, GRANULE, first.0, first.1).expect("the first");
            let refused = guest.try_map(start + GRANULE, GRANULE, second.0, second.1);
            assert_eq!(refused.map(drop), Err(ErrorCode::Overlap));
            guest.unmap(mapped).expect("no lease is held");
        }
    });
}

#[test]
fn what_was_stored_before_a_window_was_closed_reaches_the_object() {
    wherever_it_is_enforced(|world| {
        publish(world);
        let (mut guest, mut other) = (world.guest(), world.guest());
        let mapped = guest.mapped_by_name("object", 2 * GRANULE, AUTOMATIC);
        let seen = other.mapped_by_name("object", 2 * GRANULE, AUTOMATIC);
        guest.write(mapped.start, b"before");
        guest.protect((mapped.start, 2 * GRANULE), Protection::None).expect("its own window");
        assert_eq!(other.read(seen.start, 6), b"before");
        other.write(seen.start, b"after!");
        guest.protect((mapped.start, GRANULE), Protection::Read).expect("its own window");
        assert_eq!(guest.read(mapped.start, 6), b"after!");
        guest.unmap(mapped).expect("no lease is held");
        assert_eq!(world.object("object")[..6], *b"after!");
    });
}

#[test]
fn a_closed_snapshot_outlives_the_first_writer() {
    wherever_it_is_enforced(|world| {
        publish(world);
        let (mut guest, mut writer) = (world.guest(), world.guest());
        let mapped = guest.mapped_by_name("object", 2 * GRANULE, PRIVATE);
        guest.write(mapped.start, b"mine");
        guest.protect((mapped.start, GRANULE), Protection::None).expect("its own window");
        guest.protect((mapped.start + GRANULE, GRANULE), Protection::Read).expect("its own window");
        let written = writer.mapped_by_name("object", 2 * GRANULE, AUTOMATIC);
        writer.write(written.start + GRANULE, b"theirs");
        assert_eq!(guest.read(mapped.start + GRANULE, 6), [3; 6]);
        guest.protect((mapped.start, GRANULE), Protection::Read).expect("its own window");
        assert_eq!(guest.read(mapped.start, 6), b"mine\x03\x03");
        trapped(guest, mapped.start, true, |guest| guest.store(mapped.start));
    });
}

#[test]
fn a_lease_does_not_open_what_is_protected() {
    wherever_it_is_enforced(|world| {
        publish(world);
        let mut guest = world.guest();
        let mapped = guest.mapped_by_name("object", 2 * GRANULE, LEASED);
        guest.protect((mapped.start, GRANULE), Protection::Read).expect("its own window");
        let lease = guest.acquire(mapped, Access::Write).expect("nobody else");
        guest.store(mapped.start + GRANULE).expect("leased, and not protected");
        guest.release(lease, mapped).expect("releases");
        assert_eq!(world.object("object")[4096], 2);
        guest.acquire(mapped, Access::Write).expect("nobody else");
        trapped(guest, mapped.start, true, |guest| guest.store(mapped.start));
    });
}

#[test]
fn leases_and_protection_are_both_kept_to_where_leases_are_enforced() {
    let world = World::with(memctl_wasmtime::Mode::Alias, memctl_wasmtime::DomainBuilder::audit);
    publish(&world);
    let ready = || {
        let mut guest = world.guest();
        let mapped = guest.mapped_by_name("object", 2 * GRANULE, LEASED);
        guest.protect((mapped.start, GRANULE), Protection::Read).expect("its own window");
        (guest, mapped)
    };
    let (guest, mapped) = ready();
    trapped(guest, mapped.start, false, |guest| guest.load(mapped.start));
    let (mut guest, mapped) = ready();
    let lease = guest.acquire(mapped, Access::Write).expect("nobody else");
    guest.load(mapped.start).expect("leased");
    guest.store(mapped.start + GRANULE).expect("leased");
    guest.protect((mapped.start, GRANULE), Protection::ReadWrite).expect("its own window");
    guest.store(mapped.start).expect("leased, and open");
    guest.release(lease, mapped).expect("releases");
    trapped(guest, mapped.start, true, |guest| guest.store(mapped.start));
    let (mut guest, mapped) = ready();
    guest.acquire(mapped, Access::Write).expect("nobody else");
    trapped(guest, mapped.start, true, |guest| guest.store(mapped.start));
}

#[test]
fn a_refused_map_leaves_nothing_protected() {
    wherever_it_is_enforced(|world| {
        publish(world);
        let mut guest = world.guest();
        let start = guest.granules(2);
        let object = guest.open("object");
        let past = Ask { offset: 2 * GRANULE, ..READ };
        assert_eq!(guest.try_map(start, GRANULE, object, past).map(drop), Err(ErrorCode::Bounds));
        guest.store(start).expect("not protected");
        guest.protect((start + GRANULE, GRANULE), Protection::Read).expect("plain memory");
        assert_eq!(guest.try_map(start, 2 * GRANULE, object, READ).map(drop), Err(ErrorCode::Overlap));
        assert_eq!(guest.load(start + GRANULE).expect("it can be read"), 1);
        let usage = guest.state().memctl.usage();
        assert_eq!(usage, Quotas { objects: 1, protected_ranges: 1, ..Quotas::NONE });
        trapped(guest, start + GRANULE, true, |guest| {
            guest.try_call(|probe, store| probe.call_store_u8(store, address(start + GRANULE), 1))
        });
    });
}
