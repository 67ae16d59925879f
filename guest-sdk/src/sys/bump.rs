//! Values one behind the other in reserved memory, which is made usable as they need it.

use core::alloc::Layout;
use core::cell::Cell;
use core::slice;

use super::Fenced;
use crate::bindings::types::Protection;
use crate::{Error, Result, domain};

/// Reserved memory, and how much of its beginning is in use.
pub(crate) struct Bump {
    fenced: Fenced,
    // Invariant: at most `committed`. No reference to what lies behind it is alive.
    used: Cell<usize>,
    // Invariant: a multiple of the granule, at most the length. What lies between `used` and it is ready, and zero; what lies behind it can't be
    // touched, and is zero as far as it is ready.
    committed: Cell<usize>,
}

impl Bump {
    pub(crate) fn new(len: usize) -> Result<Self> {
        let fenced = Fenced::reserve(len)?;
        fenced.protect(0..fenced.len(), Protection::None)?;
        Ok(Self { fenced, used: Cell::new(0), committed: Cell::new(0) })
    }

    pub(crate) fn reserved(&self) -> usize {
        self.fenced.len()
    }

    pub(crate) fn committed(&self) -> usize {
        self.committed.get()
    }

    pub(crate) fn used(&self) -> usize {
        self.used.get()
    }

    /// Moves `value` there. It is never dropped.
    #[expect(clippy::mut_from_ref, reason = "every call carves other bytes")]
    pub(crate) fn place<T>(&self, value: T) -> Result<&mut T> {
        let place = self.carve(Layout::new::<T>())?.cast::<T>();
        // SAFETY: `place` has the size and the alignment of a `T`, and nobody else refers to it.
        unsafe { place.write(value) }
        // SAFETY: there is a value now, and `carve` gives these bytes to nobody else before `clear`, which takes `&mut self`.
        Ok(unsafe { &mut *place })
    }

    /// Copies `values` there.
    #[expect(clippy::mut_from_ref, reason = "every call carves other bytes")]
    pub(crate) fn copy<T: Copy>(&self, values: &[T]) -> Result<&mut [T]> {
        let place = self.carve(Layout::for_value(values))?.cast::<T>();
        // SAFETY: `place` has room for as many values, and nobody else refers to it, so that it doesn't overlap with `values`.
        unsafe { place.copy_from_nonoverlapping(values.as_ptr(), values.len()) }
        // SAFETY: there are values now, and `carve` gives these bytes to nobody else before `clear`, which takes `&mut self`.
        Ok(unsafe { slice::from_raw_parts_mut(place, values.len()) })
    }

    /// `len` zero bytes.
    #[expect(clippy::mut_from_ref, reason = "every call carves other bytes")]
    pub(crate) fn zeroed(&self, len: usize) -> Result<&mut [u8]> {
        let layout = Layout::array::<u8>(len).map_err(|_| Error::OutOfMemory)?;
        let place = self.carve(layout)?;
        // SAFETY: the bytes are zero, by the invariant of `committed`, and `carve` gives them to nobody else before `clear`, which takes
        // `&mut self`.
        Ok(unsafe { slice::from_raw_parts_mut(place, len) })
    }

    /// The next bytes of that layout, which nobody refers to.
    fn carve(&self, layout: Layout) -> Result<*mut u8> {
        let free = self.fenced.at(self.used.get());
        let end = free
            .align_offset(layout.align())
            .checked_add(self.used.get())
            .and_then(|at| Some((at, at.checked_add(layout.size())?)));
        match end {
            Some((at, end)) if end <= self.reserved() => {
                self.commit(end)?;
                self.used.set(end);
                Ok(self.fenced.at(at))
            }
            _ => Err(Error::OutOfMemory),
        }
    }

    /// Makes at least the first `end` bytes usable; an eighth more than are, so that many small values don't need as many host calls.
    fn commit(&self, end: usize) -> Result<()> {
        let committed = self.committed.get();
        if end <= committed {
            return Ok(());
        }
        let enough = end.max(committed + committed / 8);
        let to =
            enough.checked_next_multiple_of(domain::granule()).map_or(self.reserved(), |to| to.min(self.reserved()));
        self.fenced.protect(committed..to, Protection::ReadWrite)?;
        if let Err(error) = self.fenced.make_ready(to) {
            // An error leaves bytes open that nobody has a use for.
            let _ = self.fenced.protect(committed..to, Protection::None);
            return Err(error);
        }
        self.committed.set(to);
        Ok(())
    }

    /// Forgets all values. What lies behind the first `keep` bytes is given back, and can't be touched.
    pub(crate) fn clear(&mut self, keep: usize) -> Result<()> {
        let committed = self.committed.get();
        let kept = keep.checked_next_multiple_of(domain::granule()).map_or(committed, |kept| kept.min(committed));
        self.fenced.discard(kept..committed)?;
        let used = self.used.replace(0).min(kept);
        self.fenced.bytes_mut(0..used).fill(0);
        self.fenced.protect(kept..committed, Protection::None)?;
        self.committed.set(kept);
        Ok(())
    }
}
