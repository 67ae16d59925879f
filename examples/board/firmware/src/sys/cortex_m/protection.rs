//! The MPU: loads plans of `memctl_mpu`, for PMSAv7 (Armv7-M ARM B3.5) or PMSAv8 (Armv8-M ARM B12.4).

#[cfg(not(pmsav8))]
use memctl_mpu::pmsav7 as unit;
#[cfg(pmsav8)]
use memctl_mpu::pmsav8 as unit;
use memctl_mpu::{Error, Plan as Planned, Range, Rights};

use super::control;
pub(crate) use super::control::off;

/// A plan for this unit.
pub(crate) type Plan = Planned<unit::Region, 16>;

/// A region that covers nothing, and the last of a region's registers.
#[cfg(not(pmsav8))]
const OFF: unit::Region = unit::Region { rbar: 0, rasr: 0 };
#[cfg(not(pmsav8))]
fn last(region: &unit::Region) -> u32 {
    region.rasr
}
#[cfg(pmsav8)]
const OFF: unit::Region = unit::Region { rbar: 0, rlar: 0 };
#[cfg(pmsav8)]
fn last(region: &unit::Region) -> u32 {
    region.rlar
}

/// Whether regions are there at all.
pub(crate) const IN_FORCE: bool = true;

/// Whether what regions say of guests binds privileged code too.
pub(crate) const BINDS_PRIVILEGED: bool = true;

/// How many regions the unit has.
pub(crate) fn available() -> u8 {
    control::available()
}

/// Plans ranges for this unit.
///
/// # Errors
/// Which of the unit's rules can't be kept.
pub(crate) fn plan(ranges: &[Range]) -> Result<Plan, Error> {
    unit::Unit::new(available()).plan(ranges)
}

/// What a plan puts in the registers.
#[derive(Clone)]
pub(crate) struct Regions {
    regions: [unit::Region; 16],
    count: usize,
}

impl Regions {
    /// A plan's.
    pub(crate) fn of(plan: &Plan) -> Self {
        let mut regions = [OFF; 16];
        regions[..plan.regions().len()].copy_from_slice(plan.regions());
        Self { regions, count: plan.regions().len() }
    }

    /// How many are used.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Puts them in force, and nothing else.
    pub(crate) fn load(&self) {
        control::off();
        for (number, region) in self.regions.iter().enumerate().take(usize::from(available())) {
            control::write(number, region.rbar, last(region));
        }
        control::on();
    }

    /// Gives one region other rights, in force at once.
    pub(crate) fn give(&mut self, number: usize, rights: Rights) {
        if let Some(region) = self.regions[..self.count].get_mut(number)
            && let Ok(given) = region.with(rights, memctl_mpu::Memory::Normal)
        {
            *region = given;
            control::change(number, given.rbar, last(&given));
        }
    }
}
