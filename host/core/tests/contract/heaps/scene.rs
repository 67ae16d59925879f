//! A world with a published heap, and guests' calls on it.

use memctl_core::{
    Access, Code, Error, HeapId, HeapOptions, HeapRights, HeapStatus, InstanceId, Medium, ObjectId, Orphans,
    Protection, Quotas, Received, ReceiverId, Threads, Token,
};

use crate::common::{GRANULE as G, MODES, Mode, World, at, memory, memory_of};

/// Bytes of the heap that scenes begin with.
pub(super) const HEAP: u64 = 4 * G;

/// How guests of a scene run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Run {
    OneAtATime,
    /// On several threads, so that pages keep them apart.
    AtTheSameTime,
}

pub(super) struct Scene {
    pub(super) world: World,
    pub(super) heap: HeapId,
    pub(super) object: ObjectId,
    pub(super) mode: Mode,
    pub(super) run: Run,
}

/// A heap of 4 granules in each mode, however guests run. Nobody has attached it.
pub(super) fn scenes() -> impl Iterator<Item = Scene> {
    scenes_with(HeapOptions::default())
}

pub(super) fn scenes_with(options: HeapOptions) -> impl Iterator<Item = Scene> {
    let runs = [Run::OneAtATime, Run::AtTheSameTime];
    let worlds = MODES.into_iter().flat_map(move |mode| runs.map(|run| (mode, run)));
    worlds.map(move |(mode, run)| Scene::new(World::new(mode), (mode, run), options.clone()))
}

/// The same, with every guest's window on it.
pub(super) fn attached() -> impl Iterator<Item = Scene> {
    attached_with(HeapOptions::default())
}

pub(super) fn attached_with(options: HeapOptions) -> impl Iterator<Item = Scene> {
    scenes_with(options).map(|mut scene| {
        (0..3).for_each(|guest| scene.attach(guest).expect("free"));
        scene
    })
}

pub(super) fn heir(name: &str) -> HeapOptions {
    HeapOptions { orphans: Orphans::Heir(name.into()), ..HeapOptions::default() }
}

impl Scene {
    pub(super) fn new(mut world: World, (mode, run): (Mode, Run), options: HeapOptions) -> Self {
        world.ram.protects = 8;
        if run == Run::AtTheSameTime {
            world.domain.set_threads(Threads::Many);
        }
        let (heap, object) = publish(&mut world, "heap", HEAP, options);
        Self { world, heap, object, mode, run }
    }

    pub(super) fn publish(&mut self, name: &str, size: u64, options: HeapOptions) -> (HeapId, ObjectId) {
        publish(&mut self.world, name, size, options)
    }

    /// The bytes that a block of one byte takes.
    pub(super) fn unit(&self) -> u64 {
        if self.run == Run::OneAtATime { 16 } else { G }
    }

    /// Whether pages keep this guest from bytes that aren't its own.
    pub(super) fn has_pages(&self, guest: usize) -> bool {
        self.run == Run::AtTheSameTime && self.world.ram.aliases(memory_of(self.world.guests[guest]))
    }

    pub(super) fn me(&self, guest: usize) -> InstanceId {
        self.world.guests[guest]
    }

    pub(super) fn attach(&mut self, guest: usize) -> Result<(), Error> {
        self.attach_at(guest, self.heap, 0, Protection::ReadWrite)
    }

    pub(super) fn attach_at(
        &mut self,
        guest: usize,
        heap: HeapId,
        start: u64,
        protection: Protection,
    ) -> Result<(), Error> {
        self.world.call(guest, |domain, ram, me| domain.attach_heap(ram, me, heap, memory(me), start, protection))
    }

    pub(super) fn detach(&mut self, guest: usize) -> Result<(), Error> {
        let heap = self.heap;
        self.world.call(guest, |domain, ram, me| domain.detach_heap(ram, me, heap))
    }

    pub(super) fn alloc(&mut self, guest: usize, len: u64) -> Token {
        self.try_alloc(guest, self.heap, len, 1).expect("room")
    }

    pub(super) fn try_alloc(&mut self, guest: usize, heap: HeapId, len: u64, align: u64) -> Result<Token, Error> {
        self.world.call(guest, |domain, ram, me| domain.alloc_block(ram, me, heap, (len, align)))
    }

    pub(super) fn do_to(&mut self, guest: usize, verb: Verb, token: Token) -> Result<(), Error> {
        self.world.call(guest, |domain, ram, me| verb.call(domain, ram, me, token))
    }

    /// The code with which that is refused, after checking that it changed nothing.
    pub(super) fn refused(&mut self, guest: usize, verb: Verb, token: Token) -> Code {
        self.world.refused(guest, |domain, ram, me| verb.call(domain, ram, me, token))
    }

    pub(super) fn hand(&mut self, from: usize, to: usize, token: Token) {
        self.do_to(from, Verb::Give, token).expect("its owner's");
        self.do_to(to, Verb::Take, token).expect("given");
    }

    pub(super) fn send(&mut self, guest: usize, queue: u32, token: Token) -> Result<(), Error> {
        let heap = self.heap;
        self.world.call(guest, |domain, ram, me| domain.send_block(ram, me, heap, queue, token))
    }

    pub(super) fn receive(&mut self, guest: usize, queue: u32) -> Result<Received, Error> {
        let heap = self.heap;
        self.world.call(guest, |domain, ram, me| domain.receive_or_wait(ram, me, heap, queue))
    }

    pub(super) fn wait(&mut self, guest: usize, queue: u32) -> ReceiverId {
        match self.receive(guest, queue) {
            Ok(Received::Waits(id)) => id,
            other => panic!("expected to wait, not {other:?}"),
        }
    }

    pub(super) fn collect(&mut self, guest: usize, id: ReceiverId) -> Result<Option<Token>, Error> {
        self.world.call(guest, |domain, ram, me| domain.collect_block(ram, me, id))
    }

    pub(super) fn inherit(&mut self, guest: usize) -> Result<Token, Error> {
        let heap = self.heap;
        self.world.call(guest, |domain, ram, me| domain.inherit_block(ram, me, heap))
    }

    pub(super) fn set_rights(&mut self, guest: usize, rights: HeapRights) {
        let me = self.me(guest);
        self.world.domain.set_heap_rights(me, "heap", rights);
    }

    pub(super) fn status(&self) -> HeapStatus {
        self.world.domain.heap_status_of(self.heap).expect("published for good")
    }

    /// Where a guest sees a block.
    fn place(&self, guest: usize, token: Token) -> u64 {
        let heap = HeapId::from_bits(token.heap);
        self.world.domain.attached_at(self.me(guest), heap).expect("attached").start() + token.offset
    }

    pub(super) fn bytes(&mut self, guest: usize, token: Token) -> Vec<u8> {
        let start = self.place(guest, token);
        (start..start + token.len).map(|address| self.world.load(guest, address)).collect()
    }

    pub(super) fn fill(&mut self, guest: usize, token: Token, byte: u8) {
        let start = self.place(guest, token);
        (start..start + token.len).for_each(|address| self.world.store(guest, address, byte));
    }

    pub(super) fn is_filled(&mut self, guest: usize, token: Token, byte: u8) -> bool {
        self.bytes(guest, token) == vec![byte; at(token.len)]
    }

    /// What pages let a guest do in a block; the least of it.
    pub(super) fn access(&self, guest: usize, token: Token) -> Option<Access> {
        let (start, memory) = (self.place(guest, token), memory_of(self.me(guest)));
        (start..start + token.len).map(|address| self.world.ram.access(memory, address)).min().expect("not empty")
    }

    /// Everything that a guest's window at 0 shows.
    pub(super) fn window(&mut self, guest: usize) -> Vec<u8> {
        (0..HEAP).map(|address| self.world.load(guest, address)).collect()
    }

    /// All guests end, and nothing is left but what is nobody's.
    pub(super) fn finish(mut self) {
        self.world.check_books();
        (0..3)
            .filter(|guest| self.world.domain.usage(self.world.guests[*guest]).is_ok())
            .collect::<Vec<_>>()
            .into_iter()
            .for_each(|guest| self.world.end(guest));
        let left = self.world.domain.total_usage();
        let status = self.status();
        assert_eq!((left.blocks, left.block_bytes), (status.blocks, status.len - status.free));
        assert_eq!(Quotas { object_bytes: 0, blocks: 0, block_bytes: 0, ..left }, Quotas::NONE);
    }

    /// [`Scene::finish`], with no block left.
    pub(super) fn finish_empty(self) {
        let before = self.status();
        assert_eq!(before.len, HEAP);
        let mut world = self.world;
        world.check_books();
        for guest in 0..3 {
            if world.domain.usage(world.guests[guest]).is_ok() {
                world.end(guest);
            }
        }
        assert_eq!(world.domain.total_usage(), Quotas::NONE, "{:?} {:?}", self.mode, self.run);
        let status = world.domain.heap_status_of(self.heap).expect("published for good");
        assert_eq!((status.blocks, status.free, status.largest_free), (0, HEAP, HEAP));
    }
}

fn publish(world: &mut World, name: &str, size: u64, options: HeapOptions) -> (HeapId, ObjectId) {
    world.host(|domain, ram, _| {
        let medium = Medium::Anonymous { owner: None };
        let (heap, adopted) = domain.publish_heap(name, medium, size, options).expect("the name is new");
        ram.add_object(adopted.object(), size);
        (heap, adopted.object())
    })
}

/// What can be done to a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Free,
    Share,
    Unshare,
    Give,
    Take,
    Resolve,
    Release,
    /// To queue 0 of its heap.
    Send,
}

impl Verb {
    pub(super) const ALL: [Self; 8] =
        [Self::Free, Self::Share, Self::Unshare, Self::Give, Self::Take, Self::Resolve, Self::Release, Self::Send];
    /// What only the owner may do.
    pub(super) const OWNERS: [Self; 5] = [Self::Free, Self::Share, Self::Unshare, Self::Give, Self::Send];

    pub(super) fn call(
        self,
        domain: &mut memctl_core::Domain,
        ram: &mut crate::common::Ram,
        me: InstanceId,
        token: Token,
    ) -> Result<(), Error> {
        match self {
            Self::Free => domain.free_block(ram, me, token),
            Self::Share => domain.share_block(ram, me, token),
            Self::Unshare => domain.unshare_block(ram, me, token),
            Self::Give => domain.give_block(ram, me, token),
            Self::Take => domain.take_block(ram, me, token),
            Self::Resolve => domain.resolve_block(ram, me, token),
            Self::Release => domain.release_block(ram, me, token),
            Self::Send => domain.send_block(ram, me, HeapId::from_bits(token.heap), 0, token),
        }
    }
}
