//! Worlds and the model of heaps, one step at a time.

use memctl_core::{Access, Code, HeapStatus, Quotas};

use super::model::LENS;
use super::{HEAPS, HeapAnswer, HeapModel, HeapOp, HeapSetting, HeapStep};
use crate::lockstep::disagree;
use crate::{Disagreement, GUESTS, Range};

/// Something that programs over heaps run in. It has published [`HEAPS`], and guest 1 is called [`HEIR`](super::HEIR).
pub trait HeapWorld {
    /// Does a step.
    fn perform(&mut self, step: &HeapStep) -> HeapAnswer;

    /// Whose wait is over since the last call, in any order.
    fn woken(&mut self) -> Vec<usize>;

    /// Whether a guest can load now: not while it is inside a call that waits.
    fn can_load(&self, guest: usize) -> bool {
        let _ = guest;
        true
    }

    /// What a guest loads from a range of its memory.
    fn load(&mut self, guest: usize, range: Range) -> Vec<u8>;

    /// What is known of a heap.
    fn status(&mut self, heap: usize) -> HeapStatus;

    /// What pages let a guest do at an address, if that can be told and pages keep blocks apart.
    fn access(&self, guest: usize, address: u64) -> Option<Option<Access>> {
        let (_, _) = (guest, address);
        None
    }

    /// Whether a guest has attached a heap that is no chain.
    fn is_attached(&self, guest: usize, heap: usize) -> bool;

    /// What a guest uses of its quotas, and what all use together, if that can be told.
    fn usage(&self, guest: usize) -> Option<(Quotas, Quotas)>;
}

/// Worlds of one setting, and the model.
pub struct HeapLockstep<W> {
    /// The worlds.
    pub worlds: Vec<W>,
    /// The model.
    pub model: HeapModel,
    steps: u64,
}

impl<W: HeapWorld> HeapLockstep<W> {
    /// Nothing was done yet.
    pub fn new(worlds: Vec<W>, setting: HeapSetting) -> Self {
        Self { worlds, model: HeapModel::new(setting), steps: 0 }
    }

    /// Does what an op asks for, if that can be done.
    ///
    /// # Errors
    /// The disagreement.
    pub fn run(&mut self, op: &HeapOp) -> Result<(), Disagreement> {
        self.model.resolve(op).map_or(Ok(()), |step| self.step(&step))
    }

    /// Does a step everywhere.
    ///
    /// # Errors
    /// The disagreement.
    pub fn step(&mut self, step: &HeapStep) -> Result<(), Disagreement> {
        self.steps += 1;
        let answers: Vec<_> = self.worlds.iter_mut().map(|world| world.perform(step)).collect();
        let expected = self.model.run(step, answers[0]);
        if let Some(index) = answers.iter().position(|answer| *answer != expected) {
            return Err(disagree(format!("world {index}, {step:?}: {:?} instead of {expected:?}", answers[index])));
        }
        self.check_heaps()
            .and_then(|()| self.check_guests())
            .map_err(|what| disagree(format!("{what}, after {step:?}")))
    }

    /// Does what an op asks for in the first world, whose backend may fail: no byte is looked at, since nobody can tell what was lost, but everything that is
    /// counted must be right.
    ///
    /// # Errors
    /// The disagreement.
    pub fn run_failing(&mut self, op: &HeapOp) -> Result<(), Disagreement> {
        let Some(step) = self.model.resolve(op) else { return Ok(()) };
        self.steps += 1;
        let answer = self.worlds[0].perform(&step);
        if answer == HeapAnswer::Refused(Code::Io) {
            let world = &self.worlds[0];
            self.model.fail(&step, |guest, heap| world.is_attached(guest, heap));
        } else {
            let expected = self.model.run(&step, answer);
            if answer != expected {
                return Err(disagree(format!("{step:?}: {answer:?} instead of {expected:?}")));
            }
        }
        self.check_heaps().and_then(|()| self.check_books()).map_err(|what| disagree(format!("{what}, after {step:?}")))
    }

    /// Every guest ends.
    ///
    /// # Errors
    /// The disagreement.
    pub fn finish(mut self) -> Result<u64, Disagreement> {
        for guest in 0..GUESTS {
            self.step(&HeapStep::End(guest))?;
        }
        Ok(self.steps)
    }

    /// How many steps were done.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    fn check_heaps(&mut self) -> Result<(), String> {
        for (heap, _) in HEAPS.iter().enumerate() {
            let mut statuses: Vec<_> = self.worlds.iter_mut().map(|world| world.status(heap)).collect();
            statuses.dedup();
            let &[HeapStatus { len, free, blocks, .. }] = statuses.as_slice() else {
                return Err(format!("heap {heap} is different: {statuses:?}"));
            };
            let Some(before) = self.model.lens.get_mut(heap) else { continue };
            let max = LENS[heap].1 * self.model.setting.granule;
            if len < *before || len > max || !len.is_multiple_of(self.model.setting.granule) {
                return Err(format!("heap {heap} of {before} bytes has {len}"));
            }
            *before = len;
            let taken = self.model.taken(heap);
            let bytes: u64 = taken.iter().map(|(start, end)| end - start).sum();
            let inside = taken.iter().all(|(_, end)| *end <= len);
            if !inside || (free, blocks as usize) != (len - bytes, taken.len()) {
                return Err(format!("heap {heap} has {blocks} blocks and {free} bytes free, with {taken:?}"));
            }
        }
        Ok(())
    }

    fn check_books(&mut self) -> Result<(), String> {
        let Self { worlds, model, .. } = self;
        for (index, world) in worlds.iter_mut().enumerate() {
            let mut woken = world.woken();
            woken.sort_unstable();
            if !woken.iter().eq(&model.woken) {
                return Err(format!("world {index} woke {woken:?} instead of {:?}", model.woken));
            }
            for guest in 0..GUESTS {
                let used = (model.usage(guest), model.total_usage());
                if let Some(found) = world.usage(guest).filter(|found| *found != used) {
                    return Err(format!("guest {guest} of world {index} uses {found:?} instead of {used:?}"));
                }
            }
        }
        Ok(())
    }

    fn check_guests(&mut self) -> Result<(), String> {
        self.check_books()?;
        let Self { worlds, model, .. } = self;
        for (index, world) in worlds.iter_mut().enumerate() {
            for guest in (0..GUESTS).filter(|guest| world.can_load(*guest)).collect::<Vec<_>>() {
                for (number, block) in model.blocks.iter().enumerate() {
                    let Some((range, _)) = model.shown(guest, block) else { continue };
                    let loaded = world.load(guest, range);
                    if loaded != block.bytes {
                        let bytes = &block.bytes;
                        return Err(format!(
                            "guest {guest} of world {index} loads {loaded:?} of block {number} at {range:?}, not {bytes:?}"
                        ));
                    }
                }
                check_access(model, world, guest).map_err(|what| format!("world {index}: {what}"))?;
            }
        }
        Ok(())
    }
}

/// Pages let a guest do what it may, and nothing else.
fn check_access(model: &HeapModel, world: &impl HeapWorld, guest: usize) -> Result<(), String> {
    for (heap, attached) in model.attached[guest].iter().enumerate() {
        let Some((start, _)) = *attached else { continue };
        for offset in (0..model.lens[heap]).step_by(crate::model::at(model.setting.unit)) {
            let Some(found) = world.access(guest, start + offset) else { continue };
            let here = |block: &&super::model::Block| {
                block.heap == heap && block.is_taken() && block.offset <= offset && offset < block.offset + block.room
            };
            let block = model.blocks.iter().find(here);
            let expected = block.and_then(|block| model.shown(guest, block)).map(|(_, access)| access);
            if found != expected {
                return Err(format!("guest {guest} has {found:?} at byte {offset} of heap {heap}, not {expected:?}"));
            }
        }
    }
    Ok(())
}
