//! What a partition's regions are for: code, statics, its RAM, and windows in that whose stores are seen.

use core::ops::Range as Addresses;

use memctl_mpu::{Error, Range, Rights};

use crate::sys::machine::protection::{self, Regions};
use crate::sys::place;

/// Ranges that every partition has: code, shared statics, its RAM.
const BASE: usize = 3;

/// The parts of windows that are watched, each in a region of its own.
pub(crate) const MOST_PARTS: usize = 4;

/// Objects outside of the partition that windows are put onto.
pub(crate) const MOST_SHOWN: usize = 2;

/// All ranges that a partition has at most.
const MOST: usize = BASE + MOST_PARTS + MOST_SHOWN;

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
    /// Whether it lies in a range.
    pub(crate) fn lies_in(&self, range: &Addresses<usize>) -> bool {
        range.start <= self.start && self.start + self.len <= range.end
    }

    /// Whether it shares bytes with a range.
    pub(crate) fn meets(&self, range: &Addresses<usize>) -> bool {
        self.start < range.end && range.start < self.start + self.len
    }

    fn contains(&self, address: usize) -> bool {
        (self.start..self.start + self.len).contains(&address)
    }
}

/// Whether regions changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Changed {
    Yes,
    No,
}

/// Regions, and what each is for.
#[derive(Clone)]
pub(crate) struct Layout {
    ram: Addresses<usize>,
    parts: [Part; MOST_PARTS],
    watched: usize,
    // For each part the number of its region.
    numbers: [usize; MOST_PARTS],
    shown: [Addresses<usize>; MOST_SHOWN],
    shown_count: usize,
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
        Ok(Self {
            ram,
            parts: [none; MOST_PARTS],
            watched: 0,
            numbers: [0; MOST_PARTS],
            shown: [0..0, 0..0],
            shown_count: 0,
            regions,
        })
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
        watching.plan()?;
        *self = watching;
        Ok(())
    }

    /// Whether an address is one of the partition's.
    pub(crate) fn holds(&self, address: usize) -> bool {
        self.ram.contains(&address)
    }

    /// Watches no window.
    ///
    /// # Errors
    /// The unit can't; nothing changed.
    pub(crate) fn unwatch(&mut self) -> Result<(), Error> {
        let mut free = Self { watched: 0, ..self.clone() };
        free.plan()?;
        *self = free;
        Ok(())
    }

    /// Notes that stores were seen in all parts, or in none: those for which `dirty` says so are open to more of them, all others are watched again.
    pub(crate) fn mark(&mut self, dirty: impl Fn(&Part) -> bool) {
        for part in 0..self.watched {
            let now = dirty(&self.parts[part]);
            if self.parts[part].dirty != now {
                self.parts[part].dirty = now;
                self.regions.give(self.numbers[part], if now { Rights::DATA } else { Rights::CONSTANTS });
            }
        }
    }

    /// Gives the partition these objects outside of it, and no others.
    ///
    /// # Errors
    /// The unit can't draw their bounds, or there are more than [`MOST_SHOWN`]; nothing changed.
    pub(crate) fn show(&mut self, objects: &[Addresses<usize>]) -> Result<Changed, Error> {
        if self.shown[..self.shown_count] == *objects {
            return Ok(Changed::No);
        }
        let mut showing = self.clone();
        for (place, object) in showing.shown.iter_mut().zip(objects) {
            *place = object.clone();
        }
        showing.shown_count = objects.len().min(MOST_SHOWN);
        showing.plan()?;
        *self = showing;
        Ok(Changed::Yes)
    }

    /// Makes regions of what is asked for.
    fn plan(&mut self) -> Result<(), Error> {
        let (mut ranges, count) = self.ranges();
        if cfg!(feature = "mutate-regions") && self.watched > 0 {
            ranges.swap(BASE - 1, BASE);
        }
        let plan = protection::plan(&ranges[..count])?;
        for part in 0..self.watched {
            self.numbers[part] = plan.region_of(BASE + part).unwrap_or(usize::MAX);
        }
        self.regions = Regions::of(&plan);
        for part in (0..self.watched).filter(|part| self.parts[*part].dirty) {
            self.regions.give(self.numbers[part], Rights::DATA);
        }
        Ok(())
    }

    /// What the unit is asked for, while no part is dirty: so many ranges of these.
    pub(crate) fn ranges(&self) -> ([Range; MOST], usize) {
        let mut ranges = [Range::new(0, 0, Rights::CONSTANTS); MOST];
        ranges[..BASE].copy_from_slice(&Self::base(&self.ram));
        for (range, part) in ranges[BASE..].iter_mut().zip(self.parts()) {
            *range = self::range(&(part.start..part.start + part.len), Rights::CONSTANTS).single();
        }
        let all = BASE + self.watched;
        for (range, object) in ranges[all..].iter_mut().zip(&self.shown[..self.shown_count]) {
            *range = self::range(object, Rights::DATA);
        }
        (ranges, all + self.shown_count)
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
        self.mark(|_| false);
    }
}
