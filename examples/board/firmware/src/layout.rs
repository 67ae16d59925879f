//! What a partition's regions are for: code, statics, its RAM, and windows in that whose stores are seen.

use core::ops::Range as Addresses;

use memctl_mpu::{Error, Range, Rights};

use crate::sys::machine::protection::{self, Regions};
use crate::sys::place;

/// Ranges that every partition has: code, shared statics, its RAM.
const BASE: usize = 3;

/// The parts of windows that are watched, each in a region of its own.
pub(crate) const MOST_PARTS: usize = 4;

/// Bytes of a part at least.
const SMALLEST_PART: usize = 256;

/// A part of a window, and whether a store was seen there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Part {
    pub(crate) start: usize,
    pub(crate) len: usize,
    pub(crate) dirty: bool,
}

impl Part {
    fn contains(&self, address: usize) -> bool {
        (self.start..self.start + self.len).contains(&address)
    }
}

/// Regions, and what each is for.
#[derive(Clone)]
pub(crate) struct Layout {
    ram: Addresses<usize>,
    parts: [Part; MOST_PARTS],
    watched: usize,
    // For each part the number of its region.
    numbers: [usize; MOST_PARTS],
    regions: Regions,
}

/// Bytes of each part of a window: a power of two, as PMSAv7 wants it, and no more parts than there may be.
fn part_len(window: &Addresses<usize>) -> usize {
    let mut each = SMALLEST_PART;
    while window.len() / each > MOST_PARTS {
        each *= 2;
    }
    each
}

/// A range of addresses with these rights.
pub(crate) fn range(addresses: &Addresses<usize>, rights: Rights) -> Range {
    Range::new(addresses.start as u64, addresses.len() as u64, rights)
}

impl Layout {
    /// A partition's RAM, and no window watched.
    ///
    /// # Errors
    /// Which of the unit's rules can't be kept.
    pub(crate) fn new(ram: Addresses<usize>) -> Result<Self, Error> {
        let regions = Regions::of(&protection::plan(&Self::base(&ram))?);
        let none = Part { start: 0, len: 0, dirty: false };
        Ok(Self { ram, parts: [none; MOST_PARTS], watched: 0, numbers: [0; MOST_PARTS], regions })
    }

    fn base(ram: &Addresses<usize>) -> [Range; BASE] {
        [range(&place::flash(), Rights::CODE), range(&place::shared_statics(), Rights::DATA), range(ram, Rights::DATA)]
    }

    /// Watches a window instead of those watched before: it is read-only until its first store, part by part. Of a window whose bounds
    /// don't fit the unit, what lies between the first and the last bound that do.
    ///
    /// # Errors
    /// The unit can't draw its bounds; nothing changed.
    pub(crate) fn watch(&mut self, window: &Addresses<usize>) -> Result<(), Error> {
        let mut watching = Self { watched: 0, ..self.clone() };
        let each = part_len(window);
        let first = window.start.next_multiple_of(each);
        for start in (first..window.end).step_by(each).filter(|start| start + each <= window.end).take(MOST_PARTS) {
            watching.parts[watching.watched] = Part { start, len: each, dirty: false };
            watching.watched += 1;
        }
        let (mut ranges, count) = watching.ranges();
        if cfg!(feature = "mutate-regions") {
            ranges.swap(BASE - 1, BASE);
        }
        let plan = protection::plan(&ranges[..count])?;
        for part in 0..watching.watched {
            watching.numbers[part] = plan.region_of(BASE + part).unwrap_or(usize::MAX);
        }
        watching.regions = Regions::of(&plan);
        *self = watching;
        Ok(())
    }

    /// What the unit is asked for, while no part is dirty: so many ranges of these.
    pub(crate) fn ranges(&self) -> ([Range; BASE + MOST_PARTS], usize) {
        let mut ranges = [Range::new(0, 0, Rights::CONSTANTS); BASE + MOST_PARTS];
        ranges[..BASE].copy_from_slice(&Self::base(&self.ram));
        for (range, part) in ranges[BASE..].iter_mut().zip(self.parts()) {
            *range = self::range(&(part.start..part.start + part.len), Rights::CONSTANTS).single();
        }
        (ranges, BASE + self.watched)
    }

    /// The parts watched.
    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts[..self.watched]
    }

    /// Puts the regions in force.
    pub(crate) fn load(&self) {
        self.regions.load();
    }

    /// How many regions it takes.
    pub(crate) fn count(&self) -> usize {
        self.regions.count()
    }

    /// Lets stores to the clean part that holds an address pass, from now on, and notes that it is dirty. False if there is none.
    pub(crate) fn lift(&mut self, address: usize) -> bool {
        let Some(part) = self.parts[..self.watched].iter().position(|part| !part.dirty && part.contains(address))
        else {
            return false;
        };
        self.parts[part].dirty = true;
        self.regions.give(self.numbers[part], Rights::DATA);
        true
    }

    /// Watches all parts again: none is dirty.
    pub(crate) fn clean(&mut self) {
        for part in 0..self.watched {
            if self.parts[part].dirty {
                self.parts[part].dirty = false;
                self.regions.give(self.numbers[part], Rights::CONSTANTS);
            }
        }
    }
}
