//! Giving back bytes that the caller has.

use super::{Part, ranges, require_host};
use crate::{Result, domain};

/// Makes `bytes` zero. The granules that lie wholly in them are discarded.
pub(crate) fn discard(bytes: &mut [u8]) -> Result<()> {
    require_host()?;
    let granule = domain::granule();
    let before = bytes.as_ptr().align_offset(granule).min(bytes.len());
    let (head, rest) = bytes.split_at_mut(before);
    let (granules, tail) = rest.split_at_mut(rest.len() - rest.len() % granule);
    if !granules.is_empty() {
        let part = Part { start: granules.as_mut_ptr(), len: granules.len() };
        // SAFETY: the bytes are borrowed exclusively, and zero is a byte like any other.
        unsafe { ranges::discard(part) }?;
    }
    head.fill(0);
    tail.fill(0);
    Ok(())
}

/// Makes the bytes of a range of this guest's memory zero, and gives their storage back to the host where it can. Start and length are
/// multiples of the [granule](domain::granule). In a shared window these are the object's bytes, for everybody.
///
/// For allocators and the like; [`discard`](crate::protection::discard) is safe.
///
/// # Errors
/// [`Error::Alignment`](crate::Error::Alignment); [`Error::Bounds`](crate::Error::Bounds); [`Error::Overlap`](crate::Error::Overlap) if the range has
/// bytes of a window and others; [`Error::Access`](crate::Error::Access) if any of it can't be stored to; [`Error::Busy`](crate::Error::Busy) if anybody, this
/// guest included, has a lease on any of it; [`Error::Io`](crate::Error::Io); [`Error::OutOfMemory`](crate::Error::OutOfMemory). No byte has changed then.
///
/// # Safety
/// Nobody counts on what is there: no reference to any of the bytes is alive, and they are neither an allocator's own, nor on the stack, nor in
/// statics that have a value.
pub unsafe fn discard_range(range: *mut [u8]) -> Result<()> {
    let part = Part { start: range.cast(), len: range.len() };
    // SAFETY: as the caller promised.
    unsafe { ranges::discard(part) }
}
