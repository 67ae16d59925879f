//! What is in heaps, as lists.

use std::collections::{BTreeSet, VecDeque};

use memctl_core::{Access, Quotas};

use super::{CHAIN, HeapOp, HeapStep, QUEUES, Verb};
use crate::{GUESTS, Range};

/// What programs over heaps are run in.
#[derive(Clone, Copy, Debug)]
pub struct HeapSetting {
    /// In bytes.
    pub granule: u64,
    /// The bytes that a block of one byte takes.
    pub unit: u64,
    /// Length in bytes of each guest's memory.
    pub memory: u64,
    /// Each guest's.
    pub guest: Quotas,
    /// All of them together.
    pub domain: Quotas,
    /// Even lengths of blocks are so many times what the program says, so that some of them have several granules.
    pub scale: u64,
    /// While it waits for a block.
    pub meanwhile: Meanwhile,
}

/// What a guest does while it waits for a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meanwhile {
    /// What it likes.
    Acts,
    /// Nothing, since its call has not returned. It can only end, or be given the block.
    Stays,
}

/// Length in granules of each heap, at first and at most.
pub const LENS: [(u64, u64); 2] = [(3, 3), (2, 5)];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    Owner(usize),
    /// It was handed to the heir, who was not told yet.
    Heir(usize),
    Given,
    Sent,
    /// Its owner ended while it was read.
    Abandoned,
    Gone,
}

#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) heap: usize,
    pub(super) offset: u64,
    pub(super) room: u64,
    pub(super) bytes: Vec<u8>,
    pub(super) holder: Holder,
    /// Whose quota it counts against: its owner's, or that of who gave it away.
    pub(super) payer: Option<usize>,
    pub(super) shared: bool,
    pub(super) readers: BTreeSet<usize>,
}

impl Block {
    pub(super) fn is_taken(&self) -> bool {
        self.holder != Holder::Gone
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wait {
    /// Nobody, once it is over.
    pub(super) guest: Option<usize>,
    pub(super) queue: (usize, u32),
    pub(super) got: Option<usize>,
}

/// What programs over heaps should find.
#[derive(Debug)]
pub struct HeapModel {
    pub(super) setting: HeapSetting,
    /// Length in bytes of each heap.
    pub(super) lens: [u64; 2],
    pub(super) blocks: Vec<Block>,
    pub(super) waits: Vec<Wait>,
    /// Where each guest has attached each heap, and whether it can write there.
    pub(super) attached: [[Option<(u64, Access)>; 2]; GUESTS],
    pub(super) sent: [[VecDeque<usize>; QUEUES as usize]; 3],
    /// Who waits, first come first.
    pub(super) waiting: [[VecDeque<usize>; QUEUES as usize]; 3],
    /// Whose wait is over since the last step.
    pub(super) woken: BTreeSet<usize>,
}

impl HeapModel {
    /// Nothing was done yet.
    #[must_use]
    pub fn new(setting: HeapSetting) -> Self {
        Self {
            setting,
            lens: LENS.map(|(len, _)| len * setting.granule),
            blocks: Vec::new(),
            waits: Vec::new(),
            attached: [[None; 2]; GUESTS],
            sent: Default::default(),
            waiting: Default::default(),
            woken: BTreeSet::new(),
        }
    }

    /// What an op asks for, if that can be done.
    #[must_use]
    pub fn resolve(&self, op: &HeapOp) -> Option<HeapStep> {
        self.name(op).filter(|step| self.setting.meanwhile == Meanwhile::Acts || self.is_free_to(step))
    }

    /// Whether that can be done by a guest whose calls return before it does something else.
    fn is_free_to(&self, step: &HeapStep) -> bool {
        match *step {
            HeapStep::End(_) => true,
            HeapStep::Stop { .. } => false,
            HeapStep::Collect { guest, wait } => self.waits[wait].guest == Some(guest),
            _ => self.waits.iter().all(|wait| wait.guest != Some(step.guest())),
        }
    }

    fn name(&self, op: &HeapOp) -> Option<HeapStep> {
        // The last few: most of the others are gone.
        let few = |count: usize, pick: usize| count.checked_sub(1 + pick % count.clamp(1, 7));
        let block = |pick| few(self.blocks.len(), pick);
        let wait = |pick| few(self.waits.len(), pick);
        Some(match *op {
            HeapOp::Attach { guest, heap, granule, protection } => {
                HeapStep::Attach { guest, heap, start: granule * self.setting.granule, protection }
            }
            HeapOp::Detach { guest, heap } => HeapStep::Detach { guest, heap },
            HeapOp::Alloc { guest, heap, len, align } => {
                let scale = if len % 2 == 0 { self.setting.scale } else { 1 };
                HeapStep::Alloc { guest, heap, len: len.saturating_mul(scale), align }
            }
            HeapOp::Do { guest, verb, block: pick } => HeapStep::Do { guest, verb, block: block(pick)? },
            HeapOp::Owner { verb, block: pick } => {
                let block = block(pick)?;
                HeapStep::Do { guest: self.doer(verb, block, pick), verb, block }
            }
            HeapOp::Forge { guest, verb, block: pick, field, bit } => {
                HeapStep::Forge { guest, verb, block: block(pick)?, field, bit }
            }
            HeapOp::Send { heap, queue, block: pick } => {
                let block = block(pick)?;
                HeapStep::Send { guest: self.doer(Verb::Give, block, pick), heap, queue, block }
            }
            HeapOp::Receive { guest, heap, queue } => HeapStep::Receive { guest, heap, queue },
            HeapOp::Collect { guest, wait: pick } => {
                let wait = wait(pick)?;
                let guest = match self.setting.meanwhile {
                    Meanwhile::Acts => guest,
                    Meanwhile::Stays => self.waits[wait].guest?,
                };
                HeapStep::Collect { guest, wait }
            }
            HeapOp::Stop { guest, wait: pick } => HeapStep::Stop { guest, wait: wait(pick)? },
            HeapOp::Inherit { guest, heap } => HeapStep::Inherit { guest, heap },
            HeapOp::Fill { block: pick, value } => {
                let Block { holder: Holder::Owner(guest), .. } = self.blocks[block(pick)?] else { return None };
                let (part, access) = self.shown(guest, &self.blocks[block(pick)?])?;
                if access != Access::Write {
                    return None;
                }
                HeapStep::Fill { guest, part, value }
            }
            HeapOp::Scribble { guest, value } => HeapStep::Scribble { guest, parts: self.empty_parts(guest), value },
            HeapOp::End(guest) => HeapStep::End(guest),
        })
    }

    /// Who can do that, most likely.
    fn doer(&self, verb: Verb, block: usize, pick: usize) -> usize {
        let block = &self.blocks[block];
        match (verb, block.holder) {
            (Verb::Release, _) => block.readers.first().copied().unwrap_or(0),
            (Verb::Take | Verb::Resolve, _) => pick / 7 % GUESTS,
            (_, Holder::Owner(guest)) => guest,
            _ => pick / 7 % GUESTS,
        }
    }

    /// Where a guest sees a block that it has, and what it may do there.
    #[must_use]
    pub(super) fn shown(&self, guest: usize, block: &Block) -> Option<(Range, Access)> {
        let (start, most) = self.attached[guest][block.heap]?;
        let access = match block.holder {
            Holder::Owner(owner) if owner == guest => {
                if block.shared {
                    Access::Read
                } else {
                    Access::Write
                }
            }
            _ if block.readers.contains(&guest) => Access::Read,
            _ => return None,
        };
        Some(((start + block.offset, block.bytes.len() as u64), access.min(most)))
    }

    /// The parts of a guest's windows on heaps that no block is in, if it may write there.
    fn empty_parts(&self, guest: usize) -> Vec<Range> {
        let mut parts = Vec::new();
        for (heap, attached) in self.attached[guest].iter().enumerate() {
            let &Some((start, Access::Write)) = attached else { continue };
            let mut from = 0;
            for (offset, end) in self.taken(heap) {
                parts.push((start + from, offset - from));
                from = end;
            }
            parts.push((start + from, LENS[heap].1 * self.setting.granule - from));
        }
        parts.retain(|(_, len)| *len > 0);
        parts
    }

    /// What is taken of a heap, in order: starts and ends.
    pub(super) fn taken(&self, heap: usize) -> Vec<Range> {
        let blocks = self.blocks.iter().filter(|block| block.heap == heap && block.is_taken());
        let mut taken: Vec<_> = blocks.map(|block| (block.offset, block.offset + block.room)).collect();
        taken.sort_unstable();
        taken
    }

    /// The heaps of a heap or chain.
    pub(super) fn members(heap: usize) -> &'static [usize] {
        match heap {
            0 => &[0],
            1 => &[1],
            CHAIN => &[0, 1],
            _ => unreachable!("there are three"),
        }
    }
}
