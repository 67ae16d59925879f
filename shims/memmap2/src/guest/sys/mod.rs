//! All that needs `unsafe`: the bytes of maps.
//!
//! 1. What keeps bytes ([`Backing`](super::Backing)) says where they are, and keeps them there, initialised, until it is dropped.
//! 2. A [`Place`] owns its backing, and makes references to its bytes that borrow the place.
//! 3. Bytes of a file change when the file does: that nobody minds is what the callers of memmap2's `unsafe` constructors promise, and so is
//!    that two maps of one file, which are the same memory, are not used against each other. [`MmapRaw`](super::MmapRaw), whose constructors are safe,
//!    makes no references.
//! 4. [`discard`] changes bytes behind `&Place`; that nobody counts on them is what the callers of `unchecked_advise` promise.

mod anonymous;
mod fd;
mod place;
mod private;
#[cfg(feature = "stable_deref_trait")]
mod stable_deref;

pub(super) use anonymous::Anonymous;
pub(super) use fd::{Identity, Stat, object, stat};
pub(super) use place::Place;
pub(super) use private::Private;

use std::ops::Range;

use memctl_guest::Error;
use memctl_guest::protection::discard_range;

/// Makes whole granules of a window, or of an allocation, zero.
pub(super) fn discard(whole: *mut [u8], part: Range<usize>) -> Result<(), Error> {
    let start = whole.cast::<u8>().wrapping_add(part.start);
    // SAFETY: the bytes are a backing's own, or a file's that it shows; that nobody counts on them is rule 4.
    unsafe { discard_range(std::ptr::slice_from_raw_parts_mut(start, part.len())) }
}
