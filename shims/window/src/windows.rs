//! How many windows there are to be, and of which kind and size.

use memctl_core::Directory;
use wasm_encoder::MemoryType;

use crate::Error;

/// Windows that a module can have: as many as the directory has room for where a wasm page is one byte.
pub const MOST_WINDOWS: u32 = 28;
const _: () = assert!(MOST_WINDOWS as usize == Directory::MOST);

/// Bytes of the directory where a wasm page is one byte.
const DIRECTORY_BYTES: u64 = Directory::LEN as u64;

/// The windows that a module is to have: first those with 32-bit addresses, then those with 64-bit addresses. They are numbered from 1 on.
///
/// ```
/// use memctl_window::Windows;
/// // Windows 1 and 2 of 64 MiB, and window 3 of 8 GiB.
/// let windows = Windows::new().memory32(2, 64 << 20).memory64(1, 8 << 30);
/// assert_eq!(windows.len(), 3);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Windows {
    count: u32,
    size: u64,
    count64: u32,
    size64: u64,
}

impl Windows {
    /// No windows.
    #[must_use]
    pub const fn new() -> Self {
        Self { count: 0, size: 0, count64: 0, size64: 0 }
    }

    /// `count` windows with 32-bit addresses, of `size` bytes each, rounded up to wasm pages.
    #[must_use]
    pub const fn memory32(self, count: u32, size: u64) -> Self {
        Self { count, size, count64: self.count64, size64: self.size64 }
    }

    /// `count` windows with 64-bit addresses, of `size` bytes each, rounded up to wasm pages.
    #[must_use]
    pub const fn memory64(self, count: u32, size: u64) -> Self {
        Self { count: self.count, size: self.size, count64: count, size64: size }
    }

    /// How many windows there are.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.count.saturating_add(self.count64)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The memories, in the order of their numbers, with memory 0's page size.
    ///
    /// # Errors
    /// There are none, or too many, or a size is none that such a memory can have.
    pub(crate) fn memories(&self, page_size_log2: Option<u32>) -> Result<Vec<MemoryType>, Error> {
        if self.is_empty() {
            return Err(Error::NoWindows);
        }
        if self.len() > MOST_WINDOWS {
            return Err(Error::TooManyWindows { count: self.len() });
        }
        let mut memories = Vec::new();
        for (count, size, memory64) in [(self.count, self.size, false), (self.count64, self.size64, true)] {
            if count > 0 {
                let memory = window(size, memory64, page_size_log2)?;
                memories.extend(std::iter::repeat_n(memory, count as usize));
            }
        }
        Ok(memories)
    }
}

fn window(size: u64, memory64: bool, page_size_log2: Option<u32>) -> Result<MemoryType, Error> {
    let log2 = page_size_log2.unwrap_or(16);
    let pages = size.div_ceil(1 << log2);
    // What the number of wasm pages and, for 64 bits, an address can say.
    let most = if memory64 { u64::MAX >> log2.max(1) } else { ((1 << 32) >> log2).min(u32::MAX.into()) };
    if pages == 0 || pages > most {
        return Err(Error::WindowSize { size, memory64, most: most << log2 });
    }
    // Room to grow that nothing uses: engines hold a memory that can't grow to one base for good, and a host that has no MMU shows objects by
    // putting the window's base onto them.
    let maximum = pages.saturating_add(1).min(most);
    Ok(MemoryType { minimum: pages, maximum: Some(maximum), memory64, shared: false, page_size_log2 })
}

/// The memory behind the windows.
pub(crate) fn directory(page_size_log2: Option<u32>) -> MemoryType {
    let pages = DIRECTORY_BYTES.div_ceil(1 << page_size_log2.unwrap_or(16));
    MemoryType { minimum: pages, maximum: Some(pages), memory64: false, shared: false, page_size_log2 }
}
