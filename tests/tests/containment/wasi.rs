//! WASI calls that take bytes from what is bad, or put them there.

use memctl_tests::hostile::{Hostile, Lowered, RESULT, hostile_component};

use crate::scene::{BAD, Maker, PAGE, Scene};

/// `(instance, name, export, parameters, result)` of what is called.
const CALLS: [(&str, &str, &str, (&str, &str)); 16] = [
    ("stdout", "get-stdout", "stdout", ("", "i32")),
    ("streams", "[method]input-stream.blocking-read", "stream-read", ("i32 i64 i32", "")),
    ("streams", "[method]output-stream.check-write", "check-write", ("i32 i32", "")),
    ("streams", "[method]output-stream.write", "stream-write", ("i32 i32 i32 i32", "")),
    ("streams", "[method]output-stream.blocking-write-and-flush", "print", ("i32 i32 i32 i32", "")),
    ("environment", "get-environment", "environment", ("i32", "")),
    ("environment", "get-arguments", "arguments", ("i32", "")),
    ("random", "get-random-bytes", "random", ("i64 i32", "")),
    ("filesystem", "[method]descriptor.open-at", "open-at", ("i32 i32 i32 i32 i32 i32 i32", "")),
    ("filesystem", "[method]descriptor.read", "read", ("i32 i64 i64 i32", "")),
    ("filesystem", "[method]descriptor.write", "write", ("i32 i32 i32 i64 i32", "")),
    ("filesystem", "[method]descriptor.create-directory-at", "make-directory", ("i32 i32 i32 i32", "")),
    ("filesystem", "[method]descriptor.readlink-at", "read-link", ("i32 i32 i32 i32", "")),
    ("filesystem", "[method]descriptor.read-via-stream", "reader", ("i32 i64 i32", "")),
    ("filesystem", "[method]descriptor.write-via-stream", "writer", ("i32 i64 i32", "")),
    ("preopens", "get-directories", "directories", ("i32", "")),
];

/// Bytes in the file that is read and written.
const LEN: u64 = 3 * PAGE as u64;
const PLACE: u64 = RESULT as u64;

/// A guest with descriptors.
struct Opened<'a> {
    guest: &'a mut Hostile,
    directory: u64,
    file: u64,
}

/// What is done, with a place among bad bytes and how many of them.
type Act = fn(&mut Opened<'_>, u64, u64) -> wasmtime::Result<u64>;

fn opened(guest: &mut Hostile) -> Opened<'_> {
    guest.call("directories", &[PLACE]);
    let list = u32::try_from(guest.call("load64", &[PLACE]) & 0xffff_ffff).expect("an address");
    let directory = guest.call("load64", &[list.into()]) & 0xffff_ffff;
    guest.write(0, b"bytes");
    guest.call("open-at", &[directory, 0, 0, 5, 0, 3, PLACE]);
    let file = guest.handle().expect("opens").into();
    Opened { guest, directory, file }
}

/// Each act on each place is contained.
#[track_caller]
fn contained(acts: &[(&str, Act)], places: &[(u32, u32)]) {
    let mut scene = Scene::new();
    scene.world.file("bytes", &vec![7; usize::try_from(LEN).expect("small")]);
    std::os::unix::fs::symlink("x".repeat(3000), scene.world.dir.path().join("link")).expect("linked");
    let lowered = CALLS.map(|(instance, name, export, signature)| Lowered::of(instance, name, export, signature));
    let component = hostile_component(scene.world.engine(), include_str!("wasi.wat"), &lowered, "", "");
    let maker = Maker::Component(component, Box::new(scene.world.linker().clone()));
    for (name, act) in acts {
        let cases: Vec<_> = places.iter().map(|place| (*name, *place)).collect();
        maker.contains(&mut scene, &cases, |guest, &(_, (at, len))| {
            let mut opened = opened(guest);
            act(&mut opened, at.into(), len.into())
        });
    }
    let file = std::fs::read(scene.world.dir.path().join("bytes")).expect("read");
    assert!(file.len() as u64 >= LEN, "the file is still there");
}

/// Places that host code reads all of.
const READ: [(u32, u32); 5] =
    [(BAD.start, 2 * PAGE), (BAD.start - 5, 10), (BAD.end - 1, 1), (BAD.end - 5, 10), (BAD.start - PAGE, 4 * PAGE)];
/// Places that host code writes all of, the file's own bytes not among them.
const WRITTEN: [(u32, u32); 5] =
    [(BAD.start, 2 * PAGE), (BAD.start - 5, 10), (BAD.end - 1, 1), (BAD.end - 5, 10), (BAD.start - 2000, PAGE + 1)];

#[test]
fn what_is_written_from_there_traps() {
    contained(
        &[
            ("print", |with, at, len| {
                let stdout = with.guest.call("stdout", &[]);
                let at = if len > 4096 { BAD.start.into() } else { at };
                with.guest.try_call("print", &[stdout, at, len.min(4096), PLACE])
            }),
            ("write", |with, at, len| with.guest.try_call("write", &[with.file, at, len, 0, PLACE])),
            ("write by a stream", |with, at, len| {
                with.guest.call("writer", &[with.file, 0, PLACE]);
                let stream = with.guest.handle().expect("opens").into();
                with.guest.call("check-write", &[stream, PLACE]);
                with.guest.try_call("stream-write", &[stream, at, len, PLACE])
            }),
        ],
        &READ,
    );
}

#[test]
fn a_path_there_traps() {
    contained(
        &[
            ("open", |with, at, len| with.guest.try_call("open-at", &[with.directory, 0, at, len, 0, 1, PLACE])),
            ("open and make", |with, at, len| {
                with.guest.try_call("open-at", &[with.directory, 0, at, len, 0b1001, 3, PLACE])
            }),
            ("make a directory", |with, at, len| {
                with.guest.try_call("make-directory", &[with.directory, at, len, PLACE])
            }),
        ],
        &READ,
    );
}

#[test]
fn what_is_read_into_it_traps() {
    contained(
        &[
            ("read", |with, at, len| {
                with.guest.call("aim", &[at]);
                with.guest.try_call("read", &[with.file, len, 0, PLACE])
            }),
            ("read by a stream", |with, at, len| {
                with.guest.call("reader", &[with.file, 0, PLACE]);
                let stream = with.guest.handle().expect("opens").into();
                with.guest.call("aim", &[at]);
                with.guest.try_call("stream-read", &[stream, len, PLACE])
            }),
            ("random", |with, at, len| {
                with.guest.call("aim", &[at]);
                with.guest.try_call("random", &[len, PLACE])
            }),
        ],
        &WRITTEN,
    );
}

#[test]
fn strings_of_the_host_that_realloc_puts_there_trap() {
    contained(
        &[
            ("environment", |with, at, _| {
                with.guest.call("aim", &[at]);
                with.guest.try_call("environment", &[PLACE])
            }),
            ("arguments", |with, at, _| {
                with.guest.call("aim", &[at]);
                with.guest.try_call("arguments", &[PLACE])
            }),
            ("directories", |with, at, _| {
                with.guest.call("aim", &[at]);
                with.guest.try_call("directories", &[PLACE])
            }),
            ("the target of a link", |with, at, _| {
                with.guest.write(0, b"link");
                with.guest.call("aim", &[at]);
                with.guest.try_call("read-link", &[with.directory, 0, 4, PLACE])
            }),
        ],
        &[(BAD.start, 0), (BAD.start - 4, 0), (BAD.end - 8, 0)],
    );
}

#[test]
fn results_whose_place_is_there_trap() {
    contained(
        &[
            ("read", |with, at, _| with.guest.try_call("read", &[with.file, 5, 0, at])),
            ("write", |with, at, _| with.guest.try_call("write", &[with.file, 0, 5, 0, at])),
            ("reader", |with, at, _| with.guest.try_call("reader", &[with.file, 0, at])),
            ("environment", |with, at, _| with.guest.try_call("environment", &[at])),
            ("random", |with, at, _| with.guest.try_call("random", &[5, at])),
            ("open", |with, at, _| with.guest.try_call("open-at", &[with.directory, 0, 0, 5, 0, 1, at])),
        ],
        &[(BAD.start, 0), (BAD.end - 16, 0), (BAD.start - 4, 0)]
            .map(|(at, len): (u32, u32)| (at.next_multiple_of(8), len)),
    );
}
