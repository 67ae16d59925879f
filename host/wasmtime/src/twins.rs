//! What copied automatic windows of files held when they and their files were last the same.
//!
//! Such a file changes past the domain at any time: a WASI call returns before its write is done, host code that acts for the guest
//! stores in the window while the guest is outside (`read(2)` into it, say), other processes write. So nothing may be moved
//! that didn't change: bytes of the window that differ from the *twin*, its copy, are the guest's, and go to the file; all others come
//! from there.

use std::collections::BTreeMap;
use std::ops::Range;

use memctl_core::{Error, InstanceId, MemoryId, Part, Storage, View};

/// Bytes that are compared at once.
const CHUNK: usize = 64;

/// The twins, by where their windows are.
#[derive(Debug, Default)]
pub(crate) struct Twins(BTreeMap<(InstanceId, MemoryId, u64), Vec<u8>>);

fn key(view: &View) -> (InstanceId, MemoryId, u64) {
    (view.instance, view.memory, view.window.start())
}

/// The bytes of `part` in something as long as the view's window.
fn range(view: &View, part: Part) -> Range<usize> {
    let at = |address: u64| usize::try_from(address - view.window.start()).unwrap_or(usize::MAX);
    at(part.window.start())..at(part.window.end())
}

impl Twins {
    /// `window`, all of the view's, is the same as the file from now on. Without room for a twin the window goes without.
    pub(crate) fn keep(&mut self, view: &View, window: &[u8]) {
        let twin = self.0.entry(key(view)).or_default();
        twin.clear();
        match twin.try_reserve_exact(window.len()) {
            Ok(()) => twin.extend_from_slice(window),
            Err(_) => self.forget(view),
        }
    }

    /// Whether the view's window has a twin.
    pub(crate) fn has(&self, view: &View) -> bool {
        self.0.contains_key(&key(view))
    }

    /// The window is gone, or it isn't known any more what its file holds.
    pub(crate) fn forget(&mut self, view: &View) {
        self.0.remove(&key(view));
    }

    /// `window`, a part of the view's, was brought in from the file.
    pub(crate) fn refreshed(&mut self, view: &View, part: Part, window: &[u8]) {
        if let Some(twin) = self.0.get_mut(&key(view)).and_then(|twin| twin.get_mut(range(view, part))) {
            twin.copy_from_slice(window);
        }
    }

    /// Publishes `window`, a part of the view's, as [`memctl_copy::publish`] does; but only bytes that changed, if there is a twin.
    ///
    /// # Errors
    /// The storage's; it may then have some of the bytes.
    pub(crate) fn publish(
        &mut self,
        view: &View,
        part: Part,
        storage: &mut dyn Storage,
        window: &mut [u8],
    ) -> Result<(), Error> {
        let real = usize::try_from(part.real).unwrap_or(usize::MAX);
        let Some(twin) = self.0.get_mut(&key(view)).and_then(|twin| twin.get_mut(range(view, part))) else {
            return memctl_copy::publish(storage, part.offset, window, real);
        };
        window[real..].fill(0);
        let mut published = Ok(());
        for changed in changes(&window[..real], &twin[..real]) {
            published = published.and_then(|()| storage.write_at(part.offset + changed.start as u64, &window[changed]));
        }
        twin.copy_from_slice(window);
        published
    }
}

/// Where the two, of one length, differ. Runs of different bytes, with at most a few equal ones among them.
fn changes<'a>(window: &'a [u8], twin: &'a [u8]) -> impl Iterator<Item = Range<usize>> + 'a {
    let chunks = window.chunks(CHUNK).zip(twin.chunks(CHUNK)).enumerate();
    chunks.filter(|(_, (window, twin))| window != twin).flat_map(|(index, (window, twin))| {
        let differs = |at: &usize| window[*at] != twin[*at];
        let mut next = 0;
        std::iter::from_fn(move || {
            let start = (next..window.len()).find(differs)?;
            let end = (start..window.len()).find(|at| !differs(at)).unwrap_or(window.len());
            next = end;
            Some(index * CHUNK + start..index * CHUNK + end)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_the_bytes_that_differ() {
        let twin = [0; 200];
        let mut window = twin;
        assert_eq!(changes(&window, &twin).count(), 0);
        for at in [0, 1, 5, 62, 63, 64, 65, 130, 199] {
            window[at] = 1;
        }
        let runs: Vec<_> = changes(&window, &twin).collect();
        assert_eq!(runs, [0..2, 5..6, 62..64, 64..66, 130..131, 199..200]);
    }
}
