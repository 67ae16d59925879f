//! File descriptors, as C knows them: std has no stable way to ask for a file's identity.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, RawFd};

use memctl_guest::{Error, Object};

use super::super::error;

/// Which file it is, by whatever descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    device: u64,
    inode: u64,
}

/// What is known of an open file.
pub(crate) struct Stat {
    pub(crate) file: Identity,
    /// In bytes.
    pub(crate) len: u64,
    is_directory: bool,
}

pub(crate) fn stat(fd: RawFd) -> io::Result<Stat> {
    let mut stat = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: any number may be passed as a descriptor; the pointer is good for a `stat`.
    if unsafe { libc::fstat(fd, stat.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: `fstat` said that it filled it in.
    let stat = unsafe { stat.assume_init() };
    let file = Identity { device: stat.st_dev, inode: stat.st_ino };
    let is_directory = stat.st_mode & libc::S_IFMT == libc::S_IFDIR;
    Ok(Stat { file, len: u64::try_from(stat.st_size).unwrap_or_default(), is_directory })
}

/// The bytes of an open file, of which `stat` tells.
pub(crate) fn object(fd: RawFd, stat: &Stat) -> io::Result<Object> {
    assert!(fd >= 0, "{fd} was looked up, and is open");
    // SAFETY: as `MmapAsRawDesc` says the descriptor is open, which `stat` has found to be so; it is used during this call only.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    Object::from_fd(fd).map_err(|why| match why {
        Error::Access => {
            io::Error::new(io::ErrorKind::PermissionDenied, "a file that is to be mapped has to be opened for reading")
        }
        Error::Unsupported if stat.is_directory => {
            io::Error::new(io::ErrorKind::Unsupported, "a directory can't be mapped: it is no regular file")
        }
        Error::Quota => error::refused("mapping a file, which counts for the quota `objects`", why),
        why => error::refused("mapping a file", why),
    })
}
