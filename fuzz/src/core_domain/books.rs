//! What each guest was given and has not given back, and what its bytes must be.

use std::collections::BTreeMap;

use memctl_core::{
    Access, Coherence, HandleId, InstanceId, LeaseId, MapOptions, MappingId, ObjectId, Sharing, WaiterId,
};

use super::claims::{Lease, Waiter};
use super::known::{Known, Object, Place};
use super::{GRANULE, at};

/// An object, and who pays for it.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) bytes: Object,
    pub(super) published: bool,
    /// Whose quota all its bytes count against, if a guest made it.
    pub(super) owner: Option<InstanceId>,
    /// Bytes that count against nobody's; all of a file's do.
    pub(super) free: u64,
}

impl Kept {
    /// What it counts for.
    pub(super) fn paid(&self) -> u64 {
        self.bytes.size.saturating_sub(self.free)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Mapping {
    pub(super) guest: InstanceId,
    pub(super) object: ObjectId,
    pub(super) window: (u64, u64),
    pub(super) options: MapOptions,
    /// A private window's bytes.
    own: Vec<Known>,
}

impl Mapping {
    pub(super) fn is_shared(&self) -> bool {
        self.options.sharing == Sharing::Shared
    }

    pub(super) fn is_leased(&self) -> bool {
        self.options.coherence == Coherence::Leased
    }

    /// The bytes of the object that it shows, the tail of the last granule included.
    pub(super) fn range(&self) -> (u64, u64) {
        (self.options.offset, self.options.offset + self.window.1)
    }

    fn covers(&self, address: u64) -> bool {
        (self.window.0..self.window.0 + self.window.1).contains(&address)
    }

    fn place(&self, address: u64) -> Place {
        Place { object: self.object, offset: self.options.offset + (address - self.window.0) }
    }
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Books {
    pub(super) objects: BTreeMap<ObjectId, Kept>,
    pub(super) handles: BTreeMap<HandleId, (InstanceId, ObjectId)>,
    pub(super) mappings: BTreeMap<MappingId, Mapping>,
    pub(super) leases: BTreeMap<LeaseId, Lease>,
    /// Those of one object in the order in which they are served.
    pub(super) waiters: Vec<(WaiterId, Waiter)>,
    /// Waits that ended in this step because what they were for went.
    pub(super) dismissed: Vec<WaiterId>,
    /// Leases keep others from whole granules: guests may run at the same time.
    pub(super) parallel: bool,
}

impl Books {
    fn window(&self, guest: InstanceId, address: u64) -> Option<(MappingId, &Mapping)> {
        let mut all = self.mappings.iter().filter(|(_, mapping)| mapping.guest == guest && mapping.covers(address));
        all.next().map(|(id, mapping)| (*id, mapping))
    }

    /// Whether the rules let the window's guest read, or write, a byte of a shared window now.
    fn may(&self, id: MappingId, mapping: &Mapping, place: Place, access: Access) -> bool {
        let mut leases = self.leases.values().filter(|lease| lease.covers(place));
        if mapping.is_leased() {
            return leases.any(|lease| lease.is_of(id) && lease.allows(access));
        }
        leases.all(|lease| match (access, lease.access) {
            (Access::Read, Access::Read) => true,
            (Access::Write, Access::Read) => false,
            (_, Access::Write) => lease.is_of(id) && lease.allows(access),
        })
    }

    /// What a guest loads there; `None` if no window is.
    pub(super) fn loads(&self, guest: InstanceId, address: u64) -> Option<Known> {
        let (id, mapping) = self.window(guest, address)?;
        if !mapping.is_shared() {
            return Some(mapping.own[at(address - mapping.window.0)]);
        }
        let place = mapping.place(address);
        let object = &self.objects[&mapping.object].bytes;
        let may = self.may(id, mapping, place, Access::Read);
        Some(if may { object.known(place.offset) } else { object.possible(place.offset) })
    }

    /// Whether a store there keeps to the rules; `None` if no window is there.
    pub(super) fn may_store(&self, guest: InstanceId, address: u64) -> Option<bool> {
        let (id, mapping) = self.window(guest, address)?;
        Some(!mapping.is_shared() || self.may(id, mapping, mapping.place(address), Access::Write))
    }

    /// A store to a window.
    pub(super) fn store(&mut self, guest: InstanceId, address: u64, value: u8) {
        let may = self.may_store(guest, address).expect("there is a window");
        let (id, mapping) = self.window(guest, address).expect("there is a window");
        let place = mapping.place(address);
        let object = &mut self.objects.get_mut(&place.object).expect("shown").bytes;
        let mapping = self.mappings.get_mut(&id).expect("live");
        if !mapping.is_shared() {
            mapping.own[at(address - mapping.window.0)] = Known::Exactly(value);
        } else if may {
            object.store(place.offset, value);
        } else {
            object.store_carelessly(place.offset, value);
        }
    }

    /// Whether nobody has a lease on the byte.
    pub(super) fn is_free(&self, place: Place) -> bool {
        !self.leases.values().any(|lease| lease.covers(place))
    }

    pub(super) fn add_object(
        &mut self,
        id: ObjectId,
        size: u64,
        published: bool,
        owner: Option<InstanceId>,
        free: u64,
    ) {
        let kept = Kept { bytes: Object::new(size), published, owner, free };
        assert!(self.objects.insert(id, kept).is_none(), "an object is new once");
    }

    pub(super) fn add_mapping(
        &mut self,
        id: MappingId,
        guest: InstanceId,
        object: ObjectId,
        window: (u64, u64),
        options: MapOptions,
    ) {
        let bytes = &self.objects[&object].bytes;
        let shown = |offset| if offset < bytes.size { bytes.known(offset) } else { Known::Exactly(0) };
        let own = (options.offset..options.offset + window.1).map(shown).collect();
        let mapping = Mapping { guest, object, window, options, own };
        assert!(self.mappings.insert(id, mapping).is_none(), "a mapping's identifier is given once");
    }

    /// A lease on a part of the mapping's window.
    pub(super) fn on_window(&self, mapping: MappingId, (start, len): (u64, u64), access: Access) -> Lease {
        let on = &self.mappings[&mapping];
        let first = on.place(start).offset;
        self.claim(Some((mapping, (start, len))), on.guest, on.object, (first, first + len), access)
    }

    /// A lease on a range of the object that the handle is to.
    pub(super) fn on_object(&self, handle: HandleId, (start, len): (u64, u64), access: Access) -> Lease {
        let (guest, object) = self.handles[&handle];
        self.claim(None, guest, object, (start, start + len), access)
    }

    fn claim(
        &self,
        shown: Option<(MappingId, (u64, u64))>,
        guest: InstanceId,
        object: ObjectId,
        bytes: (u64, u64),
        access: Access,
    ) -> Lease {
        let whole = (bytes.0 / GRANULE * GRANULE, bytes.1.next_multiple_of(GRANULE));
        let range = if self.parallel { whole } else { bytes };
        Lease { guest, shown, object, bytes, range, access, pending: false }
    }

    pub(super) fn add_lease(&mut self, id: LeaseId, lease: Lease) {
        assert!(self.leases.insert(id, lease).is_none(), "a lease's identifier is given once");
    }

    pub(super) fn drop_mapping(&mut self, id: MappingId) {
        self.dismiss(|waiter| waiter.wanted.is_of(id));
        self.leases.retain(|_, lease| !lease.is_of(id));
        self.mappings.remove(&id);
        self.drop_unused();
    }

    /// A lease is gone, and with it the wait for its upgrade.
    pub(super) fn drop_lease(&mut self, id: LeaseId) -> Option<Lease> {
        let lease = self.leases.remove(&id)?;
        self.dismiss(|waiter| waiter.upgrades == Some(id));
        self.drop_unused();
        Some(lease)
    }

    /// A lease was given back without publishing: what was written under it may be lost.
    pub(super) fn abandon(&mut self, id: LeaseId) {
        let Some(lease) = self.drop_lease(id) else { return };
        // Devices write the object itself.
        if lease.access == Access::Write
            && lease.shown.is_some()
            && let Some(object) = self.objects.get_mut(&lease.object)
        {
            (lease.bytes.0..lease.bytes.1).for_each(|offset| object.bytes.doubt(offset));
        }
    }

    /// All windows of a guest go, with its leases on them.
    pub(super) fn drop_windows(&mut self, guest: InstanceId) {
        self.dismiss(|waiter| waiter.wanted.guest == guest && waiter.wanted.shown.is_some());
        self.mappings.retain(|_, mapping| mapping.guest != guest);
        self.leases.retain(|_, lease| lease.guest != guest || lease.shown.is_none());
        self.drop_unused();
    }

    pub(super) fn end(&mut self, guest: InstanceId) {
        self.handles.retain(|_, (holder, _)| *holder != guest);
        self.dismiss(|waiter| waiter.wanted.guest == guest);
        self.leases.retain(|_, lease| lease.guest != guest);
        self.drop_windows(guest);
    }

    /// Objects that nobody holds go.
    pub(super) fn drop_unused(&mut self) {
        let Self { objects, handles, mappings, leases, waiters, .. } = self;
        objects.retain(|id, object| {
            object.published
                || handles.values().any(|(_, held)| held == id)
                || mappings.values().any(|mapping| mapping.object == *id)
                || leases.values().any(|lease| lease.object == *id)
                || waiters.iter().any(|(_, waiter)| waiter.wanted.object == *id)
        });
    }

    /// A device failed somewhere: what the objects have is anybody's guess.
    pub(super) fn doubt_all(&mut self) {
        self.objects.values_mut().for_each(|object| object.bytes.doubt_all());
    }
}
