//! What a fuzzed program asks of the domain, and how bytes come to be one.

use arbitrary::{Arbitrary, Result, Unstructured};
use memctl_core::Quotas;

use super::words::{Ask, Held, Manner, Name, Number, Part, Wish};
use super::{GRANULE, STEPS};

/// A domain's limits, who has which memory, and what happens.
#[derive(Clone, Debug)]
pub struct Program {
    /// Three bits for who has which memory, three for whether anybody fails or breaks the rules: after that little is known for sure. One for
    /// whether anybody waits, or is a device; one for whether guests may run at the same time.
    setting: u8,
    pub(super) guest_limit: Limit,
    pub(super) domain_limit: Limit,
    pub(super) ops: Vec<Op>,
}

impl Program {
    /// Whether windows of the guest's memory are aliased rather than copied.
    pub(super) fn aliases(&self, guest: u8) -> bool {
        self.setting & (1 << guest) != 0
    }

    /// Whether the backend may fail.
    pub(super) fn may_fail(&self) -> bool {
        self.setting & 0b11_000 == 0b11_000
    }

    /// Whether guests may store where they need a lease and have none.
    pub(super) fn may_be_careless(&self) -> bool {
        self.setting & 0b110_000 == 0b100_000
    }

    /// Whether leases are held to the rules of guests that run at the same time.
    pub(super) fn is_parallel(&self) -> bool {
        self.setting & 0b1100_0000 == 0b1100_0000
    }
}

/// Quotas: so many of each thing, and so many granules. The fuzzer's favourite byte stands for no limit at all.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(super) struct Limit(u8);

impl Limit {
    pub(super) fn quotas(self) -> Quotas {
        let count = if self.0 == 0 { u32::MAX } else { u32::from(self.0 / 2) };
        let bytes = if self.0 == 0 { u64::MAX } else { u64::from(self.0) * GRANULE / 2 };
        Quotas {
            objects: count,
            object_bytes: bytes,
            mappings: count,
            mapped_bytes: bytes,
            leases: count,
            waiters: count,
            protected_ranges: count,
            blocks: count,
            block_bytes: bytes,
        }
    }
}

/// Which of the three guests, of those that live or of those that ended.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(super) struct Who(u8);

impl Who {
    pub(super) fn index(self) -> usize {
        usize::from(self.0 % 3)
    }
}

/// One thing to do.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Map(Who, Name, Ask),
    Unmap(Who, Name),
    DropMapping(Who, Name),
    Publish(Who, Name, Part),
    Refresh(Who, Name, Part),
    Sync(Who, Name, Part),
    Acquire(Who, Name, Part, Wish),
    Release(Who, Name),
    Abandon(Who, Name),
    Anonymous(Who, Number),
    Open(Who, u8),
    File(Who, u8, u8),
    Size(Who, Name),
    Resize(Who, Name, Number),
    DropHandle(Who, Name),
    Load(Who, u8, u8),
    Store(Who, u8, u8, Manner),
    Turn(Who),
    /// The guest ends, in whatever state it is. Its number is used on, until it begins again.
    End(Who),
    Begin(Who),
    RenewMemory(Who),
    HostRead(u8),
    HostWrite(u8, u8, u8),
    /// A host call opens the file for writing, past the domain, and writes.
    WriteFile(u8, u8),
    /// The domain is written out and read back.
    Reload,
    /// The backend's call after so many others fails.
    FailIn(u8),
    AcquireOrWait(Who, Name, Part, Wish, Held),
    Upgrade(Who, Name),
    UpgradeOrWait(Who, Name, Held),
    Downgrade(Who, Name),
    Collect(Who, Name),
    GiveUp(Who, Name),
    /// A device asks, with a handle.
    AcquireObject(Who, Name, Part, Wish),
    AcquireObjectOrWait(Who, Name, Part, Wish, Held),
    /// A device looks, or stores, where its lease allows it to.
    Device(Who, Name, u8, u8),
}

// Derived, each choice would take four bytes of the input, and the fuzzer could change little else.

impl<'a> Arbitrary<'a> for Program {
    /// As many steps as there are bytes for: a derived `Vec` ends where a bit says so, mostly at once.
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let setting: u8 = u.arbitrary()?;
        let (guest_limit, domain_limit) = (u.arbitrary()?, u.arbitrary()?);
        let mut ops = Vec::new();
        while !u.is_empty() && ops.len() < STEPS {
            ops.push(Op::read(u, if setting & 0x80 == 0 { OPS } else { OPS_AND_WAITS })?);
        }
        Ok(Self { setting, guest_limit, domain_limit, ops })
    }
}

/// Rows of the table below: those that there were first, on which older inputs count, and all.
const OPS: u8 = 40;
const OPS_AND_WAITS: u8 = 64;

impl Op {
    fn read(u: &mut Unstructured<'_>, table: u8) -> Result<Self> {
        let kind: u8 = u.arbitrary()?;
        Ok(match kind % table {
            0..=6 => Self::Map(u.arbitrary()?, u.arbitrary()?, u.arbitrary()?),
            7 | 8 => Self::Unmap(u.arbitrary()?, u.arbitrary()?),
            9 => Self::DropMapping(u.arbitrary()?, u.arbitrary()?),
            10 => Self::Publish(u.arbitrary()?, u.arbitrary()?, u.arbitrary()?),
            11 => Self::Refresh(u.arbitrary()?, u.arbitrary()?, u.arbitrary()?),
            12 => Self::Sync(u.arbitrary()?, u.arbitrary()?, u.arbitrary()?),
            13..=16 => Self::Acquire(u.arbitrary()?, u.arbitrary()?, u.arbitrary()?, u.arbitrary()?),
            17 | 18 => Self::Release(u.arbitrary()?, u.arbitrary()?),
            19 => Self::Abandon(u.arbitrary()?, u.arbitrary()?),
            20 => Self::Anonymous(u.arbitrary()?, u.arbitrary()?),
            21 | 22 => Self::Open(u.arbitrary()?, u.arbitrary()?),
            23 => Self::File(u.arbitrary()?, u.arbitrary()?, u.arbitrary()?),
            24 => Self::Size(u.arbitrary()?, u.arbitrary()?),
            25 => Self::Resize(u.arbitrary()?, u.arbitrary()?, u.arbitrary()?),
            26 => Self::DropHandle(u.arbitrary()?, u.arbitrary()?),
            27 | 28 => Self::Load(u.arbitrary()?, u.arbitrary()?, u.arbitrary()?),
            29 | 30 => Self::Store(u.arbitrary()?, u.arbitrary()?, u.arbitrary()?, u.arbitrary()?),
            31 => Self::Turn(u.arbitrary()?),
            32 => Self::End(u.arbitrary()?),
            33 => Self::Begin(u.arbitrary()?),
            34 => Self::RenewMemory(u.arbitrary()?),
            35 => Self::HostRead(u.arbitrary()?),
            36 => Self::HostWrite(u.arbitrary()?, u.arbitrary()?, u.arbitrary()?),
            37 => Self::WriteFile(u.arbitrary()?, u.arbitrary()?),
            38 => Self::Reload,
            39 => Self::FailIn(u.arbitrary()?),
            40..=45 => {
                Self::AcquireOrWait(u.arbitrary()?, u.arbitrary()?, u.arbitrary()?, u.arbitrary()?, u.arbitrary()?)
            }
            46 => Self::Upgrade(u.arbitrary()?, u.arbitrary()?),
            47..=49 => Self::UpgradeOrWait(u.arbitrary()?, u.arbitrary()?, u.arbitrary()?),
            50 | 51 => Self::Downgrade(u.arbitrary()?, u.arbitrary()?),
            52..=55 => Self::Collect(u.arbitrary()?, u.arbitrary()?),
            56 => Self::GiveUp(u.arbitrary()?, u.arbitrary()?),
            57 => Self::AcquireObject(u.arbitrary()?, u.arbitrary()?, u.arbitrary()?, u.arbitrary()?),
            58..=60 => Self::AcquireObjectOrWait(
                u.arbitrary()?,
                u.arbitrary()?,
                u.arbitrary()?,
                u.arbitrary()?,
                u.arbitrary()?,
            ),
            _ => Self::Device(u.arbitrary()?, u.arbitrary()?, u.arbitrary()?, u.arbitrary()?),
        })
    }
}
