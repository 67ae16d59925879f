//! An embedding: three guests that run one at a time, and the domain told of every crossing.

use memctl_core::{
    Access, Code, Domain, Error, Granule, HandleId, InstanceId, LeaseId, MappingId, Medium, Memory, ObjectId, Quotas,
    ReceiverId, Rights, WaiterId, Woken,
};
use memctl_model::MapAt;

use super::ram::{Ram, memory_of};
use super::{GRANULE, MEMORY, Mode};

pub(crate) struct World {
    pub(crate) domain: Domain,
    pub(crate) ram: Ram,
    pub(crate) guests: [InstanceId; 3],
    mode: Mode,
    quotas: Quotas,
    /// Who has control; nobody if the host has.
    inside: Option<usize>,
    /// Who ran last, unless the domain was called since.
    last: Option<usize>,
    /// The domain is told of calls on files.
    hears: bool,
}

impl World {
    pub(crate) fn new(mode: Mode) -> Self {
        Self::with_quotas(mode, Quotas::GUEST, Quotas::DOMAIN)
    }

    pub(crate) fn with_quotas(mode: Mode, guest: Quotas, domain: Quotas) -> Self {
        let mut domain = Domain::new(Granule::new(GRANULE).expect("a power of two"), domain);
        domain.watch_files();
        let guests = [0; 3].map(|_| domain.begin(guest));
        let mut world =
            Self { domain, ram: Ram::new(), guests, mode, quotas: guest, inside: None, last: None, hears: false };
        for guest in 0..3 {
            world.add_memory(guest);
        }
        world
    }

    /// From now on the domain is told of calls on files, and hears of nothing else that happens to them.
    pub(crate) fn hear_files(&mut self) {
        self.domain.hear_files();
        self.hears = true;
    }

    /// Whose wait for a lease is over.
    pub(crate) fn woken(&mut self) -> Vec<WaiterId> {
        let lease = |woken| if let Woken::Waiter(id) = woken { Some(id) } else { None };
        self.domain.take_woken().into_iter().filter_map(lease).collect()
    }

    /// Whose wait for a block is over.
    pub(crate) fn woken_receivers(&mut self) -> Vec<ReceiverId> {
        let block = |woken| if let Woken::Receiver(id) = woken { Some(id) } else { None };
        self.domain.take_woken().into_iter().filter_map(block).collect()
    }

    fn add_memory(&mut self, guest: usize) {
        let aliases = match self.mode {
            Mode::Copy => false,
            Mode::Alias => true,
            Mode::Mixed => guest == 0,
        };
        self.ram.add_memory(memory_of(self.guests[guest]), aliases);
    }

    /// Control leaves whoever has it for the host.
    pub(crate) fn leave(&mut self) {
        if let Some(guest) = self.inside.take()
            && self.domain.has_unwatched(self.guests[guest])
            && !self.hears
        {
            self.domain.leave(&mut self.ram, self.guests[guest]);
        }
    }

    /// Control passes to a guest, from the host or from another.
    pub(crate) fn turn(&mut self, guest: usize) -> Result<(), Error> {
        self.leave();
        let instance = self.guests[guest];
        let syncs_files = self.domain.has_unwatched(instance) && !self.hears;
        if self.last != Some(guest) || syncs_files {
            self.last = None;
            if syncs_files {
                self.domain.rejoin_files(&mut self.ram, instance)?;
            }
            self.domain.enter(&mut self.ram, instance)?;
        }
        self.inside = Some(guest);
        self.last = Some(guest);
        Ok(())
    }

    /// A guest with control keeps it; another gets it.
    pub(crate) fn try_running(&mut self, guest: usize) -> Result<(), Error> {
        if self.inside == Some(guest) { Ok(()) } else { self.turn(guest) }
    }

    /// A guest calls the domain.
    pub(crate) fn call<T>(
        &mut self,
        guest: usize,
        ask: impl FnOnce(&mut Domain, &mut Ram, InstanceId) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.try_running(guest)?;
        let answer = self.host(|domain, ram, guests| ask(domain, ram, guests[guest]));
        // A guest that can't be let in again traps; the next turn tries again.
        let _trapped = self.turn(guest);
        answer
    }

    /// The host calls the domain for itself.
    pub(crate) fn host<T>(&mut self, ask: impl FnOnce(&mut Domain, &mut Ram, [InstanceId; 3]) -> T) -> T {
        self.leave();
        self.last = None;
        ask(&mut self.domain, &mut self.ram, self.guests)
    }

    /// The code of a call that is refused, after checking that it changed nothing at all.
    pub(crate) fn refused<T: std::fmt::Debug>(
        &mut self,
        guest: usize,
        ask: impl FnOnce(&mut Domain, &mut Ram, InstanceId) -> Result<T, Error>,
    ) -> Code {
        self.try_running(guest).expect("no faults here");
        self.host(|domain, ram, guests| {
            let before = (postcard::to_allocvec(domain).expect("plain data"), ram.seen());
            let error = ask(domain, ram, guests[guest]).expect_err("this is refused");
            let after = (postcard::to_allocvec(domain).expect("plain data"), ram.seen());
            assert!(before == after, "a refused call changed something: {error}");
            error.code()
        })
    }

    pub(crate) fn refused_map(&mut self, guest: usize, handle: HandleId, ask: MapAt) -> Code {
        self.refused(guest, |domain, ram, me| domain.map(ram, me, memory(me), ask.window, handle, ask.options))
    }

    pub(crate) fn load(&mut self, guest: usize, address: u64) -> u8 {
        self.try_running(guest).expect("no faults here");
        self.ram.load(memory_of(self.guests[guest]), address)
    }

    pub(crate) fn store(&mut self, guest: usize, address: u64, value: u8) {
        self.try_running(guest).expect("no faults here");
        self.ram.store(memory_of(self.guests[guest]), address, value);
    }

    pub(crate) fn anonymous(&mut self, guest: usize, size: u64) -> Result<(HandleId, ObjectId), Error> {
        self.call(guest, |domain, ram, me| {
            let (handle, object) = domain.anonymous(me, size)?;
            ram.add_object(object, size);
            Ok((handle, object))
        })
    }

    /// Publishes a new object to all guests.
    pub(crate) fn publish_name(&mut self, name: &str, medium: Medium, size: u64, rights: Rights) -> ObjectId {
        self.host(|domain, ram, _| {
            let object = domain.publish_name(name, medium, size, rights).expect("the name is new").object();
            ram.add_object(object, size);
            object
        })
    }

    pub(crate) fn open(&mut self, guest: usize, name: &str) -> Result<HandleId, Error> {
        self.call(guest, |domain, _, me| domain.open(me, name))
    }

    /// An anonymous object that every guest has all rights to.
    pub(crate) fn shared_object(&mut self, size: u64) -> (ObjectId, [HandleId; 3]) {
        let object = self.publish_name("shared", Medium::Anonymous { owner: None }, size, Rights::all());
        (object, [0, 1, 2].map(|guest| self.open(guest, "shared").expect("published")))
    }

    /// A file that every guest may read and write.
    pub(crate) fn shared_file(&mut self, size: u64) -> (ObjectId, [HandleId; 3]) {
        let object = self.publish_name("file", Medium::File { identity: (1, 2) }, size, Rights::all());
        (object, [0, 1, 2].map(|guest| self.open(guest, "file").expect("published")))
    }

    pub(crate) fn map(&mut self, guest: usize, handle: HandleId, ask: MapAt) -> Result<MappingId, Error> {
        self.call(guest, |domain, ram, me| domain.map(ram, me, memory(me), ask.window, handle, ask.options))
    }

    pub(crate) fn unmap(&mut self, guest: usize, mapping: MappingId) -> Result<(), Error> {
        self.call(guest, |domain, ram, me| domain.unmap(ram, me, mapping))
    }

    pub(crate) fn acquire(
        &mut self,
        guest: usize,
        mapping: MappingId,
        part: (u64, u64),
        access: Access,
    ) -> Result<LeaseId, Error> {
        self.call(guest, |domain, ram, me| domain.acquire(ram, me, mapping, part, access))
    }

    pub(crate) fn release(&mut self, guest: usize, lease: LeaseId) -> Result<(), Error> {
        self.call(guest, |domain, ram, me| domain.release(ram, me, lease))
    }

    pub(crate) fn resize(&mut self, guest: usize, handle: HandleId, size: u64) -> Result<(), Error> {
        self.call(guest, |domain, ram, me| domain.resize(ram, me, handle, size))
    }

    /// Host code looks at an object.
    pub(crate) fn read(&mut self, object: ObjectId) -> Result<Vec<u8>, Error> {
        self.host(|domain, ram, _| {
            domain.about_to_read(ram, object)?;
            Ok(ram.stored(object).to_vec())
        })
    }

    /// Host code looks at an object that nobody is writing.
    pub(crate) fn stored(&mut self, object: ObjectId) -> Vec<u8> {
        self.read(object).expect("live, and nobody has a lease to write")
    }

    /// Host code writes an object.
    pub(crate) fn overwrite(&mut self, object: ObjectId, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        self.host(|domain, ram, _| {
            domain.about_to_write(ram, object)?;
            ram.overwrite(object, offset, bytes);
            Ok(())
        })
    }

    /// A guest is killed, and its memory with it.
    pub(crate) fn end(&mut self, guest: usize) {
        self.host(|domain, ram, guests| {
            domain.end(ram, guests[guest]);
            ram.remove_memory(memory_of(guests[guest]));
        });
    }

    /// A new guest takes an ended one's seat.
    pub(crate) fn begin(&mut self, guest: usize) {
        self.guests[guest] = self.domain.begin(self.quotas);
        self.add_memory(guest);
    }

    /// A guest's memory goes, and it gets a new one of the same number.
    pub(crate) fn renew_memory(&mut self, guest: usize) {
        self.host(|domain, ram, guests| {
            domain.memory_gone(ram, memory_of(guests[guest]));
            ram.remove_memory(memory_of(guests[guest]));
        });
        self.add_memory(guest);
    }

    /// What is used is what is there, and windows don't share bytes.
    pub(crate) fn check_books(&self) {
        let mut sum = Quotas::NONE;
        for instance in self.guests {
            let Ok(usage) = self.domain.usage(instance) else {
                assert_eq!(self.domain.views().filter(|(_, view)| view.instance == instance).count(), 0);
                continue;
            };
            let mut windows: Vec<_> = self
                .domain
                .views()
                .filter(|(_, view)| view.instance == instance)
                .map(|(_, view)| (view.window.start(), view.window.end()))
                .collect();
            windows.sort_unstable();
            assert!(windows.windows(2).all(|pair| pair[0].1 <= pair[1].0), "windows overlap: {windows:?}");
            assert_eq!(usage.mappings as usize, windows.len());
            assert_eq!(usage.mapped_bytes, windows.iter().map(|(start, end)| end - start).sum::<u64>());
            sum.objects += usage.objects;
            sum.object_bytes += usage.object_bytes;
            sum.mappings += usage.mappings;
            sum.mapped_bytes += usage.mapped_bytes;
            sum.leases += usage.leases;
            sum.waiters += usage.waiters;
            sum.protected_ranges += usage.protected_ranges;
            sum.blocks += usage.blocks;
            sum.block_bytes += usage.block_bytes;
        }
        let total = self.domain.total_usage();
        // Objects may outlive the guest that pays for them, and blocks are on their way from one to another.
        assert!(total.object_bytes >= sum.object_bytes);
        assert!(total.blocks >= sum.blocks && total.block_bytes >= sum.block_bytes);
        let owned = |quotas| Quotas { object_bytes: 0, blocks: 0, block_bytes: 0, ..quotas };
        assert_eq!(owned(total), owned(sum));
    }

    /// The domain is written out and read back.
    pub(crate) fn reload(&mut self) {
        let written = postcard::to_allocvec(&self.domain).expect("plain data");
        self.domain = postcard::from_bytes(&written).expect("what was written");
        assert_eq!(postcard::to_allocvec(&self.domain).expect("plain data"), written);
    }
}

pub(crate) fn memory(instance: InstanceId) -> Memory {
    Memory { id: memory_of(instance), size: Some(MEMORY) }
}
