//! What a program is run in.

use memctl_core::{Quotas, Rights};

/// How many guests there are.
pub const GUESTS: usize = 3;

/// What is published to all guests, without granules: the name of memory that everybody may write.
pub const SHARED: &str = "shared";
/// A file that everybody may write.
pub const FILE: &str = "file";
/// Memory that only the host may write.
pub const LENT: &str = "lent";
/// Everything that is published, in this order.
pub const PUBLISHED: [&str; 3] = [SHARED, FILE, LENT];

/// Whether a guest can have windows that are coherent at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aliasing {
    /// It can.
    Works,
    /// The answer is `unsupported`.
    Refused,
    /// Backends differ here by design: asked for only where something else refuses it before.
    NotAsked,
}

/// Which calls there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    /// Those of memctl-core: memories can be exchanged, don't grow, and handles are no things to be counted.
    Core,
    /// The interface, from inside a guest.
    Guest,
}

/// What a program is run in.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// In bytes.
    pub granule: u64,
    /// Programs use each guest's memory from this address on, to its end.
    pub start: u64,
    /// How many bytes that are at first.
    pub len: u64,
    /// How much memories grow at a time, in bytes.
    pub growth: u64,
    /// Each guest's.
    pub guest: Quotas,
    /// All of them together.
    pub domain: Quotas,
    /// By guest.
    pub aliasing: [Aliasing; GUESTS],
    /// Which calls there are.
    pub surface: Surface,
}

impl Setting {
    /// Quotas that programs meet.
    #[must_use]
    pub fn tight(granule: u64) -> (Quotas, Quotas) {
        let bytes = |granules: u64| granules * granule;
        let guest = Quotas {
            objects: 5,
            object_bytes: bytes(4),
            mappings: 4,
            mapped_bytes: bytes(6),
            leases: 3,
            waiters: 1,
            ..Quotas::NONE
        };
        let domain = Quotas {
            objects: 12,
            object_bytes: bytes(6),
            mappings: 9,
            mapped_bytes: bytes(14),
            leases: 6,
            waiters: 1,
            ..Quotas::NONE
        };
        (guest, domain)
    }

    /// Length in bytes and rights of what is published.
    #[must_use]
    pub fn published(&self) -> [(&'static str, u64, Rights); 3] {
        let granule = self.granule;
        [
            (SHARED, 2 * granule + 7, Rights::all()),
            (FILE, 3 * granule, Rights::all()),
            (LENT, granule + granule / 2, Rights::READ),
        ]
    }
}
