//! Several memories in one component: two core modules, each with its own.

use memctl_tests::hostile::{Hostile, Lowered, MEMORY_CONTROL, RESULT, inside_as, map_arguments, part_arguments};
use memctl_tests::probe::ErrorCode;
use memctl_tests::{AUTOMATIC, Ask, GRANULE, LEASED, PRIVATE, World};
use wasmtime::component::Component;

use crate::the_same_on_every_backend;

const WINDOW: u32 = 0x4_0000;

/// The modules' names, before each export.
const TAGS: [&str; 2] = ["one-", "two-"];

/// A component of two modules.
fn guest(world: &World) -> Hostile {
    world.publish("object", 4 * GRANULE);
    let inside = TAGS.map(|tag| inside_as(tag, &Lowered::memory_control(), "", "")).concat();
    let component = Component::new(world.engine(), format!("(component {MEMORY_CONTROL} {inside})")).expect("compiles");
    Hostile::component(world.store(), &component, world.linker())
}

/// Calls one module's export.
#[track_caller]
fn call(guest: &mut Hostile, tag: &str, name: &str, numbers: &[u64]) -> u64 {
    guest.call(&format!("{tag}{name}"), numbers)
}

#[track_caller]
fn write(guest: &mut Hostile, tag: &str, at: u32, bytes: &[u8]) {
    for (at, byte) in (at..).zip(bytes) {
        call(guest, tag, "store8", &[at.into(), (*byte).into()]);
    }
}

#[track_caller]
fn read(guest: &mut Hostile, tag: &str, at: u32, len: u32) -> Vec<u8> {
    (at..at + len).map(|at| call(guest, tag, "load8", &[at.into()]).to_le_bytes()[0]).collect()
}

/// What a call left: a handle, or an error code's number.
#[track_caller]
fn answer(guest: &mut Hostile, tag: &str, payload: u32) -> Result<u32, u8> {
    let bytes = read(guest, tag, RESULT, 8);
    match bytes[0] {
        0 => Ok(u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]])),
        _ => Err(bytes[payload as usize]),
    }
}

#[track_caller]
fn map(guest: &mut Hostile, tag: &str, start: u32, ask: Ask) -> Result<u32, u8> {
    write(guest, tag, 0, b"object");
    call(guest, tag, "open", &[0, 6, RESULT.into()]);
    let object = answer(guest, tag, 4).expect("published");
    call(guest, tag, "map", &map_arguments(start, GRANULE, object, ask, RESULT));
    answer(guest, tag, 4)
}

#[track_caller]
fn on_part(guest: &mut Hostile, tag: &str, name: &str, handle: u32, more: &[u64]) -> Result<u32, u8> {
    call(guest, tag, name, &[&part_arguments(handle, WINDOW, GRANULE)[..], more, &[RESULT.into()]].concat());
    answer(guest, tag, if name == "acquire" { 4 } else { 1 })
}

#[test]
fn windows_at_the_same_address_of_two_memories_are_two_windows() {
    the_same_on_every_backend(|world| {
        let mut guest = guest(world);
        for (tag, first) in TAGS.into_iter().zip([0, 1]) {
            map(&mut guest, tag, WINDOW, AUTOMATIC.at(first * GRANULE)).expect("maps");
        }
        write(&mut guest, TAGS[0], WINDOW, b"in the first");
        write(&mut guest, TAGS[1], WINDOW, b"in the second");
        let object = world.object("object");
        assert_eq!(object[..12], *b"in the first");
        assert_eq!(object[4096..4096 + 13], *b"in the second");
        let mut other = world.guest();
        let seen = other.mapped_by_name("object", 2 * GRANULE, AUTOMATIC);
        other.write(seen.start + 7, b"FIRST");
        other.write(seen.start + GRANULE + 7, b"SECOND");
        let read = TAGS.map(|tag| read(&mut guest, tag, WINDOW, 13));
        assert_eq!(read, [b"in the FIRST\0", b"in the SECOND"].map(|bytes| bytes.to_vec()));
        (read, world.object("object"))
    });
}

#[test]
fn the_same_bytes_are_shown_in_two_memories_under_leases_only() {
    the_same_on_every_backend(|world| {
        let mut guest = guest(world);
        map(&mut guest, TAGS[0], WINDOW + 0x1_0000, AUTOMATIC).expect("maps");
        assert_eq!(map(&mut guest, TAGS[1], WINDOW, AUTOMATIC), Err(ErrorCode::Overlap as u8));
        let windows = TAGS.map(|tag| map(&mut guest, tag, WINDOW, LEASED.at(GRANULE)).expect("maps"));
        let mut told = Vec::new();
        for round in 0..4_u8 {
            let (from, to) = (usize::from(round % 2), usize::from((round + 1) % 2));
            let write_lease = on_part(&mut guest, TAGS[from], "acquire", windows[from], &[1]).expect("free");
            let busy = on_part(&mut guest, TAGS[to], "acquire", windows[to], &[0]);
            assert_eq!(busy, Err(ErrorCode::Busy as u8));
            write(&mut guest, TAGS[from], WINDOW + u32::from(round), &[round + 1]);
            on_part(&mut guest, TAGS[from], "release", write_lease, &[]).expect("releases");
            let read_lease = on_part(&mut guest, TAGS[to], "acquire", windows[to], &[0]).expect("free");
            told.push(read(&mut guest, TAGS[to], WINDOW, 4));
            on_part(&mut guest, TAGS[to], "release", read_lease, &[]).expect("releases");
        }
        assert_eq!(told[3], [1, 2, 3, 4]);
        told
    });
}

#[test]
fn snapshots_of_two_memories_are_made_independent_together() {
    the_same_on_every_backend(|world| {
        let mut guest = guest(world);
        world.domain.write_object("object", 0, b"original").expect("written");
        for tag in TAGS {
            map(&mut guest, tag, WINDOW, PRIVATE).expect("maps");
        }
        write(&mut guest, TAGS[0], WINDOW, b"O");
        world.domain.write_object("object", 0, b"changed!").expect("written");
        let seen = TAGS.map(|tag| read(&mut guest, tag, WINDOW, 8));
        assert_eq!(seen, [b"Original", b"original"].map(|bytes| bytes.to_vec()));
        seen
    });
}

#[test]
fn a_window_is_unmapped_in_its_own_memory() {
    the_same_on_every_backend(|world| {
        let mut guest = guest(world);
        let one = map(&mut guest, TAGS[0], WINDOW, AUTOMATIC).expect("maps");
        map(&mut guest, TAGS[1], WINDOW, AUTOMATIC.at(GRANULE)).expect("maps");
        for tag in TAGS {
            write(&mut guest, tag, WINDOW, b"stored");
        }
        on_part(&mut guest, TAGS[0], "unmap", one, &[]).expect("unmaps");
        let seen = TAGS.map(|tag| read(&mut guest, tag, WINDOW, 6));
        assert_eq!(seen, [vec![0; 6], b"stored".to_vec()]);
        (seen, world.object("object"))
    });
}

#[test]
fn each_memory_grows_without_the_other() {
    the_same_on_every_backend(|world| {
        let mut guest = guest(world);
        for (tag, first) in TAGS.into_iter().zip([0, 1]) {
            map(&mut guest, tag, WINDOW, AUTOMATIC.at(first * GRANULE)).expect("maps");
        }
        let mut told = Vec::new();
        for round in 0..4_u8 {
            let tag = TAGS[usize::from(round % 2)];
            told.push(call(&mut guest, tag, "grow", &[100]));
            write(&mut guest, tag, WINDOW + u32::from(round), &[round + 1]);
        }
        (told, world.object("object"))
    });
}
