//! Windows that only show, and stores that they keep out.

use memctl_tests::{Build, World};
use memctl_wasmtime::{FaultKind, HeapRights, Mode};

use crate::guest::{ErrorCode, Guest, PLAIN, Protection, published};

/// A reader's store to a block that it reads traps, and changes nothing.
fn keeps_stores_out(world: &World, build: Build) {
    let mut writer = Guest::attached(world);
    let mut reader = Guest::new(world, build, |ctx| ctx.heap_rights("heap", HeapRights::READ));
    reader.open("heap");
    reader.attach(Protection::Read).expect("it is protected");
    let block = writer.alloc(64);
    writer.write(block, b"as it is");
    writer.share(block).expect("its own");
    reader.resolve(block).expect("shared");
    assert_eq!(reader.read(block, 8), b"as it is");
    assert!(reader.try_write(block, b"X").is_err(), "it may not be written");
    let fault = reader.store.data().memctl.last_fault().expect("for a fault");
    let place = u64::from(reader.place(block));
    assert_eq!((fault.address, fault.kind, fault.write), (place, FaultKind::Protection, Some(true)));
    drop(reader);
    assert_eq!(writer.read(block, 8), b"as it is");
    assert_eq!(writer.unshare(block), Ok(()), "the one that read it is gone");
}

#[test]
fn a_read_only_window_traps_stores_by_host_pages() {
    keeps_stores_out(&World::with(Mode::Alias, published), PLAIN);
}

#[test]
fn a_read_only_window_traps_stores_by_checks() {
    keeps_stores_out(&World::instrumented(Mode::Copy, published, |_| {}), Build::Instrumented);
}

#[test]
fn what_can_not_be_protected_is_not_attached() {
    let world = World::with(Mode::Copy, published);
    let mut guest = Guest::new(&world, PLAIN, |ctx| ctx);
    guest.open("heap");
    assert_eq!(guest.attach(Protection::Read), Err(ErrorCode::Unsupported));
    assert_eq!(guest.attach(Protection::ReadWrite), Ok(()));
}

#[test]
fn in_an_audited_domain_pages_keep_blocks_apart() {
    let world = World::with(Mode::Alias, |builder| published(builder).audit());
    let (mut owner, mut other) = (Guest::attached(&world), Guest::attached(&world));
    let block = owner.alloc(64);
    owner.write(block, b"apart");
    assert!(other.try_write(block, b"X").is_err());
    drop(other);
    assert_eq!(owner.read(block, 5), b"apart");
    owner.give(block).expect("its own");
    assert!(owner.try_write(block, b"late").is_err(), "it was given away");
}
