//! Where everything goes: a board's banks of memory, filled in order, with what doesn't fit.

use serde::Serialize;

use crate::boards::{Bank, Board, Kind, Protection};

/// What a stretch of memory is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "name")]
pub(super) enum Use {
    /// The firmware's code and constants.
    Firmware,
    /// A program's image.
    Image(String),
    /// The kernel's stack, statics and tables.
    Kernel,
    /// Statics of the kernel and all partitions.
    Shared,
    /// An object's bytes.
    Object(String),
    /// A heap's bytes.
    Heap(String),
    /// A program's partition.
    Partition(String),
}

/// Something that needs a place.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) what: Use,
    pub(super) kind: Kind,
    pub(super) bytes: u64,
    pub(super) fit: Fit,
}

/// What a place must be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// Its address is a multiple of this power of two.
    Aligned(u64),
    /// It is aligned to the next power of two of its length, 64 KiB at most, and whole granules, so that few regions show it.
    Shown,
    /// The board's unit covers it with as few regions as it can.
    Covered,
}

/// Something in its place.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Placed {
    #[serde(flatten)]
    pub(super) what: Use,
    pub(super) bank: String,
    pub(super) start: u64,
    /// With what rounding adds.
    pub(super) bytes: u64,
}

/// A bank and what is left of it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Filled {
    pub(super) bank: String,
    pub(super) kind: &'static str,
    pub(super) origin: u64,
    pub(super) bytes: u64,
    pub(super) used: u64,
    pub(super) left: u64,
}

/// Something that has no place.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Misfit {
    #[serde(flatten)]
    pub(super) what: Use,
    pub(super) memory: &'static str,
    pub(super) bytes: u64,
    /// How much larger the roomiest bank would have to be.
    pub(super) missing: u64,
}

/// A board's memory, filled.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Map {
    pub(super) placed: Vec<Placed>,
    pub(super) banks: Vec<Filled>,
    pub(super) misfits: Vec<Misfit>,
}

/// More than any board has, and little enough to be added up.
const ENDLESS: u64 = 1 << 60;

impl Map {
    /// Puts everything into the first bank of its kind that has room.
    pub(super) fn fill(board: &Board, wanted: &[Wanted]) -> Self {
        let mut map = Self::default();
        let mut ends: Vec<u64> = board.memory.iter().map(|bank| bank.origin).collect();
        for Wanted { what, kind, bytes, fit } in wanted {
            let mut missing = u64::MAX;
            let mut place = None;
            for (bank, end) in board.memory.iter().zip(&mut ends).filter(|(bank, _)| bank.kind == *kind) {
                let (start, bytes) = fit.place(*end, (*bytes).min(ENDLESS), &board.protection);
                let over = (start + bytes).saturating_sub(bank.origin + bank.length.0);
                missing = missing.min(over);
                if over == 0 {
                    *end = start + bytes;
                    place = Some(Placed { what: what.clone(), bank: bank.name.clone(), start, bytes });
                    break;
                }
            }
            match place {
                Some(place) => map.placed.push(place),
                None => {
                    // A board without such memory misses all of it.
                    let missing = missing.min(*bytes);
                    map.misfits.push(Misfit { what: what.clone(), memory: kind.name(), bytes: *bytes, missing });
                }
            }
        }
        for (Bank { name, kind, origin, length }, end) in board.memory.iter().zip(ends) {
            map.banks.push(Filled {
                bank: name.clone(),
                kind: kind.name(),
                origin: *origin,
                bytes: length.0,
                used: end - origin,
                left: length.0 - (end - origin),
            });
        }
        map.placed.sort_by_key(|placed| placed.start);
        map
    }

    /// Where something is, if it has a place.
    pub(super) fn find(&self, what: &Use) -> Option<&Placed> {
        self.placed.iter().find(|placed| placed.what == *what)
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Flash => "flash",
            Self::Ram => "ram",
        }
    }
}

/// What objects start at: the granule of a domain on a board.
pub(super) const GRANULE: u64 = 32;

impl Fit {
    /// The first place for so many bytes from address `from` on, and its length.
    fn place(self, from: u64, bytes: u64, protection: &Protection) -> (u64, u64) {
        let aligned = |to: u64| (from.next_multiple_of(to), bytes.next_multiple_of(to));
        match (self, protection) {
            (Self::Aligned(to), _) => (from.next_multiple_of(to), bytes),
            (Self::Shown, protection) => {
                let granule = match protection {
                    Protection::Pmp { grain, .. } => (*grain).max(GRANULE),
                    _ => GRANULE,
                };
                let bytes = bytes.next_multiple_of(granule);
                (from.next_multiple_of(bytes.next_power_of_two().min(64 << 10).max(granule)), bytes)
            }
            // One region, of which eighths may be off: inside a block of its size.
            (Self::Covered, Protection::Pmsav7 { .. }) => {
                let block = bytes.next_power_of_two().max(32);
                let eighth = if block < 256 { block } else { block / 8 };
                let (start, bytes) = aligned(eighth);
                let crosses = start / block != (start + bytes - 1) / block;
                (if crosses { start.next_multiple_of(block) } else { start }, bytes)
            }
            (Self::Covered, Protection::Pmsav8 { .. }) => aligned(32),
            (Self::Covered, Protection::Pmp { grain, .. }) => aligned((*grain).max(16)),
            (Self::Covered, Protection::Mmu { granule }) => aligned(*granule),
            (Self::Covered, Protection::None { .. }) => aligned(16),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boards::Boards;

    fn wanted(name: &str, bytes: u64) -> Wanted {
        Wanted { what: Use::Partition(name.to_owned()), kind: Kind::Ram, bytes, fit: Fit::Covered }
    }

    #[test]
    fn the_next_bank_takes_what_the_first_has_no_room_for() {
        let boards = Boards::load(None).unwrap();
        let board = boards.find("stm32h747").unwrap();
        let map = Map::fill(board, &[wanted("a", 400 << 10), wanted("b", 200 << 10), wanted("c", 64 << 10)]);
        let banks: Vec<_> = map.placed.iter().map(|placed| (placed.bank.as_str(), &placed.what)).collect();
        let partition = |name: &str| Use::Partition(name.to_owned());
        assert_eq!(banks, [("AXI SRAM", &partition("a")), ("AXI SRAM", &partition("c")), ("SRAM1-3", &partition("b"))]);
        assert!(map.misfits.is_empty());
    }

    #[test]
    fn what_does_not_fit_is_said_with_how_much_is_missing() {
        let boards = Boards::load(None).unwrap();
        let map = Map::fill(boards.find("an505").unwrap(), &[wanted("a", 300 << 10), wanted("b", 300 << 10)]);
        assert_eq!(map.misfits.len(), 1);
        assert_eq!(map.misfits[0].missing, 88 << 10);
        assert_eq!(map.banks[1].left, 212 << 10);
    }

    #[test]
    fn on_pmsav7_a_partition_lies_in_one_block_with_bounds_at_its_eighths() {
        let boards = Boards::load(None).unwrap();
        let map =
            Map::fill(boards.find("an386").unwrap(), &[wanted("a", 1000), wanted("b", 70_000), wanted("c", 70_000)]);
        for placed in &map.placed[1..] {
            assert_eq!(placed.bytes, 80 << 10);
            assert_eq!(placed.start % (16 << 10), 0);
            assert_eq!(placed.start >> 17, (placed.start + placed.bytes - 1) >> 17);
        }
    }
}
