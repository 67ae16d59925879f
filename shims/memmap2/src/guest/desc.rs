//! What can be mapped.

use std::os::fd::{AsRawFd, RawFd};

/// A file descriptor, as [`MmapAsRawDesc`] gives it.
pub struct MmapRawDescriptor(pub(super) RawFd);

/// Anything that has a file descriptor to map: a `&File`, a `RawFd`.
pub trait MmapAsRawDesc {
    /// The descriptor.
    fn as_raw_desc(&self) -> MmapRawDescriptor;
}

impl MmapAsRawDesc for RawFd {
    fn as_raw_desc(&self) -> MmapRawDescriptor {
        MmapRawDescriptor(*self)
    }
}

impl<T> MmapAsRawDesc for &T
where
    T: AsRawFd,
{
    fn as_raw_desc(&self) -> MmapRawDescriptor {
        MmapRawDescriptor(self.as_raw_fd())
    }
}
