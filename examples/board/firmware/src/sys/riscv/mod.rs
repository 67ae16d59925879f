//! RV32IMAC, as QEMU's virt machine without firmware of its own.

pub(crate) mod boot;
pub(crate) mod clock;
pub(crate) mod console;
#[cfg_attr(not(feature = "partitions"), path = "fault_bare.rs")]
mod fault;
#[cfg(feature = "partitions")]
pub(crate) mod privilege;
#[cfg(feature = "partitions")]
#[cfg_attr(feature = "regions-off", path = "../protection_off.rs")]
pub(crate) mod protection;
#[cfg(feature = "partitions")]
pub(crate) mod switch;

#[cfg(feature = "partitions")]
pub(crate) use protection::off as protection_off;

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
