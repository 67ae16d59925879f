//! Windows that reach past the end of their objects, and files that are used through a window and through WASI within one call.

use memctl_tests::probe::FileStep::{Append, Load, Read, SetLen, Store, Sync, Write};
use memctl_tests::probe::Protection;
use memctl_tests::{
    AUTOMATIC, Ask, GRANULE as G, Guest, LEASED, Mapped, PRIVATE, World, on_every_backend, on_every_protector,
};
use memctl_wasmtime::Stats;

const PATH: &str = "/file";

fn address(mapped: Mapped, offset: u64) -> u32 {
    u32::try_from(mapped.start + offset).expect("small")
}

#[test]
fn a_file_grows_into_its_window() {
    on_every_backend(|world| {
        let path = world.file("file", b"one");
        let mut guest = world.guest();
        let object = guest.open_file(PATH, true);
        let mapped = guest.mapped(object, 4 * G, AUTOMATIC.past_end());
        let at = |offset| address(mapped, offset);
        let steps = [
            Store((at(3 * G), 9)),
            Load(at(3 * G)),
            Write((G, 1)),
            Load(at(G)),
            Load(at(3 * G)),
            Append(2),
            Load(at(G + 1)),
            SetLen(3 * G + 1),
            Load(at(3 * G)),
            Store((at(3 * G), 3)),
            Read(3 * G),
            Store((at(2 * G), 4)),
            SetLen(G + 1),
            Load(at(G)),
            Load(at(G + 1)),
            Load(at(2 * G)),
            Store((at(2 * G), 5)),
            Load(at(2 * G)),
            Read(2 * G),
            SetLen(2 * G + 1),
            Load(at(2 * G)),
        ];
        let seen = guest.call(|probe, store| probe.call_use_file(store, PATH, &steps)).expect("files work");
        assert_eq!(seen, [9, 1, 9, 2, 0, 3, 1, 0, 0, 5, 0xff, 0]);
        let len = usize::try_from(2 * G + 1).expect("small");
        let bytes = std::fs::read(&path).expect("read");
        assert_eq!((bytes.len(), &bytes[..3], bytes[len - 1]), (len, &b"one"[..], 0));
    });
}

#[test]
fn an_empty_file_and_a_range_past_the_end_can_be_mapped() {
    on_every_backend(|world| {
        let path = world.file("file", b"");
        let mut guest = world.guest();
        let object = guest.open_file(PATH, true);
        let mapped = guest.mapped(object, 2 * G, AUTOMATIC.past_end());
        let behind = guest.mapped(object, G, AUTOMATIC.at(2 * G).past_end());
        assert_eq!(guest.read(mapped.start, 8), [0; 8]);
        guest.write_file(PATH, 2 * G, b"there");
        assert_eq!(guest.read(behind.start, 5), b"there");
        guest.write(mapped.start, b"first");
        guest.unmap(mapped).expect("no leases");
        assert_eq!(std::fs::read(&path).expect("read")[..5], *b"first");
    });
}

#[test]
fn objects_grow_into_windows_of_all_guests() {
    on_every_backend(|world| {
        world.publish("object", 1);
        let (mut one, mut other) = (world.guest(), world.guest());
        let object = one.open("object");
        let mapped = one.mapped(object, 3 * G, AUTOMATIC.past_end());
        let seen = other.mapped_by_name("object", G, AUTOMATIC.at(2 * G).past_end());
        let snapshot = other.mapped_by_name("object", 3 * G, PRIVATE.past_end());
        one.write(mapped.start + 2 * G, b"lost");
        one.call(|probe, store| probe.call_resize(store, object, 3 * G)).expect("it grows");
        assert_eq!(one.read(mapped.start + 2 * G, 4), [0; 4]);
        one.write(mapped.start + 2 * G, b"kept");
        assert_eq!(other.read(seen.start, 4), b"kept");
        assert_eq!(other.read(snapshot.start + 2 * G, 4), [0; 4]);
        one.call(|probe, store| probe.call_resize(store, object, 1)).expect("it shrinks");
        assert_eq!(other.read(seen.start, 4), [0; 4]);
        other.write(seen.start, b"own");
        assert_eq!(one.read(mapped.start + 2 * G, 4), [0; 4]);
    });
}

#[test]
fn leases_reach_past_the_end() {
    on_every_backend(|world| {
        world.publish("object", 1);
        let mut guest = world.guest();
        let object = guest.open("object");
        let mapped = guest.mapped(object, 2 * G, LEASED.past_end());
        guest.call(|probe, store| probe.call_resize(store, object, G + 1)).expect("it grows");
        world.domain.write_object("object", G, b"x").expect("nobody has a lease");
        let lease = guest.acquire(mapped, memctl_tests::probe::Access::Read).expect("leased");
        assert_eq!(guest.read(mapped.start + G, 1), b"x");
        guest.release(lease, mapped).expect("releases");
    });
}

#[test]
fn a_file_and_its_window_are_one_within_a_call() {
    on_every_backend(|world| {
        world.file("file", &[1; 8192]);
        let mut guest = world.guest();
        let object = guest.open_file(PATH, true);
        let mapped = guest.mapped(object, 2 * G, AUTOMATIC);
        let at = |offset| address(mapped, offset);
        let steps = [
            Store((at(10), 2)),
            Read(10),
            Write((11, 3)),
            Load(at(11)),
            Load(at(10)),
            Store((at(12), 4)),
            Write((12, 5)),
            Load(at(12)),
            Store((at(12), 6)),
            Store((at(5000), 7)),
            Sync,
            Read(12),
            Read(5000),
            Read(5001),
        ];
        let seen = guest.call(|probe, store| probe.call_use_file(store, PATH, &steps)).expect("files work");
        assert_eq!(seen, [2, 3, 2, 5, 6, 7, 1]);
    });
}

#[test]
fn what_another_guest_stored_is_read_from_the_file() {
    on_every_backend(|world| {
        world.file("file", &[1; 8192]);
        let (mut one, mut other) = (world.guest(), world.guest());
        let object = one.open_file(PATH, true);
        let mapped = one.mapped(object, 2 * G, AUTOMATIC);
        one.write(mapped.start + 5000, b"stored");
        let seen = other.call(|probe, store| probe.call_use_file(store, PATH, &[Read(5000), Write((5001, 9))]));
        assert_eq!(seen.expect("files work"), b"s");
        assert_eq!(one.read(mapped.start + 5000, 3), *b"s\x09o");
    });
}

/// What is copied when a guest with a large mapping of a file does something within one call.
fn copied(world: &World, writes: u64, path: &str) -> u64 {
    world.file("file", &[1; 1 << 20]);
    world.file("other", &[1; 1 << 16]);
    let mut guest = world.guest();
    let object = guest.open_file(PATH, true);
    guest.mapped(object, 1 << 20, AUTOMATIC);
    let steps: Vec<_> = (0..writes).flat_map(|at| [Write((at, 2)), Read(at)]).collect();
    let Stats { bytes_copied: before, .. } = world.domain.stats();
    guest.call(|probe, store| probe.call_use_file(store, path, &steps)).expect("files work");
    world.domain.stats().bytes_copied - before
}

#[test]
fn calls_on_files_move_only_what_they_are_about() {
    on_every_backend(|world| {
        let nothing = copied(world, 0, "/other");
        assert_eq!(copied(world, 100, "/other"), nothing, "another file");
        // Reads of std are as long as the byte that is asked for; what is written comes back into the window.
        assert!(copied(world, 100, PATH) <= nothing + 100 * 8, "a few bytes for each call");
    });
}

/// A guest with a window of two granules that can't be stored to, of a file of three bytes.
fn with_a_read_only_window(world: &World) -> (Guest, Mapped) {
    world.file("file", b"one");
    let mut guest = world.guest();
    let object = guest.open_file(PATH, false);
    let mapped = guest.mapped(object, 2 * G, Ask { protection: Protection::Read, ..AUTOMATIC.past_end() });
    (guest, mapped)
}

fn can_not_be_stored_to(guest: &mut Guest, at: u32) {
    assert!(guest.try_call(|probe, store| probe.call_store_u8(store, at, 1)).is_err(), "it can't be stored to");
}

#[test]
fn a_read_only_window_of_a_growing_file_grows_too() {
    on_every_protector(|world| {
        let (mut guest, mapped) = with_a_read_only_window(world);
        guest.write_file(PATH, G, b"grown");
        assert_eq!(guest.read(mapped.start + G, 5), b"grown");
        can_not_be_stored_to(&mut guest, address(mapped, G));
    });
}

#[test]
fn what_shows_nothing_yet_is_protected_too() {
    on_every_protector(|world| {
        let (mut guest, mapped) = with_a_read_only_window(world);
        assert_eq!(guest.read(mapped.start + G, 1), [0]);
        can_not_be_stored_to(&mut guest, address(mapped, G));
    });
}

#[test]
fn the_host_reads_what_an_object_grew_by() {
    on_every_backend(|world| {
        world.publish("object", 1);
        let mut guest = world.guest();
        let object = guest.open("object");
        let mapped = guest.mapped(object, 2 * G, AUTOMATIC.past_end());
        guest.call(|probe, store| probe.call_resize(store, object, 2 * G)).expect("it grows");
        guest.write(mapped.start + G, b"seen");
        let mut bytes = [1; 5];
        world.domain.read_object("object", G, &mut bytes).expect("no leases");
        assert_eq!(bytes, *b"seen\0");
    });
}

#[test]
fn mapping_and_unmapping_move_only_what_is_shown() {
    on_every_backend(|world| {
        world.file("file", &[1; 1 << 20]);
        let mut guest = world.guest();
        let object = guest.open_file(PATH, true);
        let rest = guest.mapped(object, (1 << 20) - G, AUTOMATIC);
        guest.write(rest.start, b"stored");
        let copied = |guest: &mut Guest, then: &dyn Fn(&mut Guest)| {
            let Stats { bytes_copied: before, .. } = world.domain.stats();
            then(guest);
            world.domain.stats().bytes_copied - before
        };
        // The calls of the test into the guest sync the window; so many of them move as much.
        let two_calls = copied(&mut guest, &|guest| {
            guest.read(rest.start, 1);
            guest.read(rest.start, 1);
        });
        let mapped = copied(&mut guest, &|guest| {
            guest.mapped(object, G, PRIVATE.at((1 << 20) - G));
        });
        assert!(mapped <= two_calls + 2 * G, "{mapped} bytes, {two_calls} without it");
    });
}
