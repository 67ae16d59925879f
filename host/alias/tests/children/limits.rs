//! A process at its other limits: descriptors, address space, the length of files, room on the medium.

use std::fs::OpenOptions;
use std::process::Command;
use std::sync::Arc;

use memctl_alias::{FaultKind, FileObject, Reservation, host_page_size};
use memctl_core::{Code, Error, Storage};
use rustix::io::Errno;
use rustix::process::Resource;

use crate::child::{self, Held, exit, first_fault, memory};
use crate::sys;

fn code<T>(result: Result<T, Error>) -> Option<Code> {
    result.err().map(|error| error.code())
}

fn errno<T>(result: Result<T, Error>) -> Option<i32> {
    match result {
        Err(Error::Io { errno, .. }) => Some(errno),
        _ => None,
    }
}

#[test]
fn without_descriptors_there_are_no_new_objects_and_all_else_works() {
    exit(
        child::run("limits::without_descriptors_there_are_no_new_objects_and_all_else_works", || {
            let page = host_page_size();
            let object = FileObject::anonymous(2 * page).expect("memory");
            first_fault();
            let before = Held::now();
            let limit = sys::limit(Resource::Nofile, Some(0));
            for _ in 0..100 {
                assert_eq!(code(FileObject::anonymous(page)), Some(Code::OutOfMemory));
            }
            {
                let memory = memory(4);
                memory.show_shared(0, 2 * page, &object, 0).expect("map");
                memory.show_private(2 * page, page, &object, 0).expect("map");
                memory.write(0, b"ab").expect("inside");
                memory.detach(2 * page, page).expect("memory");
                memory.hide(0, page).expect("unmap");
            }
            sys::limit(Resource::Nofile, limit);
            assert_eq!(Held::now(), before);
            std::process::exit(sys::DONE);
        }),
        sys::DONE,
    );
}

#[test]
fn without_address_space_what_is_there_stays_as_it_was() {
    exit(
        child::run("limits::without_address_space_what_is_there_stays_as_it_was", || {
            const LARGE: usize = 64 << 20;
            let page = host_page_size();
            let memory = Reservation::new(LARGE / 2, LARGE, 0).expect("address space");
            let object = FileObject::anonymous(LARGE as u64).expect("memory");
            memory.show_private(0, LARGE as u64 / 4, &object, 0).expect("map");
            memory.write(page, b"stays").expect("inside");
            let before = Held::now();
            // What the allocator needs for an error's sake is less.
            let limit = sys::limit(Resource::As, Some(before.mapped() as u64 + (1 << 20)));
            for (min, capacity) in [(0, LARGE), (LARGE, LARGE), (0, 4 << 20)] {
                assert_eq!(code(Reservation::new(min, capacity, 0)), Some(Code::OutOfMemory));
            }
            assert_eq!(code(memory.detach(0, LARGE as u64 / 4)), Some(Code::OutOfMemory));
            let mut bytes = [0; 5];
            memory.read(page, &mut bytes).expect("as before");
            assert_eq!(&bytes, b"stays");
            // These need no more of it.
            memory.grow(LARGE).expect("reserved before");
            memory.show_shared(LARGE as u64 / 2, page, &object, page).expect("in place");
            memory.write(LARGE as u64 / 2, b"shown").expect("inside");
            memory.hide(0, LARGE as u64 / 4).expect("in place");
            object.read_at(page, &mut bytes).expect("read");
            assert_eq!(&bytes, b"shown");
            sys::limit(Resource::As, limit);
            assert_eq!(Held::now(), before);
            std::process::exit(sys::DONE);
        }),
        sys::DONE,
    );
}

#[test]
fn the_limit_on_files_is_an_error_and_not_a_signal() {
    exit(
        child::run("limits::the_limit_on_files_is_an_error_and_not_a_signal", || {
            let page = host_page_size();
            let file = Arc::new(tempfile::tempfile().expect("temporary file"));
            let mut objects =
                [FileObject::from_file(file, true).expect("regular"), FileObject::anonymous(0).expect("memory")];
            for object in &mut objects {
                object.set_size(4 * page).expect("room");
                object.write_at(3 * page, b"stays").expect("room");
            }
            let before = Held::now();
            let limit = sys::limit(Resource::Fsize, Some(2 * page + 9));
            let too_large = Some(Errno::FBIG.raw_os_error());
            assert_eq!(errno(FileObject::anonymous(3 * page)), too_large);
            for object in &mut objects {
                assert_eq!(errno(object.set_size(4 * page + 1)), too_large);
                assert_eq!(object.size(), Ok(4 * page));
                assert_eq!(errno(object.write_at(3 * page, b"other")), too_large);
                assert_eq!(errno(object.write_at(2 * page + 5, b"other")), too_large);
                object.write_at(2 * page + 4, b"other").expect("up to the limit");
                let mut bytes = [0; 5];
                object.read_at(3 * page, &mut bytes).expect("read");
                assert_eq!(&bytes, b"stays");
                object.set_size(page).expect("shorter");
                assert_eq!(errno(object.set_size(3 * page)), too_large);
                assert_eq!(object.size(), Ok(page));
            }
            sys::limit(Resource::Fsize, limit);
            assert_eq!(Held::now(), before);
            std::process::exit(sys::DONE);
        }),
        sys::DONE,
    );
}

/// In a name space of its own a process may mount a file system, and with it comes a medium that is full soon.
const NAME_SPACE: [&str; 3] = ["unshare", "--map-root-user", "--mount"];

#[test]
fn a_full_medium_is_an_error_wherever_it_is_met() {
    if !Command::new(NAME_SPACE[0]).args(&NAME_SPACE[1..]).arg("true").status().is_ok_and(|status| status.success()) {
        eprintln!("not run: this system has no unshare(1), or does not let users make name spaces");
        return;
    }
    exit(
        child::run_under(&NAME_SPACE, "limits::a_full_medium_is_an_error_wherever_it_is_met", || {
            let page = host_page_size();
            let place = tempfile::tempdir().expect("temporary directory");
            let mount = ["-t", "tmpfs", "-o", "size=64k", "none"];
            let mounted = Command::new("mount").args(mount).arg(place.path()).status().expect("mount(8)");
            assert!(mounted.success());
            let open = |name| {
                let path = place.path().join(name);
                let file = OpenOptions::new().read(true).write(true).create_new(true).open(path).expect("create");
                FileObject::from_file(Arc::new(file), true).expect("regular")
            };
            let (mut object, mut other) = (open("object"), open("other"));
            object.set_size(32 * page).expect("holes need no room");
            object.write_at(0, b"stays").expect("room");
            other.set_size(5).expect("room");
            let memory = memory(32);
            memory.show_shared(0, 32 * page, &object, 0).expect("map");
            first_fault();
            let before = Held::now();

            // Stores through a window, until there is no room for the next host page.
            let full = (1..32).find(|at| memory.write(at * page, b"x").is_err()).expect("a small medium");
            let fault = memory.take_fault().expect("host code");
            assert_eq!((fault.address, fault.kind, fault.write), (full * page, FaultKind::Vanished, Some(true)));

            // Writes past the medium's end, and a tail that needs room to be zeroed.
            let no_room = Some(Errno::NOSPC.raw_os_error());
            assert_eq!(errno(object.write_at((full + 1) * page, &[1; 10])), no_room);
            assert_eq!(errno(other.set_size(page)), no_room);
            assert_eq!((object.size(), other.size()), (Ok(32 * page), Ok(5)));

            let mut bytes = [0; 5];
            object.read_at(0, &mut bytes).expect("read");
            assert_eq!(&bytes, b"stays");
            memory.read(0, &mut bytes).expect("still shown");
            assert_eq!(&bytes, b"stays");
            memory.hide(0, 32 * page).expect("unmap");
            assert_eq!(Held::now(), before);
            std::process::exit(sys::DONE);
        }),
        sys::DONE,
    );
}
