//! Giving memory back.

use memctl_tests::probe::{Access, ErrorCode, Protection};
use memctl_tests::{AUTOMATIC, Ask, GRANULE, LEASED, PRIVATE, on_every_backend};

use crate::scene::{Protects, trapped, wherever_it_is_enforced};

#[test]
fn discarded_memory_is_zero() {
    on_every_backend(|world| {
        let mut guest = world.guest();
        let start = guest.granules(3);
        guest.discard((start + GRANULE, GRANULE)).expect("plain memory");
        assert_eq!(guest.read(start + GRANULE - 1, 2), [1, 0]);
        assert_eq!(guest.read(start + 2 * GRANULE - 1, 2), [0, 1]);
        guest.store(start + GRANULE).expect("it can be used again");
    });
}

#[test]
fn discarding_a_shared_window_discards_the_object() {
    on_every_backend(|world| {
        world.publish("object", 3 * GRANULE + 10);
        world.domain.write_object("object", 0, &[4; 3 * 4096 + 10]).expect("nobody is in the way");
        let (mut guest, mut other) = (world.guest(), world.guest());
        let mapped = guest.mapped_by_name("object", 4 * GRANULE, AUTOMATIC);
        let seen = other.mapped_by_name("object", 4 * GRANULE, AUTOMATIC);
        let mut snapshot = world.guest();
        let kept = snapshot.mapped_by_name("object", 4 * GRANULE, PRIVATE);
        guest.write(mapped.start, b"new");
        guest.discard((mapped.start + GRANULE, 3 * GRANULE)).expect("nobody has a lease");
        assert_eq!(guest.read(mapped.start, 5), b"new\x04\x04");
        assert_eq!(guest.read(mapped.start + GRANULE, 4096), [0; 4096]);
        assert_eq!(other.read(seen.start + GRANULE - 1, 3), [4, 0, 0]);
        let object = world.object("object");
        assert_eq!((object.len(), &object[4096..]), (3 * 4096 + 10, &[0; 2 * 4096 + 10][..]), "it keeps its length");
        assert_eq!(snapshot.read(kept.start + GRANULE, 4), [4; 4], "a snapshot is one");
        other.write(seen.start + 3 * GRANULE, b"again");
        assert_eq!(guest.read(mapped.start + 3 * GRANULE, 12), b"again\0\0\0\0\0\0\0");
    });
}

#[test]
fn discarding_a_private_window_leaves_the_object_alone() {
    on_every_backend(|world| {
        world.publish("object", 2 * GRANULE);
        world.domain.write_object("object", 0, &[4; 8192]).expect("nobody is in the way");
        let mut guest = world.guest();
        let mapped = guest.mapped_by_name("object", 2 * GRANULE, PRIVATE);
        guest.write(mapped.start, b"mine");
        guest.discard((mapped.start, GRANULE)).expect("its own");
        assert_eq!(guest.read(mapped.start, 4), [0; 4]);
        assert_eq!(guest.read(mapped.start + GRANULE, 4), [4; 4]);
        let mut writer = world.guest();
        let written = writer.mapped_by_name("object", 2 * GRANULE, AUTOMATIC);
        writer.write(written.start, b"theirs");
        assert_eq!(guest.read(mapped.start, 6), [0; 6], "and stays so when the snapshot is made independent");
        guest.unmap(mapped).expect("no lease is held");
        assert_eq!(world.object("object")[..6], *b"theirs");
    });
}

#[test]
fn discarding_a_file_reaches_the_file() {
    on_every_backend(|world| {
        let path = world.file("data", &[6; 3 * 4096]);
        let mut guest = world.guest();
        let object = guest.open_file("data", true);
        let mapped = guest.mapped(object, 3 * GRANULE, AUTOMATIC);
        guest.discard((mapped.start + GRANULE, GRANULE)).expect("nobody has a lease");
        assert_eq!(guest.read(mapped.start + GRANULE, 4), [0; 4]);
        let bytes = std::fs::read(path).expect("it is there");
        assert_eq!(bytes, [[6; 4096], [0; 4096], [6; 4096]].concat());
    });
}

#[test]
fn what_is_leased_is_not_discarded() {
    on_every_backend(|world| {
        world.publish("object", 2 * GRANULE);
        let (mut guest, mut other) = (world.guest(), world.guest());
        let mapped = guest.mapped_by_name("object", 2 * GRANULE, LEASED);
        let held = other.mapped_by_name("object", 2 * GRANULE, LEASED);
        let first = held.part(0, GRANULE);
        for access in [Access::Read, Access::Write] {
            let lease = other.acquire(first, access).expect("nobody else");
            assert_eq!(guest.discard((mapped.start, GRANULE)), Err(ErrorCode::Busy), "somebody else's lease");
            assert_eq!(other.discard((held.start, GRANULE)), Err(ErrorCode::Busy), "its own lease");
            guest.discard((mapped.start + GRANULE, GRANULE)).expect("beside the lease");
            other.release(lease, first).expect("releases");
        }
        let lease = other.acquire(first, Access::Write).expect("nobody else");
        other.write(held.start, b"leased");
        other.release(lease, first).expect("releases");
        guest.discard((mapped.start, GRANULE)).expect("nobody has a lease");
        assert_eq!(world.object("object")[..6], [0; 6]);
        let lease = other.acquire(first, Access::Read).expect("nobody else");
        assert_eq!(other.read(held.start, 6), [0; 6]);
        other.release(lease, first).expect("releases");
    });
}

#[test]
fn what_cannot_be_stored_to_is_not_discarded() {
    wherever_it_is_enforced(|world| {
        world.publish("object", 2 * GRANULE);
        let mut guest = world.guest();
        let start = guest.granules(2);
        for protection in [Protection::None, Protection::Read] {
            guest.protect((start + GRANULE, GRANULE), protection).expect("plain memory");
            assert_eq!(guest.discard((start, 2 * GRANULE)), Err(ErrorCode::Access));
            let mapped = guest.mapped_by_name("object", GRANULE, Ask { protection, ..AUTOMATIC });
            assert_eq!(guest.discard((mapped.start, GRANULE)), Err(ErrorCode::Access));
            guest.unmap(mapped).expect("no lease is held");
        }
        assert_eq!(guest.load(start).expect("open"), 1, "nothing changed");
    });
}

#[test]
fn discard_then_protect_is_virtual_memory_s_unmap() {
    wherever_it_is_enforced(|world| {
        let mut guest = world.guest();
        let start = guest.granules(2);
        guest.discard((start, GRANULE)).expect("plain memory");
        guest.protect((start, GRANULE), Protection::None).expect("plain memory");
        guest.protect((start, GRANULE), Protection::ReadWrite).expect("mapped again");
        assert_eq!(guest.read(start, 4), [0; 4], "zero when it is mapped again");
        guest.discard((start, GRANULE)).expect("plain memory");
        guest.protect((start, GRANULE), Protection::None).expect("plain memory");
        trapped(guest, start + 9, false, |guest| guest.load(start + 9));
    });
}

/// Resident host pages of the process, in bytes.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux tells");
    let pages: u64 = statm.split(' ').nth(1).expect("the second number").parse().expect("a number");
    pages * 4096
}

#[test]
fn the_host_gets_its_memory_back() {
    const LEN: u32 = 64 << 20;
    on_every_backend(|world| {
        let mut guest = world.guest();
        let start = guest.granules(LEN / 4096);
        let before = resident();
        guest.discard((start, LEN.into())).expect("plain memory");
        let after = resident();
        // Other tests of this process come and go meanwhile, each with far less.
        assert!(before - after.min(before) > u64::from(LEN) * 3 / 4, "{before} bytes before, {after} after");

        if world.mode == memctl_wasmtime::Mode::Alias {
            world.publish("object", LEN.into());
            let mapped = guest.mapped_by_name("object", LEN.into(), AUTOMATIC);
            guest.call(|probe, store| {
                let at = u32::try_from(mapped.start).expect("a 32-bit address");
                probe.call_fill(store, at, LEN, 1)
            });
            let before = resident();
            guest.discard((mapped.start, LEN.into())).expect("nobody has a lease");
            let after = resident();
            assert!(before - after.min(before) > u64::from(LEN) * 3 / 4, "{before} bytes before, {after} after");
        }
    });
}
