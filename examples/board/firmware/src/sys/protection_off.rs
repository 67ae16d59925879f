//! No protection unit: plans are empty, and everyone reaches everything.

use memctl_mpu::{Error, Range, Rights};

/// Whether regions are there at all.
pub(crate) const IN_FORCE: bool = false;

/// Whether what regions say of guests binds privileged code too.
pub(crate) const BINDS_PRIVILEGED: bool = false;

/// A plan of nothing.
pub(crate) struct Plan(());

impl Plan {
    /// No range has a region.
    pub(crate) fn region_of(&self, _: usize) -> Option<usize> {
        None
    }
}

/// How many regions there are.
pub(crate) fn available() -> u8 {
    0
}

/// Plans nothing.
///
/// # Errors
/// None.
pub(crate) fn plan(_: &[Range]) -> Result<Plan, Error> {
    Ok(Plan(()))
}

/// No regions.
#[derive(Clone)]
pub(crate) struct Regions(());

impl Regions {
    /// A plan's.
    pub(crate) fn of(_: &Plan) -> Self {
        Self(())
    }

    /// How many are used.
    pub(crate) fn count(&self) -> usize {
        0
    }

    /// Nothing to put in force.
    pub(crate) fn load(&self) {}

    /// Nothing to change.
    pub(crate) fn give(&mut self, _: usize, _: Rights) {}
}

/// Nothing to switch off.
pub(crate) fn off() {}
