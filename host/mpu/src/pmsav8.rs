//! PMSAv8, the MPU of Cortex-M23, M33 and later: regions from any 32 bytes to any other, of which no two overlap.
//!
//! Sources: Armv8-M Architecture Reference Manual (Arm DDI 0553), `MPU_RBAR`, `MPU_RLAR`, `MPU_MAIR0`, and rule R<sub>RKQC</sub> on overlaps
//! ("If an access matches more than one region, it faults"); tock `arch/cortex-m33/src/mpu_v8m.rs`.

use memctl_core::Protection::{None, Read, ReadWrite};

use crate::layers::{Grid, Layers, Piece};
use crate::plan::{Draft, Slacks};
use crate::{Error, Execute, Memory, Plan, Privileged, Range, Rights, Rule};

/// What `MPU_MAIR0` is to hold: attribute 0 is [`Memory::Normal`] (write-back), 1 [`Memory::Uncached`], 2 [`Memory::Device`] (nGnRE).
pub const MAIR0: u32 = 0x0004_44ff;

/// The largest address and one, and what bounds are multiples of.
const LIMIT: u64 = 1 << 32;
const GRANULE: u64 = 32;

const READ_ONLY: u32 = 1 << 2;
const UNPRIVILEGED: u32 = 1 << 1;
const EXECUTE_NEVER: u32 = 1;
const RBAR_RIGHTS: u32 = 0x1f;
const ATTRIBUTE: u32 = 7 << 1;
const ENABLE: u32 = 1;

/// A unit with so many regions. `MPU_CTRL` is to be `ENABLE | PRIVDEFENA` (5): what no region covers is for privileged code only.
#[derive(Clone, Copy, Debug)]
pub struct Unit {
    regions: u8,
    slack: u64,
}

/// The registers of one region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// `MPU_RBAR`: BASE 31:5, SH 4:3, AP 2:1, XN 0.
    pub rbar: u32,
    /// `MPU_RLAR`: LIMIT 31:5, AttrIndx 3:1, EN 0, which is set.
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

    /// The fewest regions for these ranges: one for each stretch of bytes with one protection.
    ///
    /// # Errors
    /// Which rule can't be kept, and by how much.
    pub fn plan(&self, ranges: &[Range]) -> Result<Plan<Region, 16>, Error> {
        let layers = self.layers(ranges)?;
        layers.check_rights(|range| encode(range.rights, range.memory))?;
        let mut draft = Draft::new(Region { rbar: 0, rlar: 0 }, self.regions);
        for Piece { span, owner } in layers.pieces().joined(&layers).iter() {
            let range = &layers.ranges[*owner];
            let empty = Region { rbar: low(span.start), rlar: low(span.end - GRANULE) | ENABLE };
            if let Ok(region) = empty.with(range.rights, range.memory) {
                draft.push(region, *owner);
            }
        }
        draft.finish(&layers)
    }

    /// The bytes that the plan for these ranges makes accessible and nobody asked for.
    ///
    /// # Errors
    /// As [`plan`](Self::plan), if a range can't be rounded.
    pub fn slack_of<'a>(&self, ranges: &'a [Range]) -> Result<Slacks<'a>, Error> {
        self.layers(ranges).map(Slacks::new)
    }

    fn layers<'a>(&self, ranges: &'a [Range]) -> Result<Layers<'a>, Error> {
        Layers::new(ranges, Grid { granule: GRANULE, limit: LIMIT, slack: self.slack })
    }
}

impl Region {
    /// The same bytes with other rights: for a region that is changed while the plan is in force.
    ///
    /// # Errors
    /// The unit has no such rights.
    pub fn with(self, rights: Rights, memory: Memory) -> Result<Self, Rule> {
        let (rbar, rlar) = encode(rights, memory)?;
        Ok(Self { rbar: self.rbar & !RBAR_RIGHTS | rbar, rlar: self.rlar & !ATTRIBUTE | rlar })
    }
}

#[expect(clippy::cast_possible_truncation, reason = "layers end at 2^32")]
fn low(address: u64) -> u32 {
    address as u32
}

/// AP and XN of `MPU_RBAR`, and AttrIndx of `MPU_RLAR`. Normal memory is not shareable: there is one core.
fn encode(rights: Rights, memory: Memory) -> Result<(u32, u32), Rule> {
    use Privileged::{AtLeast, Exactly};
    let access = match (rights.unprivileged, rights.privileged) {
        (None, Exactly(None)) => return Err(Rule::NoEmptyRegion),
        (None, AtLeast(None | Read) | Exactly(Read)) => READ_ONLY,
        (None, AtLeast(ReadWrite) | Exactly(ReadWrite)) => 0,
        (Read, AtLeast(None | Read) | Exactly(Read)) => READ_ONLY | UNPRIVILEGED,
        (Read, AtLeast(ReadWrite) | Exactly(ReadWrite)) => return Err(Rule::NoPrivilegedWriteOnly),
        (ReadWrite, AtLeast(_) | Exactly(ReadWrite)) => UNPRIVILEGED,
        (Read, Exactly(None)) | (ReadWrite, Exactly(None | Read)) => return Err(Rule::PrivilegedHasMore),
    };
    let execute = match (rights.execute, memory) {
        (Execute::Never, _) => EXECUTE_NEVER,
        (Execute::Readers, Memory::Device) => return Err(Rule::ExecutableDevice),
        (Execute::Readers, _) => 0,
    };
    let attribute = match memory {
        Memory::Normal => 0,
        Memory::Uncached => 1 << 1,
        Memory::Device => 2 << 1,
    };
    Ok((access | execute, attribute))
}
