//! What the domain that this guest belongs to can do, and how much of it.

use core::sync::atomic::{AtomicU32, Ordering};

use crate::bindings::domain as wire;
use crate::sys;

pub use crate::bindings::domain::{Capabilities, Quotas};

/// The granule in bytes, a power of two: object offsets are multiples of it. The host is asked once.
///
/// Outside a wasm guest this is 4096.
///
/// ```
/// assert!(memctl_guest::domain::granule().is_power_of_two());
/// ```
///
/// # Panics
/// If the host's granule is not a power of two that fits this guest's memory: then the host is broken.
#[must_use]
pub fn granule() -> usize {
    // One more than the exponent; 0 says that nobody asked yet.
    static CACHED: AtomicU32 = AtomicU32::new(0);
    let cached = CACHED.load(Ordering::Relaxed);
    if cached != 0 {
        return 1 << (cached - 1);
    }
    let granule = if sys::IS_GUEST { wire::granule() } else { 4096 };
    let granule = usize::try_from(granule).expect("a granule fits the guest's memory");
    assert!(granule.is_power_of_two(), "the host's granule is {granule}");
    CACHED.store(granule.trailing_zeros() + 1, Ordering::Relaxed);
    granule
}

/// What this domain can do for windows in this guest's memory. The host is asked once.
///
/// Outside a wasm guest that is nothing.
///
/// ```
/// use memctl_guest::domain::{self, Capabilities};
///
/// let copies = !domain::capabilities().contains(Capabilities::ZERO_COPY);
/// # let _ = copies;
/// ```
#[must_use]
pub fn capabilities() -> Capabilities {
    const UNKNOWN: u32 = u32::MAX;
    static CACHED: AtomicU32 = AtomicU32::new(UNKNOWN);
    let cached = CACHED.load(Ordering::Relaxed);
    if cached != UNKNOWN {
        return Capabilities::from_bits_truncate(cached.try_into().unwrap_or_default());
    }
    let capabilities = if sys::IS_GUEST {
        // Any byte of this memory will do: it says which memory is meant.
        wire::capabilities_of(&[0])
    } else {
        Capabilities::empty()
    };
    CACHED.store(capabilities.bits().into(), Ordering::Relaxed);
    capabilities
}

/// The limits in force for this guest: what is left of a domain-wide limit may be less. Outside a wasm guest they are 0.
///
/// ```
/// use memctl_guest::domain;
///
/// assert!(domain::usage().mappings <= domain::limits().mappings);
/// ```
#[must_use]
pub fn limits() -> Quotas {
    if sys::IS_GUEST { wire::limits() } else { NOTHING }
}

/// What this guest uses of its [`limits`] now.
#[must_use]
pub fn usage() -> Quotas {
    if sys::IS_GUEST { wire::usage() } else { NOTHING }
}

const NOTHING: Quotas = Quotas {
    objects: 0,
    object_bytes: 0,
    mappings: 0,
    mapped_bytes: 0,
    leases: 0,
    waiters: 0,
    protected_ranges: 0,
    blocks: 0,
    block_bytes: 0,
};
