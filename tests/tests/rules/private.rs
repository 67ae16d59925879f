//! Rule 2: a private mapping is a snapshot.

use memctl_tests::probe::Access;
use memctl_tests::{AUTOMATIC, GRANULE, Guest, LEASED, PRIVATE, World, on_every_backend};
use memctl_wasmtime::{Mode, Rights, Source};

/// Bytes in the file that is mapped: two granules and a bit, none of them zero.
const LEN: usize = 2 * GRANULE as usize + 100;

/// What the file holds.
fn original() -> Vec<u8> {
    (0..LEN).map(|at| (at % 250).to_le_bytes()[0] + 1).collect()
}

/// `write` changes the bytes of an object that a guest has mapped private; the guest sees none of it.
#[track_caller]
fn unseen(write: impl Fn(&World, &mut Guest)) {
    on_every_backend(|world| {
        world.publish("object", LEN as u64);
        world.domain.write_object("object", 0, &original()).expect("written");
        let mut guest = world.guest();
        let mapped = guest.mapped_by_name("object", 3 * GRANULE, PRIVATE);
        guest.write(mapped.start + 1, b"mine");
        write(world, &mut guest);
        let mut expected = original();
        expected[1..5].copy_from_slice(b"mine");
        expected.resize(3 * GRANULE as usize, 0);
        assert!(guest.read(mapped.start, 3 * GRANULE as u32) == expected, "the snapshot changed");
        assert_ne!(world.object("object")[1..5], *b"mine", "stores to the snapshot stay there");
        guest.unmap(mapped).expect("unmaps");
        assert!(guest.read(mapped.start, 3 * GRANULE as u32).iter().all(|byte| *byte == 0));
    });
}

#[test]
fn a_snapshot_does_not_see_what_another_guest_stores() {
    unseen(|world, _| {
        let mut other = world.guest();
        let mapped = other.mapped_by_name("object", 3 * GRANULE, AUTOMATIC);
        other.write(mapped.start, &[0xff; LEN]);
        assert_eq!(world.object("object"), [0xff; LEN]);
    });
    unseen(|world, _| {
        let mut other = world.guest();
        let mapped = other.mapped_by_name("object", 3 * GRANULE, LEASED);
        let lease = other.acquire(mapped, Access::Write).expect("free");
        other.write(mapped.start, &[0xff; LEN]);
        other.release(lease, mapped).expect("releases");
        assert_eq!(world.object("object"), [0xff; LEN]);
    });
}

#[test]
fn a_snapshot_does_not_see_what_its_own_guest_stores_elsewhere() {
    unseen(|world, guest| {
        let mapped = guest.mapped_by_name("object", 3 * GRANULE, AUTOMATIC);
        guest.write(mapped.start, &[0xff; LEN]);
        assert_eq!(world.object("object"), [0xff; LEN]);
    });
}

#[test]
fn a_snapshot_does_not_see_what_the_host_writes() {
    unseen(|world, _| world.domain.write_object("object", 0, &[0xff; LEN]).expect("written"));
}

#[test]
fn a_snapshot_does_not_see_the_object_grow() {
    unseen(|_, guest| {
        let object = guest.open("object");
        guest.resize(object, 3 * GRANULE).expect("resized");
        let mapped = guest.mapped(object, 3 * GRANULE, AUTOMATIC);
        guest.write(mapped.start, &[0xff; 3 * GRANULE as usize]);
    });
}

#[test]
fn publish_refresh_and_sync_do_nothing_to_a_snapshot() {
    unseen(|world, guest| {
        world.domain.write_object("object", 0, &[0xff; LEN]).expect("written");
        let mapped = guest.mapped_by_name("object", GRANULE, PRIVATE);
        assert_eq!(guest.read(mapped.start, 3), [0xff; 3]);
        guest.write(mapped.start, b"abc");
        guest.publish(mapped).expect("does nothing");
        guest.sync(mapped).expect("does nothing");
        guest.refresh(mapped).expect("does nothing");
        assert_eq!(guest.read(mapped.start, 3), b"abc");
    });
}

/// `write` changes the file that the guest has mapped private; the guest sees none of it. On `alias` the file's own pages are shown,
/// not a byte copied, until the writer comes.
#[track_caller]
fn frozen_until(write: impl Fn(&World, &mut Guest)) {
    on_every_backend(|world| {
        let path = world.file("file", &original());
        let mut guest = world.guest();
        let object = guest.open_file("/file", false);
        let mapped = guest.mapped(object, 3 * GRANULE, PRIVATE);
        let mut expected = original();
        expected.resize(3 * GRANULE as usize, 0);
        assert!(guest.read(mapped.start, 3 * GRANULE as u32) == expected);
        let copied = world.domain.stats().bytes_copied;
        assert_eq!(copied == 0, world.mode == Mode::Alias, "{copied} bytes copied before the writer came");

        write(world, &mut guest);
        assert!(std::fs::read(&path).expect("read") != original(), "the file was changed");
        assert!(guest.read(mapped.start, 3 * GRANULE as u32) == expected, "the snapshot changed");
        assert!(world.domain.stats().bytes_copied >= LEN as u64, "a copy was made");
    });
}

#[test]
fn a_snapshot_of_a_file_does_not_see_its_own_guest_write_the_file() {
    frozen_until(|_, guest| guest.write_file("/file", 10, &[0xff; 5000]));
}

#[test]
fn a_snapshot_of_a_file_does_not_see_another_guest_write_the_file() {
    frozen_until(|world, _| world.guest().write_file("/file", 10, &[0xff; 5000]));
}

#[test]
fn a_snapshot_of_a_file_does_not_see_the_file_cut_off() {
    for len in [0, 10, GRANULE] {
        frozen_until(|_, guest| guest.call(|p, s| p.call_set_file_len(s, "/file", len)).expect("set"));
    }
}

#[test]
fn a_snapshot_of_a_file_does_not_see_the_file_opened_with_truncation() {
    frozen_until(|_, guest| guest.call(|p, s| p.call_truncate_file(s, "/file")).expect("truncated"));
}

#[test]
fn a_snapshot_of_a_file_does_not_see_the_file_mapped_shared_and_written() {
    for ask in [AUTOMATIC, LEASED] {
        frozen_until(|world, _| {
            let mut other = world.guest();
            let object = other.open_file("/file", true);
            let mapped = other.mapped(object, 3 * GRANULE, ask);
            other.write(mapped.start, &[0xff; LEN]);
            other.unmap(mapped).expect("unmaps");
            let mapped = other.mapped(object, GRANULE, AUTOMATIC);
            other.write(mapped.start, b"changed");
            other.unmap(mapped).expect("unmaps");
        });
    }
}

#[test]
fn a_snapshot_of_a_published_file_does_not_see_the_host_write_it() {
    on_every_backend(|world| {
        let path = world.file("file", &original());
        let file = std::fs::File::options().read(true).write(true).open(path).expect("opens");
        let rights = Rights::READ | Rights::WRITE;
        world.domain.publish("published", Source::file(file), rights).expect("published");
        let mut guest = world.guest();
        let mapped = guest.mapped_by_name("published", GRANULE, PRIVATE);
        world.domain.write_object("published", 0, b"changed").expect("written");
        assert_eq!(guest.read(mapped.start, 7), original()[..7]);
        assert_eq!(world.object("published")[..7], *b"changed");
    });
}

#[test]
fn a_snapshot_of_a_file_that_is_open_for_writing_is_a_snapshot_too() {
    on_every_backend(|world| {
        world.file("file", &original());
        let mut guest = world.guest();
        let object = guest.open_file("/file", true);
        let mapped = guest.mapped(object, GRANULE, PRIVATE);
        guest.write_file("/file", 0, b"changed");
        assert_eq!(guest.read(mapped.start, 7), original()[..7]);
    });
}
