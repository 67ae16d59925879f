//! Guest memory for a window: granules of its own.

use alloc::alloc::{alloc, dealloc};
use core::alloc::Layout;
use core::ptr::NonNull;

use super::Part;
use crate::bindings::domain::Capabilities;
use crate::{Error, Result, domain};

/// An allocation of whole granules. Its bytes can't be reached: they are uninitialised before something is mapped.
#[derive(Debug)]
pub(crate) struct Pages {
    // Invariant: allocated by the global allocator with `layout`, and owned.
    start: NonNull<u8>,
    layout: Layout,
    granule: usize,
}

/// What a host with an MMU can map at once, if window and object agree on their place in it: 2 MiB.
const HUGE: usize = 2 << 20;

impl Pages {
    /// `len` bytes, aligned to `granule`; `len` is a multiple of it and not 0. On a host that shows an object's own pages, large ones are
    /// aligned to 2 MiB.
    pub(crate) fn new(len: usize, granule: usize) -> Result<Self> {
        assert_ne!(len, 0, "a window is not empty");
        let can_be_huge = len >= HUGE && domain::capabilities().contains(Capabilities::ZERO_COPY);
        let align = if can_be_huge { granule.max(HUGE) } else { granule };
        let layout = Layout::from_size_align(len, align).map_err(|_| Error::OutOfMemory)?;
        // SAFETY: the layout's size is not 0, as was asserted above.
        let start = unsafe { alloc(layout) };
        let start = NonNull::new(start).ok_or(Error::OutOfMemory)?;
        Ok(Self { start, layout, granule })
    }

    pub(crate) fn len(&self) -> usize {
        self.layout.size()
    }

    /// Where they begin.
    pub(crate) fn start(&self) -> *const u8 {
        self.start.as_ptr()
    }

    /// The first granules, as many as `len` bytes need.
    pub(super) fn window(&self, len: usize) -> Part {
        let window = len.next_multiple_of(self.granule);
        assert!(window <= self.len(), "{len} bytes don't fit");
        Part { start: self.start.as_ptr(), len: window }
    }

    /// `len` bytes from `at` on.
    pub(super) fn part(&self, at: usize, len: usize) -> Part {
        assert!(at <= self.len() && len <= self.len() - at, "{at} + {len} is outside the window");
        // SAFETY: `at` is inside the allocation or at its end, as was asserted above.
        let start = unsafe { self.start.as_ptr().add(at) };
        Part { start, len }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: `start` was allocated with `layout`, and is owned; nothing is mapped there, since `Shown` holds its pages
        // back until the host said so.
        unsafe { dealloc(self.start.as_ptr(), self.layout) }
    }
}
