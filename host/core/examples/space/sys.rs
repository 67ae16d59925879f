//! The allocators that give out memory, which only unsafe code can give back.

use std::alloc::Layout;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use talc::base::binning::DefaultBinning;
use talc::source::Manual;

use super::{Allocator, UNIT};

/// Memory of `len` bytes, whose host pages are there already, for as long as the program runs.
fn memory(len: u64) -> &'static mut [MaybeUninit<u8>] {
    let len = usize::try_from(len).expect("a small heap");
    vec![MaybeUninit::new(1); len].leak()
}

fn layout(len: u64, align: u64) -> Option<Layout> {
    Layout::from_size_align(usize::try_from(len).ok()?, usize::try_from(align.max(UNIT)).ok()?).ok()
}

pub(super) struct Rlsf(rlsf::Tlsf<'static, u32, u32, 28, 32>);

impl Rlsf {
    pub(super) fn new(len: u64) -> Self {
        let mut tlsf = rlsf::Tlsf::new();
        tlsf.insert_free_block(memory(len));
        Self(tlsf)
    }
}

impl Allocator for Rlsf {
    type Block = (NonNull<u8>, Layout);

    fn alloc(&mut self, len: u64, align: u64) -> Option<Self::Block> {
        let layout = layout(len, align)?;
        Some((self.0.allocate(layout)?, layout))
    }

    fn free(&mut self, (start, layout): Self::Block) {
        // SAFETY: a block is made by `alloc` only, of this pool's pointer and the layout that it was asked with, and is
        // moved in here, so it is given back once.
        unsafe { self.0.deallocate(start, layout.align()) }
    }
}

pub(super) struct Talc(talc::base::Talc<Manual, DefaultBinning>);

impl Talc {
    pub(super) fn new(len: u64) -> Self {
        let mut talc = talc::base::Talc::new(Manual);
        let memory = memory(len);
        // SAFETY: the memory lives for the rest of the program, and its only reference ends here.
        let claimed = unsafe { talc.claim(memory.as_mut_ptr().cast(), memory.len()) };
        claimed.expect("room for talc's own lists");
        Self(talc)
    }
}

impl Allocator for Talc {
    type Block = (NonNull<u8>, Layout);

    fn alloc(&mut self, len: u64, align: u64) -> Option<Self::Block> {
        let layout = layout(len, align).filter(|layout| layout.size() != 0)?;
        // SAFETY: the layout's size is not 0.
        let start = unsafe { self.0.try_allocate(layout) }?;
        Some((start, layout))
    }

    fn free(&mut self, (start, layout): Self::Block) {
        // SAFETY: a block is made by `alloc` only, of this heap's pointer and the layout that it was asked with, and is
        // moved in here, so it is given back once.
        unsafe { self.0.deallocate(start.as_ptr(), layout) }
    }
}
