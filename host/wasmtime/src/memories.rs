//! The guest memories that the host made, found by address.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use memctl_alias::Reservation;
use memctl_core::{Directory, MemoryId, Shield};

use crate::attachment::Attachment;

/// Every live memory that one domain's creator made, by base address.
#[derive(Debug, Default)]
pub(crate) struct Memories {
    made: RwLock<Made>,
}

#[derive(Debug, Default)]
struct Made {
    by_base: BTreeMap<usize, (Arc<Reservation>, Born)>,
    by_birth: BTreeMap<Born, Arc<Reservation>>,
}

/// Which memory of its thread's a memory is: those of one module are made one after the other, on one thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Born {
    thread: u64,
    number: u64,
}

impl Born {
    fn next() -> Self {
        static THREADS: AtomicU64 = AtomicU64::new(0);
        thread_local! {
            static THREAD: u64 = THREADS.fetch_add(1, Ordering::Relaxed);
            static NUMBER: Cell<u64> = const { Cell::new(0) };
        }
        Self { thread: THREAD.with(|thread| *thread), number: NUMBER.replace(NUMBER.get() + 1) }
    }
}

/// The most memories that one module has before the shield of its first.
const FURTHEST: u64 = 128;

/// The memories that the domain's tables know, by the number that they know them by.
pub(crate) type ById = BTreeMap<MemoryId, Used>;

/// A memory that some guest uses.
#[derive(Debug)]
pub(crate) struct Used {
    pub(crate) memory: Arc<Reservation>,
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
    pub(crate) fn insert(&self, memory: Arc<Reservation>) {
        let mut made = self.made.write().unwrap_or_else(PoisonError::into_inner);
        let born = Born::next();
        made.by_birth.insert(born, memory.clone());
        made.by_base.insert(memory.base().addr(), (memory, born));
    }

    pub(crate) fn remove(&self, memory: &Reservation) {
        let mut made = self.made.write().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, born)) = made.by_base.remove(&memory.base().addr()) {
            made.by_birth.remove(&born);
        }
    }

    /// The memory that `address` lies in, or just past the end of. The address is a key, nothing else.
    pub(crate) fn at(&self, address: usize) -> Option<Arc<Reservation>> {
        let made = self.made.read().unwrap_or_else(PoisonError::into_inner);
        let (_, (memory, _)) = made.by_base.range(..=address).next_back()?;
        memory.contains(address).then(|| memory.clone())
    }

    /// How many windows go with `memory`.
    pub(crate) fn windows(&self, memory: &Reservation) -> u32 {
        let made = self.made.read().unwrap_or_else(PoisonError::into_inner);
        // A directory has room for 28.
        made.directory(memory).map_or(0, |(_, directory)| u32::try_from(directory.windows.len()).unwrap_or(0))
    }

    /// Window `number`, from 1 on, of those that go with `memory`.
    pub(crate) fn window(&self, memory: &Reservation, number: u32) -> Option<Arc<Reservation>> {
        let made = self.made.read().unwrap_or_else(PoisonError::into_inner);
        let (Born { thread, number: born }, directory) = made.directory(memory)?;
        let distance = directory.windows.get(usize::try_from(number.checked_sub(1)?).ok()?)?;
        made.by_birth.get(&Born { thread, number: born.checked_sub(u64::from(*distance))? }).cloned()
    }

    /// The shield that guards `memory`, if it belongs to an instrumented module.
    pub(crate) fn shield_of(&self, memory: &Reservation) -> Option<(Arc<Reservation>, Shield)> {
        let made = self.made.read().unwrap_or_else(PoisonError::into_inner);
        made.behind(memory)?.find_map(|(born, distance, candidate)| {
            let shield = Shield::parse(&header(candidate)?, candidate.size())?;
            (u64::from(shield.distance) == distance).then(|| (made.by_birth[&born].clone(), shield))
        })
    }
}

impl Made {
    /// The memories that were made after `memory` on its thread and may belong to the same module, and how many after it.
    fn behind(&self, memory: &Reservation) -> Option<impl Iterator<Item = (Born, u64, &Arc<Reservation>)>> {
        let Born { thread, number } = self.by_base.get(&memory.base().addr())?.1;
        let behind = Born { thread, number: number + 1 }..=Born { thread, number: number + FURTHEST };
        Some(self.by_birth.range(behind).map(move |(born, candidate)| (*born, born.number - number, candidate)))
    }

    /// The directory of the module that `memory` is the memory of.
    fn directory(&self, memory: &Reservation) -> Option<(Born, Directory)> {
        self.behind(memory)?.find_map(|(born, distance, candidate)| {
            let directory = Directory::parse(&header(candidate)?)?;
            (u64::from(directory.memory) == distance).then_some((born, directory))
        })
    }
}

/// The first bytes of a shield or a directory.
pub(crate) fn header(memory: &Reservation) -> Option<[u8; 128]> {
    let mut header = [0; 128];
    memory.read(0, &mut header).ok()?;
    Some(header)
}

#[cfg(test)]
mod tests {
    use super::*;
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
            memories.insert(memory.clone());
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
}
