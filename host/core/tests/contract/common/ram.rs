//! A backend of vectors. An aliasing memory has a page table, as an MMU would.

mod backend;

use std::collections::BTreeMap;

use memctl_core::{
    Access, Error, Forbidden, InstanceId, MemoryId, ObjectId, Part, Protection, Sharing, Shown, Span, View,
};

use super::{GRANULE, MEMORY, at};

/// What a granule of an aliasing memory shows instead of its own bytes: the storage from an offset on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Page {
    object: ObjectId,
    offset: u64,
    /// Copied when written.
    snapshot: bool,
    /// What a guest may do to it, if that is up to leases.
    lent: Option<Option<Access>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Bytes {
    own: Vec<u8>,
    /// By first byte. Always empty in a copying memory.
    pages: BTreeMap<u64, Page>,
    /// Granules that protection restricts, where pages see to that.
    permitted: BTreeMap<u64, Option<Access>>,
    /// What is protected, where checks see to that.
    forbidden: Vec<Forbidden>,
    aliases: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Stored {
    size: u64,
    /// Whole granules. Past `size` are what windows stored there.
    bytes: Vec<u8>,
}

/// Memories and objects.
#[derive(Clone, Debug)]
pub(crate) struct Ram {
    memories: BTreeMap<MemoryId, Bytes>,
    objects: BTreeMap<ObjectId, Stored>,
    /// Aliasing memories may show a range twice.
    pub(crate) aliasing: bool,
    /// How many calls that may fail were made.
    pub(crate) calls: u64,
    /// The call that does, counted from 0.
    pub(crate) fails_at: Option<u64>,
    /// Every call from `fails_at` on fails, not just that one.
    pub(crate) fails_on: bool,
    /// Objects that were synced to their medium.
    pub(crate) synced: Vec<ObjectId>,
    /// Who runs on another thread.
    pub(crate) inside: Option<InstanceId>,
    /// How many ranges of a memory can be protected.
    pub(crate) protects: u64,
    /// How many bytes were copied between windows and objects.
    pub(crate) moved: u64,
}

impl Ram {
    pub(crate) fn new() -> Self {
        Self {
            memories: BTreeMap::new(),
            objects: BTreeMap::new(),
            aliasing: true,
            calls: 0,
            fails_at: None,
            fails_on: false,
            synced: Vec::new(),
            inside: None,
            protects: 0,
            moved: 0,
        }
    }

    pub(crate) fn add_memory(&mut self, id: MemoryId, aliases: bool) {
        let fresh = Bytes {
            own: vec![0; at(MEMORY)],
            pages: BTreeMap::new(),
            permitted: BTreeMap::new(),
            forbidden: Vec::new(),
            aliases,
        };
        assert!(self.memories.insert(id, fresh).is_none(), "a memory's number is used once");
    }

    pub(crate) fn remove_memory(&mut self, id: MemoryId) {
        assert!(self.memory(id).pages.is_empty(), "windows were hidden before their memory went");
        self.memories.remove(&id);
    }

    pub(crate) fn add_object(&mut self, id: ObjectId, size: u64) {
        let bytes = vec![0; at(size.next_multiple_of(GRANULE))];
        assert!(self.objects.insert(id, Stored { size, bytes }).is_none(), "an object is new once");
    }

    /// The objects that have storage.
    pub(crate) fn objects(&self) -> usize {
        self.objects.len()
    }

    pub(crate) fn stored(&self, id: ObjectId) -> &[u8] {
        let stored = &self.objects[&id];
        &stored.bytes[..at(stored.size)]
    }

    /// Writes past the domain, as a host call on a file does.
    pub(crate) fn overwrite(&mut self, id: ObjectId, offset: u64, bytes: &[u8]) {
        let stored = self.objects.get_mut(&id).expect("live");
        assert!(offset + bytes.len() as u64 <= stored.size);
        stored.bytes[at(offset)..][..bytes.len()].copy_from_slice(bytes);
    }

    /// Changes a file's length past the domain.
    pub(crate) fn set_size(&mut self, id: ObjectId, size: u64) {
        let stored = self.objects.get_mut(&id).expect("live");
        if size < stored.size {
            stored.bytes[at(size)..].fill(0);
        }
        stored.bytes.resize(at(size.next_multiple_of(GRANULE)), 0);
        stored.size = size;
    }

    /// Whether a memory has a page table.
    pub(crate) fn aliases(&self, id: MemoryId) -> bool {
        self.memory(id).aliases
    }

    /// Everything that guests or the host can see.
    pub(crate) fn seen(&self) -> impl PartialEq + std::fmt::Debug + use<> {
        (self.memories.clone(), self.objects.clone())
    }

    fn memory(&self, id: MemoryId) -> &Bytes {
        &self.memories[&id]
    }

    /// A guest's load.
    pub(crate) fn load(&self, id: MemoryId, address: u64) -> u8 {
        let memory = self.memory(id);
        match memory.pages.get(&(address - address % GRANULE)) {
            Some(page) => self.objects[&page.object].bytes[at(page.offset + address % GRANULE)],
            None => memory.own[at(address)],
        }
    }

    /// What leases allow a guest to do there; `None` if they have no say.
    pub(crate) fn lent(&self, id: MemoryId, address: u64) -> Option<Option<Access>> {
        self.memory(id).pages.get(&(address - address % GRANULE))?.lent
    }

    /// What protection allows a guest to do there, where pages see to that.
    pub(crate) fn permitted(&self, id: MemoryId, address: u64) -> Option<Access> {
        let start = address - address % GRANULE;
        self.memory(id).permitted.get(&start).copied().unwrap_or(Some(Access::Write))
    }

    /// What a guest can do there, where pages see to that.
    pub(crate) fn access(&self, id: MemoryId, address: u64) -> Option<Access> {
        self.lent(id, address).unwrap_or(Some(Access::Write)).min(self.permitted(id, address))
    }

    /// What checks were told.
    pub(crate) fn forbidden(&self, id: MemoryId) -> &[Forbidden] {
        &self.memory(id).forbidden
    }

    /// A guest's store.
    pub(crate) fn store(&mut self, id: MemoryId, address: u64, value: u8) {
        let start = address - address % GRANULE;
        if self.memory(id).pages.get(&start).is_some_and(|page| page.snapshot) {
            self.keep_page(id, start);
        }
        let memory = self.memories.get_mut(&id).expect("live");
        match memory.pages.get(&start) {
            Some(page) => {
                let stored = self.objects.get_mut(&page.object).expect("shown");
                stored.bytes[at(page.offset + address % GRANULE)] = value;
            }
            None => memory.own[at(address)] = value,
        }
    }

    /// The granule's bytes become the memory's own.
    fn keep_page(&mut self, id: MemoryId, start: u64) {
        for address in start..start + GRANULE {
            let value = self.load(id, address);
            self.memories.get_mut(&id).expect("live").own[at(address)] = value;
        }
        self.memories.get_mut(&id).expect("live").pages.remove(&start);
    }

    fn own(&mut self, id: MemoryId, window: Span) -> &mut [u8] {
        let memory = self.memories.get_mut(&id).expect("live");
        &mut memory.own[at(window.start())..at(window.end())]
    }

    /// Counts a call, and fails it if it is the one.
    fn call(&mut self) -> Result<(), Error> {
        let fails = self.fails_at.is_some_and(|n| self.calls == n || (self.fails_on && self.calls > n));
        self.calls += 1;
        if fails { Err(Error::Io { what: "a fault for the test", errno: 5 }) } else { Ok(()) }
    }

    fn check(&self, view: &View, part: Part) {
        assert!(view.shown_part().is_some_and(|shown| part.window.inside(shown)));
        assert_eq!(part.offset - view.offset, part.window.start() - view.window.start());
        let size = self.objects[&view.object].size;
        assert_eq!(part.real, size.saturating_sub(part.offset).min(part.window.len()));
        assert!(view.shown != Shown::Snapshot || view.sharing == Sharing::Private);
    }

    /// The window's pages are shown with the protection that was asked for.
    fn protect(&mut self, view: &View) {
        let memory = self.memories.get_mut(&view.memory).expect("live");
        let access = match view.protection {
            Protection::None => None,
            Protection::Read => Some(Access::Read),
            Protection::ReadWrite => return,
        };
        let granules = (view.window.start()..view.window.end()).step_by(at(GRANULE));
        memory.permitted.extend(granules.filter(|_| memory.aliases).map(|start| (start, access)));
    }

    /// Zeroes what an aliasing window shows past the object's end.
    fn zero_tail(&mut self, view: &View, part: Part) {
        let bytes = &mut self.objects.get_mut(&view.object).expect("live").bytes;
        bytes[at(part.offset + part.real)..at(part.offset + part.window.len())].fill(0);
    }

    fn show_part(&mut self, view: &View, part: Part) {
        self.check(view, part);
        if view.shown == Shown::Copy {
            self.copy_in(view, part, part.real);
            return;
        }
        self.zero_tail(view, part);
        let memory = self.memories.get_mut(&view.memory).expect("live");
        for start in (0..part.window.len()).step_by(at(GRANULE)) {
            let page = Page {
                object: view.object,
                offset: part.offset + start,
                snapshot: view.shown == Shown::Snapshot,
                lent: view.guarded.then_some(None),
            };
            assert!(memory.pages.insert(part.window.start() + start, page).is_none(), "windows don't overlap");
        }
    }

    fn copy_in(&mut self, view: &View, part: Part, real: u64) {
        self.moved += real;
        let bytes = self.objects[&view.object].bytes[at(part.offset)..][..at(real)].to_vec();
        let window = self.own(view.memory, part.window);
        window[at(part.real)..].fill(0);
        window[..at(real)].copy_from_slice(&bytes);
    }

    fn copy_out(&mut self, view: &View, part: Part, real: u64) {
        self.moved += real;
        let window = self.own(view.memory, part.window);
        window[at(part.real)..].fill(0);
        let bytes = window[..at(real)].to_vec();
        self.objects.get_mut(&view.object).expect("live").bytes[at(part.offset)..][..at(real)].copy_from_slice(&bytes);
    }
}

/// The memory of a guest, by number: used once, so that none is taken for another.
pub(crate) fn memory_of(instance: InstanceId) -> MemoryId {
    MemoryId(instance.to_bits() + 1)
}
