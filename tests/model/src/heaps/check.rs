//! What is refused, and why; what is used.

use memctl_core::{Access, Code, Quotas};

use super::model::{Block, Holder, LENS};
use super::{HeapAnswer, HeapModel, HeapStep, QUEUES, Verb};
use crate::{GUESTS, Range};

impl HeapModel {
    pub(super) fn check(&self, step: &HeapStep, answered: HeapAnswer) -> Result<(), Code> {
        match *step {
            HeapStep::Attach { guest, heap, start, .. } => self.check_attach(guest, heap, start),
            HeapStep::Detach { guest, heap } => {
                let attached = Self::members(heap).iter().any(|member| self.attached[guest][*member].is_some());
                attached.then_some(()).ok_or(Code::Stale)
            }
            HeapStep::Alloc { guest, heap, len, align } => self.check_alloc(guest, heap, (len, align), answered),
            HeapStep::Do { guest, verb, block } => self.check_do(guest, verb, &self.blocks[block]),
            HeapStep::Forge { .. } => Err(Code::Stale),
            HeapStep::Send { guest, heap, queue, block } => {
                let block = &self.blocks[block];
                if queue >= QUEUES {
                    return Err(Code::NotFound);
                }
                if !is_live(block) {
                    return Err(Code::Stale);
                }
                if !Self::members(heap).contains(&block.heap) {
                    return Err(Code::NotFound);
                }
                self.check_do(guest, Verb::Give, block)
            }
            HeapStep::Receive { queue, .. } if queue >= QUEUES => Err(Code::NotFound),
            HeapStep::Receive { guest, heap, queue } => match self.sent[heap][queue as usize].front() {
                Some(block) => self.check_own(guest, &self.blocks[*block]),
                None => self.check_quota(guest, Quotas { waiters: 1, ..Quotas::NONE }),
            },
            HeapStep::Collect { guest, wait } => {
                let wait = self.waits[wait];
                if wait.guest != Some(guest) {
                    return Err(Code::Stale);
                }
                wait.got.map_or(Ok(()), |block| self.check_own(guest, &self.blocks[block]))
            }
            HeapStep::Inherit { guest, heap } => {
                let untold = |number: &usize| {
                    let block = &self.blocks[*number];
                    block.holder == Holder::Heir(guest) && Self::members(heap).contains(&block.heap)
                };
                match answered {
                    HeapAnswer::Block(block) if untold(&block) => Ok(()),
                    _ if (0..self.blocks.len()).any(|block| untold(&block)) => panic!("{answered:?}: there is a block"),
                    _ => Err(Code::NotFound),
                }
            }
            HeapStep::Stop { .. } | HeapStep::Fill { .. } | HeapStep::Scribble { .. } | HeapStep::End(_) => Ok(()),
        }
    }

    fn check_attach(&self, guest: usize, heap: usize, start: u64) -> Result<(), Code> {
        let members = Self::members(heap);
        let attached = |member: usize| self.attached[guest][member];
        if members.iter().any(|member| attached(*member).is_some()) {
            return Err(Code::Overlap);
        }
        let mut at = start;
        for &member in members {
            let end = at + LENS[member].1 * self.setting.granule;
            if end > self.setting.memory {
                return Err(Code::Bounds);
            }
            for (other, (_, max)) in LENS.iter().enumerate() {
                if let Some((start, _)) = attached(other)
                    && at < start + max * self.setting.granule
                    && start < end
                {
                    return Err(Code::Overlap);
                }
            }
            at = end;
        }
        Ok(())
    }

    fn check_do(&self, guest: usize, verb: Verb, block: &Block) -> Result<(), Code> {
        if verb == Verb::Release {
            return block.readers.contains(&guest).then_some(()).ok_or(Code::Stale);
        }
        if !is_live(block) {
            return Err(Code::Stale);
        }
        let owner = block.holder == Holder::Owner(guest);
        match verb {
            Verb::Take if block.holder != Holder::Given => Err(Code::Busy),
            Verb::Take => self.check_own(guest, block),
            Verb::Resolve if owner || !block.shared || block.readers.contains(&guest) => Err(Code::Busy),
            Verb::Resolve => self.check_quota(guest, Quotas { leases: 1, ..Quotas::NONE }),
            _ if !owner => Err(Code::Access),
            Verb::Share => Ok(()),
            _ if !block.readers.is_empty() => Err(Code::Busy),
            _ => Ok(()),
        }
    }

    /// Where the new block was put, or that it was not, is right.
    fn check_alloc(
        &self,
        guest: usize,
        heap: usize,
        (len, align): (u64, u64),
        answered: HeapAnswer,
    ) -> Result<(), Code> {
        if len == 0 {
            return Err(Code::Bounds);
        }
        if !align.is_power_of_two() {
            return Err(Code::Alignment);
        }
        self.check_quota(guest, Quotas { blocks: 1, block_bytes: len, ..Quotas::NONE })?;
        let room = len.next_multiple_of(self.setting.unit);
        let quota = self.check_quota(guest, Quotas { blocks: 1, block_bytes: room, ..Quotas::NONE });
        let members = Self::members(heap);
        let first_may_be_full = self.may_be_full(members[0], room, align);
        match answered {
            HeapAnswer::New { heap: member, offset } => {
                let place = members.iter().position(|other| *other == member).expect("a heap of the chain");
                let before = &members[..place];
                assert!(before.iter().all(|heap| self.may_be_full(*heap, room, align)), "an earlier heap has room");
                assert!(offset.is_multiple_of(align), "{offset} is no multiple of {align}");
                let end = offset + room;
                assert!(end <= LENS[member].1 * self.setting.granule, "{end} is outside");
                let taken = self.taken(member);
                assert!(taken.iter().all(|(from, to)| end <= *from || *to <= offset), "{offset} to {end} in {taken:?}");
                quota
            }
            HeapAnswer::Refused(Code::OutOfMemory) if first_may_be_full => {
                let full = members.iter().all(|heap| self.may_be_full(*heap, room, align));
                assert!(full || quota.is_err(), "a heap has room for {room} bytes");
                Err(Code::OutOfMemory)
            }
            _ if quota.is_err() => quota,
            other => panic!("{other:?}, with room"),
        }
    }

    /// Whether the allocator may say so: no gap is a good deal longer than needed.
    fn may_be_full(&self, heap: usize, room: u64, align: u64) -> bool {
        let need = room.saturating_add(align.saturating_sub(self.setting.unit.min(align)));
        let max = LENS[heap].1 * self.setting.granule;
        let mut from = 0;
        let ends: Vec<Range> = self.taken(heap).into_iter().chain([(max, max)]).collect();
        ends.into_iter().all(|(start, end)| {
            let gap = start - from;
            from = end;
            u128::from(gap) * 32 < u128::from(need) * 33
        })
    }

    /// A guest may have one more block that counts for the domain already.
    fn check_own(&self, guest: usize, block: &Block) -> Result<(), Code> {
        if block.payer == Some(guest) {
            return Ok(());
        }
        let ask = Quotas { blocks: 1, block_bytes: block.room, ..Quotas::NONE };
        fits(self.usage(guest), self.setting.guest, ask)
    }

    fn check_quota(&self, guest: usize, ask: Quotas) -> Result<(), Code> {
        fits(self.usage(guest), self.setting.guest, ask)?;
        fits(self.total_usage(), self.setting.domain, ask)
    }

    /// What a guest uses.
    #[must_use]
    pub fn usage(&self, guest: usize) -> Quotas {
        let mut used = Quotas::NONE;
        for block in &self.blocks {
            if block.is_taken() && block.payer == Some(guest) {
                used.blocks += 1;
                used.block_bytes += block.room;
            }
            used.leases += u32::from(block.readers.contains(&guest));
        }
        for (attached, (_, len)) in self.attached[guest].iter().zip(LENS) {
            if let Some((_, access)) = attached {
                used.mappings += 1;
                used.mapped_bytes += len * self.setting.granule;
                used.protected_ranges += u32::from(*access == Access::Read);
            }
        }
        used.waiters += u32::try_from(self.waits.iter().filter(|wait| wait.guest == Some(guest)).count()).expect("few");
        used
    }

    /// What all use together.
    #[must_use]
    pub fn total_usage(&self) -> Quotas {
        let mut sum = Quotas::NONE;
        for used in (0..GUESTS).map(|guest| self.usage(guest)) {
            sum.leases += used.leases;
            sum.waiters += used.waiters;
            sum.mappings += used.mappings;
            sum.mapped_bytes += used.mapped_bytes;
            sum.protected_ranges += used.protected_ranges;
        }
        for block in self.blocks.iter().filter(|block| block.is_taken()) {
            sum.blocks += 1;
            sum.block_bytes += block.room;
        }
        sum.object_bytes = self.lens[1] - LENS[1].0 * self.setting.granule;
        sum
    }
}

fn is_live(block: &Block) -> bool {
    !matches!(block.holder, Holder::Gone | Holder::Abandoned)
}

fn fits(used: Quotas, limit: Quotas, ask: Quotas) -> Result<(), Code> {
    let fits = |used: u64, limit: u64, ask: u64| ask == 0 || ask <= limit.saturating_sub(used);
    let all = fits(used.blocks.into(), limit.blocks.into(), ask.blocks.into())
        && fits(used.block_bytes, limit.block_bytes, ask.block_bytes)
        && fits(used.leases.into(), limit.leases.into(), ask.leases.into())
        && fits(used.waiters.into(), limit.waiters.into(), ask.waiters.into());
    all.then_some(()).ok_or(Code::Quota)
}
