//! A counter to compare costs with: retired instructions.

/// Starts the counter.
pub(crate) fn start() {}

/// Instructions since some moment; compare two with [`since`].
pub(crate) fn now() -> u32 {
    let count: u32;
    // SAFETY: minstret is readable in M-mode and reading it changes nothing.
    unsafe { core::arch::asm!("csrr {0}, minstret", out(reg) count, options(nomem, nostack)) };
    count
}

/// Instructions since an earlier [`now`], less than 2^32.
pub(crate) fn since(earlier: u32) -> u32 {
    now().wrapping_sub(earlier)
}

/// What a tick is.
pub(crate) const UNIT: &str = "instructions";
