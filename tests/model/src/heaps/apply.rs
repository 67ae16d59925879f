//! What steps do.

use std::collections::{BTreeSet, VecDeque};

use memctl_core::Access;

use super::model::{Block, Holder, LENS, Wait};
use super::{HeapAnswer, HeapModel, HeapStep, Verb};
use crate::model::at;

impl HeapModel {
    /// Does a step to which this was answered, and says what it should have been; what is up to the allocator is as it was answered, if it may be so.
    pub fn run(&mut self, step: &HeapStep, answered: HeapAnswer) -> HeapAnswer {
        self.woken.clear();
        if let Err(code) = self.check(step, answered) {
            self.refuse(step);
            return HeapAnswer::Refused(code);
        }
        self.apply(step, answered)
    }

    fn apply(&mut self, step: &HeapStep, answered: HeapAnswer) -> HeapAnswer {
        match *step {
            HeapStep::Attach { guest, heap, start, protection } => {
                let access =
                    if protection == memctl_core::Protection::ReadWrite { Access::Write } else { Access::Read };
                let mut at = start;
                for &member in Self::members(heap) {
                    self.attached[guest][member] = Some((at, access));
                    at += LENS[member].1 * self.setting.granule;
                }
            }
            HeapStep::Detach { guest, heap } => {
                Self::members(heap).iter().for_each(|member| self.attached[guest][*member] = None);
            }
            HeapStep::Alloc { guest, len, .. } => {
                let HeapAnswer::New { heap, offset } = answered else { unreachable!("it was checked") };
                let room = len.next_multiple_of(self.setting.unit);
                let (bytes, holder, payer) = (vec![0; at(len)], Holder::Owner(guest), Some(guest));
                let readers = BTreeSet::new();
                self.blocks.push(Block { heap, offset, room, bytes, holder, payer, shared: false, readers });
                return answered;
            }
            HeapStep::Do { guest, verb, block } => self.do_to(guest, verb, block),
            HeapStep::Forge { .. } => unreachable!("it is refused"),
            HeapStep::Send { heap, queue, block, .. } => {
                (self.blocks[block].holder, self.blocks[block].shared) = (Holder::Sent, false);
                self.post((heap, queue), block, VecDeque::push_back);
            }
            HeapStep::Receive { guest, heap, queue } => {
                let Some(block) = self.sent[heap][queue as usize].pop_front() else {
                    self.waiting[heap][queue as usize].push_back(self.waits.len());
                    self.waits.push(Wait { guest: Some(guest), queue: (heap, queue), got: None });
                    return HeapAnswer::Waits;
                };
                self.own(block, guest);
                return HeapAnswer::Block(block);
            }
            HeapStep::Collect { guest, wait } => {
                let Some(block) = self.waits[wait].got else { return HeapAnswer::Waits };
                self.waits[wait].guest = None;
                self.own(block, guest);
                return HeapAnswer::Block(block);
            }
            HeapStep::Stop { guest, wait } => {
                if self.waits[wait].guest == Some(guest) {
                    self.stop(wait);
                }
            }
            HeapStep::Inherit { guest, .. } => {
                let HeapAnswer::Block(block) = answered else { unreachable!("it was checked") };
                self.own(block, guest);
                return answered;
            }
            HeapStep::Fill { guest, part, value } => {
                let shown: Vec<_> = self.blocks.iter().map(|block| self.shown(guest, block)).collect();
                let filled = shown.iter().position(|shown| *shown == Some((part, Access::Write)));
                self.blocks[filled.expect("resolved")].bytes.fill(value);
            }
            HeapStep::Scribble { .. } => {}
            HeapStep::End(guest) => self.end(guest),
        }
        HeapAnswer::Done
    }

    fn do_to(&mut self, guest: usize, verb: Verb, number: usize) {
        let block = &mut self.blocks[number];
        match verb {
            Verb::Free => block.holder = Holder::Gone,
            Verb::Share => block.shared = true,
            Verb::Unshare => block.shared = false,
            Verb::Give => (block.holder, block.shared) = (Holder::Given, false),
            Verb::Take => self.own(number, guest),
            Verb::Resolve => _ = block.readers.insert(guest),
            Verb::Release => self.release(guest, number),
        }
    }

    fn own(&mut self, block: usize, guest: usize) {
        (self.blocks[block].holder, self.blocks[block].payer) = (Holder::Owner(guest), Some(guest));
    }

    fn release(&mut self, guest: usize, number: usize) {
        let block = &mut self.blocks[number];
        block.readers.remove(&guest);
        if block.holder == Holder::Abandoned && block.readers.is_empty() {
            block.holder = Holder::Gone;
        }
    }

    /// The backend failed a step: what it does all the same.
    pub(super) fn fail(&mut self, step: &HeapStep, is_attached: impl Fn(usize, usize) -> bool) {
        self.woken.clear();
        self.refuse(step);
        if let HeapStep::Detach { guest, heap } = *step {
            for &member in Self::members(heap) {
                if !is_attached(guest, member) {
                    self.attached[guest][member] = None;
                }
            }
        }
    }

    /// What a refused step does all the same.
    fn refuse(&mut self, step: &HeapStep) {
        if let HeapStep::Collect { guest, wait } = *step
            && self.waits[wait].guest == Some(guest)
        {
            self.stop(wait);
        }
    }

    pub(super) fn stop(&mut self, wait: usize) {
        let Wait { queue, got, .. } = self.waits[wait];
        self.waits[wait].guest = None;
        self.waiting[queue.0][queue.1 as usize].retain(|other| *other != wait);
        if let Some(block) = got {
            self.post(queue, block, VecDeque::push_front);
        }
    }

    /// Who waits first gets the block.
    fn post(&mut self, queue: (usize, u32), block: usize, or: impl FnOnce(&mut VecDeque<usize>, usize)) {
        match self.waiting[queue.0][queue.1 as usize].pop_front() {
            Some(wait) => {
                self.waits[wait].got = Some(block);
                self.woken.insert(wait);
            }
            None => or(&mut self.sent[queue.0][queue.1 as usize], block),
        }
    }

    fn end(&mut self, guest: usize) {
        for wait in 0..self.waits.len() {
            if self.waits[wait].guest == Some(guest) {
                self.stop(wait);
                self.woken.insert(wait);
            }
        }
        for block in 0..self.blocks.len() {
            self.release(guest, block);
        }
        for block in &mut self.blocks {
            if block.payer == Some(guest) {
                block.payer = None;
            }
            if ![Holder::Owner(guest), Holder::Heir(guest)].contains(&block.holder) {
                continue;
            }
            block.holder = match (block.heap, guest) {
                (1, 0 | 2) => Holder::Heir(1),
                _ if block.readers.is_empty() => Holder::Gone,
                _ => Holder::Abandoned,
            };
            if let Holder::Heir(heir) = block.holder {
                block.payer = Some(heir);
            }
        }
        self.attached[guest] = [None; 2];
    }
}
