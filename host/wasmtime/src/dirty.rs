//! Publishing only what was stored to, where the machine sees stores: by protection regions that are read-only until the first one.

use core::ops::Range;

use memctl_core::{Error, Part, Storage};

use crate::locks::OnceLock;
use crate::mover::real;

/// Of some bytes, tells those that are dirty.
type Dirty = fn(Range<usize>, &mut dyn FnMut(Range<usize>));

/// How an embedder sees which bytes of windows were stored to. Addresses are those of the host.
///
/// A window that holds a copy is published whole unless this is installed. Tell too much rather than too little: bytes that are not told are not published.
#[derive(Clone, Copy, Debug)]
pub struct DirtyTracking {
    /// These bytes of a window are what their object has: stores to them, by the guest or by host code for it, are to be seen from now on. It need not follow.
    pub in_step: fn(Range<usize>),
    /// Tells which of these bytes may have been stored to since they were last in step: all of them, where that wasn't seen to.
    pub dirty: Dirty,
    /// These bytes are no window any more.
    pub forget: fn(Range<usize>),
}

static INSTALLED: OnceLock<DirtyTracking> = OnceLock::new();

impl DirtyTracking {
    /// Has all domains of the program ask this. Only the first one counts.
    pub fn install(self) {
        INSTALLED.get_or_init(|| self);
    }
}

fn addresses(bytes: &[u8]) -> Range<usize> {
    let Range { start, end } = bytes.as_ptr_range();
    start.addr()..end.addr()
}

/// A part of a window is as its object.
pub(crate) fn in_step(bytes: &[u8]) {
    if let Some(tracking) = INSTALLED.get() {
        (tracking.in_step)(addresses(bytes));
    }
}

/// So many bytes from an address on are no window any more.
pub(crate) fn forget(start: usize, len: u64) {
    if let Some(tracking) = INSTALLED.get() {
        (tracking.forget)(start..start.saturating_add(usize::try_from(len).unwrap_or(usize::MAX)));
    }
}

/// As [`memctl_copy::publish`], but only what may have been stored to. Gives how many bytes that was.
pub(crate) fn publish(storage: &mut dyn Storage, part: Part, window: &mut [u8]) -> Result<u64, Error> {
    let real = real(part);
    let Some(tracking) = INSTALLED.get() else {
        memctl_copy::publish(storage, part.offset, window, real)?;
        return Ok(part.real);
    };
    let all = addresses(&window[..real]);
    let (mut copied, mut published) = (0, Ok(()));
    (tracking.dirty)(all.clone(), &mut |dirty| {
        let (from, to) = (dirty.start.max(all.start), dirty.end.min(all.end));
        if from < to && published.is_ok() {
            let at = from - all.start;
            let bytes = &window[at..to - all.start];
            published = storage.write_at(part.offset + at as u64, bytes);
            copied += bytes.len() as u64;
        }
    });
    published?;
    if window[real..].iter().any(|byte| *byte != 0) {
        window[real..].fill(0);
    }
    (tracking.in_step)(addresses(window));
    Ok(copied)
}
