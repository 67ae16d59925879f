//! The RAM that partitions are cut from, anew for each scene.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::ops::Range;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use memctl_mpu::Error;

use crate::layout::Layout;
use crate::sys::partition::Partition;

/// Bytes that all partitions of a scene have together.
const POOL: usize = 320 << 10;

/// Where partitions start: PMSAv7 wants a region at a multiple of its size, and takes eighths of it.
const ALIGNMENT: usize = 64 << 10;

#[repr(C, align(1024))]
struct Bytes(UnsafeCell<[MaybeUninit<u8>; POOL]>);
// SAFETY: only partitions that `cut` made use it, each its own range.
unsafe impl Sync for Bytes {}
#[unsafe(link_section = ".partitions")]
static BYTES: Bytes = Bytes(UnsafeCell::new([MaybeUninit::uninit(); POOL]));
static CUT: AtomicUsize = AtomicUsize::new(0);

/// The pool's bytes.
pub(crate) fn bytes() -> Range<usize> {
    let start = BYTES.0.get().expose_provenance();
    start..start + POOL
}

/// The bytes of one scene's partitions, none of which outlives it.
pub(crate) struct Pool(());

impl Pool {
    /// The pool, uncut. None while another is alive.
    pub(crate) fn take() -> Option<Self> {
        CUT.compare_exchange(0, bytes().start, Relaxed, Relaxed).ok().map(|_| Self(()))
    }

    /// A partition of `len` bytes, `stack` of which are its stack. Both in bytes, multiples of 1024.
    ///
    /// # Errors
    /// The protection unit can't draw its bounds.
    ///
    /// # Panics
    /// When the pool is used up.
    pub(crate) fn cut<T>(&self, len: usize, stack: usize) -> Result<Partition<'_, T>, Error> {
        let start = CUT.load(Relaxed).next_multiple_of(ALIGNMENT);
        assert!(start + len <= bytes().end, "partitions of more than {POOL} bytes together");
        let layout = Layout::new(start..start + len)?;
        CUT.store(start + len, Relaxed);
        // SAFETY: the bytes are the pool's, of which none were cut twice while this pool is alive; starts are aligned.
        Ok(unsafe { Partition::new(start..start + len, stack, layout) })
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        CUT.store(0, Relaxed);
    }
}
