//! Objects as storage.

use std::fs::{File, OpenOptions};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use memctl_alias::{FileObject, Reservation, host_page_size};
use memctl_core::{Code, Error, Storage};

fn refusal(file: impl Into<OwnedFd>) -> Error {
    FileObject::from_file(Arc::new(File::from(file.into())), false).expect_err("no regular file")
}

fn temporary(bytes: &[u8]) -> FileObject {
    let file = tempfile::tempfile().expect("temporary file");
    let mut object = FileObject::from_file(Arc::new(file), true).expect("a regular file");
    object.set_size(bytes.len() as u64).expect("room");
    object.write_at(0, bytes).expect("write");
    object
}

#[test]
fn what_is_no_regular_file_is_refused_by_name() {
    let directory = tempfile::tempdir().expect("temporary directory");
    assert_eq!(
        refusal(File::open(directory.path()).expect("open")),
        Error::Unsupported { why: "a directory can't be mapped" }
    );
    let (reader, _writer) = std::io::pipe().expect("pipe");
    assert_eq!(refusal(reader), Error::Unsupported { why: "a FIFO can't be mapped" });
    let (socket, _peer) = std::os::unix::net::UnixStream::pair().expect("socket");
    assert_eq!(refusal(socket), Error::Unsupported { why: "a socket can't be mapped" });
    let null = File::open("/dev/null").expect("open");
    assert_eq!(refusal(null), Error::Unsupported { why: "a character device can't be mapped" });
}

#[test]
fn a_file_must_be_open_as_it_will_be_used() {
    let named = tempfile::NamedTempFile::new().expect("temporary file");
    let open = |options: &mut OpenOptions, writable| {
        let file = options.open(named.path()).expect("open");
        FileObject::from_file(Arc::new(file), writable).map(|_| ()).map_err(|error| error.code())
    };
    assert_eq!(open(OpenOptions::new().write(true), true), Err(Code::Access));
    assert_eq!(open(OpenOptions::new().read(true), true), Err(Code::Access));
    assert_eq!(open(OpenOptions::new().read(true).append(true), true), Err(Code::Unsupported));
    assert_eq!(open(OpenOptions::new().read(true).append(true), false), Ok(()));
    assert_eq!(open(OpenOptions::new().read(true).write(true), true), Ok(()));
}

#[test]
fn one_file_opened_twice_has_one_identity() {
    let named = tempfile::NamedTempFile::new().expect("temporary file");
    let open = || FileObject::from_file(Arc::new(File::open(named.path()).expect("open")), false).expect("regular");
    assert_eq!(open().identity(), open().identity());
    let anonymous = || FileObject::anonymous(0).expect("memory");
    let (one, other) = (anonymous(), anonymous());
    assert_ne!(one.identity(), other.identity());
}

#[test]
fn an_anonymous_object_is_exactly_as_long_as_asked_and_closed_on_exec() {
    for len in [0, 1, 4095, 4096, 4097] {
        let object = FileObject::anonymous(len).expect("memory");
        assert_eq!(object.size(), Ok(len));
        let flags = rustix::io::fcntl_getfd(object.as_fd()).expect("open");
        assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
    }
    assert!(FileObject::anonymous(u64::MAX).is_err());
}

#[test]
fn reads_past_the_end_are_zero() {
    let object = temporary(b"abc");
    let mut bytes = [9; 5];
    object.read_at(1, &mut bytes).expect("read");
    assert_eq!(&bytes, b"bc\0\0\0");
    for offset in [3, 1 << 40, i64::MAX as u64, u64::MAX] {
        bytes.fill(9);
        object.read_at(offset, &mut bytes).expect("read");
        assert_eq!(bytes, [0; 5], "{offset:#x}");
    }
}

#[test]
fn writes_past_the_end_are_dropped() {
    let mut object = temporary(b"abc");
    object.write_at(2, b"XYZ").expect("write");
    object.write_at(3, b"Z").expect("write");
    object.write_at(u64::MAX, b"Z").expect("write");
    assert_eq!(object.size(), Ok(3));
    object.set_size(5).expect("room");
    let mut bytes = [9; 5];
    object.read_at(0, &mut bytes).expect("read");
    assert_eq!(&bytes, b"abX\0\0");
}

#[test]
fn stores_past_the_end_through_a_mapping_never_appear() {
    let page = host_page_size();
    for mut object in [temporary(b"abc"), FileObject::anonymous(3).expect("memory")] {
        let size = usize::try_from(page).expect("fits");
        let memory = Reservation::new(size, size, 0).expect("address space");
        memory.show_shared(0, page, &object, 0).expect("map");
        for longer in [7, page, page + 9] {
            memory.write(object.size().expect("size"), b"junk").expect("in the last host page");
            object.set_size(longer).expect("room");
            assert_eq!(object.size(), Ok(longer));
            let mut bytes = vec![9; usize::try_from(longer).expect("fits") - 3];
            object.read_at(3, &mut bytes).expect("read");
            assert!(bytes.iter().all(|byte| *byte == 0), "grown to {longer}");
            if longer == page {
                break;
            }
        }
    }
}

#[test]
fn a_shorter_object_forgets_its_tail() {
    let mut object = temporary(b"abcdef");
    object.set_size(2).expect("shorter");
    object.set_size(6).expect("longer");
    let mut bytes = [9; 6];
    object.read_at(0, &mut bytes).expect("read");
    assert_eq!(&bytes, b"ab\0\0\0\0");
    object.sync().expect("sync");
}

#[test]
fn an_impossible_size_changes_nothing() {
    let mut object = temporary(b"abc");
    assert!(object.set_size(u64::MAX).is_err());
    assert_eq!(object.size(), Ok(3));
    let mut bytes = [9; 3];
    object.read_at(0, &mut bytes).expect("read");
    assert_eq!(&bytes, b"abc");
}

#[test]
fn a_sealed_object_says_so() {
    let mut object = FileObject::anonymous(8).expect("memory");
    rustix::fs::fcntl_add_seals(object.as_fd(), rustix::fs::SealFlags::GROW).expect("sealing is allowed");
    assert_eq!(object.set_size(9).map_err(|error| error.code()), Err(Code::Access));
    assert_eq!(object.size(), Ok(8));
}

#[test]
fn what_is_discarded_is_zero_and_takes_no_storage() {
    use std::os::unix::fs::MetadataExt;

    const LEN: u64 = 1 << 20;
    let mut object = FileObject::anonymous(LEN).expect("memory");
    object.write_at(0, &vec![5; 1 << 20]).expect("inside");
    let file = std::fs::File::from(object.as_fd().try_clone_to_owned().expect("a descriptor"));
    let blocks = || file.metadata().expect("a file").blocks() * 512;
    assert!(blocks() >= LEN);
    object.discard(4096, LEN - 8192).expect("a hole");
    assert!(blocks() <= 8192 + 4096, "{}", blocks());
    assert_eq!(object.size(), Ok(LEN));
    let mut bytes = [1; 3];
    for (at, expected) in [(4095, [5, 0, 0]), (LEN - 4098, [0, 0, 5]), (LEN - 1, [5, 0, 0])] {
        object.read_at(at, &mut bytes).expect("read");
        assert_eq!(bytes, expected);
    }
    object.discard(LEN - 1, u64::MAX).expect("up to the end");
    object.discard(LEN + 1, 5).expect("there is nothing");
    object.read_at(LEN - 1, &mut bytes).expect("read");
    assert_eq!((bytes[0], object.size()), (0, Ok(LEN)));
}

#[test]
fn a_device_s_memory_is_read_written_and_shown_through_mappings() {
    let page = host_page_size();
    // The other side's end of it, which does with it what a device does.
    let mut other = temporary(&vec![0; 2 * usize::try_from(page).expect("a page")]);
    let file = File::from(other.as_fd().try_clone_to_owned().expect("a descriptor"));
    let mut device = FileObject::from_device(Arc::new(file), 2 * page, true).expect("it can be mapped");
    assert_eq!(device.size(), Ok(2 * page));
    other.write_at(page, b"from the device").expect("write");
    let mut bytes = [1; 20];
    device.read_at(page, &mut bytes).expect("read");
    assert_eq!(&bytes, b"from the device\0\0\0\0\0");
    device.write_at(2 * page - 2, b"to it").expect("write");
    other.read_at(2 * page - 2, &mut bytes).expect("read");
    assert_eq!(&bytes[..3], b"to\0", "what doesn't fit is lost");
    device.discard(0, 2 * page).expect("written over");
    other.read_at(page, &mut bytes).expect("read");
    assert_eq!(bytes, [0; 20]);

    let memory = Reservation::new(1 << 20, 1 << 20, 0).expect("room");
    memory.show_shared(0, page, &device, page).expect("shown");
    memory.write(0, b"by the guest").expect("write");
    other.read_at(page, &mut bytes[..12]).expect("read");
    assert_eq!(&bytes[..12], b"by the guest");

    assert_eq!(device.set_size(page).map_err(|error| error.code()), Err(Code::Unsupported));
    assert_eq!(device.sync(), Ok(()));
    let null = || Arc::new(File::open("/dev/null").expect("open"));
    assert_eq!(
        FileObject::from_device(null(), page, false).map(drop).expect_err("no memory").code(),
        Code::Unsupported
    );
    assert_eq!(FileObject::from_device(null(), 0, false).map(drop).expect_err("nothing").code(), Code::Bounds);
}
