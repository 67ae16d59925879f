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

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::super::simulated;
    use super::*;

    #[test]
    fn values_keep_their_places_while_others_come() {
        simulated(|| {
            let bump = Bump::new(1 << 20).expect("reserved");
            let numbers: Vec<&mut u64> = (0..2000).map(|n| bump.place(n).expect("there is room")).collect();
            let text = bump.copy(b"text").expect("there is room");
            let wide = bump.place([1_u128; 4]).expect("there is room");
            text[0] = b'T';
            wide[3] += 1;
            numbers.into_iter().for_each(|number| *number += 1);
            assert_eq!((&*text, wide[3]), (&b"Text"[..], 2));
            assert!(bump.used() <= bump.committed() && bump.committed() < 32 * 1024);
        });
    }

    #[test]
    fn every_round_begins_with_zeroes() {
        simulated(|| {
            let mut bump = Bump::new(10 * 4096).expect("reserved");
            for keep in [0, 5000, 3 * 4096, 1, usize::MAX, 0] {
                let zeroed = bump.zeroed(9000).expect("there is room");
                assert!(zeroed.iter().all(|&byte| byte == 0), "before {keep} bytes are kept");
                zeroed.fill(0xff);
                bump.place(0xff_u8).expect("there is room");
                bump.clear(keep).expect("cleared");
                assert_eq!(bump.used(), 0);
                assert!(bump.committed() <= keep.saturating_add(4095));
            }
        });
    }

    #[test]
    fn what_does_not_fit_is_refused_and_changes_nothing() {
        simulated(|| {
            let bump = Bump::new(4096).expect("reserved");
            bump.place(1_u8).expect("there is room");
            assert_eq!(bump.zeroed(4096), Err(Error::OutOfMemory));
            assert_eq!(bump.zeroed(usize::MAX), Err(Error::OutOfMemory));
            assert_eq!((bump.used(), bump.committed()), (1, 4096));
            assert_eq!(bump.zeroed(4095).map(|bytes| bytes.len()), Ok(4095));
            assert_eq!(bump.place(1_u8), Err(Error::OutOfMemory));
            assert_eq!(bump.place(()), Ok(&mut ()));
        });
    }
}
