//! What the domain has moved and shown in memory that is made of vectors.

use memctl_core::{
    Access, Ask, Backend, Coherence, Error, Forbidden, InstanceId, MemoryId, ObjectId, Part, Populate, Sharing, Shown,
    Span, View,
};

use super::super::{GRANULE, at};
use super::{Bytes, Ram};

impl Backend for Ram {
    fn choose(&mut self, memory: MemoryId, _object: ObjectId, ask: Ask) -> Result<Shown, Error> {
        let aliases = self.memory(memory).aliases;
        match ask {
            Ask { sharing: Sharing::Shared, coherence: Coherence::Aliasing, .. } if !(aliases && self.aliasing) => {
                Err(Error::Unsupported { why: "no aliasing in this memory" })
            }
            Ask { sharing: Sharing::Shared, .. } if aliases => Ok(Shown::Alias),
            Ask { sharing: Sharing::Private, frozen: true, .. } if aliases => Ok(Shown::Snapshot),
            _ => Ok(Shown::Copy),
        }
    }

    fn is_inside(&self, instance: InstanceId) -> bool {
        self.inside == Some(instance)
    }

    fn size(&mut self, object: ObjectId) -> Result<u64, Error> {
        self.call()?;
        Ok(self.objects[&object].size)
    }

    fn show(&mut self, view: &View, part: Option<Part>) -> Result<(), Error> {
        assert_eq!(part.map(|part| part.window), view.shown_part());
        let _: Populate = view.populate;
        self.call()?;
        self.protect(view);
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
        assert_eq!(part.start(), view.window.start() + view.extent);
        let memory = self.memories.get_mut(&view.memory).expect("live");
        memory.pages.retain(|start, _| *start < part.start() || *start >= part.end());
        self.own(view.memory, part).fill(0);
        self.call()
    }

    fn hide(&mut self, view: &View) -> Result<(), Error> {
        let window = view.window;
        let memory = self.memories.get_mut(&view.memory).expect("live");
        memory.pages.retain(|start, _| *start < window.start() || *start >= window.end());
        memory.permitted.retain(|start, _| *start < window.start() || *start >= window.end());
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
        let failed = self.call();
        match view.shown {
            Shown::Alias => self.zero_tail(view, part),
            Shown::Copy => self.copy_out(view, part, if failed.is_ok() { part.real } else { part.real / 2 }),
            Shown::Snapshot => panic!("a snapshot has nothing to publish"),
        }
        failed
    }

    fn refresh(&mut self, view: &View, part: Part) -> Result<(), Error> {
        self.check(view, part);
        let failed = self.call();
        match view.shown {
            Shown::Alias => self.zero_tail(view, part),
            Shown::Copy => self.copy_in(view, part, if failed.is_ok() { part.real } else { part.real / 2 }),
            Shown::Snapshot => panic!("a snapshot stays as it is"),
        }
        failed
    }

    fn protection(&mut self, _memory: MemoryId) -> Result<u64, Error> {
        if self.protects == 0 {
            return Err(Error::Unsupported { why: "no protection in this world" });
        }
        Ok(self.protects)
    }

    fn permit(&mut self, memory: MemoryId, part: Span, access: Option<Access>) -> Result<(), Error> {
        let done = self.call();
        let given = if done.is_ok() { access } else { None };
        let memory = self.memories.get_mut(&memory).expect("live");
        for start in (part.start()..part.end()).step_by(at(GRANULE)) {
            match memory.pages.get_mut(&start) {
                Some(page) if page.lent.is_some() => page.lent = Some(given),
                _ if memory.aliases && given != Some(Access::Write) => _ = memory.permitted.insert(start, given),
                _ => _ = memory.permitted.remove(&start),
            }
        }
        done
    }

    fn forbid(&mut self, memory: MemoryId, ranges: &[Forbidden]) -> Result<(), Error> {
        assert!(ranges.windows(2).all(|pair| pair[0].span.end() <= pair[1].span.start()), "sorted and disjoint");
        assert!(ranges.len() as u64 <= self.protects, "the table has room");
        self.call()?;
        self.memories.get_mut(&memory).expect("live").forbidden = ranges.to_vec();
        Ok(())
    }

    fn discard(&mut self, memory: MemoryId, view: Option<&View>, part: Span) -> Result<(), Error> {
        self.call()?;
        let shown = self.memories.get_mut(&memory).expect("live");
        assert!(view.is_none_or(|view| view.sharing == Sharing::Private && part.inside(view.window)));
        shown.pages.retain(|start, _| *start < part.start() || *start >= part.end());
        self.own(memory, part).fill(0);
        Ok(())
    }

    fn discard_stored(&mut self, object: ObjectId, offset: u64, len: u64) -> Result<(), Error> {
        let failed = self.call();
        let stored = self.objects.get_mut(&object).expect("live");
        assert!(offset + len <= stored.size);
        stored.bytes[at(offset)..][..at(if failed.is_ok() { len } else { len / 2 })].fill(0);
        failed
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
        let stored = self.objects.get_mut(&object).expect("live");
        stored.bytes.truncate(at(size.next_multiple_of(GRANULE)));
        // Like a file's last page, the last granule keeps what was mapped and stored past the end: the domain sees to that.
        let shrunk = at(size.min(stored.size));
        if size < stored.size {
            stored.bytes[shrunk..].fill(0);
        }
        stored.bytes.resize(at(size.next_multiple_of(GRANULE)), 0);
        stored.size = size;
        Ok(())
    }

    fn sync(&mut self, object: ObjectId) -> Result<(), Error> {
        self.call()?;
        self.synced.push(object);
        Ok(())
    }

    fn release(&mut self, object: ObjectId) {
        assert!(self.objects.remove(&object).is_some(), "released once");
        let shows = |memory: &Bytes| memory.pages.values().any(|page| page.object == object);
        assert!(!self.memories.values().any(shows), "no window shows a released object");
    }
}
