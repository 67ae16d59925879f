//! Steps with leases: they are asked for, waited for, changed and given back, by guests and by devices.

use std::collections::BTreeSet;

use memctl_core::{Access, Asked, Code, Error, InstanceId, LeaseId, Target, WaiterId};

use super::MEMORY;
use super::claims::{Lease, Waiter};
use super::steps::{Given, believe};
use super::words::{Held, Name, Part};
use super::world::World;

/// What a lease is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    target: Target,
    own: bool,
    part: (u64, u64),
}

impl World {
    /// A part of a mapping's window.
    pub(super) fn in_window(&self, given: &Given, guest: usize, name: Name, part: Part) -> Wanted {
        let (id, own) = self.mapping(given, guest, name);
        Wanted { target: id.into(), own, part: part.of(self.window_of(id)) }
    }

    /// A range of an object, named by a handle.
    pub(super) fn in_object(&self, given: &Given, guest: usize, name: Name, part: Part) -> Wanted {
        let (id, own) = self.handle(given, guest, name);
        let size = self.books.handles.get(&id).map_or(MEMORY, |(_, object)| self.books.objects[object].bytes.size);
        Wanted { target: id.into(), own, part: part.of((0, size)) }
    }

    /// The lease that is asked for, where it is one that could be.
    fn lease_on(&self, wanted: Wanted, access: Access) -> Lease {
        match wanted.target {
            Target::Mapping(id) => self.books.on_window(id, wanted.part, access),
            Target::Object(id) => self.books.on_object(id, wanted.part, access),
        }
    }

    fn held_up(&self, held: Held) -> BTreeSet<InstanceId> {
        (0..).zip(&self.guests).filter(|(seat, _)| held.holds(*seat)).map(|(_, guest)| guest.id).collect()
    }

    fn granted(&mut self, given: &mut Given, id: LeaseId, lease: Lease) {
        assert!(self.books.is_obtainable(lease), "it gets past somebody: {lease:?}");
        given.leases.push(id.to_bits());
        self.books.add_lease(id, lease);
    }

    pub(super) fn acquire(&mut self, given: &mut Given, guest: usize, wanted: Wanted, access: Access) {
        let Wanted { target, own, part } = wanted;
        let answer = self.call(guest, |domain, ram, me| domain.acquire(ram, me, target, part, access));
        if let Some(id) = believe(own, answer) {
            let lease = self.lease_on(wanted, access);
            self.granted(given, id, lease);
        }
    }

    pub(super) fn acquire_or_wait(
        &mut self,
        given: &mut Given,
        guest: usize,
        wanted: Wanted,
        access: Access,
        held: Held,
    ) {
        let Wanted { target, own, part } = wanted;
        let held_up = self.held_up(held);
        let stuck = |other| held_up.contains(&other);
        let answer = self.call(guest, |domain, ram, me| domain.acquire_or_wait(ram, me, target, part, access, &stuck));
        if !own {
            believe(own, answer);
            return;
        }
        match answer {
            Ok(Asked::Granted(id)) => {
                let lease = self.lease_on(wanted, access);
                self.granted(given, id, lease);
            }
            Ok(Asked::Waits(id)) => {
                let waiter = Waiter { wanted: self.lease_on(wanted, access), upgrades: None, granted: false };
                assert!(!self.books.waits_forever(&waiter, &held_up), "it waits forever: {waiter:?}");
                given.waiters.push(id.to_bits());
                self.books.add_waiter(id, waiter);
            }
            Err(error) => self.check_refusal(&error, || (self.lease_on(wanted, access), None), &held_up),
        }
    }

    /// `deadlock` is only said of what is one, and `busy` only of windows that are written without leases.
    fn check_refusal(
        &self,
        error: &Error,
        asked: impl Fn() -> (Lease, Option<LeaseId>),
        held_up: &BTreeSet<InstanceId>,
    ) {
        match error.code() {
            Code::Deadlock => {
                let (wanted, upgrades) = asked();
                let waiter = Waiter { wanted, upgrades, granted: false };
                assert!(self.books.is_blocked(&waiter), "nobody is in the way: {waiter:?}");
                assert!(self.books.waits_forever(&waiter, held_up), "this is no deadlock: {waiter:?}");
            }
            Code::Busy => {
                let (wanted, upgrades) = asked();
                let mut windows = self.books.mappings.iter().filter(|(id, mapping)| {
                    let (first, end) = mapping.range();
                    let apart = mapping.object != wanted.object || end <= wanted.range.0 || wanted.range.1 <= first;
                    mapping.is_shared() && !mapping.is_leased() && !wanted.is_of(**id) && !apart
                });
                assert!(upgrades.is_none() && windows.next().is_some(), "it could have waited: {wanted:?}");
            }
            Code::TimedOut => panic!("nothing here knows the time"),
            _ => {}
        }
    }

    pub(super) fn release(&mut self, given: &Given, guest: usize, name: Name) {
        let (id, own) = self.lease(given, guest, name);
        let answer = self.call(guest, |domain, ram, me| domain.release(ram, me, id));
        // It is gone in any case, unless the guest could not ask.
        let gone = self.domain.leased_range(self.guests[guest].id, id).is_err();
        if believe(own, answer).is_some() || (own && gone) {
            self.books.drop_lease(id);
        }
    }

    pub(super) fn abandon(&mut self, given: &Given, guest: usize, name: Name) {
        let (id, own) = self.lease(given, guest, name);
        let asked = self.call(guest, |domain, ram, me| {
            domain.abandon(ram, me, id);
            Ok(())
        });
        if asked.is_ok() && own {
            self.books.abandon(id);
        }
    }

    pub(super) fn upgrade(&mut self, given: &Given, guest: usize, name: Name) {
        let (id, own) = self.lease(given, guest, name);
        let answer = self.call(guest, |domain, ram, me| domain.upgrade(ram, me, id));
        if believe(own, answer).is_some() {
            self.upgraded(id);
        }
    }

    /// A lease is one to write now, and nobody waits for that any more.
    fn upgraded(&mut self, id: LeaseId) {
        assert!(self.books.is_alone(id), "others read: {id:?}");
        self.changed(id, Access::Write);
    }

    fn changed(&mut self, id: LeaseId, access: Access) {
        self.books.dismiss(|waiter| waiter.upgrades == Some(id));
        let lease = self.books.leases.get_mut(&id).expect("live");
        (lease.access, lease.pending) = (access, false);
    }

    pub(super) fn upgrade_or_wait(&mut self, given: &mut Given, guest: usize, name: Name, held: Held) {
        let (id, own) = self.lease(given, guest, name);
        let held_up = self.held_up(held);
        let stuck = |other| held_up.contains(&other);
        let answer = self.call(guest, |domain, ram, me| domain.upgrade_or_wait(ram, me, id, &stuck));
        if !own {
            believe(own, answer);
            return;
        }
        let wanted = Lease { access: Access::Write, ..self.books.leases[&id] };
        match answer {
            Ok(Asked::Granted(same)) => {
                assert_eq!(same, id);
                self.upgraded(id);
            }
            Ok(Asked::Waits(waiter_id)) => {
                let waiter = Waiter { wanted, upgrades: Some(id), granted: false };
                assert!(!self.books.waits_forever(&waiter, &held_up), "it waits forever: {waiter:?}");
                given.waiters.push(waiter_id.to_bits());
                self.books.add_waiter(waiter_id, waiter);
            }
            Err(error) => self.check_refusal(&error, || (wanted, Some(id)), &held_up),
        }
    }

    pub(super) fn downgrade(&mut self, given: &Given, guest: usize, name: Name) {
        let (id, own) = self.lease(given, guest, name);
        let answer = self.call(guest, |domain, ram, me| domain.downgrade(ram, me, id));
        // It is one to read in any case, unless the guest could not ask.
        let reads = self.domain.leased_range(self.guests[guest].id, id).is_ok_and(|(.., it)| it == Access::Read);
        let before = self.books.leases.get(&id).map(|lease| lease.access);
        if believe(own, answer).is_some() || (own && reads && before == Some(Access::Write)) {
            self.changed(id, Access::Read);
        }
    }

    pub(super) fn collect(&mut self, given: &mut Given, guest: usize, name: Name) {
        let (id, own) = self.waiter(given, guest, name);
        let answer = self.call(guest, |domain, ram, me| domain.collect(ram, me, id));
        let gone = self.domain.awaited(self.guests[guest].id, id).is_err();
        if !own {
            believe(own, answer);
            return;
        }
        let waiter = *self.books.waiter(id).expect("its own");
        match answer {
            Ok(None) => assert!(!waiter.granted, "it was its turn: {waiter:?}"),
            Ok(Some(lease)) => {
                assert!(waiter.granted, "it was not its turn: {waiter:?}");
                self.books.remove_waiter(id);
                match waiter.upgrades {
                    Some(same) => {
                        assert_eq!(lease, same);
                        self.upgraded(lease);
                    }
                    None => {
                        given.leases.push(lease.to_bits());
                        self.books.add_lease(lease, waiter.wanted);
                    }
                }
            }
            Err(error) if gone => {
                assert!(waiter.granted, "only who is served can be disappointed: {error}");
                self.stop(id, waiter);
            }
            // It could not even ask.
            Err(error) => assert_eq!(error.code(), Code::Io),
        }
    }

    pub(super) fn give_up(&mut self, given: &Given, guest: usize, name: Name) {
        let (id, own) = self.waiter(given, guest, name);
        let asked = self.call(guest, |domain, ram, me| {
            domain.give_up(ram, me, id);
            Ok(())
        });
        if asked.is_ok() && own {
            let waiter = *self.books.waiter(id).expect("its own");
            self.stop(id, waiter);
        }
    }

    /// The wait is over, and what was granted by then goes to who is next.
    fn stop(&mut self, id: WaiterId, waiter: Waiter) {
        self.books.remove_waiter(id);
        if let (true, Some(lease)) = (waiter.granted, waiter.upgrades) {
            self.changed(lease, Access::Read);
        }
        self.books.drop_unused();
    }
}
