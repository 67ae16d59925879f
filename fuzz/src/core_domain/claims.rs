//! Leases that are held and leases that are waited for: who is in whose way, by the books.

use std::collections::BTreeSet;

use memctl_core::{Access, InstanceId, LeaseId, MappingId, ObjectId, WaiterId};

use super::books::Books;
use super::known::Place;

/// A lease, held or asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lease {
    pub(super) guest: InstanceId,
    /// The mapping, and the part of its window; of none, if the holder reaches the object itself.
    pub(super) shown: Option<(MappingId, (u64, u64))>,
    pub(super) object: ObjectId,
    /// What its holder may look at: first byte of the object, and the one after the last.
    pub(super) bytes: (u64, u64),
    /// What it keeps others from: the same, or whole granules.
    pub(super) range: (u64, u64),
    pub(super) access: Access,
    /// It is to write by an upgrade that was not collected yet: others are kept out, and its holder still reads.
    pub(super) pending: bool,
}

impl Lease {
    pub(super) fn covers(&self, place: Place) -> bool {
        self.object == place.object && (self.bytes.0..self.bytes.1).contains(&place.offset)
    }

    pub(super) fn is_of(&self, mapping: MappingId) -> bool {
        self.shown.is_some_and(|(of, _)| of == mapping)
    }

    pub(super) fn allows(&self, access: Access) -> bool {
        access == Access::Read || (self.access == Access::Write && !self.pending)
    }

    pub(super) fn conflicts(&self, other: &Self) -> bool {
        self.object == other.object
            && (self.access == Access::Write || other.access == Access::Write)
            && self.range.0 < other.range.1
            && other.range.0 < self.range.1
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Waiter {
    pub(super) wanted: Lease,
    /// The lease to read that is to become the one wanted.
    pub(super) upgrades: Option<LeaseId>,
    /// Its turn came, and the guest has not heard of it.
    pub(super) granted: bool,
}

impl Waiter {
    /// It has a lease of its own: reserved, or granted and not collected.
    pub(super) fn counts_as_lease(&self) -> bool {
        self.upgrades.is_none()
    }

    /// The lease that it keeps others out with already.
    pub(super) fn reserved(&self) -> Option<&Lease> {
        (self.granted && self.upgrades.is_none()).then_some(&self.wanted)
    }
}

impl Books {
    /// Everything that keeps others out: leases that are held, and those that were granted to who waited.
    pub(super) fn claims(&self) -> impl Iterator<Item = (Option<LeaseId>, &Lease)> {
        let held = self.leases.iter().map(|(id, lease)| (Some(*id), lease));
        held.chain(self.waiters.iter().filter_map(|(_, waiter)| Some((None, waiter.reserved()?))))
    }

    /// Who waits behind `waiter` if it comes to its place, which is past that many waiters: at the end, and before all who want a new lease on
    /// the object if it is an upgrade.
    fn place(&self, waiter: &Waiter) -> usize {
        let new = |(_, other): &(WaiterId, Waiter)| {
            !other.granted && other.upgrades.is_none() && other.wanted.object == waiter.wanted.object
        };
        let first = if waiter.upgrades.is_some() { self.waiters.iter().position(new) } else { None };
        first.unwrap_or(self.waiters.len())
    }

    /// Who is in the way of a waiter that has so many before it.
    fn blockers(&self, waiter: &Waiter, before: usize) -> BTreeSet<InstanceId> {
        let claims = self.claims().filter(|(id, _)| id.is_none() || *id != waiter.upgrades).map(|(_, lease)| lease);
        let waiting = self.waiters[..before].iter().filter(|(_, other)| !other.granted).map(|(_, other)| &other.wanted);
        claims.chain(waiting).filter(|other| other.conflicts(&waiter.wanted)).map(|other| other.guest).collect()
    }

    /// Whether the guest could have it now, without getting past anybody.
    pub(super) fn is_obtainable(&self, wanted: Lease) -> bool {
        self.blockers(&Waiter { wanted, upgrades: None, granted: false }, self.waiters.len()).is_empty()
    }

    /// Whether nobody else keeps the lease from becoming one to write. Those who wait don't matter: an upgrade goes before them.
    pub(super) fn is_alone(&self, id: LeaseId) -> bool {
        let wanted = Lease { access: Access::Write, ..self.leases[&id] };
        self.blockers(&Waiter { wanted, upgrades: Some(id), granted: false }, 0).is_empty()
    }

    /// Whether a waiter that came now would wait for itself, or for who can't run, directly or through others.
    pub(super) fn waits_forever(&self, waiter: &Waiter, held_up: &BTreeSet<InstanceId>) -> bool {
        let place = self.place(waiter);
        let mut awaited = self.blockers(waiter, place);
        loop {
            let mut more = awaited.clone();
            for (at, (_, other)) in self.waiters.iter().enumerate() {
                if !other.granted && awaited.contains(&other.wanted.guest) {
                    more.extend(self.blockers(other, at));
                    // Whoever it gets past waits for it, too.
                    if at >= place && other.wanted.conflicts(&waiter.wanted) {
                        more.insert(waiter.wanted.guest);
                    }
                }
            }
            if more.len() == awaited.len() {
                return awaited.contains(&waiter.wanted.guest) || !awaited.is_disjoint(held_up);
            }
            awaited = more;
        }
    }

    /// Whether somebody is in the waiter's way.
    pub(super) fn is_blocked(&self, waiter: &Waiter) -> bool {
        !self.blockers(waiter, self.place(waiter)).is_empty()
    }

    pub(super) fn waiter(&self, id: WaiterId) -> Option<&Waiter> {
        self.waiters.iter().find(|(other, _)| *other == id).map(|(_, waiter)| waiter)
    }

    pub(super) fn add_waiter(&mut self, id: WaiterId, waiter: Waiter) {
        assert!(self.waiter(id).is_none(), "a waiter's identifier is given once");
        let place = self.place(&waiter);
        self.waiters.insert(place, (id, waiter));
    }

    /// The guest itself ends the wait, with or without what it waited for.
    pub(super) fn remove_waiter(&mut self, id: WaiterId) -> Option<Waiter> {
        let at = self.waiters.iter().position(|(other, _)| *other == id)?;
        Some(self.waiters.remove(at).1)
    }

    /// Waits that end because what they were for goes: their guests must hear of it.
    pub(super) fn dismiss(&mut self, going: impl Fn(&Waiter) -> bool) {
        let Self { waiters, dismissed, .. } = self;
        dismissed.extend(waiters.iter().filter(|(_, waiter)| going(waiter)).map(|(id, _)| *id));
        waiters.retain(|(_, waiter)| !going(waiter));
    }

    /// Those whose wait is over, in the order in which they were served: nobody was in their way.
    pub(super) fn hear(&mut self, woken: &[WaiterId]) {
        for id in woken {
            let Some(at) = self.waiters.iter().position(|(other, _)| other == id) else {
                assert!(self.dismissed.contains(id), "{id:?} is woken, and nobody waits by that name");
                continue;
            };
            let waiter = self.waiters[at].1;
            assert!(!waiter.granted, "nobody is served twice: {waiter:?}");
            let blockers = self.blockers(&waiter, at);
            assert!(blockers.is_empty(), "{waiter:?} gets past {blockers:?}");
            self.waiters[at].1.granted = true;
            if let Some(lease) = waiter.upgrades {
                let lease = self.leases.get_mut(&lease).expect("it goes with its lease");
                (lease.access, lease.pending) = (Access::Write, true);
            }
        }
        let unheard = self.dismissed.iter().find(|id| !woken.contains(id));
        assert!(unheard.is_none(), "{unheard:?} waits for what is gone");
        self.dismissed.clear();
        for (at, (_, waiter)) in self.waiters.iter().enumerate() {
            let waits = waiter.granted || !self.blockers(waiter, at).is_empty();
            assert!(waits, "nobody is in the way, and still it waits: {waiter:?}");
        }
    }
}
