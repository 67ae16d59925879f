//! Bare calls of the interface, without what the SDK does around them.

use std::alloc::{Layout, alloc};

use memctl_guest::bindings::mapping::{Hints, MapOptions, Mapping};
use memctl_guest::bindings::object::Object;
use memctl_guest::bindings::types::{Coherence, Protection, Sharing, Window};
use memctl_guest::domain;

/// Maps and unmaps the first `len` bytes of `object`, which are loaded from once per granule if they are to be read.
pub(crate) fn map_again_and_again(object: &Object, len: usize, read: bool, times: u32) -> u64 {
    let granule = domain::granule();
    let layout = Layout::from_size_align(len, granule).expect("it fits");
    // SAFETY: the benchmarks pass no length of 0.
    let start = unsafe { alloc(layout) };
    assert!(!start.is_null(), "memory");
    let mut sum = 0;
    // An empty list says which memory, and lends none of it.
    let window = Window { memory: Vec::new(), start: start.addr() as u64, len: len as u64 };
    let options = MapOptions {
        offset: 0,
        protection: Protection::ReadWrite,
        sharing: Sharing::Shared,
        coherence: Coherence::Leased,
        hints: Hints::empty(),
    };
    for _ in 0..times {
        let mapping = Mapping::map(&window, object, options).expect("it can be mapped");
        if read {
            for at in (0..len).step_by(granule) {
                // SAFETY: the window is `len` bytes from `start` on.
                let byte = unsafe { start.add(at) };
                // SAFETY: it shows the object, which has as many bytes.
                sum += u64::from(unsafe { byte.read_volatile() });
            }
        }
        mapping.unmap(&window).expect("it can be unmapped");
    }
    // SAFETY: allocated above with this layout, and nothing is mapped there any more.
    unsafe { std::alloc::dealloc(start, layout) };
    sum
}
