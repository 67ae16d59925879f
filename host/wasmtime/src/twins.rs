//! What copied windows of files held when their guests went out: then window and file were the same.
//!
//! While a guest is outside, host calls may change the file, and host code that acts for the guest may store in the window (`read(2)` into
//! it, say). When the guest comes back both must stay. Pieces of the window that are no longer what they were are
//! newer than the file; all others are brought in from it.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};

use memctl_core::{Error, InstanceId, MemoryId, Storage, View};

/// Bytes that are looked at together. Windows are multiples of the granule, which is as large or a smaller power of two.
const PIECE: usize = 4096;

/// Fingerprints of windows, by where they are.
#[derive(Debug, Default)]
pub(crate) struct Twins {
    random: RandomState,
    windows: BTreeMap<(InstanceId, MemoryId, u64), Vec<u64>>,
}

fn key(view: &View) -> (InstanceId, MemoryId, u64) {
    (view.instance, view.memory, view.window.start())
}

impl Twins {
    /// Window and file are the same now.
    pub(crate) fn remember(&mut self, view: &View, window: &[u8]) {
        let prints = window.chunks(PIECE).map(|piece| self.random.hash_one(piece)).collect();
        self.windows.insert(key(view), prints);
    }

    /// Window and file have gone ways that are known: there is nothing to tell apart.
    pub(crate) fn forget(&mut self, view: &View) {
        self.windows.remove(&key(view));
    }

    /// Which pieces of the window were stored to since [`Twins::remember`], which is forgotten. None, if it never was.
    pub(crate) fn changed(&mut self, view: &View, window: &[u8]) -> Vec<bool> {
        let Some(prints) = self.windows.remove(&key(view)) else { return Vec::new() };
        window.chunks(PIECE).zip(prints).map(|(piece, print)| self.random.hash_one(piece) != print).collect()
    }
}

/// Brings a window and its file together: changed pieces go to the file, and all others come from it. `real` says how many of the
/// window's bytes the file has.
///
/// # Errors
/// The storage's; the window may then have some of the bytes, and so may the file.
pub(crate) fn rejoin(
    storage: &mut dyn Storage,
    offset: u64,
    window: &mut [u8],
    real: usize,
    changed: &[bool],
) -> Result<(), Error> {
    if !changed.contains(&true) {
        return memctl_copy::refresh(storage, offset, window, real);
    }
    for (index, piece) in window.chunks_mut(PIECE).enumerate() {
        let at = index * PIECE;
        let real = real.saturating_sub(at).min(piece.len());
        let offset = offset + at as u64;
        if changed.get(index) == Some(&true) {
            memctl_copy::publish(storage, offset, piece, real)?;
        } else {
            memctl_copy::refresh(storage, offset, piece, real)?;
        }
    }
    Ok(())
}
