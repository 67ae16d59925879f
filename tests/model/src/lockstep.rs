//! Worlds and the model, one step at a time.

use std::fmt;

use memctl_core::Quotas;

use crate::{Act, Checksum, FILE, GUESTS, How, Looks, Model, Op, Outcome, PUBLISHED, Range, SHARED, Setting, Step};

/// Something that programs run in.
pub trait World {
    /// Does a step. A guest looks at its own bytes of `looks` before control leaves it.
    fn perform(&mut self, step: &Step, looks: &Looks) -> Outcome;

    /// What a guest loads from a range of its memory, for a report.
    fn load(&mut self, guest: usize, range: Range) -> Vec<u8>;

    /// What a guest uses of its quotas.
    fn usage(&self, guest: usize) -> Quotas;

    /// What all use together.
    fn total_usage(&self) -> Quotas;

    /// How many objects there are, if that can be told.
    fn objects(&self) -> Option<usize>;
}

/// A world did something else than the model.
#[derive(Debug)]
pub struct Disagreement(String);

pub(crate) fn disagree(what: String) -> Disagreement {
    Disagreement(what)
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Disagreement {}

/// Worlds of one setting, and the model.
pub struct Lockstep<W> {
    /// The worlds.
    pub worlds: Vec<W>,
    /// The model.
    pub model: Model,
    steps: u64,
}

impl<W: World> Lockstep<W> {
    /// All guests have what everybody may write open.
    ///
    /// # Errors
    /// The first disagreement.
    pub fn new(worlds: Vec<W>, setting: Setting) -> Result<Self, Disagreement> {
        let mut lockstep = Self { worlds, model: Model::new(setting), steps: 0 };
        for guest in 0..GUESTS {
            for object in [SHARED, FILE] {
                lockstep.step(&Step::Guest(guest, Act::Open { object, handle: lockstep.model.next }))?;
            }
        }
        Ok(lockstep)
    }

    /// Does what an op asks for, if that can be done.
    ///
    /// # Errors
    /// The disagreement.
    pub fn run(&mut self, op: &Op) -> Result<(), Disagreement> {
        match self.model.resolve(op) {
            Some(step) => self.step(&step),
            None => Ok(()),
        }
    }

    /// Does a step everywhere.
    ///
    /// # Errors
    /// The disagreement.
    pub fn step(&mut self, step: &Step) -> Result<(), Disagreement> {
        self.steps += 1;
        let expected = self.model.run(step);
        let looks = self.model.looks();
        for index in 0..self.worlds.len() {
            let outcome = self.worlds[index].perform(step, &looks);
            if outcome != expected {
                let bytes = self.difference(index, &looks);
                return Err(Disagreement(format!(
                    "world {index}, {step:?}: {outcome:?} instead of {expected:?}{bytes}"
                )));
            }
        }
        self.check(step)
    }

    /// How many steps were done.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Quotas in use are what is there.
    ///
    /// # Errors
    /// The disagreement.
    pub fn check(&self, step: &Step) -> Result<(), Disagreement> {
        for (index, world) in self.worlds.iter().enumerate() {
            let used: Vec<_> = (0..GUESTS).map(|guest| world.usage(guest)).chain([world.total_usage()]).collect();
            let model = (0..GUESTS).map(|guest| self.model.usage(guest)).chain([self.model.total_usage()]);
            if !used.iter().copied().eq(model.clone()) {
                let model: Vec<_> = model.collect();
                return Err(Disagreement(format!("world {index} after {step:?} uses {used:?} instead of {model:?}")));
            }
            if world.objects().is_some_and(|objects| objects != self.model.objects()) {
                return Err(Disagreement(format!("world {index} after {step:?} has {:?} objects", world.objects())));
            }
        }
        Ok(())
    }

    /// Every lease is released, every byte compared, and every guest ends.
    ///
    /// # Errors
    /// The disagreement.
    pub fn finish(mut self) -> Result<u64, Disagreement> {
        for release in self.model.releases() {
            self.step(&release)?;
        }
        for guest in 0..GUESTS {
            if !self.model.guests[guest].trapped {
                self.step(&Step::Guest(guest, Act::Rest))?;
            }
        }
        for guest in 0..GUESTS {
            self.step(&Step::End(guest, How::Dropped))?;
        }
        for object in PUBLISHED {
            self.step(&Step::Read(object))?;
        }
        Ok(self.steps)
    }

    /// The first byte that a guest of a world sees and shouldn't.
    fn difference(&mut self, index: usize, looks: &Looks) -> String {
        for guest in (0..GUESTS).filter(|guest| !self.model.guests[*guest].trapped) {
            let view = self.model.view(guest);
            for range in &looks[guest] {
                let loaded = self.worlds[index].load(guest, *range);
                let expected = &view[self.model.index(*range)];
                if let Some(first) = (0..expected.len()).find(|at| loaded.get(*at) != expected.get(*at)) {
                    let (found, wanted, address) = (loaded.get(first), expected[first], range.0 + first as u64);
                    let count = (0..expected.len()).filter(|at| loaded.get(*at) != expected.get(*at)).count();
                    return format!(
                        "\nguest {guest} loads {found:?} at {address:#x} (granule {}), not {wanted}; {count} such bytes",
                        (address - self.model.setting.start) / self.model.setting.granule
                    );
                }
            }
        }
        String::new()
    }
}

impl Checksum {
    /// Of some ranges, each loaded by `load`.
    pub fn of(ranges: &[Range], mut load: impl FnMut(Range) -> Vec<u8>) -> u64 {
        let mut sum = Self::default();
        ranges.iter().for_each(|range| sum.add(&load(*range)));
        sum.get()
    }
}
