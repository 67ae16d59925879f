//! An embedding: three guests that run one at a time, and the domain told of every crossing.

use memctl_core::{Code, Domain, Error, Granule, InstanceId, Medium, Memory, MemoryId, Quotas, Rights, Threads};

use super::books::Books;
use super::program::Program;
use super::ram::Ram;
use super::{GRANULE, MEMORY, at};

/// A seat for one guest after another.
pub(super) struct Guest {
    pub(super) id: InstanceId,
    pub(super) lives: bool,
    aliases: bool,
    /// What its memory has where no window is.
    pub(super) own: Vec<u8>,
}

pub(super) struct World {
    pub(super) domain: Domain,
    pub(super) ram: Ram,
    pub(super) books: Books,
    pub(super) guests: [Guest; 3],
    limit: Quotas,
    /// Who has control; nobody if the host has.
    inside: Option<usize>,
    /// Who ran last, unless the domain was called since.
    last: Option<usize>,
    stamp: u8,
}

/// A published object: name, file or not, length in bytes, rights.
type Published = (&'static str, Option<(u64, u64)>, u64, Rights);

const PUBLISHED: [Published; 3] = [
    ("shared", None, 2 * GRANULE + 7, Rights::all()),
    ("file", Some((1, 2)), 3 * GRANULE - 5, Rights::all()),
    ("still", None, 2 * GRANULE, Rights::READ),
];

/// The memory of a guest, by number: used by no other.
fn memory_of(instance: InstanceId) -> MemoryId {
    MemoryId(instance.to_bits() + 1)
}

impl World {
    pub(super) fn new(program: &Program) -> Self {
        let mut domain = Domain::new(Granule::new(GRANULE).expect("a power of two"), program.domain_limit.quotas());
        domain.watch_files();
        let (mut ram, mut books) = (Ram::default(), Books::default());
        for (name, identity, size, rights) in PUBLISHED {
            let medium = match identity {
                Some(identity) => Medium::File { identity },
                None => Medium::Anonymous { owner: None },
            };
            let object = domain.publish_name(name, medium, size, rights).expect("the name is new").object();
            ram.add_object(object, size);
            books.add_object(object, size, true, None, if identity.is_some() { u64::MAX } else { size });
        }
        if program.is_parallel() {
            domain.set_threads(Threads::Many);
            books.parallel = true;
        }
        let limit = program.guest_limit.quotas();
        let guests = [0, 1, 2].map(|guest| {
            let aliases = program.aliases(guest);
            let id = domain.begin(limit);
            ram.add_memory(memory_of(id), aliases);
            Guest { id, lives: true, aliases, own: vec![0; at(MEMORY)] }
        });
        let mut world = Self { domain, ram, books, guests, limit, inside: None, last: None, stamp: 0 };
        (0..3).for_each(|guest| world.open_all(guest));
        world
    }

    /// A guest starts with a handle to everything, as far as its quota goes: few programs would get that far by themselves.
    fn open_all(&mut self, guest: usize) {
        let me = self.guests[guest].id;
        for (name, ..) in PUBLISHED {
            if let Ok(handle) = self.domain.open(me, name) {
                let object = self.domain.named(name).expect("published");
                self.books.handles.insert(handle, (me, object));
            }
        }
    }

    pub(super) fn published(name: u8) -> &'static str {
        ["shared", "file", "still", "nothing"][usize::from(name % 4)]
    }

    /// A value that was not stored for some time.
    pub(super) fn stamp(&mut self) -> u8 {
        self.stamp = self.stamp.checked_add(1).unwrap_or(1);
        self.stamp
    }

    pub(super) fn memory(&self, guest: usize) -> Memory {
        Memory { id: memory_of(self.guests[guest].id), size: Some(MEMORY) }
    }

    /// Control leaves whoever has it for the host.
    fn leave(&mut self) {
        if let Some(guest) = self.inside.take() {
            let instance = self.guests[guest].id;
            if self.domain.has_unwatched(instance) {
                self.domain.leave(&mut self.ram, instance);
            }
        }
        self.note_failure();
    }

    /// Control passes to a guest, from the host or from another.
    pub(super) fn turn(&mut self, guest: usize) -> Result<(), Error> {
        self.leave();
        let instance = self.guests[guest].id;
        if !self.guests[guest].lives {
            return Err(Error::Stale { what: "guest" });
        }
        if self.last != Some(guest) || self.domain.has_unwatched(instance) {
            self.last = None;
            let rejoined = self.domain.rejoin_files(&mut self.ram, instance);
            let entered = rejoined.and_then(|()| self.domain.enter(&mut self.ram, instance));
            self.note_failure();
            entered?;
        }
        self.inside = Some(guest);
        self.last = Some(guest);
        Ok(())
    }

    /// A guest with control keeps it; another gets it.
    pub(super) fn run(&mut self, guest: usize) -> Result<(), Error> {
        if self.inside == Some(guest) { Ok(()) } else { self.turn(guest) }
    }

    fn note_failure(&mut self) -> bool {
        let failed = self.ram.take_failed();
        if failed {
            self.books.doubt_all();
        }
        failed
    }

    /// The host calls the domain. If it is refused, nothing has changed, unless the reason is a device's.
    pub(super) fn host<T>(&mut self, ask: impl FnOnce(&mut Domain, &mut Ram) -> Result<T, Error>) -> Result<T, Error> {
        self.leave();
        self.last = None;
        let (domain, ram) = (self.domain.clone(), self.ram.seen());
        let answer = ask(&mut self.domain, &mut self.ram);
        let failed = self.note_failure();
        if let Err(error) = &answer
            && !failed
            && !matches!(error.code(), Code::Io | Code::OutOfMemory)
        {
            let same = written(&domain) == written(&self.domain) && ram == self.ram.seen();
            assert!(same, "a refused call changed something: {error}");
        }
        answer
    }

    /// A guest calls the domain, also one that has ended.
    pub(super) fn call<T>(
        &mut self,
        guest: usize,
        ask: impl FnOnce(&mut Domain, &mut Ram, InstanceId) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if self.guests[guest].lives {
            self.run(guest)?;
        }
        let instance = self.guests[guest].id;
        let answer = self.host(|domain, ram| ask(domain, ram, instance));
        // A guest that can't be let in again traps; the next turn tries again.
        let _trapped = self.turn(guest);
        answer
    }

    pub(super) fn load(&self, guest: usize, address: u64) -> u8 {
        self.ram.load(memory_of(self.guests[guest].id), address)
    }

    pub(super) fn store(&mut self, guest: usize, address: u64, value: u8) {
        self.ram.store(memory_of(self.guests[guest].id), address, value);
    }

    /// A guest ends, in whatever state it is.
    pub(super) fn end(&mut self, guest: usize) {
        self.leave();
        self.last = None;
        let instance = self.guests[guest].id;
        self.domain.end(&mut self.ram, instance);
        self.note_failure();
        if self.guests[guest].lives {
            self.ram.remove_memory(memory_of(instance));
            self.guests[guest].lives = false;
        }
        self.books.end(instance);
    }

    /// A new guest takes the seat of one that has ended.
    pub(super) fn begin(&mut self, guest: usize) {
        if self.guests[guest].lives {
            return;
        }
        let id = self.domain.begin(self.limit);
        let aliases = self.guests[guest].aliases;
        self.ram.add_memory(memory_of(id), aliases);
        self.guests[guest] = Guest { id, lives: true, aliases, own: vec![0; at(MEMORY)] };
        self.open_all(guest);
    }

    /// A guest's memory goes, and it gets a new one of the same number.
    pub(super) fn renew_memory(&mut self, guest: usize) {
        if !self.guests[guest].lives {
            return;
        }
        self.leave();
        self.last = None;
        let Guest { id, aliases, .. } = self.guests[guest];
        self.domain.memory_gone(&mut self.ram, memory_of(id));
        self.note_failure();
        self.books.drop_windows(id);
        self.ram.remove_memory(memory_of(id));
        self.ram.add_memory(memory_of(id), aliases);
        self.guests[guest].own.fill(0);
    }

    /// The domain is written out and read back.
    pub(super) fn reload(&mut self) {
        let out = written(&self.domain);
        self.domain = postcard::from_bytes(&out).expect("what was written");
        assert_eq!(written(&self.domain), out);
    }
}

/// All that the domain knows.
fn written(domain: &Domain) -> Vec<u8> {
    postcard::to_allocvec(domain).expect("plain data")
}
