//! What a guest asks for when it maps: the enums and flags of `wit/types.wit`, in their order there.

/// What the guest may do to bytes; the later case allows more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Protection {
    /// Neither loads nor stores.
    None,
    /// Loads only.
    Read,
    /// Loads and stores.
    ReadWrite,
}

/// Whether stores reach the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Sharing {
    /// Stores reach the object at coherence points.
    Shared,
    /// A snapshot at the time of the call.
    Private,
}

/// When shared bytes become coherent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Coherence {
    /// At every crossing between guest and host.
    Automatic,
    /// Where a lease is acquired or released.
    Leased,
    /// At once, also between windows of one guest.
    Aliasing,
}

/// What a lease allows; the later case allows more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Access {
    /// Read, beside other readers.
    Read,
    /// Read and write, alone.
    Write,
}

/// Whether guests that share objects run at the same time (rule 5 of the contract).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Threads {
    /// One guest at a time, whichever thread it is on.
    One,
    /// Guests run when they like, and share under leases only, which keep them apart by whole granules.
    Many,
    /// As `Many`; and what aliases may be shared without leases. Guests can race then.
    Unchecked,
}

impl Threads {
    pub(crate) fn is_one(self) -> bool {
        self == Self::One
    }
}

/// Everything that `map` is told beside the window and the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapOptions {
    /// First byte of the object that is shown, a multiple of the granule.
    pub offset: u64,
    /// What the guest may do to the window.
    pub protection: Protection,
    /// Whether stores reach the object.
    pub sharing: Sharing,
    /// When shared bytes become coherent.
    pub coherence: Coherence,
    /// When to bring the bytes in: a hint.
    pub populate: Populate,
    /// Whether the window may reach past the object's end.
    pub past_end: PastEnd,
}

/// Whether a window may reach past the object's end, further than the granule that this lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum PastEnd {
    /// That is an error.
    Refused,
    /// What lies there is the guest's own memory, until the object grows.
    Own,
}

/// When a window's bytes are brought in. Changes costs, never results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Populate {
    /// When they are touched.
    OnDemand,
    /// All of them at `map`.
    Now,
}

bitflags::bitflags! {
    /// What a handle allows.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
    pub struct Rights: u8 {
        /// Map for reading.
        const READ = 1;
        /// Map shared for writing.
        const WRITE = 2;
        /// Change the length.
        const RESIZE = 4;
    }
}
