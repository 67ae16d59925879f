//! A backend of byte vectors, in which a memory either has a page table, as with an MMU, or copies.

use std::collections::BTreeMap;

use memctl_core::{Ask, Backend, Coherence, Error, MemoryId, ObjectId, Part, Sharing, Shown, Span, View};

use super::{GRANULE, MEMORY, at};

/// No object gets longer, in bytes.
const MOST: u64 = 64 * GRANULE;

/// A granule of an object, shown instead of the memory's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Page {
    object: ObjectId,
    offset: u64,
    /// Copied when written.
    snapshot: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Bytes {
    own: Vec<u8>,
    /// By first byte.
    pages: BTreeMap<u64, Page>,
    aliases: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Stored {
    size: u64,
    /// Whole granules: past `size` is what windows stored there.
    bytes: Vec<u8>,
}

/// All bytes that there are.
#[derive(Debug, Default)]
pub(crate) struct Ram {
    memories: BTreeMap<MemoryId, Bytes>,
    objects: BTreeMap<ObjectId, Stored>,
    /// How many calls from now the one is that fails.
    fails_in: Option<u8>,
    /// Whether a call failed since this was last asked.
    failed: bool,
    /// How many ranges of a memory can be protected; that they are is not seen to.
    pub(crate) protects: u64,
}

impl Ram {
    pub(crate) fn add_memory(&mut self, id: MemoryId, aliases: bool) {
        let fresh = Bytes { own: vec![0; at(MEMORY)], pages: BTreeMap::new(), aliases };
        assert!(self.memories.insert(id, fresh).is_none(), "a memory's number is used once");
    }

    pub(crate) fn remove_memory(&mut self, id: MemoryId) {
        let gone = self.memories.remove(&id).expect("live");
        assert!(gone.pages.is_empty(), "windows are hidden before their memory goes");
    }

    pub(crate) fn add_object(&mut self, id: ObjectId, size: u64) {
        let bytes = vec![0; at(size.next_multiple_of(GRANULE))];
        assert!(self.objects.insert(id, Stored { size, bytes }).is_none(), "an object is new once");
    }

    pub(super) fn objects(&self) -> impl Iterator<Item = ObjectId> {
        self.objects.keys().copied()
    }

    /// Whether there is room for an object of `size` bytes.
    pub(super) fn check_room(&self, size: u64) -> Result<(), Error> {
        if size > MOST { Err(Error::OutOfMemory { what: "an object that no program needs" }) } else { Ok(()) }
    }

    /// Everything that guests or the host can see.
    pub(crate) fn seen(&self) -> impl PartialEq + use<> {
        (self.memories.clone(), self.objects.clone())
    }

    pub(super) fn fail_in(&mut self, calls: u8) {
        self.fails_in = Some(calls);
    }

    pub(super) fn never_fail(&mut self) {
        self.fails_in = None;
    }

    pub(super) fn take_failed(&mut self) -> bool {
        std::mem::take(&mut self.failed)
    }

    /// The object's bytes in its storage.
    pub(super) fn stored(&mut self, id: ObjectId) -> &mut [u8] {
        let stored = self.objects.get_mut(&id).expect("live");
        &mut stored.bytes[..at(stored.size)]
    }

    fn memory(&mut self, id: MemoryId) -> &mut Bytes {
        self.memories.get_mut(&id).expect("live")
    }

    /// A guest's load.
    pub(crate) fn load(&self, id: MemoryId, address: u64) -> u8 {
        let memory = &self.memories[&id];
        match memory.pages.get(&(address - address % GRANULE)) {
            Some(page) => self.objects[&page.object].bytes[at(page.offset + address % GRANULE)],
            None => memory.own[at(address)],
        }
    }

    /// A guest's store.
    pub(crate) fn store(&mut self, id: MemoryId, address: u64, value: u8) {
        let start = address - address % GRANULE;
        if self.memory(id).pages.get(&start).is_some_and(|page| page.snapshot) {
            self.keep_page(id, start);
        }
        match self.memory(id).pages.get(&start).copied() {
            Some(page) => {
                let stored = self.objects.get_mut(&page.object).expect("shown");
                stored.bytes[at(page.offset + address % GRANULE)] = value;
            }
            None => self.memory(id).own[at(address)] = value,
        }
    }

    /// The granule's bytes become the memory's own.
    fn keep_page(&mut self, id: MemoryId, start: u64) {
        let bytes: Vec<u8> = (start..start + GRANULE).map(|address| self.load(id, address)).collect();
        let memory = self.memory(id);
        memory.own[at(start)..][..bytes.len()].copy_from_slice(&bytes);
        memory.pages.remove(&start);
    }

    fn own(&mut self, id: MemoryId, window: Span) -> &mut [u8] {
        &mut self.memory(id).own[at(window.start())..at(window.end())]
    }

    fn call(&mut self) -> Result<(), Error> {
        self.fails_in = match self.fails_in {
            Some(0) => {
                self.failed = true;
                self.fails_in = None;
                return Err(Error::Io { what: "a fault that the program asked for", errno: 5 });
            }
            Some(calls) => Some(calls - 1),
            None => None,
        };
        Ok(())
    }

    /// The domain only asks for what is there.
    fn check(&self, view: &View, part: Part) {
        assert!(
            view.shown_part().is_some_and(|shown| part.window.inside(shown)),
            "a part is inside what shows the object"
        );
        assert!(view.window.end() <= MEMORY, "a window is inside its memory");
        assert_eq!(part.offset - view.offset, part.window.start() - view.window.start());
        let size = self.objects[&view.object].size;
        assert_eq!(part.real, size.saturating_sub(part.offset).min(part.window.len()));
        assert!(view.shown != Shown::Snapshot || view.sharing == Sharing::Private);
    }

    fn zero_tail(&mut self, view: &View, part: Part) {
        let bytes = &mut self.objects.get_mut(&view.object).expect("live").bytes;
        bytes[at(part.offset + part.real)..at(part.offset + part.window.len())].fill(0);
    }

    /// `real` of the part's bytes get there.
    fn copy_in(&mut self, view: &View, part: Part, real: u64) {
        let bytes = self.objects[&view.object].bytes[at(part.offset)..][..at(real)].to_vec();
        let window = self.own(view.memory, part.window);
        window[at(part.real)..].fill(0);
        window[..at(real)].copy_from_slice(&bytes);
    }

    fn copy_out(&mut self, view: &View, part: Part, real: u64) {
        let window = self.own(view.memory, part.window);
        window[at(part.real)..].fill(0);
        let bytes = window[..at(real)].to_vec();
        self.objects.get_mut(&view.object).expect("live").bytes[at(part.offset)..][..at(real)].copy_from_slice(&bytes);
    }

    fn show_part(&mut self, view: &View, part: Part) {
        self.check(view, part);
        if view.shown == Shown::Copy {
            self.copy_in(view, part, part.real);
            return;
        }
        self.zero_tail(view, part);
        for from in (0..part.window.len()).step_by(at(GRANULE)) {
            let snapshot = view.shown == Shown::Snapshot;
            let page = Page { object: view.object, offset: part.offset + from, snapshot };
            let before = self.memory(view.memory).pages.insert(part.window.start() + from, page);
            assert!(before.is_none(), "windows don't overlap");
        }
    }
}

impl Backend for Ram {
    fn choose(&mut self, memory: MemoryId, _object: ObjectId, ask: Ask) -> Result<Shown, Error> {
        let aliases = self.memory(memory).aliases;
        match ask {
            Ask { sharing: Sharing::Shared, coherence: Coherence::Aliasing, .. } if !aliases => {
                Err(Error::Unsupported { why: "no aliasing in this memory" })
            }
            Ask { sharing: Sharing::Shared, .. } if aliases => Ok(Shown::Alias),
            Ask { sharing: Sharing::Private, frozen: true, .. } if aliases => Ok(Shown::Snapshot),
            _ => Ok(Shown::Copy),
        }
    }

    fn size(&mut self, object: ObjectId) -> Result<u64, Error> {
        self.call()?;
        Ok(self.objects[&object].size)
    }

    fn show(&mut self, view: &View, part: Option<Part>) -> Result<(), Error> {
        assert_eq!(part.map(|part| part.window), view.shown_part());
        self.call()?;
        if let Some(own) = view.own_part() {
            self.own(view.memory, own).fill(0);
        }
        if let Some(part) = part {
            self.show_part(view, part);
        }
        Ok(())
    }

    fn show_more(&mut self, view: &View, part: Part) -> Result<(), Error> {
        self.call()?;
        self.show_part(view, part);
        Ok(())
    }

    fn show_less(&mut self, view: &View, part: Span) -> Result<(), Error> {
        self.memory(view.memory).pages.retain(|start, _| !(part.start()..part.end()).contains(start));
        self.own(view.memory, part).fill(0);
        self.call()
    }

    fn hide(&mut self, view: &View) -> Result<(), Error> {
        let window = view.window;
        self.memory(view.memory).pages.retain(|start, _| !(window.start()..window.end()).contains(start));
        self.own(view.memory, window).fill(0);
        self.call()
    }

    fn zero(&mut self, view: &View, part: Part) -> Result<(), Error> {
        self.check(view, part);
        let done = self.call();
        let len = at(if done.is_ok() { part.real } else { part.real / 2 });
        let bytes = match view.shown {
            Shown::Alias => &mut self.objects.get_mut(&view.object).expect("live").bytes[at(part.offset)..],
            Shown::Copy => self.own(view.memory, part.window),
            Shown::Snapshot => panic!("a snapshot is nobody's block"),
        };
        bytes[..len].fill(0);
        done
    }

    fn publish(&mut self, view: &View, part: Part) -> Result<(), Error> {
        self.check(view, part);
        let done = self.call();
        match view.shown {
            Shown::Alias => self.zero_tail(view, part),
            Shown::Copy => self.copy_out(view, part, if done.is_ok() { part.real } else { part.real / 2 }),
            Shown::Snapshot => panic!("a snapshot has nothing to publish"),
        }
        done
    }

    fn refresh(&mut self, view: &View, part: Part) -> Result<(), Error> {
        self.check(view, part);
        let done = self.call();
        match view.shown {
            Shown::Alias => self.zero_tail(view, part),
            Shown::Copy => self.copy_in(view, part, if done.is_ok() { part.real } else { part.real / 2 }),
            Shown::Snapshot => panic!("a snapshot stays as it is"),
        }
        done
    }

    fn protection(&mut self, _memory: MemoryId) -> Result<u64, Error> {
        match self.protects {
            0 => Err(Error::Unsupported { why: "no protection in this world" }),
            ranges => Ok(ranges),
        }
    }

    fn discard(&mut self, memory: MemoryId, view: Option<&View>, part: Span) -> Result<(), Error> {
        self.call()?;
        assert!(view.is_none_or(|view| view.sharing == Sharing::Private && part.inside(view.window)));
        self.memory(memory).pages.retain(|start, _| !(part.start()..part.end()).contains(start));
        self.own(memory, part).fill(0);
        Ok(())
    }

    fn discard_stored(&mut self, object: ObjectId, offset: u64, len: u64) -> Result<(), Error> {
        self.call()?;
        let stored = self.objects.get_mut(&object).expect("live");
        stored.bytes[at(offset)..][..at(len)].fill(0);
        Ok(())
    }

    fn detach(&mut self, view: &View) -> Result<(), Error> {
        self.call()?;
        assert_eq!(view.shown, Shown::Snapshot);
        for start in (view.window.start()..view.window.end()).step_by(at(GRANULE)) {
            // A page that the guest wrote is its own already.
            if self.memory(view.memory).pages.contains_key(&start) {
                self.keep_page(view.memory, start);
            }
        }
        Ok(())
    }

    fn resize(&mut self, object: ObjectId, size: u64) -> Result<(), Error> {
        self.call()?;
        self.check_room(size)?;
        let stored = self.objects.get_mut(&object).expect("live");
        // Like a file's last page: what was stored past the end stays, unless the end moves before it.
        if size < stored.size {
            stored.bytes[at(size)..].fill(0);
        }
        stored.bytes.resize(at(size.next_multiple_of(GRANULE)), 0);
        stored.size = size;
        Ok(())
    }

    fn sync(&mut self, _object: ObjectId) -> Result<(), Error> {
        self.call()
    }

    fn release(&mut self, object: ObjectId) {
        assert!(self.objects.remove(&object).is_some(), "an object is released once");
        let shows = |memory: &Bytes| memory.pages.values().any(|page| page.object == object);
        assert!(!self.memories.values().any(shows), "no window shows a released object");
    }
}
