//! The shield: an extra memory of an instrumented module, which its own code can't address. The host writes into it what is protected, the checks that
//! instrumentation put into the module read that, and leave there what they stopped.
//!
//! One shield guards one memory. All numbers are little-endian, as wasm's own loads are.
//!
//! | byte | size | what | written by |
//! |---|---|---|---|
//! | 0 | 8 | [`Shield::MAGIC`] | the module's data |
//! | 8 | 4 | which memory it guards: the one that was made so many memories before it | the module's data |
//! | 12 | 4 | how many ranges fit in the table | the module's data |
//! | 16 | 8 | granule that the declared bounds were rounded to, in bytes; 0 if none were declared | the module's data |
//! | 24 | 8 | declared end of the no-access part, rounded | the module's data |
//! | 32 | 8 | declared end of the read-only part, rounded | the module's data |
//! | 40 | 4 | 1 if the module checks the table, 0 if it checks what it declared only | the module's data |
//! | 44 | 4 | ranges in the table | the host |
//! | 48 | 8 | loads: first address for which the table matters | the host |
//! | 56 | 8 | loads: how many more addresses it matters for | the host |
//! | 64 | 8 | stores: first address | the host |
//! | 72 | 8 | stores: how many more | the host |
//! | 80 | 4 | accesses that were stopped: 0 or 1 but for guests that go on after a trap | the module |
//! | 84 | 4 | kind of the last: 1 a load, 2 a store | the module |
//! | 88 | 8 | address of the last: its first byte that is protected | the module |
//! | 128 | 24 each | the table: start, end, 0 if nothing may be done there and 1 if loads may; sorted, and disjoint | the host |
//!
//! The two hulls (from byte 48 on) are what a check looks at first: an access at `ea` may matter if `ea - first <= more`, without wrapping into more than the
//! address type. They are [`MARGIN`](Shield::MARGIN) wider at the beginning than the ranges, so that an access that begins before one and reaches into it is found.
//! No ranges: `first` is [`u64::MAX`] (the largest address), `more` is 0.

use alloc::vec::Vec;

use crate::{Bounds, Protection, Span};

/// Layout of a shield, and what is read from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shield {
    /// The memory that it guards was made so many memories before it.
    pub distance: u32,
    /// How many ranges fit in the table.
    pub capacity: u32,
    /// What the declared bounds were rounded to, in bytes; 0 if none were declared.
    pub granule: u64,
    /// What the module declared, rounded: it checks that at any time.
    pub declared: Bounds,
    /// Whether the module checks the table.
    pub checks_table: bool,
}

/// An access that a check stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// How many there were, this one included.
    pub count: u32,
    /// Its first byte that is protected.
    pub address: u64,
    /// Whether it was a store.
    pub write: bool,
}

/// A range that something may not be done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forbidden {
    /// Where.
    pub span: Span,
    /// Whether bytes can be loaded there.
    pub readable: bool,
}

impl Shield {
    /// The first bytes of every shield.
    pub const MAGIC: [u8; 8] = *b"memctl\0\x01";
    /// Bytes before the table.
    pub const HEADER: u64 = 128;
    /// Bytes of a range in the table.
    pub const ENTRY: u64 = 24;
    /// The widest access is of 16 bytes: one that begins so many bytes before a range reaches into it.
    pub const MARGIN: u64 = 15;
    /// Where the host's part begins: the number of ranges.
    pub const COUNT: u64 = 44;
    /// Where the hull for loads begins, which the hull for stores is behind.
    pub const LOADS: u64 = 48;
    /// Where the hull for stores begins.
    pub const STORES: u64 = 64;
    /// Where the module's part begins: the number of accesses that were stopped.
    pub const STOPPED: u64 = 80;
    /// Where the kind of the last access that was stopped is: [`Shield::LOAD`] or [`Shield::STORE`].
    pub const KIND: u64 = 84;
    /// Where its address is.
    pub const ADDRESS: u64 = 88;
    /// A load was stopped.
    pub const LOAD: u32 = 1;
    /// A store was stopped.
    pub const STORE: u32 = 2;

    /// The module's data at byte 0, up to the host's part.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 80] {
        let mut bytes = [0; 80];
        bytes[..8].copy_from_slice(&Self::MAGIC);
        bytes[8..12].copy_from_slice(&self.distance.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.capacity.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.granule.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.declared.no_access.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.declared.read_only.to_le_bytes());
        bytes[40..44].copy_from_slice(&u32::from(self.checks_table).to_le_bytes());
        bytes[44..].copy_from_slice(&table(&[])[..36]);
        bytes
    }

    /// Reads what the module's data says, if the first [`Shield::HEADER`] bytes of a memory are a shield's, in a memory of `size` bytes.
    #[must_use]
    pub fn parse(header: &[u8; 128], size: u64) -> Option<Self> {
        if header[..8] != Self::MAGIC {
            return None;
        }
        let shield = Self {
            distance: u32_at(header, 8),
            capacity: u32_at(header, 12),
            granule: u64_at(header, 16),
            declared: Bounds { no_access: u64_at(header, 24), read_only: u64_at(header, 32) },
            checks_table: u32_at(header, 40) != 0,
        };
        // Any guest can forge a shield: what it says is checked like everything that a guest says.
        let room = size.checked_sub(Self::HEADER)? / Self::ENTRY;
        let in_order = shield.declared.no_access <= shield.declared.read_only;
        (u64::from(shield.capacity) <= room && in_order).then_some(shield)
    }

    /// The access that was stopped last, from the first [`Shield::HEADER`] bytes.
    #[must_use]
    pub fn stopped(header: &[u8; 128]) -> Option<Stopped> {
        let count = u32_at(header, 80);
        let write = u32_at(header, 84) == Self::STORE;
        (count != 0).then(|| Stopped { count, address: u64_at(header, 88), write })
    }
}

/// What the host writes at [`Shield::COUNT`]: the number of ranges and the hulls, up to the module's part; and at [`Shield::HEADER`]: the ranges.
/// `ranges` are sorted and disjoint.
#[must_use]
pub fn host_part(ranges: &[Forbidden]) -> ([u8; 36], Vec<u8>) {
    let mut head = [0; 36];
    let bytes = table(ranges);
    head.copy_from_slice(&bytes[..36]);
    (head, bytes[36..].to_vec())
}

fn table(ranges: &[Forbidden]) -> Vec<u8> {
    let hull = |ranges: &mut dyn Iterator<Item = &Forbidden>| {
        let mut ends = ranges.map(|range| (range.span.start(), range.span.end()));
        let Some((start, end)) = ends.next() else { return [u64::MAX, 0] };
        let end = ends.last().map_or(end, |(_, end)| end);
        let first = start.saturating_sub(Shield::MARGIN);
        [first, end - 1 - first]
    };
    let loads = hull(&mut ranges.iter().filter(|range| !range.readable));
    let stores = hull(&mut ranges.iter());
    let mut bytes = Vec::new();
    bytes.extend(u32::try_from(ranges.len()).unwrap_or(u32::MAX).to_le_bytes());
    for number in [loads, stores].as_flattened() {
        bytes.extend(number.to_le_bytes());
    }
    for range in ranges {
        bytes.extend(range.span.start().to_le_bytes());
        bytes.extend(range.span.end().to_le_bytes());
        bytes.extend(u64::from(range.readable).to_le_bytes());
    }
    bytes
}

fn u32_at(bytes: &[u8; 128], at: usize) -> u32 {
    bytes[at..at + 4].iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

fn u64_at(bytes: &[u8; 128], at: usize) -> u64 {
    bytes[at..at + 8].iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

impl Protection {
    /// Whether bytes can be loaded.
    #[must_use]
    pub fn can_read(self) -> bool {
        self != Self::None
    }

    /// Whether bytes can be stored.
    #[must_use]
    pub fn can_write(self) -> bool {
        self == Self::ReadWrite
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIELD: Shield = Shield {
        distance: 2,
        capacity: 40,
        granule: 4096,
        declared: Bounds { no_access: 4096, read_only: 8192 },
        checks_table: true,
    };

    fn header(host: &[u8; 36]) -> [u8; 128] {
        let mut header = [0; 128];
        header[..80].copy_from_slice(&SHIELD.to_bytes());
        header[44..80].copy_from_slice(host);
        header
    }

    #[test]
    fn a_shield_is_read_back() {
        let (head, table) = host_part(&[]);
        assert!(table.is_empty());
        assert_eq!(header(&head)[..80], SHIELD.to_bytes());
        assert_eq!(Shield::parse(&header(&head), 65536), Some(SHIELD));
        assert_eq!(Shield::parse(&header(&head), 128 + 40 * 24 - 1), None, "the table would not fit");
        assert_eq!(Shield::parse(&[0; 128], 65536), None);
        let mut forged = header(&head);
        forged[24..32].copy_from_slice(&u64::MAX.to_le_bytes());
        assert_eq!(Shield::parse(&forged, 65536), None, "bounds in the wrong order");
    }

    #[test]
    fn hulls_are_of_what_each_kind_may_not_touch() {
        let span = |start, len| Span::claim("a range", start, len).expect("no wrap");
        let ranges = [
            Forbidden { span: span(4096, 4096), readable: true },
            Forbidden { span: span(12288, 4096), readable: false },
            Forbidden { span: span(20480, 4096), readable: true },
        ];
        let (head, table) = host_part(&ranges);
        let numbers: Vec<u64> =
            head[4..].chunks(8).map(|bytes| u64::from_le_bytes(bytes.try_into().expect("8 bytes"))).collect();
        assert_eq!(numbers, [12273, 16383 - 12273, 4081, 24575 - 4081]);
        assert_eq!(table.len(), 72);
    }

    #[test]
    fn what_was_stopped_is_told() {
        let mut header = header(&host_part(&[]).0);
        assert_eq!(Shield::stopped(&header), None);
        header[80] = 1;
        header[84] = 2;
        header[88..96].copy_from_slice(&0x1234_u64.to_le_bytes());
        assert_eq!(Shield::stopped(&header), Some(Stopped { count: 1, address: 0x1234, write: true }));
    }
}
