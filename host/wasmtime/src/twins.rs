//! What copied automatic windows of files held when they and their files were last the same.
//!
//! Such a file changes past the domain at any time: a WASI call returns before its write is done, host code that acts for the guest
//! stores in the window while the guest is outside (`read(2)` into it, say), other processes write. So nothing may be moved
//! that didn't change: bytes of the window that differ from the *twin*, its copy, are the guest's, and go to the file; all others come
//! from there.

use alloc::vec::Vec;
use core::ops::Range;

use memctl_core::sorted::Map;
use memctl_core::{Error, InstanceId, MemoryId, Part, Storage, View};

/// Bytes that are compared at once where something changed.
const CHUNK: usize = 64;
/// Bytes that are compared at once where nothing did, and the unit that is written together.
const BLOCK: usize = 4096;
/// The most bytes that are written together.
const SPAN: usize = 64 * BLOCK;
/// So many changed places of a span are written one by one.
const FEW: usize = 4;

/// Whether there are files. Without an operating system there are none, and what follows is compiled away.
const FILES: bool = cfg!(feature = "std");

/// The twins, by where their windows are.
#[derive(Debug, Default)]
pub(crate) struct Twins(Map<(InstanceId, MemoryId, u64), Vec<u8>>);

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
        if !FILES {
            return;
        }
        let twin = self.0.entry(key(view)).or_default();
        twin.clear();
        match twin.try_reserve_exact(window.len()) {
            Ok(()) => twin.extend_from_slice(window),
            Err(_) => self.forget(view),
        }
    }

    /// Whether the view's window has a twin.
    pub(crate) fn has(&self, view: &View) -> bool {
        FILES && self.0.contains_key(&key(view))
    }

    fn get_mut(&mut self, view: &View) -> Option<&mut Vec<u8>> {
        if FILES { self.0.get_mut(&key(view)) } else { None }
    }

    /// The window is gone, or it isn't known any more what its file holds.
    pub(crate) fn forget(&mut self, view: &View) {
        if FILES {
            self.0.remove(&key(view));
        }
    }

    /// `window`, a part of the view's, was brought in from the file. It may be new to the window, behind what that showed.
    pub(crate) fn refreshed(&mut self, view: &View, part: Part, window: &[u8]) {
        let Some(twin) = self.get_mut(view) else { return };
        let range = range(view, part);
        if let Some(missing) = range.end.checked_sub(twin.len()) {
            if twin.try_reserve_exact(missing).is_err() {
                return self.forget(view);
            }
            twin.resize(range.end, 0);
        }
        twin[range].copy_from_slice(window);
    }

    /// The window shows no more of the file than the view says.
    pub(crate) fn truncate(&mut self, view: &View) {
        if let Some(twin) = self.get_mut(view) {
            twin.truncate(usize::try_from(view.extent).unwrap_or(usize::MAX));
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
        let Some(twin) = self.get_mut(view).and_then(|twin| twin.get_mut(range(view, part))) else {
            return memctl_copy::publish(storage, part.offset, window, real);
        };
        window[real..].fill(0);
        twin[real..].fill(0);
        let mut merged = Vec::new();
        for span in changed_spans(&window[..real], &twin[..real]) {
            let at = part.offset + span.start as u64;
            let (window, twin) = (&window[span.clone()], &mut twin[span]);
            publish_span(storage, at, window, twin, &mut merged)?;
            twin.copy_from_slice(window);
        }
        Ok(())
    }
}

/// Writes the bytes of `window` that differ from the twin's to `offset` and on: one by one if they are in few places, else together with
/// what the file has between them now.
fn publish_span(
    storage: &mut dyn Storage,
    offset: u64,
    window: &[u8],
    twin: &[u8],
    merged: &mut Vec<u8>,
) -> Result<(), Error> {
    if changes(window, twin).nth(FEW).is_none() {
        let mut runs = changes(window, twin);
        return runs.try_for_each(|run| storage.write_at(offset + run.start as u64, &window[run]));
    }
    merged.resize(window.len(), 0);
    storage.read_at(offset, merged)?;
    for run in changes(window, twin) {
        merged[run.clone()].copy_from_slice(&window[run]);
    }
    storage.write_at(offset, merged)
}

/// Where the two, of one length, differ: runs of changed blocks, none longer than [`SPAN`].
fn changed_spans(window: &[u8], twin: &[u8]) -> Vec<Range<usize>> {
    let mut spans: Vec<Range<usize>> = Vec::new();
    for (index, (of_window, of_twin)) in window.chunks(BLOCK).zip(twin.chunks(BLOCK)).enumerate() {
        if of_window == of_twin {
            continue;
        }
        let block = index * BLOCK..index * BLOCK + of_window.len();
        match spans.last_mut() {
            Some(last) if last.end == block.start && block.end - last.start <= SPAN => last.end = block.end,
            _ => spans.push(block),
        }
    }
    spans
}

/// Where the two, of one length, differ, byte by byte.
fn changes<'a>(window: &'a [u8], twin: &'a [u8]) -> impl Iterator<Item = Range<usize>> + 'a {
    let chunks = window.chunks(CHUNK).zip(twin.chunks(CHUNK)).enumerate();
    chunks.filter(|(_, (window, twin))| window != twin).flat_map(|(index, (window, twin))| {
        let differs = |at: &usize| window[*at] != twin[*at];
        let mut next = 0;
        core::iter::from_fn(move || {
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

    #[test]
    fn changed_blocks_beside_each_other_are_one_span_up_to_a_limit() {
        let len = SPAN + 3 * BLOCK + 10;
        let twin = vec![0; len];
        let mut window = twin.clone();
        for at in [0, BLOCK, 3 * BLOCK, len - 1] {
            window[at] = 1;
        }
        assert_eq!(changed_spans(&window, &twin), [0..2 * BLOCK, 3 * BLOCK..4 * BLOCK, len - 10..len]);
        window.fill(1);
        assert_eq!(changed_spans(&window, &twin), [0..SPAN, SPAN..len]);
    }

    #[test]
    fn only_changed_bytes_are_published_in_few_places_and_in_many() {
        for step in [3000, 7] {
            let mut twin = vec![0; 2 * BLOCK];
            let mut window = twin.clone();
            let mut file = memctl_copy::Anonymous::new(2 * BLOCK as u64).expect("room");
            let others = vec![9; 2 * BLOCK];
            file.write_at(0, &others).expect("memory");
            for at in (0..window.len()).step_by(step) {
                window[at] = 1;
            }
            publish_span(&mut file, 0, &window, &twin, &mut Vec::new()).expect("memory");
            file.read_at(0, &mut twin).expect("memory");
            let expected = |at: usize| if at.is_multiple_of(step) { 1 } else { 9 };
            assert!(twin.iter().enumerate().all(|(at, byte)| *byte == expected(at)), "{step}");
        }
    }
}
