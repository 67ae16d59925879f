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
    /// A regular file. Writable mappings of it need a file opened for reading and writing.
    File(File),
}

impl Source {
    /// New memory of `size` zero bytes.
    #[must_use]
    pub fn anonymous(size: u64) -> Self {
        Self::Anonymous { size }
    }

    /// A regular file, opened for reading, or for reading and writing if it is to be mapped shared.
    #[must_use]
    pub fn file(file: File) -> Self {
        Self::File(file)
    }
}
