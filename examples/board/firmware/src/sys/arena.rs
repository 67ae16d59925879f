//! Arenas: bytes that blocks are allocated from. The kernel has one, and so has each partition.
//!
//! Which one serves follows who runs: a partition's while one runs, the kernel's otherwise and while [`for_kernel`] says so. A block goes
//! back to the arena that its address is in.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::mem::{MaybeUninit, align_of, size_of};
use core::ops::Range;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::Relaxed};

use talc::base::Talc;
use talc::base::binning::DefaultBinning;
use talc::source::Manual;

/// Bytes of the kernel's arena. The bare firmware's guest lives in it too.
const KERNEL_ARENA: usize = if cfg!(feature = "partitions") { 48 << 10 } else { 96 << 10 };

/// An arena's books. They lie at the start of the arena's bytes.
pub(crate) struct Arena {
    talc: Talc<Manual, DefaultBinning>,
    bytes: Range<usize>,
    // Bytes in blocks now, and the most that there were.
    now: usize,
    peak: usize,
}

/// How full an arena is, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fill {
    pub(crate) size: usize,
    pub(crate) now: usize,
    pub(crate) peak: usize,
}

impl Arena {
    /// Makes an arena of bytes, whatever they were, with its books at their start.
    ///
    /// # Safety
    /// `bytes` is RAM that nobody else uses from now on, more than [`Arena`]'s own size and a multiple of 16 at its start.
    pub(crate) unsafe fn make(bytes: Range<usize>) -> *mut Self {
        let books: *mut Self = ptr::with_exposed_provenance_mut(bytes.start);
        let blocks = bytes.start + size_of::<Self>();
        let mut talc = Talc::new(Manual);
        // SAFETY: by this function's contract the bytes behind the books are nobody else's.
        let claimed = unsafe { talc.claim(ptr::with_exposed_provenance_mut(blocks), bytes.end - blocks) };
        assert!(claimed.is_some(), "an arena of {} bytes has no room for its lists", bytes.len());
        // SAFETY: the books' bytes are nobody else's, aligned (the start is a multiple of 16) and large enough.
        unsafe { books.write(Self { talc, bytes, now: 0, peak: 0 }) };
        books
    }

    fn fill(&self) -> Fill {
        Fill { size: self.bytes.len(), now: self.now, peak: self.peak }
    }

    fn allocate(&mut self, layout: Layout) -> *mut u8 {
        // SAFETY: `GlobalAlloc::alloc`'s contract: the layout's size isn't zero.
        let Some(block) = (unsafe { self.talc.allocate(layout) }) else { return ptr::null_mut() };
        self.now += layout.size();
        self.peak = self.peak.max(self.now);
        block.as_ptr()
    }
}
const _: () = assert!(align_of::<Arena>() <= 16);

/// Who runs, in words that a partition sees too: code without privilege allocates. The kernel writes them anew whenever it takes
/// over, so that nothing a partition leaves in them is believed.
#[unsafe(link_section = ".shared")]
static HOME: AtomicPtr<Arena> = AtomicPtr::new(ptr::null_mut());
#[unsafe(link_section = ".shared")]
static SERVING: AtomicPtr<Arena> = AtomicPtr::new(ptr::null_mut());

#[repr(C, align(16))]
struct KernelBytes(UnsafeCell<[MaybeUninit<u8>; KERNEL_ARENA]>);
// SAFETY: only the arena made of it in `prepare_kernel` uses it.
unsafe impl Sync for KernelBytes {}
static KERNEL_BYTES: KernelBytes = KernelBytes(UnsafeCell::new([MaybeUninit::uninit(); KERNEL_ARENA]));
static KERNEL: AtomicPtr<Arena> = AtomicPtr::new(ptr::null_mut());

/// Blocks freed that no arena in force holds: they belong to a partition that doesn't run. None must be.
static STRAYS: AtomicUsize = AtomicUsize::new(0);

/// Makes the kernel's arena and lets it serve. Once, before the first allocation.
pub(super) fn prepare_kernel() {
    let start = KERNEL_BYTES.0.get().expose_provenance();
    // SAFETY: the static is private to this function, which is called once; it is aligned to 16.
    let kernel = unsafe { Arena::make(start..start + KERNEL_ARENA) };
    KERNEL.store(kernel, Relaxed);
    serve_kernel();
}

/// The kernel's arena serves, and no partition runs.
pub(crate) fn serve_kernel() {
    HOME.store(ptr::null_mut(), Relaxed);
    SERVING.store(KERNEL.load(Relaxed), Relaxed);
}

/// A partition's arena serves.
pub(crate) fn serve(home: NonNull<Arena>) {
    HOME.store(home.as_ptr(), Relaxed);
    SERVING.store(home.as_ptr(), Relaxed);
}

/// What is allocated from here on, while a partition runs, is the kernel's: it outlives the partition.
pub(crate) fn for_kernel() {
    SERVING.store(KERNEL.load(Relaxed), Relaxed);
}

/// What is allocated from here on is the running partition's again.
pub(crate) fn for_partition() {
    let home = HOME.load(Relaxed);
    if !home.is_null() {
        SERVING.store(home, Relaxed);
    }
}

/// How full the kernel's arena is.
pub(crate) fn kernel_fill() -> Fill {
    // SAFETY: the arena was made before `main`, is never unmade, and no reference to it is alive outside this file's functions.
    unsafe { &*KERNEL.load(Relaxed) }.fill()
}

/// Does something, and says how many bytes there were at most in blocks of the kernel's arena beyond those that there had been before.
#[cfg(not(feature = "partitions"))]
pub(crate) fn most_during<R>(act: impl FnOnce() -> R) -> (R, usize) {
    let before = kernel_fill();
    set_kernel_peak(before.now);
    let result = act();
    let peak = kernel_fill().peak;
    set_kernel_peak(peak.max(before.peak));
    (result, peak - before.now)
}

#[cfg(not(feature = "partitions"))]
fn set_kernel_peak(peak: usize) {
    // SAFETY: the arena was made before `main`, is never unmade, and no reference to it is alive outside this file's functions.
    unsafe { &mut *KERNEL.load(Relaxed) }.peak = peak;
}

/// How full an arena is.
pub(crate) fn fill(arena: NonNull<Arena>) -> Fill {
    // SAFETY: arenas are handed out by `Arena::make` alone and their books stay; no reference is alive outside this file's functions.
    unsafe { arena.as_ref() }.fill()
}

/// Blocks that were freed while their partition didn't run.
pub(crate) fn strays() -> usize {
    STRAYS.load(Relaxed)
}

/// The allocator that Rust's collections use.
struct Arenas;
#[global_allocator]
static ARENAS: Arenas = Arenas;

// SAFETY: one core, no interrupts and no threads: calls don't overlap. Blocks come from `Talc`, which upholds the contract, and go back to
// the one that they came from, found by address; blocks of an arena that isn't in force are left alone.
unsafe impl GlobalAlloc for Arenas {
    #[inline(never)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the word names an arena since `prepare_kernel`, and nobody else holds a reference.
        unsafe { &mut *SERVING.load(Relaxed) }.allocate(layout)
    }

    #[inline(never)]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let home = HOME.load(Relaxed);
        // SAFETY: null or an arena in force, and nobody else holds a reference.
        let arena = match unsafe { home.as_mut() } {
            Some(home) if home.bytes.contains(&block.addr()) => home,
            // SAFETY: made before the first allocation; nobody else holds a reference.
            _ => unsafe { &mut *KERNEL.load(Relaxed) },
        };
        if !arena.bytes.contains(&block.addr()) {
            STRAYS.store(STRAYS.load(Relaxed) + 1, Relaxed);
            return;
        }
        arena.now -= layout.size();
        // SAFETY: the block lies in this arena, which allocated it with this layout (the caller's contract).
        unsafe { arena.talc.deallocate(block, layout) };
    }
}
