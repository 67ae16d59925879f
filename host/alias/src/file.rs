//! Objects that can be shown: anonymous memory and regular files.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use memctl_core::{Error, Storage};
use rustix::fs::{
    FallocateFlags, FileType, MemfdFlags, OFlags, fallocate, fcntl_getfl, fdatasync, fstat, ftruncate, memfd_create,
};
use rustix::io::{Errno, pread, pwrite};
use rustix::process::{Resource, getrlimit};

use crate::device::DeviceView;
use crate::errno::refused;
use crate::host_page_size;

/// Anonymous memory or a regular file, from which windows take their pages.
///
/// ```
/// use memctl_alias::FileObject;
/// use memctl_core::Storage;
/// # fn main() -> Result<(), memctl_core::Error> {
/// let mut object = FileObject::anonymous(5)?;
/// object.write_at(3, b"abc")?; // the last byte does not fit
/// let mut bytes = [1; 6];
/// object.read_at(0, &mut bytes)?;
/// assert_eq!(&bytes, b"\0\0\0ab\0");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct FileObject {
    // Invariant: an anonymous or regular file, open for reading, and for writing at any offset if `writable`.
    file: Arc<File>,
    writable: bool,
    identity: (u64, u64),
    /// Memory that can be mapped, and neither read nor resized as files are.
    device: Option<DeviceView>,
}

impl FileObject {
    /// `len` bytes of zeroed memory, known to nobody else ([`memfd_create(2)`](https://man7.org/linux/man-pages/man2/memfd_create.2.html)).
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], or [`Error::Io`] if no object can be that long.
    pub fn anonymous(len: u64) -> Result<Self, Error> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let file = memfd_create("memctl", flags).map_err(|errno| refused("create an anonymous object", errno))?;
        Self::check_limit(len)
            .and_then(|()| ftruncate(&file, len))
            .map_err(|errno| refused("give an anonymous object its length", errno))?;
        Self::from_file(Arc::new(File::from(file)), true)
    }

    /// The regular file that is open as `file`. `writable` must not promise more than how it was opened.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if it is no regular file or open for appending, [`Error::Access`] if it is not open for reading, or for
    /// writing if `writable`; [`Error::Io`].
    pub fn from_file(file: Arc<File>, writable: bool) -> Result<Self, Error> {
        let stat = fstat(&file).map_err(|errno| refused("look at the file", errno))?;
        let unsupported = |why| Err(Error::Unsupported { why });
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => {}
            FileType::Directory => return unsupported("a directory can't be mapped"),
            FileType::Fifo => return unsupported("a FIFO can't be mapped"),
            FileType::Socket => return unsupported("a socket can't be mapped"),
            FileType::CharacterDevice => return unsupported("a character device can't be mapped"),
            FileType::BlockDevice => return unsupported("a block device can't be mapped"),
            FileType::Symlink | FileType::Unknown => return unsupported("only a regular file can be mapped"),
        }
        let flags = fcntl_getfl(&file).map_err(|errno| refused("look at how the file is open", errno))?;
        let mode = flags & OFlags::ACCMODE;
        if flags.contains(OFlags::PATH) || mode == OFlags::WRONLY {
            return Err(Error::Access { right: "read the file" });
        }
        if writable && mode != OFlags::RDWR {
            return Err(Error::Access { right: "write the file" });
        }
        if writable && flags.contains(OFlags::APPEND) {
            // pwrite(2), BUGS: it appends, whatever the offset.
            return unsupported("a file open for appending can't be written in its middle");
        }
        Ok(Self { file, writable, identity: (stat.st_dev, stat.st_ino), device: None })
    }

    /// The first `len` bytes of what can be mapped shared from `file`: memory of a device (UIO, a DMA buffer), or of another process. It is read and written
    /// through a mapping of the host's own.
    ///
    /// # Errors
    /// [`Error::Empty`]; [`Error::Misaligned`] unless `len` is whole host pages; [`Error::Access`] or [`Error::Unsupported`] if it can't be mapped so;
    /// [`Error::OutOfMemory`]; [`Error::Io`].
    pub fn from_device(file: Arc<File>, len: u64, writable: bool) -> Result<Self, Error> {
        let stat = fstat(&file).map_err(|errno| refused("look at the device", errno))?;
        let bare = Self { file, writable, identity: (stat.st_dev, stat.st_ino), device: None };
        let device = Some(DeviceView::new(&bare, len)?);
        Ok(Self { device, ..bare })
    }

    /// Device and inode number: equal for two objects that are the same file
    /// ([`inode(7)`](https://man7.org/linux/man-pages/man7/inode.7.html)).
    #[must_use]
    pub fn identity(&self) -> (u64, u64) {
        self.identity
    }

    /// Whether the object may be written through this value.
    #[must_use]
    pub fn writable(&self) -> bool {
        self.writable
    }

    fn check_writable(&self) -> Result<(), Error> {
        if self.writable { Ok(()) } else { Err(Error::Access { right: "write the file" }) }
    }

    /// Whether the process may write bytes up to `end`: past its limit the kernel would not just refuse but end the process with SIGXFSZ
    /// (`setrlimit(2)`, RLIMIT_FSIZE).
    fn check_limit(end: u64) -> Result<(), Errno> {
        match getrlimit(Resource::Fsize).current {
            Some(limit) if end > limit => Err(Errno::FBIG),
            _ => Ok(()),
        }
    }

    /// Writes all of `bytes`, past the end too.
    fn write_all(&self, mut offset: u64, mut bytes: &[u8]) -> Result<(), Errno> {
        if bytes.is_empty() {
            return Ok(());
        }
        Self::check_limit(offset.saturating_add(bytes.len() as u64))?;
        while !bytes.is_empty() {
            match pwrite(&self.file, bytes, offset) {
                Ok(0) => return Err(Errno::IO),
                Ok(written) => {
                    offset += written as u64;
                    bytes = &bytes[written..];
                }
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }
}

impl AsFd for FileObject {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Storage for FileObject {
    fn size(&self) -> Result<u64, Error> {
        if let Some(device) = &self.device {
            return Ok(device.len());
        }
        let stat = fstat(&self.file).map_err(|errno| refused("look at the file", errno))?;
        Ok(u64::try_from(stat.st_size).unwrap_or(0))
    }

    fn read_at(&self, mut offset: u64, bytes: &mut [u8]) -> Result<(), Error> {
        if let Some(device) = &self.device {
            return device.read_at(offset, bytes);
        }
        // No file has bytes further out, and pread(2) refuses to look.
        const FURTHEST: u64 = i64::MAX as u64;
        let room = FURTHEST.saturating_sub(offset);
        let there = usize::try_from(room).map_or(bytes.len(), |room| room.min(bytes.len()));
        let (mut bytes, beyond) = bytes.split_at_mut(there);
        beyond.fill(0);
        while !bytes.is_empty() {
            match pread(&self.file, &mut *bytes, offset) {
                Ok(0) => break,
                Ok(read) => {
                    offset += read as u64;
                    bytes = &mut bytes[read..];
                }
                Err(Errno::INTR) => {}
                Err(errno) => return Err(refused("read the file", errno)),
            }
        }
        bytes.fill(0);
        Ok(())
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        self.check_writable()?;
        let room = self.size()?.saturating_sub(offset);
        let fits = usize::try_from(room).map_or(bytes.len(), |room| room.min(bytes.len()));
        if let Some(device) = &self.device {
            return device.write_at(offset, &bytes[..fits]);
        }
        self.write_all(offset, &bytes[..fits]).map_err(|errno| refused("write the file", errno))
    }

    fn discard(&mut self, offset: u64, len: u64) -> Result<(), Error> {
        self.check_writable()?;
        let len = len.min(self.size()?.saturating_sub(offset));
        if len == 0 {
            return Ok(());
        }
        if self.device.is_some() {
            return self.write_zeros(offset, len);
        }
        match fallocate(&self.file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, offset, len) {
            // The file system has no holes (fallocate(2), ERRORS).
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => self.write_zeros(offset, len),
            done => done.map_err(|errno| refused("discard bytes of the file", errno)),
        }
    }

    fn set_size(&mut self, size: u64) -> Result<(), Error> {
        self.check_writable()?;
        if self.device.is_some() {
            return Err(Error::Unsupported { why: "memory of a device can't be resized" });
        }
        let before = self.size()?;
        // What was stored through a mapping past the end, in the last host page, is still in that page (mmap(2), NOTES). Zeros
        // written over it make the file longer only after they are in place, so nobody sees what was there.
        let tail_end = before.checked_next_multiple_of(host_page_size()).unwrap_or(before).min(size);
        let tail = vec![0; usize::try_from(tail_end.saturating_sub(before)).unwrap_or(0)];
        let allowed = if size > before { Self::check_limit(size) } else { Ok(()) };
        let done = allowed.and_then(|()| self.write_all(before, &tail)).and_then(|()| ftruncate(&self.file, size));
        done.map_err(|errno| {
            if !tail.is_empty() {
                _ = ftruncate(&self.file, before);
            }
            refused("resize the file", errno)
        })
    }

    fn sync(&mut self) -> Result<(), Error> {
        if self.device.is_some() {
            // What is stored is there: the device's memory is the medium.
            return Ok(());
        }
        // Also what was stored through shared mappings: to the kernel these are dirty pages of the file like any other (msync(2)).
        fdatasync(&self.file).map_err(|errno| refused("sync the file", errno))
    }
}
