//! Cortex-M: M33 (mps2-an505), M4 (mps2-an386), M7 (mps2-an500).

pub(crate) mod boot;
pub(crate) mod clock;
pub(crate) mod console;
#[cfg(all(feature = "partitions", not(feature = "regions-off")))]
mod control;
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

/// The core, by its part number in CPUID.
pub(crate) fn core_name() -> &'static str {
    // SAFETY: CPUID is at this address on every Cortex-M (B3.2.3) and reading it changes nothing.
    let cpuid = unsafe { (0xE000_ED00 as *const u32).read_volatile() };
    match cpuid >> 4 & 0xFFF {
        0xC24 => "Cortex-M4",
        0xC27 => "Cortex-M7",
        0xD21 => "Cortex-M33",
        _ => "another Cortex-M",
    }
}
