//! Two guests on one file, which they map and use through WASI too.

use memctl_tests::{AUTOMATIC, Answer, GRANULE, Guest, Mapped, PRIVATE, World};

use crate::the_same_on_every_backend;

/// Bytes in the file: it ends in the middle of its second granule.
const LEN: usize = 4096 + 2048;
const WINDOW: u64 = 2 * GRANULE;

fn guest(world: &World) -> (Guest, Mapped) {
    let mut guest = world.guest();
    let object = guest.open_file("/file", true);
    let mapped = guest.mapped(object, WINDOW, AUTOMATIC);
    (guest, mapped)
}

/// Two guests with the file mapped.
fn two(world: &World) -> [(Guest, Mapped); 2] {
    world.file("file", &[1; LEN]);
    [guest(world), guest(world)]
}

/// What each guest sees in its window, and reads through WASI.
fn seen(guests: &mut [(Guest, Mapped); 2]) -> [(Vec<u8>, Vec<u8>); 2] {
    guests.each_mut().map(|(guest, mapped)| {
        let window = guest.read(mapped.start, 2 * 4096);
        let file = guest.call(|probe, store| probe.call_read_file(store, "/file", 0, 3 * 4096)).expect("reads");
        assert_eq!(window[..file.len().min(window.len())], file[..file.len().min(window.len())]);
        (window, file)
    })
}

#[test]
fn stores_and_wasi_writes_of_both_are_seen_by_both() {
    the_same_on_every_backend(|world| {
        let mut guests = two(world);
        let mut told = Vec::new();
        for round in 0..8_u8 {
            let (guest, mapped) = &mut guests[usize::from(round % 2)];
            guest.write(mapped.start + u64::from(round) * 700, &[round + 2; 3]);
            guest.write_file("/file", u64::from(round) * 700 + 2, &[round + 100; 3]);
            guest.write(mapped.start + u64::from(round) * 700 + 4, &[round + 50]);
            let now = seen(&mut guests);
            assert_eq!(now[0], now[1]);
            let at = usize::from(round) * 700;
            let (first, second, third) = (round + 2, round + 100, round + 50);
            assert_eq!(now[0].1[at..at + 5], [first, first, second, second, third], "round {round}");
            told.push(now);
        }
        told
    });
}

#[test]
fn a_file_made_longer_is_longer_in_the_windows_of_both() {
    the_same_on_every_backend(|world| {
        let mut guests = two(world);
        // Past the end: lost, and not there when the file is longer.
        let (first, mapped) = &mut guests[0];
        first.write(mapped.start + LEN as u64, b"lost");
        let longer = guests[1].0.call(|probe, store| probe.call_set_file_len(store, "/file", 3 * GRANULE));
        longer.expect("longer");
        let zeros = seen(&mut guests);
        assert_eq!(zeros[0].0[LEN..], vec![0; 4096 - 2048]);
        let (first, mapped) = &mut guests[0];
        first.write(mapped.start + LEN as u64, b"kept");
        let kept = seen(&mut guests);
        assert_eq!(kept[1].1[LEN..LEN + 4], *b"kept");
        (zeros, kept)
    });
}

#[test]
fn a_file_that_is_truncated_and_written_anew_is_new_in_the_window() {
    the_same_on_every_backend(|world| {
        world.file("file", &[1; LEN]);
        let (mut first, mapped) = guest(world);
        let mut second = world.guest();
        first.write(mapped.start, b"old");
        second.call(|probe, store| probe.call_truncate_file(store, "/file")).expect("truncated");
        second.write_file("/file", 0, &[8; LEN]);
        let window = first.read(mapped.start, 2 * 4096);
        assert_eq!(window[..LEN], [8; LEN]);
        first.write(mapped.start + 5, b"new");
        let read = second.call(|probe, store| probe.call_read_file(store, "/file", 5, 3)).expect("reads");
        assert_eq!(read, b"new");
        (window, std::fs::read(world.dir.path().join("file")).expect("read"))
    });
}

#[test]
fn a_file_cut_short_and_made_whole_again_by_its_own_guest_shows_zeros() {
    the_same_on_every_backend(|world| {
        let mut guests = two(world);
        for len in [GRANULE + 10, WINDOW] {
            let set = guests[0].0.call(|probe, store| probe.call_set_file_len(store, "/file", len));
            set.expect("set");
        }
        let now = seen(&mut guests);
        assert_eq!(now[0].0[4096 + 9..4096 + 11], [1, 0]);
        now
    });
}

#[test]
fn sync_through_wasi_and_through_the_mapping_see_the_same_file() {
    the_same_on_every_backend(|world| {
        let mut guests = two(world);
        let (first, mapped) = &mut guests[0];
        first.write(mapped.start + 9, b"synced");
        let synced: Answer<()> = first.sync(*mapped);
        synced.expect("syncs");
        first.call(|probe, store| probe.call_sync_file(store, "/file")).expect("syncs");
        let file = std::fs::read(world.dir.path().join("file")).expect("read");
        assert_eq!(file[9..15], *b"synced");
        (file, seen(&mut guests))
    });
}

#[test]
fn a_snapshot_of_the_file_sees_neither_stores_nor_wasi_writes() {
    the_same_on_every_backend(|world| {
        world.file("file", &[1; LEN]);
        let mut third = world.guest();
        let object = third.open_file("/file", false);
        let snapshot = third.mapped(object, WINDOW, PRIVATE);
        let mut guests = [guest(world), guest(world)];
        let (first, mapped) = &mut guests[0];
        first.write(mapped.start, b"stored");
        guests[1].0.write_file("/file", 10, b"written");
        third.write(snapshot.start + 20, b"mine");
        let frozen = third.read(snapshot.start, 2 * 4096);
        assert_eq!(
            frozen[..24],
            *b"\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01mine"
        );
        (frozen, seen(&mut guests))
    });
}
