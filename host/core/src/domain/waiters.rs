//! Waiting for leases: who is next, who would wait forever, and who was served.
//!
//! Each object has a queue. Whoever comes later doesn't get past whoever waits before it for something that conflicts, also if the lease itself
//! is free: a stream of readers can't starve a writer. An upgrade goes before all others, since they wait for its lease to read to
//! go. Nothing here blocks: the embedding waits, and is told whom to wake by [`Domain::take_woken`].

use alloc::vec::Vec;

use super::Domain;
use super::leases::{ONE_LEASE, Target, busy};
use crate::entries::{Lease, Object, Waiter};
use crate::sorted::Set;
use crate::{Access, Backend, Error, InstanceId, LeaseId, ObjectId, Quotas, ReceiverId, Span, WaiterId};

const ONE_WAITER: Quotas = Quotas { waiters: 1, ..Quotas::NONE };

/// What became of a lease that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It was free.
    Granted(LeaseId),
    /// It will be the waiter's: see [`Domain::collect`] and [`Domain::give_up`].
    Waits(WaiterId),
}

/// Whose wait is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Woken {
    /// Who waited for a lease.
    Waiter(WaiterId),
    /// Who waited for a block.
    Receiver(ReceiverId),
}

impl Domain {
    /// As [`Domain::acquire`], but waits for what is in the way. `held_up` says who can't run, and so give a lease back, until the
    /// caller goes on.
    ///
    /// # Errors
    /// As [`Domain::acquire`]; but [`Error::Busy`] only if an automatic window is in the way, and [`Error::Deadlock`] if who is in the way waits
    /// for the caller, directly or through others.
    pub fn acquire_or_wait(
        &mut self,
        backend: &mut dyn Backend,
        caller: InstanceId,
        target: impl Into<Target>,
        part: (u64, u64),
        access: Access,
        held_up: &dyn Fn(InstanceId) -> bool,
    ) -> Result<Asked, Error> {
        let wanted = self.want(backend, caller, target.into(), part, access)?;
        let object = self.object(wanted.object)?;
        let free = self
            .check_leased_range(object, wanted.range, access, |_, _| false)
            .and_then(|()| self.check_queue(object, wanted.range, access));
        match free {
            Ok(()) => self.acquire_free(backend, wanted).map(Asked::Granted),
            Err(_) => {
                let ask = Quotas { waiters: 1, ..ONE_LEASE };
                self.wait(Waiter { wanted, upgrades: None, granted: None }, ask, held_up).map(Asked::Waits)
            }
        }
    }

    /// As [`Domain::upgrade`], but waits until nobody else reads.
    ///
    /// # Errors
    /// As [`Domain::upgrade`]; but [`Error::Deadlock`] instead of [`Error::Busy`], if who reads waits for the caller: for an upgrade of its own, say.
    pub fn upgrade_or_wait(
        &mut self,
        backend: &mut dyn Backend,
        caller: InstanceId,
        id: LeaseId,
        held_up: &dyn Fn(InstanceId) -> bool,
    ) -> Result<Asked, Error> {
        match self.upgrade(backend, caller, id) {
            Ok(()) => Ok(Asked::Granted(id)),
            Err(Error::Busy { .. }) => {
                let wanted = self.want_upgrade(caller, id)?;
                self.wait(Waiter { wanted, upgrades: Some(id), granted: None }, ONE_WAITER, held_up).map(Asked::Waits)
            }
            Err(error) => Err(error),
        }
    }

    /// The lease that was waited for, or `None` if it is not its turn yet. The waiter is gone unless the answer is `None`.
    ///
    /// # Errors
    /// [`Error::Stale`] if the mapping that it was for is gone, or the lease that it would have upgraded, or that was changed meanwhile; the backend's, and there is no lease then, or still the one to read.
    pub fn collect(
        &mut self,
        backend: &mut dyn Backend,
        caller: InstanceId,
        id: WaiterId,
    ) -> Result<Option<LeaseId>, Error> {
        let waiter = self.waiter_of(caller, id)?;
        let Some(lease) = waiter.granted else { return Ok(None) };
        self.remove_waiter(id);
        let ready = match waiter.upgrades {
            // Nobody wrote since it was acquired to read.
            Some(_) => self.set_access(backend, lease, Access::Write),
            None => self.bring_in(backend, &waiter.wanted).and_then(|()| self.lend(backend, &waiter.wanted)),
        };
        match ready {
            Ok(()) => Ok(Some(lease)),
            Err(error) => {
                self.take_back(backend, &waiter, lease);
                Err(error)
            }
        }
    }

    /// The range of the object that is waited for.
    ///
    /// # Errors
    /// [`Error::Stale`] if it isn't a waiter of `caller`'s, or the mapping that it was for is gone.
    pub fn awaited(&self, caller: InstanceId, id: WaiterId) -> Result<Span, Error> {
        Ok(self.waiter_of(caller, id)?.wanted.range)
    }

    /// Stops waiting. What was granted meanwhile goes to who is next.
    pub fn give_up(&mut self, backend: &mut dyn Backend, caller: InstanceId, id: WaiterId) {
        let Ok(waiter) = self.waiter_of(caller, id) else { return };
        self.remove_waiter(id);
        match waiter.granted {
            Some(lease) => self.take_back(backend, &waiter, lease),
            None => self.grant(waiter.wanted.object),
        }
    }

    /// Whose wait is over since the last call, in the order in which they were served. The waiters of what is gone are among them.
    pub fn take_woken(&mut self) -> Vec<Woken> {
        core::mem::take(&mut self.woken)
    }

    /// Nobody waits for a lease that keeps this one out.
    pub(super) fn check_queue(&self, object: &Object, range: Span, access: Access) -> Result<(), Error> {
        let mut waiters = object.queue.iter().filter_map(|id| self.waiters.get(*id));
        match waiters.find(|waiter| waiter.wanted.conflicts(access, range)) {
            Some(waiter) => Err(busy(waiter.wanted.range)),
            None => Ok(()),
        }
    }

    /// Serves whoever waits for the object and has nobody in the way any more.
    pub(super) fn grant(&mut self, object: ObjectId) {
        let Some(waiting) = self.objects.get(object).filter(|object| !object.queue.is_empty()) else { return };
        for id in waiting.queue.clone() {
            let Some(waiter) = self.waiters.get(id).copied() else { continue };
            if self.blockers_of(id).next().is_some() {
                continue;
            }
            self.leave_queue(id);
            let lease = match waiter.upgrades {
                Some(lease) => {
                    if let Some(lease) = self.leases.get_mut(lease) {
                        lease.access = Access::Write;
                    }
                    lease
                }
                None => self.insert_lease(waiter.wanted),
            };
            if let Some(waiter) = self.waiters.get_mut(id) {
                waiter.granted = Some(lease);
            }
            self.woken.push(Woken::Waiter(id));
        }
    }

    /// The waiters of an instance or a mapping that is going.
    pub(super) fn dismiss_waiters(&mut self, backend: &mut dyn Backend, going: impl Fn(&Lease) -> bool) {
        let waiters: Vec<_> =
            self.waiters.iter().filter(|(_, waiter)| going(&waiter.wanted)).map(|(id, _)| id).collect();
        for id in waiters {
            let Some(waiter) = self.waiters.get(id) else { continue };
            let caller = waiter.wanted.instance;
            self.give_up(backend, caller, id);
            self.woken.push(Woken::Waiter(id));
        }
    }

    /// The lease was upgraded or downgraded meanwhile, or is gone: nobody waits for its upgrade any more, and who did hears of it.
    pub(super) fn forget_upgrade(&mut self, lease: LeaseId, of: InstanceId) {
        let Some(instance) = self.instances.get(of) else { return };
        let waits = |id: &WaiterId| self.waiters.get(*id).is_some_and(|waiter| waiter.upgrades == Some(lease));
        for id in instance.waiters.iter().copied().filter(waits).collect::<Vec<_>>() {
            self.remove_waiter(id);
            self.woken.push(Woken::Waiter(id));
        }
    }

    fn wait(&mut self, waiter: Waiter, ask: Quotas, held_up: &dyn Fn(InstanceId) -> bool) -> Result<WaiterId, Error> {
        let Lease { instance, object, range, .. } = waiter.wanted;
        self.check_quota(instance, ask)?;
        let upgrades = |other: &WaiterId| self.waiters.get(*other).is_some_and(|other| other.upgrades.is_some());
        let queue = &self.object(object)?.queue;
        let place =
            if waiter.upgrades.is_some() { queue.iter().filter(|id| upgrades(id)).count() } else { queue.len() };
        if self.waits_forever(&waiter, place, held_up) {
            return Err(Error::Deadlock { start: range.start(), end: range.end() });
        }
        let id = self.waiters.insert(waiter);
        self.object_mut(object)?.queue.insert(place, id);
        self.take_quota(instance, ask);
        if let Some(instance) = self.instances.get_mut(instance) {
            instance.waiters.insert(id);
        }
        Ok(id)
    }

    /// Whether whoever is in the way of this waiter, with so many before it, can't go before it has gone. Everybody in the way must go, so one
    /// of them is enough. Who waits behind it, for something that conflicts, will wait for it too.
    fn waits_forever(&self, waiter: &Waiter, before: usize, held_up: &dyn Fn(InstanceId) -> bool) -> bool {
        let caller = waiter.wanted.instance;
        let mut seen = Set::new();
        let mut todo: Vec<InstanceId> = self.blockers(waiter, before).collect();
        while let Some(blocker) = todo.pop() {
            if blocker == caller || held_up(blocker) {
                return true;
            }
            if seen.insert(blocker)
                && let Some(blocker) = self.instances.get(blocker)
            {
                let waits = || blocker.waiters.iter().copied().filter(|id| self.waits(*id));
                if waits().any(|id| self.is_passed(id, waiter, before)) {
                    return true;
                }
                todo.extend(waits().flat_map(|id| self.blockers_of(id)));
            }
        }
        false
    }

    /// Whether a new waiter, with so many before it, goes before this one and keeps it out.
    fn is_passed(&self, id: WaiterId, new: &Waiter, before: usize) -> bool {
        let Lease { object, range, access, .. } = new.wanted;
        let behind =
            self.objects.get(object).is_some_and(|object| object.queue.iter().skip(before).any(|other| *other == id));
        behind && self.waiters.get(id).is_some_and(|waiter| waiter.wanted.conflicts(access, range))
    }

    fn waits(&self, id: WaiterId) -> bool {
        self.waiters.get(id).is_some_and(|waiter| waiter.granted.is_none())
    }

    /// Whom somebody waits for who is in a queue.
    fn blockers_of(&self, id: WaiterId) -> impl Iterator<Item = InstanceId> {
        self.waiters.get(id).into_iter().flat_map(move |waiter| {
            let queue = self.objects.get(waiter.wanted.object).map(|object| &object.queue);
            let place = queue.and_then(|queue| queue.iter().position(|other| *other == id)).unwrap_or(0);
            self.blockers(waiter, place)
        })
    }

    /// Whom a waiter waits for that has so many before it: who holds what it can't have meanwhile, or waits for that before it.
    fn blockers(&self, waiter: &Waiter, before: usize) -> impl Iterator<Item = InstanceId> {
        let Waiter { wanted: Lease { range, access, object, .. }, upgrades, .. } = *waiter;
        self.objects.get(object).into_iter().flat_map(move |object| {
            let held = object.leases.iter().filter(move |lease| Some(**lease) != upgrades);
            let held = held.filter_map(|lease| self.leases.get(*lease));
            let waiting = object.queue.iter().take(before).filter_map(|id| self.waiters.get(*id));
            let claims = held.chain(waiting.map(|waiter| &waiter.wanted));
            claims.filter(move |other| other.conflicts(access, range)).map(|other| other.instance)
        })
    }

    fn waiter_of(&self, caller: InstanceId, id: WaiterId) -> Result<Waiter, Error> {
        match self.waiters.get(id) {
            Some(waiter) if waiter.wanted.instance == caller => Ok(*waiter),
            _ => Err(Error::Stale { what: "mapping or object that was waited for" }),
        }
    }

    fn leave_queue(&mut self, id: WaiterId) {
        let Some(waiter) = self.waiters.get(id) else { return };
        if let Some(object) = self.objects.get_mut(waiter.wanted.object) {
            object.queue.retain(|other| *other != id);
        }
    }

    fn remove_waiter(&mut self, id: WaiterId) {
        self.leave_queue(id);
        let Some(waiter) = self.waiters.remove(id) else { return };
        if let Some(instance) = self.instances.get_mut(waiter.wanted.instance) {
            instance.waiters.remove(&id);
        }
        self.give_quota(waiter.wanted.instance, ONE_WAITER);
        if waiter.granted.is_none() && waiter.upgrades.is_none() {
            self.give_quota(waiter.wanted.instance, ONE_LEASE);
        }
    }

    /// The lease was granted, and its holder never heard of it.
    fn take_back(&mut self, backend: &mut dyn Backend, waiter: &Waiter, lease: LeaseId) {
        if waiter.upgrades.is_none() {
            return self.remove_lease(backend, lease);
        }
        if let Some(lease) = self.leases.get_mut(lease) {
            lease.access = Access::Read;
        }
        self.grant(waiter.wanted.object);
    }
}
