//! Steps of programs over heaps, done by an embedding of vectors.

use memctl_core::{
    Access, Error, HeapId, HeapOptions, HeapStatus, Medium, Orphans, Quotas, Received, ReceiverId, Threads, Token,
};
use memctl_model::{
    CHAIN, Field, HEAPS, HEIR, HeapAnswer, HeapSetting, HeapStep, HeapWorld, LENS, Meanwhile, QUEUES, Verb,
};

use super::scene::Run;
use crate::common::{GRANULE as G, MEMORY, Mode, World, memory, memory_of};

/// What programs run in, however guests do.
pub(super) fn setting(run: Run) -> HeapSetting {
    let unit = if run == Run::OneAtATime { 16 } else { G };
    let guest = Quotas { blocks: 5, block_bytes: 5 * G, leases: 2, waiters: 1, ..Quotas::GUEST };
    let domain = Quotas { blocks: 9, block_bytes: 7 * G, leases: 4, waiters: 2, ..Quotas::DOMAIN };
    HeapSetting { granule: G, unit, memory: MEMORY, guest, domain, scale: 1, meanwhile: Meanwhile::Acts }
}

/// A world, and what programs' numbers stand for in it.
pub(super) struct Named {
    pub(super) world: World,
    heaps: [HeapId; 3],
    blocks: Vec<Token>,
    waits: Vec<ReceiverId>,
    run: Run,
}

impl Named {
    pub(super) fn new(mode: Mode, run: Run) -> Self {
        let HeapSetting { guest, domain, .. } = setting(run);
        let mut world = World::with_quotas(mode, guest, domain);
        world.ram.protects = 8;
        if run == Run::AtTheSameTime {
            world.domain.set_threads(Threads::Many);
        }
        let heaps = [0, 1].map(|number| {
            let (size, max_len) = LENS[number];
            let orphans = if number == 1 { Orphans::Heir(HEIR.into()) } else { Orphans::Free };
            let options = HeapOptions { max_len: max_len * G, orphans, queues: QUEUES, ..HeapOptions::default() };
            let medium = Medium::Anonymous { owner: None };
            world.host(|domain, ram, _| {
                let (heap, adopted) = domain.publish_heap(HEAPS[number], medium, size * G, options).expect("new");
                ram.add_object(adopted.object(), size * G);
                heap
            })
        });
        let options = HeapOptions { queues: QUEUES, ..HeapOptions::default() };
        let chain = world.domain.publish_chain(HEAPS[CHAIN], &HEAPS[..CHAIN], options).expect("two heaps");
        let heaps = [heaps[0], heaps[1], chain];
        let mut named = Self { world, heaps, blocks: Vec::new(), waits: Vec::new(), run };
        named.name(1);
        named
    }

    fn name(&mut self, guest: usize) {
        if guest == 1 {
            let me = self.world.guests[1];
            self.world.domain.name_instance(me, HEIR);
        }
    }

    fn number(&self, token: Token) -> HeapAnswer {
        HeapAnswer::Block(self.blocks.iter().position(|block| *block == token).expect("it was allocated"))
    }

    fn do_to(&mut self, guest: usize, verb: Verb, token: Token) -> Result<(), Error> {
        self.world.call(guest, |domain, ram, me| match verb {
            Verb::Free => domain.free_block(ram, me, token),
            Verb::Share => domain.share_block(ram, me, token),
            Verb::Unshare => domain.unshare_block(ram, me, token),
            Verb::Give => domain.give_block(ram, me, token),
            Verb::Take => domain.take_block(ram, me, token),
            Verb::Resolve => domain.resolve_block(ram, me, token),
            Verb::Release => domain.release_block(ram, me, token),
        })
    }

    fn ask(&mut self, step: &HeapStep) -> Result<HeapAnswer, Error> {
        let done = |()| HeapAnswer::Done;
        match *step {
            HeapStep::Attach { guest, heap, start, protection } => {
                let heap = self.heaps[heap];
                let attach = |domain: &mut memctl_core::Domain, ram: &mut crate::common::Ram, me| {
                    domain.attach_heap(ram, me, heap, memory(me), start, protection)
                };
                self.world.call(guest, attach).map(done)
            }
            HeapStep::Detach { guest, heap } => {
                let heap = self.heaps[heap];
                self.world.call(guest, |domain, ram, me| domain.detach_heap(ram, me, heap)).map(done)
            }
            HeapStep::Alloc { guest, heap, len, align } => {
                let heap = self.heaps[heap];
                let token =
                    self.world.call(guest, |domain, ram, me| domain.alloc_block(ram, me, heap, (len, align)))?;
                self.blocks.push(token);
                let heap = self.heaps.iter().position(|heap| heap.to_bits() == token.heap).expect("published");
                assert_eq!(token.len, len);
                Ok(HeapAnswer::New { heap, offset: token.offset })
            }
            HeapStep::Do { guest, verb, block } => self.do_to(guest, verb, self.blocks[block]).map(done),
            HeapStep::Forge { guest, verb, block, field, bit } => {
                let mut token = self.blocks[block];
                let number = match field {
                    Field::Heap => &mut token.heap,
                    Field::Offset => &mut token.offset,
                    Field::Len => &mut token.len,
                    Field::Generation => &mut token.generation,
                };
                *number ^= 1 << bit;
                self.do_to(guest, verb, token).map(done)
            }
            HeapStep::Send { guest, heap, queue, block } => {
                let (heap, token) = (self.heaps[heap], self.blocks[block]);
                self.world.call(guest, |domain, ram, me| domain.send_block(ram, me, heap, queue, token)).map(done)
            }
            HeapStep::Receive { guest, heap, queue } => {
                let heap = self.heaps[heap];
                match self.world.call(guest, |domain, ram, me| domain.receive_or_wait(ram, me, heap, queue))? {
                    Received::Block(token) => Ok(self.number(token)),
                    Received::Waits(id) => {
                        self.waits.push(id);
                        Ok(HeapAnswer::Waits)
                    }
                }
            }
            HeapStep::Collect { guest, wait } => {
                let id = self.waits[wait];
                let token = self.world.call(guest, |domain, ram, me| domain.collect_block(ram, me, id))?;
                Ok(token.map_or(HeapAnswer::Waits, |token| self.number(token)))
            }
            HeapStep::Stop { guest, wait } => {
                let id = self.waits[wait];
                self.world.host(|domain, _, guests| domain.stop_receiving(guests[guest], id));
                Ok(HeapAnswer::Done)
            }
            HeapStep::Inherit { guest, heap } => {
                let heap = self.heaps[heap];
                let token = self.world.call(guest, |domain, ram, me| domain.inherit_block(ram, me, heap))?;
                Ok(self.number(token))
            }
            HeapStep::Fill { guest, part: (start, len), value } => {
                (start..start + len).for_each(|address| self.world.store(guest, address, value));
                Ok(HeapAnswer::Done)
            }
            HeapStep::Scribble { guest, ref parts, value } => {
                for address in parts.iter().flat_map(|(start, len)| *start..start + len) {
                    if self.access(guest, address).is_none_or(|access| access == Some(Access::Write)) {
                        self.world.store(guest, address, value);
                    }
                }
                Ok(HeapAnswer::Done)
            }
            HeapStep::End(guest) => {
                self.world.end(guest);
                self.world.begin(guest);
                self.name(guest);
                Ok(HeapAnswer::Done)
            }
        }
    }
}

impl HeapWorld for Named {
    fn perform(&mut self, step: &HeapStep) -> HeapAnswer {
        self.ask(step).unwrap_or_else(|error: Error| HeapAnswer::Refused(error.code()))
    }

    fn woken(&mut self) -> Vec<usize> {
        let woken = self.world.woken_receivers();
        let number = |id| self.waits.iter().position(|wait| *wait == id).expect("it was asked for");
        woken.into_iter().map(number).collect()
    }

    fn load(&mut self, guest: usize, (start, len): (u64, u64)) -> Vec<u8> {
        (start..start + len).map(|address| self.world.load(guest, address)).collect()
    }

    fn status(&mut self, heap: usize) -> HeapStatus {
        self.world.domain.heap_status_of(self.heaps[heap]).expect("published for good")
    }

    fn access(&self, guest: usize, address: u64) -> Option<Option<Access>> {
        let memory = memory_of(self.world.guests[guest]);
        let pages = self.run == Run::AtTheSameTime && self.world.ram.aliases(memory);
        pages.then(|| self.world.ram.access(memory, address))
    }

    fn is_attached(&self, guest: usize, heap: usize) -> bool {
        self.world.domain.attached_at(self.world.guests[guest], self.heaps[heap]).is_ok()
    }

    fn usage(&self, guest: usize) -> Option<(Quotas, Quotas)> {
        let used = self.world.domain.usage(self.world.guests[guest]).expect("each seat is taken");
        Some((used, self.world.domain.total_usage()))
    }
}
