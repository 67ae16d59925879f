//! What a handle doesn't allow, what isn't there, and what no handle can.

use memctl_tests::probe::ErrorCode;
use memctl_tests::{ALIASING, AUTOMATIC, GRANULE, LEASED, PRIVATE, World};
use memctl_wasmtime::{Mode, Rights, Source};
use wasmtime_wasi::FsPerms;

use crate::scene::{refused, refused_after};

#[test]
fn a_read_only_object_is_not_mapped_shared() {
    for ask in [AUTOMATIC, LEASED] {
        refused_after(
            |scene| scene.guest.open("read-only"),
            ErrorCode::Access,
            |scene, object| scene.guest.try_map(scene.free, GRANULE, object, ask),
        );
    }
}

#[test]
fn a_read_only_object_is_mapped_private() {
    memctl_tests::on_every_backend(|world| {
        world.domain.publish("read-only", Source::anonymous(GRANULE), Rights::READ).expect("published");
        let mut guest = world.guest();
        let mapped = guest.mapped_by_name("read-only", GRANULE, PRIVATE);
        guest.write(mapped.start, b"mine");
        assert_eq!(guest.read(mapped.start, 4), b"mine");
        assert_eq!(world.object("read-only"), [0; GRANULE as usize]);
    });
}

#[test]
fn a_published_file_that_is_read_only_is_not_mapped_shared() {
    for rights in [Rights::READ, Rights::READ | Rights::RESIZE] {
        refused_after(
            |scene| {
                let file = std::fs::File::open(scene.world.dir.path().join("file")).expect("opens");
                scene.world.domain.publish("published", Source::file(file), rights).expect("published");
                scene.guest.open("published")
            },
            ErrorCode::Access,
            |scene, object| scene.guest.try_map(scene.free, GRANULE, object, AUTOMATIC),
        );
    }
}

#[test]
fn a_file_opened_for_reading_is_not_mapped_shared() {
    for ask in [AUTOMATIC, LEASED] {
        refused_after(
            |scene| scene.guest.open_file("/file", false),
            ErrorCode::Access,
            |scene, object| scene.guest.try_map(scene.free, GRANULE, object, ask),
        );
        refused_after(
            |scene| scene.guest.call(|p, s| p.call_from_descriptor(s, "/file", false)).expect("opens"),
            ErrorCode::Access,
            |scene, object| scene.guest.try_map(scene.free, GRANULE, object, ask),
        );
    }
}

#[test]
fn a_file_opened_for_reading_is_not_mapped_shared_because_a_writer_has_it_too() {
    refused_after(
        |scene| {
            scene.guest.open_file("/file", true);
            scene.guest.open_file("/file", false)
        },
        ErrorCode::Access,
        |scene, object| scene.guest.try_map(scene.free, GRANULE, object, AUTOMATIC),
    );
}

#[test]
fn a_file_of_a_read_only_folder_is_not_mapped_shared() {
    memctl_tests::on_every_backend(|world: &World| {
        world.file("file", &[7; 4096]);
        let mut guest = world.guest_with(FsPerms::ReadOnly, memctl_wasmtime::attach);
        let object = guest.open_file("/file", false);
        for ask in [AUTOMATIC, LEASED] {
            let start = guest.alloc(4096);
            assert_eq!(guest.try_map(start, GRANULE, object, ask).unwrap_err(), ErrorCode::Access);
        }
        let mapped = guest.mapped(object, GRANULE, PRIVATE);
        assert_eq!(guest.read(mapped.start, 4), [7; 4]);
        assert!(guest.call(|p, s| p.call_from_path(s, "/file", true)).is_err(), "can't be opened for writing");
    });
}

#[test]
fn an_object_without_the_right_is_not_resized() {
    refused_after(
        |scene| scene.guest.open("read-only"),
        ErrorCode::Access,
        |scene, object| scene.guest.resize(object, 2 * GRANULE),
    );
    refused_after(
        |scene| scene.guest.open_file("/file", false),
        ErrorCode::Access,
        |scene, object| scene.guest.resize(object, 4 * GRANULE),
    );
}

#[test]
fn an_object_is_not_cut_under_a_mapping() {
    refused(ErrorCode::Overlap, |scene| scene.guest.resize(scene.object, GRANULE - 1));
}

#[test]
fn an_unknown_name_is_not_found() {
    for name in ["", "objec", "object ", "OBJECT", "../object", "\0"] {
        refused(ErrorCode::NotFound, |scene| scene.guest.call(|probe, store| probe.call_open(store, name)));
    }
}

#[test]
fn aliasing_windows_are_coherent_or_unsupported() {
    memctl_tests::on_every_backend(|world| {
        world.publish("ring", GRANULE);
        let mut guest = world.guest();
        let object = guest.open("ring");
        let ring = guest.alloc(8192);
        if world.mode == Mode::Copy {
            guest.write(ring, b"as it was");
            assert_eq!(guest.try_map(ring, GRANULE, object, ALIASING).unwrap_err(), ErrorCode::Unsupported);
            assert_eq!(guest.read(ring, 9), b"as it was");
            return;
        }
        let first = guest.try_map(ring, GRANULE, object, ALIASING).expect("maps");
        let second = guest.try_map(ring + GRANULE, GRANULE, object, ALIASING).expect("maps");
        // The magic ring: what runs over the end comes out at the start.
        guest.write(ring + GRANULE - 2, b"ring");
        assert_eq!(guest.read(first.start, 2), b"ng");
        assert_eq!(guest.read(second.start + GRANULE - 2, 2), b"ri");
        let start = guest.alloc(4096);
        assert_eq!(guest.try_map(start, GRANULE, object, AUTOMATIC).unwrap_err(), ErrorCode::Overlap);
    });
}
