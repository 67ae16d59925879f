//! A domain with heaps, on a backend of byte vectors.

use memctl_core::{
    Code, Domain, Error, Granule, HeapId, HeapOptions, HeapStatus, InstanceId, Medium, Memory, MemoryId, Orphans,
    Quotas, Received, ReceiverId, Threads, Token, Woken,
};
use memctl_model::{
    CHAIN, Field, HEAPS, HEIR, HeapAnswer, HeapSetting, HeapStep, HeapWorld, LENS, Meanwhile, QUEUES, Verb,
};

use crate::core_domain::ram::Ram;
use crate::core_domain::{GRANULE, MEMORY};

pub(super) fn setting(parallel: bool) -> HeapSetting {
    let guest = Quotas { blocks: 5, block_bytes: 5 * GRANULE, leases: 2, waiters: 1, ..Quotas::GUEST };
    let domain = Quotas { blocks: 9, block_bytes: 7 * GRANULE, leases: 4, waiters: 2, ..Quotas::DOMAIN };
    HeapSetting {
        granule: GRANULE,
        unit: if parallel { GRANULE } else { 16 },
        memory: MEMORY,
        guest,
        domain,
        scale: 1,
        meanwhile: Meanwhile::Acts,
    }
}

pub(super) struct World {
    domain: Domain,
    ram: Ram,
    guests: [InstanceId; 3],
    aliases: [bool; 3],
    limit: Quotas,
    heaps: [HeapId; 3],
    blocks: Vec<Token>,
    waits: Vec<ReceiverId>,
    /// How many blocks came to a guest that others had.
    pub(super) handed: usize,
    parallel: bool,
}

fn memory_of(instance: InstanceId) -> MemoryId {
    MemoryId(instance.to_bits() + 1)
}

impl World {
    pub(super) fn new(aliases: [bool; 3], parallel: bool) -> Self {
        let HeapSetting { guest: limit, domain, .. } = setting(parallel);
        let mut domain = Domain::new(Granule::new(GRANULE).expect("a power of two"), domain);
        if parallel {
            domain.set_threads(Threads::Many);
        }
        let mut ram = Ram::default();
        ram.protects = 8;
        let [first, second] = [0, 1].map(|number| {
            let (len, max_len) = LENS[number];
            let orphans = if number == 1 { Orphans::Heir(HEIR.into()) } else { Orphans::Free };
            let options = HeapOptions { max_len: max_len * GRANULE, orphans, queues: QUEUES, ..HeapOptions::default() };
            let medium = Medium::Anonymous { owner: None };
            let (heap, adopted) = domain.publish_heap(HEAPS[number], medium, len * GRANULE, options).expect("new");
            ram.add_object(adopted.object(), len * GRANULE);
            heap
        });
        let options = HeapOptions { queues: QUEUES, ..HeapOptions::default() };
        let chain = domain.publish_chain(HEAPS[CHAIN], &HEAPS[..CHAIN], options).expect("two heaps");
        let guests = [0, 1, 2].map(|_| domain.begin(limit));
        for (guest, aliases) in guests.into_iter().zip(aliases) {
            ram.add_memory(memory_of(guest), aliases);
        }
        domain.name_instance(guests[1], HEIR);
        let heaps = [first, second, chain];
        Self { domain, ram, guests, aliases, limit, heaps, blocks: Vec::new(), waits: Vec::new(), handed: 0, parallel }
    }

    #[cfg(test)]
    pub(super) fn allocated(&self) -> usize {
        self.blocks.len()
    }

    /// A guest calls the domain. What is refused changes nothing, but for what heaps may do to make room.
    fn call<T>(&mut self, ask: impl FnOnce(&mut Domain, &mut Ram) -> Result<T, Error>) -> Result<T, Error> {
        let before = (postcard::to_allocvec(&self.domain).expect("plain data"), self.ram.seen());
        let answer = ask(&mut self.domain, &mut self.ram);
        if let Err(error) = &answer
            && !matches!(error.code(), Code::OutOfMemory | Code::Quota)
        {
            let after = (postcard::to_allocvec(&self.domain).expect("plain data"), self.ram.seen());
            assert!(before == after, "a refused call changed something: {error}");
        }
        answer
    }

    fn number(&mut self, token: Token) -> HeapAnswer {
        self.handed += 1;
        HeapAnswer::Block(self.blocks.iter().position(|block| *block == token).expect("it was allocated"))
    }

    fn do_to(&mut self, me: InstanceId, verb: Verb, token: Token) -> Result<(), Error> {
        self.call(|domain, ram| match verb {
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
                let (me, heap) = (self.guests[guest], self.heaps[heap]);
                let memory = Memory { id: memory_of(me), size: Some(MEMORY) };
                // The part of a chain that was attached before the rest could not be leaves zeros.
                self.domain.attach_heap(&mut self.ram, me, heap, memory, start, protection).map(done)
            }
            HeapStep::Detach { guest, heap } => {
                let (me, heap) = (self.guests[guest], self.heaps[heap]);
                self.call(|domain, ram| domain.detach_heap(ram, me, heap)).map(done)
            }
            HeapStep::Alloc { guest, heap, len, align } => {
                let (me, heap) = (self.guests[guest], self.heaps[heap]);
                let token = self.call(|domain, ram| domain.alloc_block(ram, me, heap, (len, align)))?;
                assert_eq!(token.len, len);
                self.blocks.push(token);
                let heap = self.heaps.iter().position(|heap| heap.to_bits() == token.heap).expect("published");
                Ok(HeapAnswer::New { heap, offset: token.offset })
            }
            HeapStep::Do { guest, verb, block } => self.do_to(self.guests[guest], verb, self.blocks[block]).map(done),
            HeapStep::Forge { guest, verb, block, field, bit } => {
                let mut token = self.blocks[block];
                let number = match field {
                    Field::Heap => &mut token.heap,
                    Field::Offset => &mut token.offset,
                    Field::Len => &mut token.len,
                    Field::Generation => &mut token.generation,
                };
                *number ^= 1 << bit;
                self.do_to(self.guests[guest], verb, token).map(done)
            }
            HeapStep::Send { guest, heap, queue, block } => {
                let (me, heap, token) = (self.guests[guest], self.heaps[heap], self.blocks[block]);
                self.call(|domain, ram| domain.send_block(ram, me, heap, queue, token)).map(done)
            }
            HeapStep::Receive { guest, heap, queue } => {
                let (me, heap) = (self.guests[guest], self.heaps[heap]);
                match self.call(|domain, ram| domain.receive_or_wait(ram, me, heap, queue))? {
                    Received::Block(token) => Ok(self.number(token)),
                    Received::Waits(id) => {
                        self.waits.push(id);
                        Ok(HeapAnswer::Waits)
                    }
                }
            }
            HeapStep::Collect { guest, wait } => {
                let (me, id) = (self.guests[guest], self.waits[wait]);
                let token = self.call(|domain, ram| domain.collect_block(ram, me, id))?;
                Ok(token.map_or(HeapAnswer::Waits, |token| self.number(token)))
            }
            HeapStep::Stop { guest, wait } => {
                self.domain.stop_receiving(self.guests[guest], self.waits[wait]);
                Ok(HeapAnswer::Done)
            }
            HeapStep::Inherit { guest, heap } => {
                let (me, heap) = (self.guests[guest], self.heaps[heap]);
                let token = self.call(|domain, ram| domain.inherit_block(ram, me, heap))?;
                Ok(self.number(token))
            }
            HeapStep::Fill { guest, part, value } => {
                self.store(guest, part, value);
                Ok(HeapAnswer::Done)
            }
            HeapStep::Scribble { guest, ref parts, value } => {
                // Where guests run at the same time pages that alias keep it from that.
                if !(self.parallel && self.aliases[guest]) {
                    parts.iter().for_each(|part| self.store(guest, *part, value));
                }
                Ok(HeapAnswer::Done)
            }
            HeapStep::End(guest) => {
                self.domain.end(&mut self.ram, self.guests[guest]);
                self.ram.remove_memory(memory_of(self.guests[guest]));
                self.guests[guest] = self.domain.begin(self.limit);
                self.ram.add_memory(memory_of(self.guests[guest]), self.aliases[guest]);
                if guest == 1 {
                    self.domain.name_instance(self.guests[1], HEIR);
                }
                Ok(HeapAnswer::Done)
            }
        }
    }

    fn store(&mut self, guest: usize, (start, len): (u64, u64), value: u8) {
        (start..start + len).for_each(|address| self.ram.store(memory_of(self.guests[guest]), address, value));
    }
}

impl HeapWorld for World {
    fn perform(&mut self, step: &HeapStep) -> HeapAnswer {
        self.ask(step).unwrap_or_else(|error| HeapAnswer::Refused(error.code()))
    }

    fn woken(&mut self) -> Vec<usize> {
        let receiver = |woken| if let Woken::Receiver(id) = woken { Some(id) } else { None };
        let number = |id| self.waits.iter().position(|wait| *wait == id).expect("it was asked for");
        self.domain.take_woken().into_iter().filter_map(receiver).map(number).collect()
    }

    fn load(&mut self, guest: usize, (start, len): (u64, u64)) -> Vec<u8> {
        (start..start + len).map(|address| self.ram.load(memory_of(self.guests[guest]), address)).collect()
    }

    fn status(&mut self, heap: usize) -> HeapStatus {
        self.domain.heap_status_of(self.heaps[heap]).expect("published for good")
    }

    fn is_attached(&self, guest: usize, heap: usize) -> bool {
        self.domain.attached_at(self.guests[guest], self.heaps[heap]).is_ok()
    }

    fn usage(&self, guest: usize) -> Option<(Quotas, Quotas)> {
        Some((self.domain.usage(self.guests[guest]).ok()?, self.domain.total_usage()))
    }
}
