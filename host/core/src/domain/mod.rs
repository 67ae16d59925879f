//! The domain: the set of instances that may share objects, and the rules among them.
//!
//! All of it is plain data in tables. Bytes move through the [`Backend`] that each call is lent.

mod access;
mod begun;
mod coherence;
mod extent;
mod heaps;
mod heard;
mod held;
mod leases;
mod mappings;
mod objects;
mod prepare;
mod protection;
mod rebind;
mod waiters;
mod writers;

use alloc::string::String;

use crate::entries::{Handle, Instance, Lease, Mapping, Object, Waiter};
use crate::heap::{Block, Heap, Receiver};
use crate::protected::Protected;
use crate::quota::Account;
use crate::sorted::{Map, Set};
use crate::table::Table;
use crate::{
    Backend, Error, Granule, HandleId, HeapId, InstanceId, MappingId, MemoryId, ObjectId, Quotas, Rights, Threads, View,
};

pub use heaps::Received;
pub use heard::{Changing, Reach};
pub use leases::Target;
pub use mappings::Memory;
pub use objects::Adopted;
pub use waiters::{Asked, Woken};

/// Objects, instances, mappings, leases and quotas, and what may be done with them.
///
/// ```
/// use memctl_core::{Domain, Granule, Quotas};
/// let mut domain = Domain::new(Granule::DEFAULT, Quotas::DOMAIN);
/// let guest = domain.begin(Quotas::GUEST);
/// assert_eq!(domain.usage(guest)?, Quotas::NONE);
/// # Ok::<(), memctl_core::Error>(())
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Domain {
    granule: Granule,
    account: Account,
    instances: Table<Instance>,
    objects: Table<Object>,
    handles: Table<Handle>,
    mappings: Table<Mapping>,
    leases: Table<Lease>,
    waiters: Table<Waiter>,
    heaps: Table<Heap>,
    blocks: Table<Block>,
    receivers: Table<Receiver>,
    /// Whose wait is over, until the embedding asks.
    woken: alloc::vec::Vec<Woken>,
    names: Map<String, (ObjectId, Rights)>,
    heap_names: Map<String, HeapId>,
    /// File objects by device and inode.
    files: Map<(u64, u64), ObjectId>,
    /// Files that were opened for writing, past the domain.
    written_files: Set<(u64, u64)>,
    /// Whether the embedding tells the domain before a file is opened for writing.
    files_watched: bool,
    /// Whether the embedding tells the domain of guests' calls that read, write or resize files.
    files_heard: bool,
    /// How many shared mappings of files there are.
    shared_files: u32,
    threads: Threads,
    /// Leased windows that alias can't be touched outside leases, also if guests run one at a time.
    audited: bool,
}

impl Domain {
    /// A domain with nothing in it. `limit` is what all its instances may use together.
    #[must_use]
    pub fn new(granule: Granule, limit: Quotas) -> Self {
        Self {
            granule,
            account: Account::new(limit),
            instances: Table::default(),
            objects: Table::default(),
            handles: Table::default(),
            mappings: Table::default(),
            leases: Table::default(),
            waiters: Table::default(),
            heaps: Table::default(),
            blocks: Table::default(),
            receivers: Table::default(),
            woken: alloc::vec::Vec::new(),
            names: Map::new(),
            heap_names: Map::new(),
            files: Map::new(),
            written_files: Set::new(),
            files_watched: false,
            files_heard: false,
            shared_files: 0,
            threads: Threads::One,
            audited: false,
        }
    }

    /// The alignment and size unit of mappings.
    #[must_use]
    pub fn granule(&self) -> Granule {
        self.granule
    }

    /// From now on the embedding calls [`Domain::file_opened_for_writing`] before any guest's file is.
    /// Only then can a private mapping of a file show the file's own pages.
    pub fn watch_files(&mut self) {
        self.files_watched = true;
    }

    /// Whether guests that share objects run at the same time. To be said before the first of them maps.
    pub fn set_threads(&mut self, threads: Threads) {
        self.threads = threads;
    }

    /// Leased windows that alias are inaccessible outside their leases from now on, also where guests run one at a time.
    pub fn audit(&mut self) {
        self.audited = true;
    }

    /// Lets an instance in, with its own limits.
    pub fn begin(&mut self, limit: Quotas) -> InstanceId {
        self.instances.insert(Instance {
            account: Account::new(limit),
            handles: Set::new(),
            windows: Map::new(),
            leases: Set::new(),
            waiters: Set::new(),
            automatic: alloc::vec::Vec::new(),
            shared: 0,
            unwatched: 0,
            protected: Map::new(),
            name: None,
            heap_rights: Map::new(),
            owned: alloc::vec::Vec::new(),
            reading: Set::new(),
            inherited: alloc::collections::VecDeque::new(),
            receivers: Set::new(),
        })
    }

    /// Ends an instance, in whatever state it is: what its shared windows hold is published, its mappings go, its leases are
    /// revoked, its handles are dropped. Ending it again does nothing.
    pub fn end(&mut self, backend: &mut dyn Backend, id: InstanceId) {
        self.end_in_heaps(backend, id);
        let Some(instance) = self.instances.get(id) else { return };
        let mappings: alloc::vec::Vec<_> = instance.windows.values().copied().collect();
        let handles: alloc::vec::Vec<_> = instance.handles.iter().copied().collect();
        self.dismiss_waiters(backend, |wanted| wanted.instance == id);
        self.drop_mappings(backend, &mappings);
        let leases: alloc::vec::Vec<_> =
            self.instance(id).map(|i| i.leases.iter().copied().collect()).unwrap_or_default();
        for lease in leases {
            // On an object itself: those on windows went with these. There is nobody to tell that something was lost.
            let _revoked = self.release(backend, id, lease);
        }
        for handle in handles {
            self.drop_handle(backend, handle);
        }
        let memories: alloc::vec::Vec<_> =
            self.instance(id).map(|i| i.protected.keys().copied().collect()).unwrap_or_default();
        for memory in memories {
            self.put_protected(id, memory, Protected::default());
        }
        self.instances.remove(id);
    }

    /// A memory of the instance is about to go: so do the mappings in it, as in [`Domain::end`].
    pub fn memory_gone(&mut self, backend: &mut dyn Backend, memory: MemoryId) {
        self.memory_gone_in_heaps(backend, memory);
        let ids: alloc::vec::Vec<MappingId> =
            self.mappings.iter().filter(|(_, m)| m.view.memory == memory).map(|(id, _)| id).collect();
        self.drop_mappings(backend, &ids);
        let with: alloc::vec::Vec<InstanceId> =
            self.instances.iter().filter(|(_, i)| i.protected.contains_key(&memory)).map(|(id, _)| id).collect();
        for instance in with {
            self.put_protected(instance, memory, Protected::default());
        }
    }

    /// The limits of one instance.
    ///
    /// # Errors
    /// [`Error::Stale`] if it has ended.
    pub fn limits(&self, id: InstanceId) -> Result<Quotas, Error> {
        Ok(self.instance(id)?.account.limit)
    }

    /// What one instance uses of its limits.
    ///
    /// # Errors
    /// [`Error::Stale`] if it has ended.
    pub fn usage(&self, id: InstanceId) -> Result<Quotas, Error> {
        Ok(self.instance(id)?.account.used)
    }

    /// What all instances use together.
    #[must_use]
    pub fn total_usage(&self) -> Quotas {
        self.account.used
    }

    /// The live mappings.
    pub fn views(&self) -> impl Iterator<Item = (MappingId, &View)> {
        self.mappings.iter().map(|(id, mapping)| (id, &mapping.view))
    }

    /// Whether the instance has a shared mapping of the object.
    #[must_use]
    pub fn is_shared_by(&self, object: ObjectId, instance: InstanceId) -> bool {
        self.objects.get(object).is_some_and(|object| {
            let mut mappings = object.mappings.iter().filter_map(|id| self.mappings.get(*id));
            mappings.any(|mapping| mapping.view.instance == instance && mapping.is_shared())
        })
    }

    /// The object behind a handle of `caller`'s.
    ///
    /// # Errors
    /// [`Error::Stale`] if it isn't a live handle of `caller`'s.
    pub fn object_of(&self, caller: InstanceId, handle: HandleId) -> Result<ObjectId, Error> {
        Ok(self.handle_of(caller, handle)?.object)
    }

    /// Whether the instance has a shared mapping of anything: then it may not run beside others.
    #[must_use]
    pub fn shares(&self, instance: InstanceId) -> bool {
        self.instances.get(instance).is_some_and(|instance| instance.shared > 0)
    }

    fn instance(&self, id: InstanceId) -> Result<&Instance, Error> {
        self.instances.get(id).ok_or(Error::Stale { what: "guest" })
    }

    fn object(&self, id: ObjectId) -> Result<&Object, Error> {
        self.objects.get(id).ok_or(Error::Stale { what: "object" })
    }

    fn object_mut(&mut self, id: ObjectId) -> Result<&mut Object, Error> {
        self.objects.get_mut(id).ok_or(Error::Stale { what: "object" })
    }

    fn mapping(&self, id: MappingId) -> Result<&Mapping, Error> {
        self.mappings.get(id).ok_or(Error::Stale { what: "mapping" })
    }

    /// The mapping, if it is `caller`'s: an identifier from elsewhere is as good as none. Windows of heaps are nobody's to name: blocks have owners,
    /// not leases.
    fn mapping_of(&self, caller: InstanceId, id: MappingId) -> Result<&Mapping, Error> {
        match self.mapping(id) {
            Ok(mapping) if mapping.view.instance == caller && self.heap_shown(mapping.view.object).is_none() => {
                Ok(mapping)
            }
            _ => Err(Error::Stale { what: "mapping" }),
        }
    }

    /// The handle, if it is `caller`'s.
    fn handle_of(&self, caller: InstanceId, id: HandleId) -> Result<Handle, Error> {
        match self.handles.get(id) {
            Some(handle) if handle.instance == caller => Ok(*handle),
            _ => Err(Error::Stale { what: "object" }),
        }
    }

    /// Whether the instance and the domain have room for `ask`; nothing is taken.
    fn check_quota(&self, id: InstanceId, ask: Quotas) -> Result<(), Error> {
        self.instance(id)?.account.check("guest", ask)?;
        self.account.check("domain", ask)
    }

    /// Takes what [`Domain::check_quota`] found room for.
    fn take_quota(&mut self, id: InstanceId, ask: Quotas) {
        self.account.take(ask);
        if let Some(instance) = self.instances.get_mut(id) {
            instance.account.take(ask);
        }
    }

    fn give_quota(&mut self, id: InstanceId, back: Quotas) {
        self.account.give(back);
        if let Some(instance) = self.instances.get_mut(id) {
            instance.account.give(back);
        }
    }
}
