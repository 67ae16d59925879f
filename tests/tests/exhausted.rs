//! A host that has run out of something answers with an error code, and nothing is half done.
//!
//! Each test runs again in a process of its own, which has less.

use std::process::Command;

use memctl_tests::probe::{Access, ErrorCode};
use memctl_tests::{AUTOMATIC, BACKENDS, GRANULE, Guest, LEASED, PRIVATE, World};
use memctl_wasmtime::{FaultKind, Mode, Quotas};

/// Set in the processes that have less.
const SMALL: &str = "MEMCTL_TESTS_SMALL";

/// Runs `body` in a child that a shell has run `limits` for.
#[track_caller]
fn with_less(test: &str, limits: &str, body: impl FnOnce()) {
    if std::env::var_os(SMALL).is_some() {
        return body();
    }
    // What a guest is built from needs more.
    drop(World::new(Mode::Copy));
    let program = std::env::current_exe().expect("this program");
    let script = format!(r#"{limits} && exec "$0" --exact "$1" --nocapture --test-threads 1"#);
    let run =
        Command::new("sh").args(["-c", &script]).arg(program).arg(test).env(SMALL, "1").output().expect("a shell");
    let told = String::from_utf8_lossy(&run.stdout) + String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success() && told.contains("1 passed"), "{told}");
}

/// Two guests with an automatic window each on one object, who must go on.
struct Others {
    guests: [Guest; 2],
    windows: [u64; 2],
    round: u8,
}

impl Others {
    fn new(world: &World) -> Self {
        world.publish("shared", GRANULE);
        let mut guests = [world.guest(), world.guest()];
        let windows = guests.each_mut().map(|guest| guest.mapped_by_name("shared", GRANULE, AUTOMATIC).start);
        Self { guests, windows, round: 0 }
    }

    #[track_caller]
    fn go_on(&mut self) {
        self.round += 1;
        let [one, two] = &mut self.guests;
        one.write(self.windows[0], &[self.round]);
        assert_eq!(two.read(self.windows[1], 1), [self.round]);
    }
}

/// Takes until it is refused.
fn until_refused<T>(mut take: impl FnMut() -> Result<T, ErrorCode>) -> (Vec<T>, ErrorCode) {
    let mut taken = Vec::new();
    loop {
        match take() {
            Ok(one) => taken.push(one),
            Err(code) => return (taken, code),
        }
        assert!(taken.len() < 200_000, "there is no end to it");
    }
}

#[test]
fn without_file_descriptors_an_object_is_out_of_memory() {
    with_less("without_file_descriptors_an_object_is_out_of_memory", "ulimit -n 60", || {
        let world = World::new(Mode::Alias);
        world.file("file", &[7; 4096]);
        let mut others = Others::new(&world);
        let mut guest = world.guest();
        // wasmtime-wasi makes its tokio runtime at the first such call, and panics if it can't.
        let file = guest.open_file("/file", true);
        guest.call(|p, s| p.call_drop_object(s, file));
        let before = guest.usage();
        let (objects, code) = until_refused(|| guest.anonymous(GRANULE));
        assert_eq!(code, ErrorCode::OutOfMemory);
        let full = guest.usage();
        assert_eq!(usize::try_from(full.objects).expect("small"), objects.len(), "the refused one is not counted");
        assert_eq!(full.object_bytes, objects.len() as u64 * GRANULE);
        // A file can't be opened, which std says in its own words.
        guest.call(|p, s| p.call_from_path(s, "/file", true)).expect_err("no descriptor is left");
        assert_eq!(guest.usage(), full);
        others.go_on();

        let mapped = guest.mapped(objects[0], GRANULE, AUTOMATIC);
        guest.write(mapped.start, b"works");
        assert_eq!(guest.read(mapped.start, 5), b"works");
        guest.call(|p, s| p.call_drop_object(s, objects[1]));
        let again = guest.anonymous(GRANULE).expect("one was given back");
        assert_eq!(guest.anonymous(GRANULE), Err(ErrorCode::OutOfMemory));
        for object in objects.into_iter().skip(2).chain([again]) {
            guest.call(|p, s| p.call_drop_object(s, object));
        }
        guest.unmap(mapped).expect("unmaps");
        guest.drop_mapping(mapped);
        guest.open_file("/file", true);
        others.go_on();
        drop(guest);
        let kept = Quotas { mappings: 2, mapped_bytes: 2 * GRANULE, objects: 2, ..Quotas::NONE };
        assert_eq!((before, world.domain.usage()), (Quotas::NONE, kept));
    });
}

#[test]
fn without_maps_a_window_is_out_of_memory() {
    with_less("without_maps_a_window_is_out_of_memory", "true", || {
        const OBJECTS: u64 = 128;
        let quotas = Quotas { mappings: 200_000, ..Quotas::DOMAIN };
        let world = World::with(Mode::Alias, |builder| builder.guest_quotas(quotas).quotas(quotas));
        let mut others = Others::new(&world);
        let mut guest = world.guest();
        let objects: Vec<u32> = (0..OBJECTS).map(|_| guest.anonymous(2 * GRANULE).expect("made")).collect();
        // Every window is a map of its own: its neighbour shows other bytes.
        let arena = guest.alloc(400 << 20);
        let windows = (arena..).step_by(4096);
        let mut asks = windows.zip((0_usize..).map(|at| (objects[at / 2 % objects.len()], at % 2)));
        let (mapped, code) = until_refused(|| {
            let (start, (object, odd)) = asks.next().expect("it has no end");
            let ask = if odd == 0 { LEASED } else { PRIVATE };
            guest.try_map(start, GRANULE, object, ask.at(odd as u64 * GRANULE))
        });
        assert_eq!(code, ErrorCode::OutOfMemory);
        println!("{} windows", mapped.len());
        assert!(mapped.len() > 10_000, "most of the process's maps are windows");
        assert_eq!(guest.usage().mappings as usize, mapped.len(), "the refused one is not counted");
        others.go_on();
        let refused = arena + mapped.len() as u64 * GRANULE;
        assert_eq!(guest.read(refused, 3), [0; 3], "what was to be the window is ordinary memory");
        guest.write(refused, b"abc");

        // Taking one of many away makes no room by itself, and works all the same.
        for mapped in &mapped[1000..1100] {
            guest.write(mapped.start, b"stored");
            guest.unmap(*mapped).expect("unmaps");
            assert_eq!(guest.read(mapped.start, 6), [0; 6]);
        }
        others.go_on();
        for mapped in &mapped[1100..1500] {
            guest.unmap(*mapped).expect("unmaps");
        }
        let again = guest.try_map(mapped[1200].start, GRANULE, objects[0], LEASED).expect("there is room again");
        guest.unmap(again).expect("unmaps");
        assert_eq!(guest.read(refused, 3), b"abc");
        drop(guest);
        others.go_on();
        let mut next = world.guest();
        let mapped = next.mapped_by_name("shared", GRANULE, AUTOMATIC);
        assert_eq!(next.read(mapped.start, 1), [3]);
        assert_eq!(world.domain.usage().mappings, 3);
    });
}

/// Longest file there may be in the next tests, in bytes. The shell counts in blocks of 512.
const LONGEST: u64 = 16 * GRANULE;
/// A file that is longer already.
const LONGER: u64 = 32 * GRANULE;

#[test]
fn a_file_too_long_is_an_error_and_no_longer() {
    with_less("a_file_too_long_is_an_error_and_no_longer", "trap '' XFSZ && ulimit -f 128", || {
        for mode in BACKENDS {
            let world = World::new(mode);
            let path = world.file("file", &[7; 4096]);
            let mut others = Others::new(&world);
            let mut guest = world.guest();
            let object = guest.open_file("/file", true);
            let before = guest.usage();
            for len in [LONGEST + 1, LONGER, 1 << 40, 1 << 62] {
                let refused = guest.resize(object, len).expect_err("too long");
                assert!(matches!(refused, ErrorCode::Io | ErrorCode::OutOfMemory), "{refused:?}");
                assert_eq!(guest.call(|p, s| p.call_object_len(s, object)), Ok(4096), "{len}");
            }
            assert_eq!(guest.usage(), before);
            assert_eq!(std::fs::read(&path).expect("read"), [7; 4096]);
            others.go_on();
            guest.resize(object, LONGEST).expect("as long as may be");
            let mapped = guest.mapped(object, LONGEST, AUTOMATIC);
            guest.write(mapped.start + LONGEST - 3, b"end");
            guest.unmap(mapped).expect("unmaps");
            assert_eq!(std::fs::read(&path).expect("read")[usize::try_from(LONGEST).expect("small") - 3..], *b"end");
            if mode == Mode::Alias {
                let refused = guest.anonymous(LONGER).expect_err("an object is a file too");
                assert!(matches!(refused, ErrorCode::Io | ErrorCode::OutOfMemory), "{refused:?}");
            }
            others.go_on();
        }
    });
}

/// Sets up a folder for temporary files with room for 16 host pages. For those who may not, there is nothing to test.
const SMALL_DISK: &str = r#"if [ -z "$INSIDE" ]; then
        INSIDE=1 exec unshare --map-root-user --mount sh -c \
            'mount -t tmpfs -o size=64k none /mnt && TMPDIR=/mnt exec "$0" --exact "$1" --nocapture --test-threads 1' "$0" "$1";
    fi; true"#;

/// Whether this system lets its users mount things of their own.
fn can_mount() -> bool {
    let tried =
        Command::new("unshare").args(["--map-root-user", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]).output();
    let can = tried.is_ok_and(|tried| tried.status.success());
    if !can {
        println!("unshare(1) is not allowed here: no full disk to be had");
    }
    can
}

/// A sparse file of 32 granules on a disk that has room for at most 16.
fn on_a_full_disk(test: &str, body: impl Fn(&World, &mut Guest, u32, &mut Others)) {
    if std::env::var_os(SMALL).is_none() && !can_mount() {
        return;
    }
    with_less(test, SMALL_DISK, || {
        for mode in BACKENDS {
            let world = World::new(mode);
            world.file("filler", &[1; 8 * 4096]);
            std::fs::File::create(world.dir.path().join("file")).and_then(|file| file.set_len(LONGER)).expect("sparse");
            let mut others = Others::new(&world);
            let mut guest = world.guest();
            let object = guest.open_file("/file", true);
            body(&world, &mut guest, object, &mut others);
            others.go_on();
        }
    });
}

#[test]
fn a_full_disk_is_an_error_at_release_or_a_trap_at_the_store() {
    on_a_full_disk("a_full_disk_is_an_error_at_release_or_a_trap_at_the_store", |world, guest, object, others| {
        let mapped = guest.mapped(object, LONGER, LEASED);
        let lease = guest.acquire(mapped, Access::Write).expect("free");
        let (start, len) = (u32::try_from(mapped.start).expect("small"), u32::try_from(LONGER).expect("small"));
        let filled = guest.try_call(|probe, store| probe.call_fill(store, start, len, 9));
        match world.mode {
            Mode::Alias => {
                filled.expect_err("there is no page for it");
                let fault = guest.state().memctl.last_fault().expect("noted");
                assert_eq!(fault.kind, FaultKind::Vanished);
                guest.state().memctl.end();
            }
            Mode::Copy | Mode::Auto => {
                filled.expect("it is the guest's own memory");
                let released = guest.release(lease, mapped).expect_err("the disk is full");
                assert!(matches!(released, ErrorCode::Io | ErrorCode::OutOfMemory), "{released:?}");
                assert_eq!(guest.usage().leases, 0, "the lease is gone in any case");
                guest.unmap(mapped).expect("unmaps");
            }
        }
        others.go_on();
        std::fs::remove_file(world.dir.path().join("filler")).expect("room again");
        let mut next = world.guest();
        let object = next.open_file("/file", true);
        let mapped = next.mapped(object, GRANULE, LEASED.at(20 * GRANULE));
        let lease = next.acquire(mapped, Access::Write).expect("it was given back");
        next.write(mapped.start, b"room");
        next.release(lease, mapped).expect("releases");
    });
}

#[test]
fn what_could_not_be_published_at_a_crossing_is_told_by_sync_and_unmap() {
    let name = "what_could_not_be_published_at_a_crossing_is_told_by_sync_and_unmap";
    on_a_full_disk(name, |world, guest, object, others| {
        // Each of the two tells it to who asks first.
        for tell in [Guest::sync, Guest::unmap] {
            let mapped = guest.mapped(object, LONGER, AUTOMATIC);
            let (start, len) = (u32::try_from(mapped.start).expect("small"), u32::try_from(LONGER).expect("small"));
            let filled = guest.try_call(|probe, store| probe.call_fill(store, start, len, 9));
            if world.mode == Mode::Alias {
                filled.expect_err("there is no page for it");
                return;
            }
            filled.expect("it is the guest's own memory");
            others.go_on();
            let told = tell(guest, mapped).expect_err("stores are lost");
            assert!(matches!(told, ErrorCode::Io | ErrorCode::OutOfMemory), "{told:?}");
            let _told_before = guest.unmap(mapped);
            assert_eq!(guest.usage().mappings, 0, "it is gone all the same");
        }
    });
}
