//! Why a plan can't be made, with the numbers and the rule of the unit.

/// A rule of a unit that rights or a range go against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rule {
    /// PMSAv7, PMSAv8: what unprivileged code may do, privileged code may do.
    #[error("this unit can't withhold from privileged code what unprivileged code may do")]
    PrivilegedHasMore,
    /// PMSAv8: the two AP bits have no privileged read-write with unprivileged read-only.
    #[error("PMSAv8 has no region that privileged code may write and unprivileged code may only read")]
    NoPrivilegedWriteOnly,
    /// PMSAv8: every region can be read by privileged code.
    #[error("PMSAv8 has no region that privileged code can't read")]
    NoEmptyRegion,
    /// PMP: what machine mode may not do takes a locked entry, and the unit was planned without locks.
    #[error(
        "holding machine mode back takes a locked PMP entry, which stays until reset, and locks are not allowed here"
    )]
    NeedsLock,
    /// PMP: a locked entry gives machine mode what it gives user mode.
    #[error("a locked PMP entry gives machine mode and user mode the same rights")]
    LockedIsSame,
    /// PMSAv7, PMSAv8: device memory can't be executed.
    #[error("device memory can't be executed")]
    ExecutableDevice,
}

/// Why there is no plan. Ranges are named by their place in the list that was given, from 0 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// More ranges than [`MOST_RANGES`](crate::MOST_RANGES).
    #[error("{given} ranges are more than {most}")]
    TooManyRanges {
        /// How many were given.
        given: usize,
        /// How many a plan takes.
        most: usize,
    },
    /// A range without bytes.
    #[error("range {range} is empty")]
    Empty {
        /// Which.
        range: usize,
    },
    /// A range that the unit has no addresses for.
    #[error(
        "range {range}, {len:#x} bytes at {start:#x}, does not end below {limit:#x}, where this unit's addresses end"
    )]
    PastTheEnd {
        /// Which.
        range: usize,
        /// Where it starts.
        start: u64,
        /// How long it is.
        len: u64,
        /// The first address that doesn't exist.
        limit: u64,
    },
    /// A range starts or ends between two granules, and may not be rounded out so far.
    #[error(
        "range {range} has a bound at {address:#x}, which is no multiple of {granule} bytes as this unit needs; rounding it out takes {slack} more bytes, and {allowed} are allowed"
    )]
    Misaligned {
        /// Which.
        range: usize,
        /// The bound.
        address: u64,
        /// What it must be a multiple of.
        granule: u64,
        /// What rounding both of the range's bounds out would add.
        slack: u64,
        /// What may be added.
        allowed: u64,
    },
    /// Two ranges with different rights meet inside a granule.
    #[error(
        "ranges {first} and {second} share the {granule} bytes at {address:#x}, which can only have one protection"
    )]
    SharedGranule {
        /// The earlier of the two.
        first: usize,
        /// The later.
        second: usize,
        /// Where the granule starts.
        address: u64,
        /// How large it is.
        granule: u64,
    },
    /// Rights that the unit's registers don't have.
    #[error("range {range}: {rule}")]
    Inexpressible {
        /// Which.
        range: usize,
        /// Why.
        rule: Rule,
    },
    /// A range that is to be one region takes several.
    #[error(
        "range {range}, {len:#x} bytes at {start:#x}, takes {needed} regions and is to be one: one region is a power of two, aligned to its size, or some of its eighths"
    )]
    NotSingle {
        /// Which.
        range: usize,
        /// Where it starts.
        start: u64,
        /// How long it is.
        len: u64,
        /// What it takes.
        needed: usize,
    },
    /// The unit has too few regions.
    #[error("{needed} regions are needed and the unit has {available}; range {greediest} takes {takes} of them")]
    TooFewRegions {
        /// How many it takes.
        needed: usize,
        /// How many there are.
        available: usize,
        /// The range that takes most.
        greediest: usize,
        /// How many it takes.
        takes: usize,
    },
}
