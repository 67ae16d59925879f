//! Stacks painted to learn how deep they were used.

use core::ops::Range;

/// A word that code is unlikely to leave on a stack.
const PAINT: u32 = 0xDEAD_C0DE;

/// Paints a stack that grows down to `stack.start`.
///
/// # Safety
/// Nothing in `stack` is in use, and it is RAM that nobody else holds; both ends are multiples of 4.
pub(crate) unsafe fn paint(stack: Range<usize>) {
    for word in stack.step_by(4) {
        // SAFETY: by this function's contract the word is RAM that nobody uses.
        unsafe { (word as *mut u32).write_volatile(PAINT) };
    }
}

/// Bytes that were used of a painted stack, by its deepest word that isn't paint.
pub(crate) fn peak(stack: Range<usize>) -> usize {
    let end = stack.end;
    // SAFETY: a painted stack is RAM; reading it, also under a running stack, is one volatile load of a word.
    let untouched = |word: &usize| unsafe { (*word as *const u32).read_volatile() } == PAINT;
    stack.step_by(4).find(|word| !untouched(word)).map_or(0, |deepest| end - deepest)
}
