//! Where the linker put things: addresses of its symbols, never read through.

use core::ops::Range;
use core::ptr;

macro_rules! symbols {
    ($($name:ident),*) => {
        unsafe extern "C" {
            $(safe static $name: u8;)*
        }
    };
}
symbols!(_kernel_stack_end, _kernel_stack_start, _shared_start, _shared_end, _ram_start, _ram_used);
symbols!(_zero_start, _flash_start, _flash_len, _common_start, _common_end, _shared_data_end, _shared_data_load);

/// The kernel's stack, from where it would overflow.
pub(crate) fn kernel_stack() -> Range<usize> {
    (&raw const _kernel_stack_end).addr()..(&raw const _kernel_stack_start).addr()
}

/// The statics that a partition sees.
pub(crate) fn shared_statics() -> Range<usize> {
    (&raw const _shared_start).addr()..(&raw const _shared_end).addr()
}

/// RAM that the linker gave out.
pub(crate) fn ram_used() -> Range<usize> {
    (&raw const _ram_start).addr()..(&raw const _ram_used).addr()
}

/// The kernel's statics.
pub(crate) fn kernel_statics() -> Range<usize> {
    (&raw const _zero_start).addr()..(&raw const _shared_start).addr()
}

/// Flash, all of it.
pub(crate) fn flash() -> Range<usize> {
    let start = (&raw const _flash_start).addr();
    start..start + (&raw const _flash_len).addr()
}

/// The statics that each partition has its own values of.
pub(crate) fn common_statics() -> Range<usize> {
    (&raw const _common_start).addr()..(&raw const _common_end).addr()
}

/// Writes the values that the common statics have at boot.
///
/// # Safety
/// `to` is RAM of their length that nobody else uses, and zero.
pub(super) unsafe fn copy_initial_statics(to: usize) {
    let from = &raw const _shared_data_load;
    let skip = common_statics().start - shared_statics().start;
    let len = (&raw const _shared_data_end).addr() - common_statics().start;
    // SAFETY: the linker put the initial values there, the words before the common ones first.
    let from = unsafe { from.add(skip) };
    // SAFETY: flash to RAM, as long as the initialised statics are.
    unsafe { ptr::copy_nonoverlapping(from, ptr::with_exposed_provenance_mut(to), len) };
}

/// Puts saved values in force.
///
/// # Safety
/// `from` is RAM of the common statics' length, and nobody uses a common static now.
pub(super) unsafe fn restore_common_statics(from: usize) {
    let statics = common_statics();
    let to: *mut u8 = ptr::with_exposed_provenance_mut(statics.start);
    // SAFETY: by this function's contract; the two don't overlap, since one is a partition's.
    unsafe { ptr::copy_nonoverlapping(ptr::with_exposed_provenance(from), to, statics.len()) };
}

/// Saves the values in force.
///
/// # Safety
/// `to` is RAM of the common statics' length, and nobody uses a common static now.
pub(super) unsafe fn save_common_statics(to: usize) {
    let statics = common_statics();
    let from: *const u8 = ptr::with_exposed_provenance(statics.start);
    // SAFETY: by this function's contract; the two don't overlap, since one is a partition's.
    unsafe { ptr::copy_nonoverlapping(from, ptr::with_exposed_provenance_mut(to), statics.len()) };
}
