//! Where the linker put things: addresses of its symbols, never read through.

use core::ops::Range;

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
