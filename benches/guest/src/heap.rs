//! Bare calls of the interface `heap`.

use std::cell::RefCell;

use memctl_guest::bindings::types::Protection;

use crate::bindings::wasi::memory_control::heap::{self, Token};

thread_local! {
    /// The heap, and the window that it is attached in.
    static ATTACHED: RefCell<Option<(u64, Grown)>> = const { RefCell::new(None) };
}

/// Memory behind all that the guest had: nothing of it was ever touched.
struct Grown {
    start: *const u8,
    len: usize,
}

impl Grown {
    fn new(len: usize) -> Self {
        const PAGE: usize = 64 << 10;
        let before = grow(len.div_ceil(PAGE)).expect("memory");
        Self { start: core::ptr::without_provenance(before * PAGE), len }
    }

    /// The sum of the first bytes of its granules, whatever is shown there.
    fn sum_by_granules(&self) -> u64 {
        let load = |at| {
            let byte: *const u8 = core::ptr::with_exposed_provenance(self.start.addr() + at);
            // SAFETY: grown by `new`, for nobody else; what is shown there is initialised, and a volatile load doesn't mind who else stores to it.
            u64::from(unsafe { byte.read_volatile() })
        };
        (0..self.len).step_by(memctl_guest::domain::granule()).map(load).fold(0, u64::wrapping_add)
    }
}

/// How many pages there were before.
#[cfg(target_arch = "wasm32")]
fn grow(pages: usize) -> Option<usize> {
    let before = core::arch::wasm32::memory_grow(0, pages);
    (before != usize::MAX).then_some(before)
}

#[cfg(not(target_arch = "wasm32"))]
fn grow(_pages: usize) -> Option<usize> {
    None
}

fn with_heap<R>(then: impl FnOnce(u64) -> R) -> R {
    ATTACHED.with_borrow(|attached| then(attached.as_ref().expect("`attach-heap` was called").0))
}

pub(crate) fn attach(read_only: bool) {
    let heap = heap::open("heap").expect("the host published it");
    let len = heap::status(heap).expect("it is there").max_len;
    let room = Grown::new(usize::try_from(len).expect("it fits"));
    let protection = if read_only { Protection::Read } else { Protection::ReadWrite };
    heap::attach(heap, &[], 0, room.start.addr() as u64, protection).expect("it can be attached");
    ATTACHED.set(Some((heap, room)));
}

pub(crate) fn allocate(len: u64, times: u32) {
    with_heap(|heap| {
        for _ in 0..times {
            let block = heap::alloc(heap, len, 16).expect("there is room");
            heap::free(block).expect("it is ours");
        }
    });
}

pub(crate) fn supply(len: u64, blocks: u32) {
    with_heap(|heap| {
        for _ in 0..blocks {
            let block = heap::alloc(heap, len, 4096).expect("there is room");
            heap::send(heap, 0, block).expect("it is ours");
        }
    });
}

pub(crate) fn forward(from: u32, to: u32, times: u32) {
    with_heap(|heap| {
        for _ in 0..times {
            let block: Token = heap::receive(heap, from, 0).expect("one was sent");
            heap::send(heap, to, block).expect("it is ours");
        }
    });
}

pub(crate) fn drain(from: u32) {
    with_heap(|heap| {
        while let Ok(block) = heap::receive(heap, from, 0) {
            heap::free(block).expect("it is ours");
        }
    });
}

pub(crate) fn look() -> u64 {
    ATTACHED.with_borrow(|attached| attached.as_ref().expect("`attach-heap` was called").1.sum_by_granules())
}
