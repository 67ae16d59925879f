//! The words of a program: how it names things, and numbers that fit and numbers that can't.

use arbitrary::{Arbitrary, Result, Unstructured};
use memctl_core::{Access, Coherence, PastEnd, Populate, Protection, Rights, Sharing};

use super::{GRANULE, MEMORY};

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

/// Which guests can't run until the caller goes on: a bit for each seat.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held(u8);

impl Held {
    pub(super) fn holds(self, seat: usize) -> bool {
        self.0 >> seat & 1 == 1
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
        memctl_core::MapOptions { offset, protection, sharing, coherence, populate, past_end: PastEnd::Refused }
    }
}

/// The rights that a number stands for.
pub(super) fn rights(bits: u8) -> Rights {
    Rights::from_bits_truncate(bits)
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

impl<'a> Arbitrary<'a> for Held {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self(u.arbitrary::<u8>()?.saturating_sub(224)))
    }
}
