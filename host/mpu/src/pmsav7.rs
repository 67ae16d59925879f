//! PMSAv7, the MPU of Cortex-M0+, M3, M4 and M7: regions of a power of two, in eighths, of which the higher number wins.
//!
//! Sources: `ARMv7-M` Architecture Reference Manual (Arm DDI 0403E), B3.5 "Protected Memory System Architecture, PMSAv7": `MPU_RBAR` B3.5.8,
//! `MPU_RASR` B3.5.9, access permissions table B3-15; tock `arch/cortex-m/src/mpu.rs`.

mod cover;

use memctl_core::Protection::{None, Read, ReadWrite};

use crate::layers::{Grid, Layers, Span, widen};
use crate::plan::{Draft, Slacks};
use crate::{Error, Execute, Memory, Plan, Privileged, Range, Rights, Rule};
use cover::Cover;

/// The largest address and one, and what bounds are multiples of.
const LIMIT: u64 = 1 << 32;
const GRANULE: u64 = 32;

/// SRD, SIZE and ENABLE of `MPU_RASR`: which bytes a region has.
const RASR_BYTES: u32 = 0xff3f;
const EXECUTE_NEVER: u32 = 1 << 28;
const ACCESS: u32 = 24;

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
    /// `MPU_RASR`: XN 28, AP 26:24, TEX 21:19, S, C and B 18:16, SRD 15:8, SIZE 5:1, ENABLE 0, which is set.
    pub rasr: u32,
}

impl Unit {
    /// A unit with `regions` regions, as `MPU_TYPE.DREGION` says: 8 or 16.
    #[must_use]
    pub const fn new(regions: u8) -> Self {
        Self { regions, slack: 0 }
    }

    /// Lets each range be rounded out by so many bytes: to multiples of 32, and farther where that saves regions.
    #[must_use]
    pub const fn slack(self, bytes: u64) -> Self {
        Self { slack: bytes, ..self }
    }

    /// The fewest regions for these ranges: ranges with the same rights share them, and those that lie under others come first. For each
    /// protection by itself they are the fewest that there can be, and for two ranges in layers too (`tests/units/fewest.rs`).
    ///
    /// # Errors
    /// Which rule can't be kept, and by how much.
    pub fn plan(&self, ranges: &[Range]) -> Result<Plan<Region, 16>, Error> {
        let layers = self.layers(ranges)?;
        layers.check_rights(|range| encode(range.rights, range.memory))?;
        let mut draft = Draft::new(Region { rbar: 0, rasr: 0 }, self.regions);
        Cover::of(&layers).each(&mut |range, region| {
            let Range { rights, memory, .. } = layers.ranges[range];
            if let Ok(region) = region.with(rights, memory) {
                draft.push(region, range);
            }
        });
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
        let grid = Grid { granule: GRANULE, limit: LIMIT, slack: self.slack };
        let count = |layers: &Layers<'a>| {
            let mut count = 0;
            Cover::of(layers).each(&mut |_, _| count += 1);
            count
        };
        Ok(widen(Layers::new(ranges, grid)?, grid, count, wider))
    }
}

/// `span` with its bounds rounded out to powers of two, in all ways that differ.
fn wider(span: Span) -> impl Iterator<Item = Span> {
    let down = move |bits: u32| span.start >> bits << bits;
    let up = move |bits: u32| (span.end + (1 << bits) - 1) >> bits << bits;
    let starts = (5..32).filter(move |bits| down(*bits) != down(*bits - 1));
    starts.chain([4]).flat_map(move |low| {
        let ends = (5..32).filter(move |bits| up(*bits) != up(*bits - 1));
        ends.chain([4]).map(move |high| Span { start: down(low), end: up(high) })
    })
}

impl Region {
    /// The same bytes with other rights: for a region that is changed while the plan is in force.
    ///
    /// # Errors
    /// The unit has no such rights.
    pub fn with(self, rights: Rights, memory: Memory) -> Result<Self, Rule> {
        Ok(Self { rasr: self.rasr & RASR_BYTES | encode(rights, memory)?, ..self })
    }
}

/// XN, AP, TEX, S, C and B of `MPU_RASR`. Normal memory is not shareable: there is one core.
fn encode(rights: Rights, memory: Memory) -> Result<u32, Rule> {
    use Privileged::{AtLeast, Exactly};
    let access = match (rights.unprivileged, rights.privileged) {
        (None, AtLeast(None) | Exactly(None)) => 0b000,
        (None, AtLeast(Read) | Exactly(Read)) => 0b101,
        (None, AtLeast(ReadWrite) | Exactly(ReadWrite)) => 0b001,
        (Read, AtLeast(None | Read) | Exactly(Read)) => 0b110,
        (Read, AtLeast(ReadWrite) | Exactly(ReadWrite)) => 0b010,
        (ReadWrite, AtLeast(_) | Exactly(ReadWrite)) => 0b011,
        (Read, Exactly(None)) | (ReadWrite, Exactly(None | Read)) => return Err(Rule::PrivilegedHasMore),
    };
    let execute = match (rights.execute, memory) {
        (Execute::Never, _) => EXECUTE_NEVER,
        (Execute::Readers, Memory::Device) => return Err(Rule::ExecutableDevice),
        (Execute::Readers, _) => 0,
    };
    let attributes = match memory {
        // TEX 001, C 1, B 1: write-back, also on write.
        Memory::Normal => 1 << 19 | 0b011 << 16,
        // TEX 001, C 0, B 0.
        Memory::Uncached => 1 << 19,
        // TEX 000, C 0, B 1, and S, which devices have anyhow.
        Memory::Device => 0b101 << 16,
    };
    Ok(access << ACCESS | execute | attributes)
}
