//! What an embedder publishes.

use std::fs::File;

/// Where a published object's bytes come from.
#[derive(Debug)]
pub enum Source {
    /// New memory of `size` zero bytes.
    Anonymous {
        /// In bytes.
        size: u64,
    },
    /// Memory that has these bytes at first.
    Bytes(Vec<u8>),
    /// Memory that can be mapped shared: of a device, or of another process.
    Device {
        /// What it is mapped from.
        file: File,
        /// Its length in bytes, whole host pages.
        len: u64,
    },
    /// A regular file. Writable mappings of it need a file opened for reading and writing.
    File(File),
}

impl Source {
    /// New memory of `size` zero bytes.
    #[must_use]
    pub fn anonymous(size: u64) -> Self {
        Self::Anonymous { size }
    }

    /// New memory that has these bytes at first.
    #[must_use]
    pub fn bytes(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }

    /// The first `len` bytes, whole host pages, of what can be mapped shared from `file`: memory of a device (UIO, a DMA buffer), or of another process. Others
    /// may change it at any time, as they may a file.
    #[must_use]
    pub fn device(file: File, len: u64) -> Self {
        Self::Device { file, len }
    }

    /// A regular file, opened for reading, or for reading and writing if it is to be mapped shared.
    #[must_use]
    pub fn file(file: File) -> Self {
        Self::File(file)
    }
}
