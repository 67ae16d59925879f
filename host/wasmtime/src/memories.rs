//! The guest memories that the host made, found by address.

use alloc::sync::Arc;

use memctl_core::sorted::Map;
use memctl_core::{Directory, MemoryId, Shield};

use crate::attachment::Attachment;
use crate::base::Base;
use crate::locks::{RwLock, per_thread, this_thread};
use crate::mmu::Reservation;
use crate::sync::atomic::{AtomicU64, Ordering};

/// Every live memory that one domain's creator made, by base address.
#[derive(Debug, Default)]
pub(crate) struct Memories {
    made: RwLock<Made>,
}

#[derive(Debug, Default)]
struct Made {
    by_base: Map<usize, (Arc<Base>, Born)>,
    by_birth: Map<Born, Arc<Base>>,
    /// How many guests the thread that made it had begun when a memory was made.
    guests: Map<Born, u64>,
}

per_thread! {
    /// How many guests this thread has begun.
    static GUESTS: u64 = 0;
}

/// A guest begins. Memories that this thread makes from now on are its, or another's that begins later, but none of who began before and was instantiated already.
pub(crate) fn note_guest() {
    GUESTS.set(GUESTS.get() + 1);
}

/// Which memory of its thread's a memory is: those of one module are made one after the other, on one thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Born {
    thread: u64,
    number: u64,
}

per_thread! {
    /// How many memories this thread has made.
    static NUMBER: u64 = 0;
}

impl Born {
    fn next() -> Self {
        READ_LAST.set(None);
        Self { thread: this_thread(), number: NUMBER.replace(NUMBER.get() + 1) }
    }
}

per_thread! {
    /// The last memory of this thread whose base the engine read for the first time, and the number of its module's instance. Nothing if a memory was made since.
    static READ_LAST: Option<(Born, u64)> = None;
}

/// The instance that a memory belongs to whose base is read for the first time. wasmtime makes all memories of an instance, and then reads their
/// bases in the same order. Two instances could be taken for one only if a limiter that is asynchronous holds both up between the one and the other.
fn instance_of(memory: Born) -> u64 {
    static INSTANCES: AtomicU64 = AtomicU64::new(0);
    let instance = match READ_LAST.get() {
        Some((last, instance)) if (last.thread, last.number + 1) == (memory.thread, memory.number) => instance,
        _ => INSTANCES.fetch_add(1, Ordering::Relaxed),
    };
    READ_LAST.set(Some((memory, instance)));
    instance
}

/// The most memories that one module has before the shield of its first.
const FURTHEST: u64 = 128;

/// The memories that the domain's tables know, by the number that they know them by.
pub(crate) type ById = Map<MemoryId, Used>;

/// A memory that some guest uses.
#[derive(Debug)]
pub(crate) struct Used {
    pub(crate) memory: Arc<Reservation>,
    /// Where it is.
    pub(crate) base: Option<Arc<Base>>,
    /// What the host sees of its store.
    pub(crate) attachment: Attachment,
    /// What guards it, if it belongs to an instrumented module. That was in place before the module ran, and doesn't change.
    pub(crate) shield: Option<(Arc<Reservation>, Shield)>,
}

/// The number that the domain's tables know a memory by.
pub(crate) fn id_of(memory: &Reservation) -> MemoryId {
    MemoryId(memory.id())
}

impl Memories {
    pub(crate) fn insert(&self, base: Arc<Base>) {
        let mut made = self.made.write();
        let born = Born::next();
        made.by_birth.insert(born, base.clone());
        made.guests.insert(born, GUESTS.get());
        made.by_base.insert(base.home().base().addr(), (base, born));
    }

    /// The engine reads the base: the first time it does that for the instance that it made the memory for.
    pub(crate) fn note_read(&self, base: &Base) {
        base.instance_or(|| {
            let made = self.made.read();
            made.by_base.get(&base.home().base().addr()).map_or(u64::MAX, |(_, born)| instance_of(*born))
        });
    }

    /// Where the memory is.
    pub(crate) fn base_of(&self, memory: &Reservation) -> Option<Arc<Base>> {
        let made = self.made.read();
        made.by_base.get(&memory.base().addr()).map(|(base, _)| base.clone())
    }

    pub(crate) fn remove(&self, memory: &Reservation) {
        let mut made = self.made.write();
        if let Some((_, born)) = made.by_base.remove(&memory.base().addr()) {
            made.by_birth.remove(&born);
            made.guests.remove(&born);
        }
    }

    /// The memories at home in `partition`.
    #[cfg(not(feature = "std"))]
    pub(crate) fn within(&self, partition: &core::ops::Range<usize>) -> alloc::vec::Vec<Arc<Base>> {
        let made = self.made.read();
        made.by_base.range(partition.clone()).map(|(_, (base, _))| base.clone()).collect()
    }

    /// The memory that `address` lies in, or just past the end of. The address is a key, nothing else.
    pub(crate) fn at(&self, address: usize) -> Option<Arc<Reservation>> {
        let made = self.made.read();
        let (_, (base, _)) = made.by_base.range(..=address).next_back()?;
        base.home().contains(address).then(|| base.home().clone())
    }

    /// How many windows go with `memory`.
    pub(crate) fn windows(&self, memory: &Reservation) -> u32 {
        let made = self.made.read();
        // A directory has room for 28.
        made.directory(memory).map_or(0, |(_, directory)| u32::try_from(directory.windows.len()).unwrap_or(0))
    }

    /// Window `number`, from 1 on, of those that go with `memory`.
    pub(crate) fn window(&self, memory: &Reservation, number: u32) -> Option<Arc<Reservation>> {
        let made = self.made.read();
        let (born, directory) = made.directory(memory)?;
        let distance = directory.windows.get(usize::try_from(number.checked_sub(1)?).ok()?)?;
        let window = made.by_birth.get(&Born { number: born.number.checked_sub(u64::from(*distance))?, ..born })?;
        // A directory can be forged: it names memories of its own module's instance only.
        (window.instance()? == made.by_birth[&born].instance()?).then(|| window.home().clone())
    }

    /// The shield that guards `memory`, if it belongs to an instrumented module: one of the same instance, since anybody can forge one.
    pub(crate) fn shield_of(&self, memory: &Reservation) -> Option<(Arc<Reservation>, Shield)> {
        let made = self.made.read();
        let (guarded, _) = made.by_base.get(&memory.base().addr())?;
        made.behind(memory)?.find_map(|(_, distance, candidate)| {
            // Nobody else's memory is looked at: its guest may not be allowed to touch it now.
            let shield = (candidate.instance() == guarded.instance()).then(|| candidate.marks().shield)??;
            (u64::from(shield.distance) == distance).then(|| (candidate.home().clone(), shield))
        })
    }
}

impl Made {
    /// The memories that were made after `memory` on its thread and may belong to the same module, and how many after it.
    fn behind(&self, memory: &Reservation) -> Option<impl Iterator<Item = (Born, u64, &Arc<Base>)>> {
        let Born { thread, number } = self.by_base.get(&memory.base().addr())?.1;
        let behind = Born { thread, number: number + 1 }..=Born { thread, number: number + FURTHEST };
        Some(self.by_birth.range(behind).map(move |(born, base)| (*born, born.number - number, base)))
    }

    /// The directory of the module that `memory` is the memory of. One of another module, a library's, has to be made for the same guest: else a guest
    /// could forge one that gives its own memory to somebody made before it, and see what is shown there.
    fn directory(&self, memory: &Reservation) -> Option<(Born, &Directory)> {
        let (base, first) = self.by_base.get(&memory.base().addr())?;
        self.behind(memory)?.find_map(|(born, distance, candidate)| {
            let of_one_instance = base.instance().is_some() && base.instance() == candidate.instance();
            let of_one_guest = of_one_instance || self.guests.get(first) == self.guests.get(&born);
            let directory = of_one_guest.then(|| candidate.marks().directory.as_ref())??;
            (u64::from(directory.memory) == distance).then_some((born, directory))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Seat;
    use memctl_core::Bounds;

    #[test]
    fn a_shield_guards_the_memory_made_so_many_before_it() {
        let memories = Memories::default();
        let make = |distance: Option<u32>| {
            let memory = Arc::new(Reservation::new(4096, 4096, 0).expect("room"));
            if let Some(distance) = distance {
                let shield = Shield { distance, capacity: 8, granule: 0, declared: Bounds::NONE, checks_table: true };
                memory.write(0, &shield.to_bytes()).expect("fits");
            }
            memories.insert(Base::new(memory.clone(), Seat::Fixed, 0));
            memory
        };
        let (first, second) = (make(None), make(None));
        let (of_first, of_second) = (make(Some(2)), make(Some(2)));
        let found = |memory| memories.shield_of(memory).map(|(shield, _)| shield.id());
        assert_eq!(found(&first), Some(of_first.id()));
        assert_eq!(found(&second), Some(of_second.id()));
        assert_eq!(found(&of_second), None);
        let elsewhere = std::thread::scope(|scope| scope.spawn(|| make(Some(1))).join().expect("runs"));
        assert_eq!(found(&of_second), None, "made by another thread: {elsewhere:?}");
    }

    #[test]
    fn a_shield_guards_no_memory_of_another_module() {
        let memories = Memories::default();
        let none = Directory { memory: 2, windows: Vec::new() };
        let guarded = instantiate(&memories, &none);
        let shield =
            |distance| Shield { distance, capacity: 8, granule: 0, declared: Bounds::NONE, checks_table: true };
        let forger = instantiate(&memories, &none);
        forger[1].write(0, &shield(4).to_bytes()).expect("fits");
        assert!(memories.shield_of(&guarded[0]).is_none());
        let honest = instantiate(&memories, &none);
        honest[1].write(0, &shield(1).to_bytes()).expect("fits");
        assert!(memories.shield_of(&honest[0]).is_some());
    }

    #[test]
    fn what_a_memory_is_for_is_what_it_said_when_it_was_first_looked_at() {
        let memories = Memories::default();
        let guest = instantiate(&memories, &Directory { memory: 2, windows: vec![1] });
        assert_eq!(memories.windows(&guest[0]), 1);
        guest[2].write(0, &[0; 128]).expect("fits");
        let shield = Shield { distance: 1, capacity: 8, granule: 0, declared: Bounds::NONE, checks_table: true };
        guest[1].write(0, &shield.to_bytes()).expect("fits");
        assert_eq!(memories.windows(&guest[0]), 1);
        assert!(memories.shield_of(&guest[0]).is_none(), "the bytes of an object, for instance");
    }

    /// What the engine does when it makes an instance of a module with these memories.
    fn instantiate(memories: &Memories, directory: &Directory) -> Vec<Arc<Reservation>> {
        let bases: Vec<_> = (0..3)
            .map(|_| Base::new(Arc::new(Reservation::new(4096, 4096, 0).expect("room")), Seat::Fixed, 0))
            .collect();
        for base in &bases {
            memories.insert(base.clone());
        }
        for base in &bases {
            memories.note_read(base);
        }
        bases[2].home().write(0, &directory.to_bytes()).expect("fits");
        bases.iter().map(|base| base.home().clone()).collect()
    }

    #[test]
    fn a_directory_names_no_memory_of_another_module() {
        let memories = Memories::default();
        let first = instantiate(&memories, &Directory { memory: 2, windows: vec![1] });
        assert_eq!(memories.window(&first[0], 1).map(|window| window.id()), Some(first[1].id()));
        let forger = instantiate(&memories, &Directory { memory: 2, windows: vec![5, 4, 1] });
        let found: Vec<_> =
            (1..=4).map(|number| memories.window(&forger[0], number).map(|window| window.id())).collect();
        assert_eq!(found, [None, None, Some(forger[1].id()), None]);
    }
}
