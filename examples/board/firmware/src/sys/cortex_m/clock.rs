//! A counter to compare costs with: SysTick, at the core's clock.
//!
//! Under QEMU `-icount shift=0` an instruction is a nanosecond, so a tick is some tens of instructions, always the same.

/// The counter wraps here.
const WRAP: u32 = 1 << 24;

const CSR: *mut u32 = 0xE000_E010 as *mut u32;
const RVR: *mut u32 = 0xE000_E014 as *mut u32;
const CVR: *mut u32 = 0xE000_E018 as *mut u32;

/// Starts the counter.
pub(crate) fn start() {
    // SAFETY: SysTick's reload value (B3.3.4); no interrupt is enabled with it.
    unsafe { RVR.write_volatile(WRAP - 1) };
    // SAFETY: any write clears the current value (B3.3.5).
    unsafe { CVR.write_volatile(0) };
    // SAFETY: enable, from the processor's clock, without interrupt (B3.3.3).
    unsafe { CSR.write_volatile(0b101) };
}

/// Ticks since some moment; compare two with [`since`].
pub(crate) fn now() -> u32 {
    // SAFETY: reading the current value changes nothing that is used here.
    WRAP - 1 - unsafe { CVR.read_volatile() }
}

/// Ticks since an earlier [`now`], less than 2^24.
pub(crate) fn since(earlier: u32) -> u32 {
    now().wrapping_sub(earlier) % WRAP
}

/// What a tick is.
pub(crate) const UNIT: &str = "SysTick ticks";
