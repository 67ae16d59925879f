//! What a fuzzed program asks of the domain, with numbers that fit and numbers that can't.

use arbitrary::{Arbitrary, Result, Unstructured};
use memctl_core::{Access, Coherence, Populate, Protection, Quotas, Rights, Sharing};

use super::{GRANULE, MEMORY, STEPS};

/// A domain's limits, who has which memory, and what happens.
#[derive(Clone, Debug)]
pub struct Program {
    /// Three bits for who has which memory, three for whether anybody fails or breaks the rules: after that little is known for sure.
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
}

/// How a program names a handle, a mapping or a lease.
#[derive(Clone, Copy, Debug)]
pub(super) enum Name {
    /// One that the guest has.
    Own(u8),
    /// One that anybody ever had.
    Known(u8),
    /// One that nobody was given, as far as the guest knows.
    Forged(u64),
}

/// Whether a store keeps to the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    Disciplined,
    /// Also where a lease would be needed and is not held.
    Careless,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    Granules(u8),
    Bytes(u8),
    /// So many bytes before the number after the greatest.
    FromTheEnd(u8),
    Power(u8),
    Any(u64),
}

impl Number {
    pub(super) fn value(self) -> u64 {
        match self {
            Self::Granules(count) => u64::from(count % 12) * GRANULE,
            Self::Bytes(count) => count.into(),
            Self::FromTheEnd(count) => 0_u64.wrapping_sub(count.into()),
            Self::Power(bit) => 1 << (bit % 64),
            Self::Any(number) => number,
        }
    }
}

/// A part of a mapping's window.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    Whole,
    /// So many bytes from a byte of the window on.
    Inside(u8, u8),
    Any(Number, Number),
}

impl Part {
    pub(super) fn of(self, (start, len): (u64, u64)) -> (u64, u64) {
        match self {
            Self::Whole => (start, len),
            Self::Inside(from, some) => (start + u64::from(from) % len, 1 + u64::from(some) % (2 * GRANULE)),
            Self::Any(start, len) => (start.value(), len.value()),
        }
    }
}

/// What `map` is told.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ask {
    /// A window that may be had: where, how long and from where in the object, in granules.
    Plain(u8, Kind),
    /// Anything.
    Odd { start: Number, len: Number, offset: Number, kind: Kind, protection: u8 },
}

/// Sharing and coherence in one word.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Automatic,
    Leased,
    Aliasing,
    Private,
    PrivateNow,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Wish {
    Read,
    Write,
}

impl Wish {
    pub(super) fn access(self) -> Access {
        match self {
            Self::Read => Access::Read,
            Self::Write => Access::Write,
        }
    }
}

impl Ask {
    pub(super) fn window(self) -> (u64, u64) {
        match self {
            Self::Plain(where_from, _) => {
                let start = u64::from(where_from) * GRANULE % MEMORY;
                (start, GRANULE * (1 + u64::from(where_from >> 3) % 3))
            }
            Self::Odd { start, len, .. } => (start.value(), len.value()),
        }
    }

    pub(super) fn options(self) -> memctl_core::MapOptions {
        let (offset, kind, protection) = match self {
            Self::Plain(where_from, kind) => (u64::from(where_from >> 5) % 3 * GRANULE, kind, Protection::ReadWrite),
            Self::Odd { offset, kind, protection, .. } => {
                let protection = match protection {
                    0 => Protection::None,
                    1 => Protection::Read,
                    _ => Protection::ReadWrite,
                };
                (offset.value(), kind, protection)
            }
        };
        let (sharing, coherence, populate) = match kind {
            Kind::Automatic => (Sharing::Shared, Coherence::Automatic, Populate::OnDemand),
            Kind::Leased => (Sharing::Shared, Coherence::Leased, Populate::OnDemand),
            Kind::Aliasing => (Sharing::Shared, Coherence::Aliasing, Populate::OnDemand),
            Kind::Private => (Sharing::Private, Coherence::Automatic, Populate::OnDemand),
            Kind::PrivateNow => (Sharing::Private, Coherence::Leased, Populate::Now),
        };
        memctl_core::MapOptions { offset, protection, sharing, coherence, populate }
    }
}

/// The rights that a number stands for.
pub(super) fn rights(bits: u8) -> Rights {
    Rights::from_bits_truncate(bits)
}

// Derived, each choice would take four bytes of the input, and the fuzzer could change little else.

impl<'a> Arbitrary<'a> for Program {
    /// As many steps as there are bytes for: a derived `Vec` ends where a bit says so, mostly at once.
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let (setting, guest_limit, domain_limit) = (u.arbitrary()?, u.arbitrary()?, u.arbitrary()?);
        let mut ops = Vec::new();
        while !u.is_empty() && ops.len() < STEPS {
            ops.push(u.arbitrary()?);
        }
        Ok(Self { setting, guest_limit, domain_limit, ops })
    }
}

impl<'a> Arbitrary<'a> for Op {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let kind: u8 = u.arbitrary()?;
        Ok(match kind % 40 {
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
            _ => Self::FailIn(u.arbitrary()?),
        })
    }
}

impl<'a> Arbitrary<'a> for Name {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match u.arbitrary::<u8>()? {
            253.. => Self::Forged(u.arbitrary()?),
            known @ 224.. => Self::Known(known),
            own => Self::Own(own),
        })
    }
}

impl<'a> Arbitrary<'a> for Manner {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(if u.arbitrary::<u8>()? > 192 { Self::Careless } else { Self::Disciplined })
    }
}

impl<'a> Arbitrary<'a> for Number {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match u.arbitrary::<u8>()? {
            count @ ..64 => Self::Granules(count),
            count @ 64..192 => Self::Bytes(count - 64),
            count @ 192..224 => Self::FromTheEnd(count - 191),
            224..250 => Self::Power(u.arbitrary()?),
            250.. => Self::Any(u.arbitrary()?),
        })
    }
}

impl<'a> Arbitrary<'a> for Part {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match u.arbitrary::<u8>()? {
            ..96 => Self::Whole,
            from @ 96..240 => Self::Inside(from - 96, u.arbitrary()?),
            240.. => Self::Any(u.arbitrary()?, u.arbitrary()?),
        })
    }
}

impl<'a> Arbitrary<'a> for Ask {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let kind = u.arbitrary()?;
        if u.arbitrary::<u8>()? < 208 {
            return Ok(Self::Plain(u.arbitrary()?, kind));
        }
        let (start, len, offset) = (u.arbitrary()?, u.arbitrary()?, u.arbitrary()?);
        Ok(Self::Odd { start, len, offset, kind, protection: u.arbitrary()? })
    }
}

impl<'a> Arbitrary<'a> for Kind {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match u.arbitrary::<u8>()? % 8 {
            0..=2 => Self::Automatic,
            3 | 4 => Self::Leased,
            5 => Self::Aliasing,
            6 => Self::Private,
            _ => Self::PrivateNow,
        })
    }
}

impl<'a> Arbitrary<'a> for Wish {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(if u.arbitrary::<u8>()? % 2 == 0 { Self::Read } else { Self::Write })
    }
}
