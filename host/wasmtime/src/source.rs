//! What an embedder publishes.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
#[cfg(feature = "std")]
use std::fs::File;

use memctl_core::Storage;

/// Where a published object's bytes come from.
pub struct Source(pub(crate) From);

/// The kinds of sources.
pub(crate) enum From {
    Anonymous {
        size: u64,
    },
    Bytes(Vec<u8>),
    ReadOnly(&'static [u8]),
    Storage(Box<dyn Storage + Send + Sync>),
    #[cfg(feature = "std")]
    Device {
        file: File,
        len: u64,
    },
    #[cfg(feature = "std")]
    File(File),
}

impl Source {
    /// New memory of `size` zero bytes.
    #[must_use]
    pub fn anonymous(size: u64) -> Self {
        Self(From::Anonymous { size })
    }

    /// New memory that has these bytes at first.
    #[must_use]
    pub fn bytes(bytes: Vec<u8>) -> Self {
        Self(From::Bytes(bytes))
    }

    /// These bytes, which nobody can write: a file in flash, tables in the program. Published with the right to read only.
    ///
    /// With [`Mode::Copy`](crate::Mode::Copy), windows that are extra memories show them in place, without a copy. Elsewhere they are copied into windows.
    #[must_use]
    pub fn read_only(bytes: &'static [u8]) -> Self {
        Self(From::ReadOnly(bytes))
    }

    /// Bytes that are wherever `storage` says: in the registers of a device, in its FIFO, behind a bus. They are read when a mapping is refreshed and written when it
    /// is published, under the domain's lock, and may change by themselves at any time, as those of a file. A lease reads what is there when it is acquired; one to
    /// write writes the leased range once, from its start on, when it is released. Windows hold copies, with every [`Mode`](crate::Mode) but
    /// [`Alias`](crate::Mode::Alias), with which they are refused.
    ///
    /// ```
    /// use memctl_wasmtime::{Domain, Error, Mode, Rights, Source, Storage};
    ///
    /// /// A timer's register, as an object of eight bytes.
    /// struct Timer;
    ///
    /// impl Storage for Timer {
    ///     fn size(&self) -> Result<u64, Error> {
    ///         Ok(8)
    ///     }
    ///     fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Result<(), Error> {
    ///         let now = 42_u64.to_le_bytes(); // what the register says
    ///         for (at, byte) in (offset..).zip(bytes) {
    ///             *byte = usize::try_from(at).ok().and_then(|at| now.get(at)).copied().unwrap_or(0);
    ///         }
    ///         Ok(())
    ///     }
    ///     fn write_at(&mut self, _offset: u64, _bytes: &[u8]) -> Result<(), Error> {
    ///         Err(Error::Access { right: "write the timer" })
    ///     }
    ///     fn set_size(&mut self, _size: u64) -> Result<(), Error> {
    ///         Err(Error::Unsupported { why: "the timer has eight bytes" })
    ///     }
    ///     fn sync(&mut self) -> Result<(), Error> {
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let domain = Domain::builder().mode(Mode::Copy).object("timer", Source::storage(Timer), Rights::READ).build()?;
    /// let mut now = [0; 8];
    /// domain.read_object("timer", 0, &mut now)?;
    /// assert_eq!(u64::from_le_bytes(now), 42);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn storage(storage: impl Storage + Send + Sync + 'static) -> Self {
        Self(From::Storage(Box::new(storage)))
    }

    /// The first `len` bytes, whole host pages, of what can be mapped shared from `file`: memory of a device (UIO, a DMA buffer), or of another process. Others
    /// may change it at any time, as they may a file.
    #[cfg(feature = "std")]
    #[must_use]
    pub fn device(file: File, len: u64) -> Self {
        Self(From::Device { file, len })
    }

    /// A regular file, opened for reading, or for reading and writing if it is to be mapped shared.
    #[cfg(feature = "std")]
    #[must_use]
    pub fn file(file: File) -> Self {
        Self(From::File(file))
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.0 {
            From::Anonymous { .. } => "anonymous",
            From::Bytes(_) => "bytes",
            From::ReadOnly(_) => "read-only",
            From::Storage(_) => "storage",
            #[cfg(feature = "std")]
            From::Device { .. } => "device",
            #[cfg(feature = "std")]
            From::File(_) => "file",
        };
        f.debug_tuple("Source").field(&kind).finish()
    }
}
