//! Automatic mappings of files: what the guest stores is in the file when control leaves it, and what WASI calls do to the file
//! is in the window when they return.

use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use memctl_tests::probe::FileStep::{Load, Read, Store};
use memctl_tests::{AUTOMATIC, GRANULE, Guest, LEASED, Mapped, World, on_every_backend};
use wasmtime::CallHook;
use wasmtime_wasi::FsPerms;

const PATH: &str = "/file";
const LEN: usize = 2 * GRANULE as usize;

/// A guest with an automatic mapping of a file of two granules of ones.
fn on_every_backend_with_a_file(claim: impl Fn(&World, &mut Guest, Mapped, PathBuf)) {
    on_every_backend(|world| {
        let path = world.file("file", &[1; LEN]);
        let mut guest = world.guest();
        let object = guest.open_file(PATH, true);
        let mapped = guest.mapped(object, LEN as u64, AUTOMATIC);
        claim(world, &mut guest, mapped, path);
    });
}

fn bytes(path: &PathBuf) -> Vec<u8> {
    std::fs::read(path).expect("read")
}

#[test]
fn stores_are_in_the_file_when_control_leaves_the_guest() {
    on_every_backend_with_a_file(|_, guest, mapped, path| {
        guest.write(mapped.start + 4090, b"over the edge");
        assert_eq!(bytes(&path)[4090..][..13], *b"over the edge");
        guest.call(|probe, store| probe.call_store_u8(store, u32::try_from(mapped.start).expect("small"), 9));
        assert_eq!(bytes(&path)[0], 9);
    });
}

#[test]
fn a_wasi_read_sees_what_was_stored() {
    on_every_backend_with_a_file(|_, guest, mapped, _| {
        guest.write(mapped.start + 10, b"stored");
        assert_eq!(guest.call(|p, s| p.call_read_file(s, PATH, 10, 6)), Ok(b"stored".to_vec()));
    });
}

#[test]
fn a_wasi_write_is_seen_in_the_window() {
    on_every_backend_with_a_file(|_, guest, mapped, _| {
        guest.write_file(PATH, 5000, b"written");
        assert_eq!(guest.read(mapped.start + 5000, 7), b"written");
        guest.write(mapped.start + 5002, b"--");
        assert_eq!(guest.call(|p, s| p.call_read_file(s, PATH, 5000, 7)), Ok(b"wr--ten".to_vec()));
    });
}

#[test]
fn what_the_host_writes_to_the_file_is_seen_at_the_next_crossing() {
    on_every_backend_with_a_file(|_, guest, mapped, path| {
        guest.write(mapped.start, b"guest");
        let mut expected = bytes(&path);
        expected[100..104].copy_from_slice(b"host");
        let file = std::fs::File::options().write(true).open(&path).expect("opens");
        file.write_all_at(b"host", 100).expect("written");
        assert!(guest.read(mapped.start, LEN as u32) == expected);
    });
}

#[test]
fn what_others_write_to_the_file_while_the_guest_stores_elsewhere_stays() {
    on_every_backend(|world| {
        let path = world.file("file", &[1; LEN]);
        let others = std::fs::File::options().write(true).open(&path).expect("opens");
        let armed = Arc::new(AtomicBool::new(false));
        let fires = armed.clone();
        let mut guest = world.guest_with(FsPerms::ReadWrite, |store| {
            let crossing = store.data().memctl.crossing(store.engine());
            store.call_hook(move |_, hook| {
                // The guest has stored, and the domain has not heard of it yet.
                if matches!(hook, CallHook::ReturningFromWasm) && fires.swap(false, Ordering::Relaxed) {
                    others.write_all_at(b"others", 6).expect("written");
                }
                Ok(crossing(hook)?)
            });
        });
        let object = guest.open_file(PATH, true);
        let mapped = guest.mapped(object, LEN as u64, AUTOMATIC);
        let at = u32::try_from(mapped.start).expect("small");
        armed.store(true, Ordering::Relaxed);
        guest.call(|probe, store| probe.call_store_u8(store, at + 12, 9));
        assert!(!armed.load(Ordering::Relaxed));
        assert_eq!(bytes(&path)[5..14], *b"\x01others\x09\x01");
        assert_eq!(guest.read(mapped.start + 5, 9), *b"\x01others\x09\x01");
    });
}

/// A guest stores, and at its `turn`th host call another one, which shares nothing, writes the file beside that.
fn written_beside(world: &World, turn: u32) {
    let path = world.file("file", &[1; LEN]);
    let other = Mutex::new(world.guest());
    let calls = Arc::new(AtomicU32::new(u32::MAX));
    let counted = calls.clone();
    let mut guest = world.guest_with(FsPerms::ReadWrite, |store| {
        let crossing = store.data().memctl.crossing(store.engine());
        store.call_hook(move |_, hook| {
            // Before the domain hears that the guest goes out.
            if matches!(hook, CallHook::CallingHost) && counted.fetch_sub(1, Ordering::Relaxed) == 0 {
                other.lock().expect("no panics").write_file(PATH, 6, b"others");
            }
            Ok(crossing(hook)?)
        });
    });
    let object = guest.open_file(PATH, true);
    let mapped = guest.mapped(object, LEN as u64, AUTOMATIC);
    let at = |offset| u32::try_from(mapped.start + offset).expect("small");
    calls.store(turn, Ordering::Relaxed);
    let steps = [Store((at(12), 9)), Read(100), Store((at(5), 9)), Read(100), Load(at(12)), Load(at(5))];
    let seen = guest.call(|probe, store| probe.call_use_file(store, PATH, &steps)).expect("files work");
    assert_eq!(seen, [1, 1, 9, 9], "turn {turn}");
    assert!(calls.load(Ordering::Relaxed) > turn, "turn {turn}: the other guest wrote");
    assert_eq!(bytes(&path)[4..14], *b"\x01\x09others\x09\x01", "turn {turn}");
    assert_eq!(guest.read(mapped.start + 4, 10), *b"\x01\x09others\x09\x01", "turn {turn}");
}

#[test]
fn what_another_guest_writes_while_this_one_is_inside_is_merged() {
    on_every_backend(|world| (0..8).for_each(|turn| written_beside(world, turn)));
}

#[test]
fn bytes_go_from_a_window_straight_to_a_file() {
    on_every_backend_with_a_file(|_, guest, mapped, path| {
        std::fs::write(path.with_file_name("copy"), b"").expect("made");
        guest.write(mapped.start + 100, b"from the window");
        let at = u32::try_from(mapped.start + 100).expect("small");
        assert_eq!(guest.call(|p, s| p.call_write_from(s, "/copy", 0, at, 15)), Ok(15));
        assert_eq!(bytes(&path.with_file_name("copy")), b"from the window");
    });
}

#[test]
fn bytes_go_from_a_file_straight_to_a_window() {
    on_every_backend_with_a_file(|_, guest, mapped, path| {
        std::fs::write(path.with_file_name("source"), b"into the window").expect("made");
        let at = u32::try_from(mapped.start + 100).expect("small");
        assert_eq!(guest.call(|p, s| p.call_read_into(s, "/source", 0, at, 15)), Ok(15));
        assert_eq!(guest.read(mapped.start + 100, 15), b"into the window");
        assert_eq!(bytes(&path)[100..115], *b"into the window");
    });
}

#[test]
fn bytes_go_from_a_file_straight_to_a_window_of_an_object() {
    on_every_backend(|world| {
        world.file("source", b"into the window");
        world.publish("object", GRANULE);
        let (mut guest, mut other) = (world.guest(), world.guest());
        let mapped = guest.mapped_by_name("object", GRANULE, AUTOMATIC);
        let seen = other.mapped_by_name("object", GRANULE, AUTOMATIC);
        let at = u32::try_from(mapped.start).expect("small");
        assert_eq!(guest.call(|p, s| p.call_read_into(s, "/source", 0, at, 15)), Ok(15));
        assert_eq!(other.read(seen.start, 15), b"into the window");
        assert_eq!(guest.read(mapped.start, 15), b"into the window");
    });
}

#[test]
fn sync_brings_stores_to_the_medium() {
    on_every_backend_with_a_file(|_, guest, mapped, path| {
        guest.write(mapped.start, b"synced");
        guest.sync(mapped).expect("syncs");
        assert_eq!(bytes(&path)[..6], *b"synced");
        let part = Mapped { start: mapped.start + 10, len: 1, ..mapped };
        guest.sync(part).expect("any part will do");
    });
}

#[test]
fn two_guests_and_the_file_are_one() {
    on_every_backend_with_a_file(|world, guest, mapped, path| {
        let mut other = world.guest();
        let object = other.call(|p, s| p.call_from_descriptor(s, PATH, true)).expect("opens");
        let seen = other.mapped(object, LEN as u64, AUTOMATIC);
        for round in 0..5 {
            guest.write(mapped.start + round, b"a");
            assert_eq!(other.read(seen.start + round, 1), b"a");
            other.write(seen.start + 5000 + round, b"b");
            assert_eq!(guest.read(mapped.start + 5000 + round, 1), b"b");
        }
        assert_eq!(bytes(&path)[..6], *b"aaaaa\x01");
        assert_eq!(bytes(&path)[5000..5006], *b"bbbbb\x01");
    });
}

#[test]
fn a_mapping_outlives_the_descriptor_and_the_name() {
    on_every_backend_with_a_file(|_, guest, mapped, path| {
        let same = std::fs::File::open(&path).expect("opens");
        std::fs::remove_file(&path).expect("removed");
        guest.write(mapped.start, b"still there");
        let mut seen = [0; 11];
        same.read_exact_at(&mut seen, 0).expect("read");
        assert_eq!(seen, *b"still there");
    });
}

#[test]
fn a_leased_mapping_publishes_to_the_file() {
    on_every_backend(|world| {
        let path = world.file("file", &[1; LEN]);
        let mut guest = world.guest();
        let object = guest.open_file(PATH, true);
        let mapped = guest.mapped(object, LEN as u64, LEASED);
        let lease = guest.acquire(mapped, memctl_tests::probe::Access::Write).expect("leased");
        guest.write(mapped.start, b"leased");
        guest.release(lease, mapped).expect("releases");
        assert_eq!(bytes(&path)[..6], *b"leased");
        guest.write_file(PATH, 0, b"WASI");
        let lease = guest.acquire(mapped, memctl_tests::probe::Access::Read).expect("leased");
        assert_eq!(guest.read(mapped.start, 6), b"WASIed", "acquiring refreshes");
        guest.release(lease, mapped).expect("releases");
    });
}
