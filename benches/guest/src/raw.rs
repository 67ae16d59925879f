//! Bare calls of the interface, without what the SDK does around them.

use std::alloc::{Layout, alloc, dealloc};

use memctl_guest::bindings::mapping::{MapFlags, MapOptions, Mapping};
use memctl_guest::bindings::object::Object;
use memctl_guest::bindings::types::{Coherence, Protection, Sharing, Window};

/// Memory for windows.
pub(crate) struct Room {
    // Invariant: allocated with `layout`; nobody has a reference to it, and between calls nothing is mapped there.
    start: *mut u8,
    layout: Layout,
}

/// How the object is shown.
#[derive(Clone, Copy)]
pub(crate) struct How {
    pub(crate) sharing: Sharing,
    pub(crate) populate: bool,
    pub(crate) offset: u64,
}

impl Room {
    /// Room for windows of at most `len` bytes, more than none; `align` is a multiple of the granule.
    pub(crate) fn new(len: usize, align: usize) -> Self {
        assert_ne!(len, 0, "a window has bytes");
        let layout = Layout::from_size_align(len, align).expect("it fits");
        // SAFETY: the length is not 0.
        let start = unsafe { alloc(layout) };
        assert!(!start.is_null(), "memory");
        Self { start, layout }
    }

    /// Maps `object`, lends `len` bytes of the window and unmaps it.
    pub(crate) fn with<R>(&mut self, object: &Object, len: usize, how: How, then: impl FnOnce(&[u8]) -> R) -> R {
        let whole = len.next_multiple_of(memctl_guest::domain::granule());
        assert!(whole <= self.layout.size(), "the window is as long as it was said to be");
        // An empty list says which memory, and lends none of it.
        let window = Window { memory: Vec::new(), start: self.start.addr() as u64, len: whole as u64 };
        let options = MapOptions {
            offset: how.offset,
            protection: Protection::ReadWrite,
            sharing: how.sharing,
            coherence: Coherence::Leased,
            flags: if how.populate { MapFlags::POPULATE } else { MapFlags::empty() },
        };
        let mapping = Mapping::map(&window, object, options).expect("it can be mapped");
        // SAFETY: the window is inside the allocation, and initialised now that it shows an object. Nobody stores to it, or to the object
        // as long as `then` runs.
        let result = then(unsafe { std::slice::from_raw_parts(self.start, len) });
        mapping.unmap(&window).expect("it can be unmapped");
        result
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout, and nothing is mapped there.
        unsafe { dealloc(self.start, self.layout) };
    }
}

/// Maps and unmaps the first `len` bytes of `object`, which are loaded from once per granule if they are to be read.
pub(crate) fn map_again_and_again(object: &Object, len: usize, read: bool, times: u32) -> u64 {
    let granule = memctl_guest::domain::granule();
    let mut room = Room::new(len, granule);
    let how = How { sharing: Sharing::Shared, populate: false, offset: 0 };
    let touch = |bytes: &[u8]| if read { bytes.iter().step_by(granule).map(|byte| u64::from(*byte)).sum() } else { 0 };
    (0..times).map(|_| room.with(object, len, how, touch)).fold(0, u64::wrapping_add)
}
