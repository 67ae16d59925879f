//! Files that can't be mapped.

use std::process::Command;

use memctl_tests::probe::ErrorCode;
use memctl_tests::{AUTOMATIC, GRANULE, Guest, on_every_backend};
use memctl_wasmtime::{Domain, Rights, Source, attach};
use wasmtime_wasi::FsPerms;

use crate::scene::refused_after;

/// Both ways from a file to an object.
fn by_every_way(guest: &mut Guest, path: &str, writable: bool) -> [Result<u32, String>; 2] {
    [
        guest.call(|probe, store| probe.call_from_path(store, path, writable)),
        guest.call(|probe, store| probe.call_from_descriptor(store, path, writable)),
    ]
}

#[test]
fn a_directory_is_unsupported() {
    on_every_backend(|world| {
        std::fs::create_dir(world.dir.path().join("folder")).expect("made");
        let mut guest = world.guest();
        assert_eq!(by_every_way(&mut guest, "/folder", false), ["Unsupported"; 2].map(|code| Err(code.to_owned())));
        assert_eq!(guest.usage().objects, 0);
    });
}

#[test]
fn a_fifo_is_unsupported() {
    on_every_backend(|world| {
        let path = world.dir.path().join("fifo");
        assert!(Command::new("mkfifo").arg(&path).status().expect("coreutils").success());
        // As long as somebody has both ends open, nobody waits for the other.
        let _ends = std::fs::File::options().read(true).write(true).open(&path).expect("opens");
        let mut guest = world.guest();
        assert_eq!(by_every_way(&mut guest, "/fifo", false), ["Unsupported"; 2].map(|code| Err(code.to_owned())));
        assert_eq!(guest.usage().objects, 0);
    });
}

#[test]
fn what_is_no_regular_file_is_not_published() {
    for path in ["/dev/null", "/"] {
        let file = std::fs::File::open(path).expect("opens");
        let refused = Domain::builder().object("name", Source::file(file), Rights::READ).build();
        assert!(matches!(refused, Err(memctl_wasmtime::BuildError::Object { name, .. }) if name == "name"));
    }
}

#[test]
fn files_are_unsupported_in_a_domain_without_them() {
    for mode in memctl_tests::BACKENDS {
        let world = memctl_tests::World::with(mode, |_| Domain::builder().mode(mode));
        world.file("file", b"bytes");
        let mut guest = world.guest_with(FsPerms::ReadWrite, attach);
        assert_eq!(by_every_way(&mut guest, "/file", false), ["Unsupported"; 2].map(|code| Err(code.to_owned())));
        let ticket = guest.call(|probe, store| probe.call_ticket_issue(store));
        assert_eq!(ticket, Err(ErrorCode::Unsupported));
    }
}

#[test]
fn an_empty_file_has_nothing_to_map() {
    refused_after(
        |scene| {
            scene.world.file("empty", b"");
            scene.guest.open_file("/empty", true)
        },
        ErrorCode::Bounds,
        |scene, object| scene.guest.try_map(scene.free, GRANULE, object, AUTOMATIC),
    );
}

#[test]
fn a_second_automatic_window_on_a_file_is_refused_whichever_way_it_was_opened() {
    refused_after(
        |scene| {
            let object = scene.guest.open_file("/file", true);
            let far = scene.free + 2 * GRANULE;
            scene.guest.try_map(far, GRANULE, object, AUTOMATIC).expect("maps");
            std::fs::hard_link(scene.world.dir.path().join("file"), scene.world.dir.path().join("link"))
                .expect("linked");
            [by_every_way(&mut scene.guest, "/file", true), by_every_way(&mut scene.guest, "/link", true)]
        },
        ErrorCode::Overlap,
        |scene, handles| {
            let mut answers = handles
                .into_iter()
                .flatten()
                .map(|handle| scene.guest.try_map(scene.free, GRANULE, handle.expect("opened"), AUTOMATIC));
            let first = answers.next().expect("four");
            assert!(answers.all(|answer| answer.err() == Some(ErrorCode::Overlap)));
            first
        },
    );
}
