//! Copies between a space's bytes and Rust's, through raw pointers.
//!
//! A copy may fault (a protected window, a file cut off): [`super::install`]'s handler then lays a scratch page and the copy goes on.
//! The fences keep the compiler from moving a copy past its caller's look at the count of faults.

use std::ptr;
use std::slice;
use std::sync::atomic::{Ordering, compiler_fence};

use memctl_core::Error;

use super::Space;
use crate::Reservation;

impl Space {
    /// Copies from `start` on into `bytes`.
    pub(crate) fn copy_out(&self, start: usize, bytes: &mut [u8]) {
        let from = self.at(start, bytes.len());
        compiler_fence(Ordering::SeqCst);
        // SAFETY: `at` checked the source; it can't overlap `bytes`, since no reference to a space's pages is alive.
        unsafe { ptr::copy_nonoverlapping(from, bytes.as_mut_ptr(), bytes.len()) };
        compiler_fence(Ordering::SeqCst);
    }

    /// Copies `bytes` to `start` and on.
    pub(crate) fn copy_in(&self, start: usize, bytes: &[u8]) {
        let to = self.at(start, bytes.len());
        compiler_fence(Ordering::SeqCst);
        // SAFETY: `at` checked the target; it can't overlap `bytes`, since no reference to a space's pages is alive.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
        compiler_fence(Ordering::SeqCst);
    }

    /// Copies `len` bytes from `start` on to the beginning of another space.
    pub(crate) fn copy_to(&self, start: usize, len: usize, other: &Self) {
        let (from, to) = (self.at(start, len), other.at(0, len));
        compiler_fence(Ordering::SeqCst);
        // SAFETY: `at` checked both ends, and two spaces never share addresses.
        unsafe { ptr::copy_nonoverlapping(from, to, len) };
        compiler_fence(Ordering::SeqCst);
    }

    /// Makes `len` bytes from `start` on zero.
    pub(crate) fn fill_zero(&self, start: usize, len: usize) {
        let to = self.at(start, len);
        compiler_fence(Ordering::SeqCst);
        // SAFETY: `at` checked the target, and no reference to it is alive.
        unsafe { ptr::write_bytes(to, 0, len) };
        compiler_fence(Ordering::SeqCst);
    }

    /// The bytes themselves.
    ///
    /// # Safety
    /// As long as the slice lives, no other reference to these bytes is alive, and nothing else reads, writes, maps or unmaps them: no
    /// thread, no guest, no method of this space, no other view of the same object.
    #[expect(
        clippy::mut_from_ref,
        reason = "the pages are not part of the value; the caller answers for their exclusive use"
    )]
    pub(crate) unsafe fn slice(&self, start: usize, len: usize) -> &mut [u8] {
        let at = self.at(start, len);
        // SAFETY: `at` checked the range, bytes have no invalid values or alignment, and the caller promised exclusive use.
        unsafe { slice::from_raw_parts_mut(at, len) }
    }
}

impl Reservation {
    /// Lends the bytes themselves to `f`.
    ///
    /// If a byte faults, `f` runs on over scratch pages: bytes that it did not write may turn zero under it.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`], [`Error::Wraps`]; [`Error::Io`] after `f` ran.
    ///
    /// # Safety
    /// While `f` runs, no other reference to these bytes is alive and nothing else reads, writes, maps or unmaps them: no guest, no other
    /// thread, no method of this reservation, no other view of the same bytes of an object, no other process that maps the file.
    pub unsafe fn with_bytes<R>(&self, start: u64, len: u64, f: impl FnOnce(&mut [u8]) -> R) -> Result<R, Error> {
        let (start, len) = self.bytes(start, len)?;
        self.contained("use guest memory", || {
            // SAFETY: the caller's promise.
            f(unsafe { self.space().slice(start, len) })
        })
    }
}
