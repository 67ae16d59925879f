//! What is asked for: ranges of addresses, who may do what there, and what memory it is.

use memctl_core::Protection;

/// How many ranges one plan takes.
pub const MOST_RANGES: usize = 16;

/// What privileged code may do in a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privileged {
    /// This or more: whatever is the least that the unit can give.
    AtLeast(Protection),
    /// This. On a PMP it holds for loads and stores; machine mode may execute wherever no locked entry says otherwise.
    Exactly(Protection),
}

/// Whether a range's bytes may be executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Execute {
    /// By nobody.
    Never,
    /// By whoever may read them.
    Readers,
}

/// Who may do what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights {
    /// Code that runs unprivileged: guests.
    pub unprivileged: Protection,
    /// Code that runs privileged: the firmware's kernel.
    pub privileged: Privileged,
    /// Execution.
    pub execute: Execute,
}

impl Rights {
    /// Guests execute and read: flash.
    pub const CODE: Self = Self::new(Protection::Read, Protection::Read, Execute::Readers);
    /// Guests read: constants, and windows whose first store is to be seen.
    pub const CONSTANTS: Self = Self::new(Protection::Read, Protection::Read, Execute::Never);
    /// Guests load and store: partitions, shared statics, windows.
    pub const DATA: Self = Self::new(Protection::ReadWrite, Protection::ReadWrite, Execute::Never);
    /// Only the kernel loads and stores.
    pub const KERNEL: Self = Self::new(Protection::None, Protection::ReadWrite, Execute::Never);

    const fn new(unprivileged: Protection, privileged: Protection, execute: Execute) -> Self {
        Self { unprivileged, privileged: Privileged::AtLeast(privileged), execute }
    }
}

/// What kind of memory a range is, for units that say so in their regions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Memory {
    /// RAM or flash, cached where there is a cache.
    #[default]
    Normal,
    /// RAM that devices use too, never cached.
    Uncached,
    /// Registers of a device.
    Device,
}

/// Whether a range shares regions with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// With all that have the same rights.
    Joined,
    /// With none, and it is one region.
    Single,
}

/// A range of addresses and its protection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The address of its first byte.
    pub start: u64,
    /// In bytes.
    pub len: u64,
    /// Who may do what there.
    pub rights: Rights,
    /// What memory it is.
    pub memory: Memory,
    pub(crate) shape: Shape,
}

impl Range {
    /// `len` bytes of normal memory from address `start` on.
    #[must_use]
    pub const fn new(start: u64, len: u64, rights: Rights) -> Self {
        Self { start, len, rights, memory: Memory::Normal, shape: Shape::Joined }
    }

    /// The same range, of other memory.
    #[must_use]
    pub const fn memory(self, memory: Memory) -> Self {
        Self { memory, ..self }
    }

    /// The same range in exactly one region that no other range shares, so that its protection can be changed alone.
    #[must_use]
    pub const fn single(self) -> Self {
        Self { shape: Shape::Single, ..self }
    }
}
