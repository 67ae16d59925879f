//! PMP, the protection unit of RISC-V: entries that are a power of two (NAPOT) or end where they say (TOR), of which the lowest wins.
//!
//! Sources: The RISC-V Instruction Set Manual, Volume II: Privileged Architecture, version 20211203, 3.7 "Physical Memory Protection";
//! tock `arch/riscv/src/pmp.rs`.

mod arrange;

use memctl_core::Protection::{None, Read, ReadWrite};

use crate::layers::{Grid, Layers, Span, enclosing, widen};
use crate::plan::{Draft, Slacks};
use crate::{Error, Execute, Memory, Plan, Privileged, Range, Rights, Rule};
use arrange::{Arrangement, Match};

const READ: u8 = 1;
const WRITE: u8 = 1 << 1;
const EXECUTE: u8 = 1 << 2;
const TOR: u8 = 1 << 3;
const NA4: u8 = 2 << 3;
const NAPOT: u8 = 3 << 3;
const MATCH: u8 = 3 << 3;
const LOCK: u8 = 1 << 7;

/// Whether entries may be locked, which holds machine mode to them too, until reset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Locks {
    /// No: machine mode may do everything.
    #[default]
    Refused,
    /// Where rights need it.
    Allowed,
}

/// A unit with `N` entries at most. What no entry covers is for machine mode only.
#[derive(Clone, Copy, Debug)]
pub struct Unit<const N: usize> {
    limit: u64,
    entries: u8,
    grain: u64,
    locks: Locks,
    slack: u64,
}

/// One entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its octet of `pmpcfg`: R 0, W 1, X 2, A 4:3, L 7.
    pub cfg: u8,
    /// `pmpaddr`: an address without its two lowest bits.
    pub addr: u64,
}

impl<const N: usize> Unit<N> {
    /// The unit of an RV32 core: 34 bits of address, of which 32 are used here.
    #[must_use]
    pub const fn rv32() -> Self {
        Self { limit: 1 << 32, entries: u8::MAX, grain: 4, locks: Locks::Refused, slack: 0 }
    }

    /// The unit of an RV64 core: 56 bits of address. `pmpaddr` can't hold their end, so ranges end below the last MiB.
    #[must_use]
    pub const fn rv64() -> Self {
        Self { limit: (1 << 56) - (1 << 20), ..Self::rv32() }
    }

    /// A unit that has only so many of the `N` entries.
    #[must_use]
    pub const fn entries(self, entries: u8) -> Self {
        Self { entries, ..self }
    }

    /// A unit that knows only multiples of `bytes`, a power of two from 4 on: what the manual calls its grain.
    #[must_use]
    pub const fn grain(self, bytes: u64) -> Self {
        Self { grain: bytes, ..self }
    }

    /// Whether entries may be locked.
    #[must_use]
    pub const fn locks(self, locks: Locks) -> Self {
        Self { locks, ..self }
    }

    /// Lets each range be rounded out by so many bytes: to the grain, and to a power of two where that saves entries.
    #[must_use]
    pub const fn slack(self, bytes: u64) -> Self {
        Self { slack: bytes, ..self }
    }

    /// Few entries for these ranges: windows on top of what they lie in, TOR entries that start where the entry before ends. What needs no
    /// entry, because only machine mode may reach it, has none. For three ranges they are the fewest that there can be, for more perhaps one
    /// over: in 26 of all 6561 maps of 8 granules with two protections (`tests/units/fewest.rs`).
    ///
    /// Write all `pmpaddr` before `pmpcfg`: a TOR entry means the address in the entry before, whatever that is for.
    ///
    /// # Errors
    /// Which rule can't be kept, and by how much.
    pub fn plan(&self, ranges: &[Range]) -> Result<Plan<Entry, N>, Error> {
        let layers = self.layers(ranges)?;
        layers.check_rights(|range| encode(range.rights, self.locks))?;
        let mut draft = Draft::new(Entry { cfg: 0, addr: 0 }, self.entries);
        let pieces = layers.pieces().joined(&layers).with_gaps();
        Arrangement::best(self, &layers, pieces.as_slice()).each(&mut |range, place| {
            // Nobody's bytes have an entry where they lie in a run.
            let rights = ranges.get(range).map_or(0, |range| encode(range.rights, self.locks).unwrap_or(0));
            match place {
                Match::Start(start) => draft.push_start(Entry { cfg: 0, addr: start >> 2 }, range),
                Match::Tor { end } => draft.push(Entry { cfg: TOR | rights, addr: end >> 2 }, range),
                Match::Napot(Span { start, end }) if end - start == 4 => {
                    draft.push(Entry { cfg: NA4 | rights, addr: start >> 2 }, range);
                }
                Match::Napot(Span { start, end }) => {
                    let ones = (end - start) / 8 - 1;
                    draft.push(Entry { cfg: NAPOT | rights, addr: start >> 2 | ones }, range);
                }
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
        let grid = Grid { granule: self.grain, limit: self.limit, slack: self.slack };
        let count = |layers: &Layers<'a>| {
            Arrangement::best(self, layers, layers.pieces().joined(layers).with_gaps().as_slice()).count()
        };
        let wider = |span| core::iter::once(enclosing(span, self.grain));
        Ok(widen(Layers::new(ranges, grid)?, grid, count, wider))
    }

    /// Whether a range's rights are those of bytes without an entry.
    fn is_absent(&self, range: &Range) -> bool {
        encode(range.rights, self.locks) == Ok(0)
    }
}

impl Entry {
    /// The same bytes with other rights, and as locked as before: for an entry that is changed while the plan is in force. A PMP doesn't
    /// tell one [`Memory`] from another.
    ///
    /// # Errors
    /// The unit has no such rights, or only in an entry with a lock where this has none.
    pub fn with(self, rights: Rights, _: Memory) -> Result<Self, Rule> {
        let locks = if self.cfg & LOCK == 0 { Locks::Refused } else { Locks::Allowed };
        Ok(Self { cfg: self.cfg & (MATCH | LOCK) | encode(rights, locks)?, ..self })
    }
}

impl<const N: usize> Plan<Entry, N> {
    /// `pmpcfg<number>` of RV32: the octets of entries `4 * number` to `4 * number + 3`.
    #[must_use]
    pub fn cfg32(&self, number: usize) -> u32 {
        let mut octets = [0; 4];
        for (octet, entry) in octets.iter_mut().zip(self.regions().iter().skip(4 * number)) {
            *octet = entry.cfg;
        }
        u32::from_le_bytes(octets)
    }

    /// `pmpcfg<number>` of RV64, where `number` is even: the octets of entries `4 * number` to `4 * number + 7`.
    #[must_use]
    pub fn cfg64(&self, number: usize) -> u64 {
        u64::from(self.cfg32(number)) | u64::from(self.cfg32(number + 1)) << 32
    }
}

/// R, W, X and L. Without L, machine mode may do everything.
fn encode(rights: Rights, locks: Locks) -> Result<u8, Rule> {
    let access = match rights.unprivileged {
        None => 0,
        Read => READ,
        ReadWrite => READ | WRITE,
    };
    let execute = match rights.execute {
        Execute::Readers if access != 0 => EXECUTE,
        Execute::Readers | Execute::Never => 0,
    };
    let lock = match rights.privileged {
        Privileged::AtLeast(_) | Privileged::Exactly(ReadWrite) => 0,
        Privileged::Exactly(held) if held != rights.unprivileged => return Err(Rule::LockedIsSame),
        Privileged::Exactly(_) if locks == Locks::Refused => return Err(Rule::NeedsLock),
        Privileged::Exactly(_) => LOCK,
    };
    Ok(access | execute | lock)
}
