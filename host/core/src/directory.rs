//! The directory: an extra memory of a module with windows, which its own code can't address. The host finds the windows by it.
//!
//! `memctl link-windows` puts it in. Memories of a module are made in order, so that "so many memories before this one" names one. All numbers are
//! little-endian.
//!
//! | byte | size | what |
//! |---|---|---|
//! | 0 | 8 | [`Directory::MAGIC`] |
//! | 8 | 4 | how many memories before the directory the guest's own memory was made |
//! | 12 | 4 | number of windows |
//! | 16 | 4 each | how many memories before the directory each window was made, from window 1 on |

use alloc::vec::Vec;

/// What a directory says: each memory as the number of memories before the directory that it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    /// The guest's own memory: where its pointers point.
    pub memory: u32,
    /// Its windows, from window 1 on.
    pub windows: Vec<u32>,
}

impl Directory {
    /// The first bytes of every directory.
    pub const MAGIC: [u8; 8] = *b"memctl\0\x02";
    /// Bytes of a directory.
    pub const LEN: usize = 128;
    /// The most windows that fit.
    pub const MOST: usize = (Self::LEN - 16) / 4;

    /// The bytes of the directory. Windows past [`Directory::MOST`] are left out.
    ///
    /// ```
    /// use memctl_core::Directory;
    /// let directory = Directory { memory: 3, windows: vec![2, 1] };
    /// assert_eq!(Directory::parse(&directory.to_bytes()), Some(directory));
    /// ```
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        let windows = &self.windows[..self.windows.len().min(Self::MOST)];
        // At most MOST.
        let count = u32::try_from(windows.len()).unwrap_or(0);
        bytes[..8].copy_from_slice(&Self::MAGIC);
        let numbers = [self.memory, count].into_iter().chain(windows.iter().copied());
        for (number, place) in numbers.zip(bytes[8..].as_chunks_mut::<4>().0) {
            *place = number.to_le_bytes();
        }
        bytes
    }

    /// Reads the first bytes of a memory, if they are a directory's. Any guest can forge one: it names memories that were made before it only.
    #[must_use]
    pub fn parse(bytes: &[u8; Self::LEN]) -> Option<Self> {
        if bytes[..8] != Self::MAGIC {
            return None;
        }
        let mut numbers = bytes[8..].as_chunks::<4>().0.iter().map(|number| u32::from_le_bytes(*number));
        let (memory, count) = (numbers.next()?, numbers.next()? as usize);
        let windows: Vec<u32> = numbers.take(count).collect();
        let named = || windows.iter().chain([&memory]);
        (count <= Self::MOST && named().all(|distance| *distance > 0)).then_some(Self { memory, windows })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_directory_is_told_from_one() {
        let directory = Directory { memory: 29, windows: (1..29).rev().collect() };
        let bytes = directory.to_bytes();
        assert_eq!(Directory::parse(&bytes), Some(directory));
        for (at, to) in [(0, 0), (7, 1), (8, 0), (12, 29), (15, 1), (124, 0)] {
            let mut forged = bytes;
            forged[at] = to;
            assert_eq!(Directory::parse(&forged), None, "byte {at} is {to}");
        }
    }
}
