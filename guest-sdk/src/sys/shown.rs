//! A window that shows something: the pages and the host's mapping, kept together.

use core::cell::Cell;
use core::mem;
use core::ops::{Bound, Range, RangeBounds};
use core::slice;

use super::{Lent, LentMut, LentUpgradable, Pages, Part, ranges, wire};
use crate::bindings::mapping as wit;
use crate::bindings::types::Access;
use crate::{Error, Result, domain};

/// Whether bytes are lent under leases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lending {
    /// The bytes are this guest's own: a private mapping.
    Free,
    /// A lease keeps others away.
    Leased,
    /// As `Leased`, or without a lease: no other window on these bytes gets one while this mapping lives.
    Unleased,
}

/// Without waiting.
pub(crate) const AT_ONCE: u64 = 0;

/// Pages that show a range of an object. See the rules in [`super`].
pub(crate) struct Shown {
    // Invariant: `Some` until `end` took it.
    live: Option<Live>,
    // Invariant: at most the length of the window, which is inside the pages.
    len: usize,
    lending: Lending,
}

struct Live {
    mapping: wit::Mapping,
    pages: Pages,
}

/// What is left when a mapping has ended.
pub(crate) struct Unmapped {
    /// The window, unless a leaked lease keeps it.
    pub(crate) pages: Option<Pages>,
    /// What the host said.
    pub(crate) result: Result<()>,
}

impl Shown {
    /// Shows `len` bytes of `object` in the first granules of `pages`, which must be large enough.
    pub(crate) fn map(
        pages: Pages,
        len: usize,
        object: &crate::bindings::object::Object,
        options: wit::MapOptions,
        lending: Lending,
    ) -> Result<Self, (Pages, Error)> {
        let window = pages.window(len);
        // SAFETY: the window is inside `pages`, whose bytes nobody can reach before this returns.
        match unsafe { wire::map(window, object, options) } {
            Ok(mapping) => Ok(Self { live: Some(Live { mapping, pages }), len, lending }),
            Err(error) => Err((pages, error)),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    fn live(&self) -> &Live {
        self.live.as_ref().expect("a mapping lives until it is unmapped")
    }

    /// All bytes that are shown.
    fn all(&self) -> Part {
        self.live().pages.part(0, self.len)
    }

    /// Where the bytes are.
    pub(super) fn start(&self) -> *mut u8 {
        self.all().start
    }

    pub(crate) fn publish(&self, range: impl RangeBounds<usize>) -> Result<()> {
        let part = self.resolve(range)?;
        match self.lending {
            Lending::Leased | Lending::Unleased if part.len > 0 => wire::publish(&self.live().mapping, part),
            Lending::Free | Lending::Leased | Lending::Unleased => Ok(()),
        }
    }

    pub(crate) fn sync(&self, range: impl RangeBounds<usize>) -> Result<()> {
        let part = self.resolve(range)?;
        match self.lending {
            Lending::Leased | Lending::Unleased if part.len > 0 => wire::sync(&self.live().mapping, part),
            Lending::Free | Lending::Leased | Lending::Unleased => Ok(()),
        }
    }

    pub(crate) fn refresh(&mut self) -> Result<()> {
        match self.lending {
            Lending::Free => Ok(()),
            // SAFETY: `self` is borrowed exclusively, so that no reference to its bytes is alive.
            Lending::Leased | Lending::Unleased => unsafe { wire::refresh(&self.live().mapping, self.all()) },
        }
    }

    /// The bytes in `range`, for reading. Waits for at most `timeout` nanoseconds.
    pub(crate) fn lend(&self, range: impl RangeBounds<usize>, timeout: u64) -> Result<Lent<'_>> {
        let part = self.resolve(range)?;
        let lease = self.acquire(part, Access::Read, timeout)?;
        // SAFETY: the part is inside the pages and shows an object. Nobody writes to it while a lease on it is held or
        // none is needed; this guest doesn't, since `lend_mut` and `cells` borrow `self` exclusively.
        Ok(unsafe { Lent::new(part, lease) })
    }

    /// The bytes in `range`, for reading, from where writing can follow. Waits for at most `timeout` nanoseconds.
    pub(crate) fn lend_upgradable(
        &mut self,
        range: impl RangeBounds<usize>,
        timeout: u64,
    ) -> Result<LentUpgradable<'_>> {
        let part = self.resolve(range)?;
        let lease = self.acquire(part, Access::Read, timeout)?;
        // SAFETY: the part is inside the pages and shows an object. Nobody writes to it while a lease to read it is held, and nobody
        // reads or writes it while one to write is, or none is needed; `self` is borrowed exclusively for as long as the result.
        Ok(unsafe { LentUpgradable::new(part, lease) })
    }

    /// The bytes in `range`, for reading and writing. Waits for at most `timeout` nanoseconds.
    pub(crate) fn lend_mut(&mut self, range: impl RangeBounds<usize>, timeout: u64) -> Result<LentMut<'_>> {
        let part = self.resolve(range)?;
        let lease = self.acquire(part, Access::Write, timeout)?;
        // SAFETY: the part is inside the pages and shows an object. Nobody reads or writes it while a write lease on it is
        // held or none is needed; `self` is borrowed exclusively for as long as the result.
        Ok(unsafe { LentMut::new(part, lease) })
    }

    /// All bytes, without a lease.
    pub(crate) fn cells(&mut self) -> Result<&[Cell<u8>]> {
        if self.lending == Lending::Leased {
            return Err(Error::Unsupported);
        }
        let Part { start, len } = self.all();
        // SAFETY: the part is inside the pages and shows an object; `Cell<u8>` has the layout of `u8` and allows that the host
        // changes it. No `&[u8]` is alive over these bytes: `self` is borrowed exclusively for as long as the result. Nor is one
        // over another window that stores here would reach: the host gives no lease on bytes that an automatic window shows, and a
        // private window shows nobody else's.
        Ok(unsafe { slice::from_raw_parts(start.cast::<Cell<u8>>(), len) })
    }

    /// Makes the bytes in `range` zero: whole granules, of which the last may end with the mapping.
    pub(crate) fn discard(&mut self, range: impl RangeBounds<usize>) -> Result<()> {
        let range = self.bounds(range)?;
        let granule = domain::granule();
        let end = if range.end == self.len { range.end.next_multiple_of(granule) } else { range.end };
        if range.is_empty() {
            return Ok(());
        }
        // SAFETY: the part is inside the pages, and `self` is borrowed exclusively, so that no reference to its bytes is alive.
        unsafe { ranges::discard(self.live().pages.part(range.start, end - range.start)) }
    }

    pub(crate) fn unmap(mut self) -> Unmapped {
        self.end()
    }

    fn end(&mut self) -> Unmapped {
        let Some(Live { mapping, pages }) = self.live.take() else {
            return Unmapped { pages: None, result: Ok(()) };
        };
        let window = pages.window(self.len);
        // SAFETY: `self` is borrowed exclusively, so that no reference to its bytes is alive.
        let result = unsafe { wire::unmap(&mapping, window) };
        if result == Err(Error::Busy) {
            // A leaked guard's lease: the window still shows the object. It stays that way.
            mem::forget(mapping);
            mem::forget(pages);
            return Unmapped { pages: None, result };
        }
        Unmapped { pages: Some(pages), result }
    }

    /// A lease on `part`, if there is anything to lease.
    fn acquire(&self, part: Part, access: Access, timeout: u64) -> Result<Option<wit::Lease>> {
        if self.lending == Lending::Free || part.len == 0 {
            return Ok(None);
        }
        let mapping = &self.live().mapping;
        let lease = match timeout {
            // SAFETY: for `write` the caller borrows `self` exclusively. For `read` only read guards may be alive, whose
            // leases keep the bytes as they are: the host stores what is there, if it stores anything.
            AT_ONCE => unsafe { wire::acquire(mapping, part, access) },
            // SAFETY: as above.
            timeout => unsafe { wire::acquire_within(mapping, part, access, timeout) },
        };
        lease.map(Some)
    }

    fn resolve(&self, range: impl RangeBounds<usize>) -> Result<Part> {
        let range = self.bounds(range)?;
        Ok(self.live().pages.part(range.start, range.end - range.start))
    }

    fn bounds(&self, range: impl RangeBounds<usize>) -> Result<Range<usize>> {
        let start = match range.start_bound() {
            Bound::Included(&start) => start,
            Bound::Excluded(&before) => before.checked_add(1).ok_or(Error::Bounds)?,
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(&last) => last.checked_add(1).ok_or(Error::Bounds)?,
            Bound::Excluded(&end) => end,
            Bound::Unbounded => self.len,
        };
        if start > end || end > self.len {
            return Err(Error::Bounds);
        }
        Ok(start..end)
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        // An error goes to the host's log.
        self.end();
    }
}
