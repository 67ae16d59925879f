//! RV32IMAC, as QEMU's virt machine without firmware of its own.

pub(crate) mod boot;
pub(crate) mod clock;
pub(crate) mod console;
mod fault;

struct SingleHart;
critical_section::set_impl!(SingleHart);

// SAFETY: one hart runs, and no interrupt is ever enabled: every section is critical.
unsafe impl critical_section::Impl for SingleHart {
    unsafe fn acquire() -> bool {
        false
    }
    unsafe fn release(_: bool) {}
}

/// The core.
pub(crate) fn core_name() -> &'static str {
    "RV32IMAC"
}
