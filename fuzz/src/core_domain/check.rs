//! What must hold after every step, and after all.

use std::collections::BTreeSet;

use memctl_core::{InstanceId, ObjectId, Quotas, Woken};

use super::MEMORY;
use super::world::World;

impl World {
    /// What is used is what was given; windows and leases keep apart.
    pub(super) fn check(&mut self) {
        let lease = |woken| if let Woken::Waiter(id) = woken { Some(id) } else { None };
        let woken: Vec<_> = self.domain.take_woken().into_iter().filter_map(lease).collect();
        self.books.hear(&woken);
        self.check_usage();
        self.check_mappings();
        self.check_leases();
        let live: BTreeSet<ObjectId> = self.books.objects.keys().copied().collect();
        assert_eq!(self.ram.objects().collect::<BTreeSet<_>>(), live, "an object lives while somebody holds it");
    }

    fn check_usage(&self) {
        let mut all = Quotas::NONE;
        for guest in &self.guests {
            let given = self.given_to(guest.id);
            match self.domain.usage(guest.id) {
                Ok(usage) => assert_eq!(usage, given),
                Err(_) => assert!(!guest.lives),
            }
            all.objects += given.objects;
            all.mappings += given.mappings;
            all.mapped_bytes += given.mapped_bytes;
            all.leases += given.leases;
            all.waiters += given.waiters;
            assert_eq!(self.domain.shares(guest.id), self.shares(guest.id, None));
            for object in self.books.objects.keys() {
                assert_eq!(self.domain.is_shared_by(*object, guest.id), self.shares(guest.id, Some(*object)));
            }
        }
        all.object_bytes = self.books.objects.values().map(super::books::Kept::paid).sum();
        assert_eq!(self.domain.total_usage(), all);
    }

    fn given_to(&self, guest: InstanceId) -> Quotas {
        let mut given = Quotas::NONE;
        given.objects = count(self.books.handles.values().filter(|(holder, _)| *holder == guest));
        let objects = self.books.objects.values().filter(|object| object.owner == Some(guest));
        given.object_bytes = objects.map(super::books::Kept::paid).sum();
        let mappings = || self.books.mappings.values().filter(|mapping| mapping.guest == guest);
        given.mappings = count(mappings());
        given.mapped_bytes = mappings().map(|mapping| mapping.window.1).sum();
        let waiters = || self.books.waiters.iter().map(|(_, waiter)| waiter).filter(|it| it.wanted.guest == guest);
        given.waiters = count(waiters());
        given.leases = count(self.books.leases.values().filter(|lease| lease.guest == guest))
            + count(waiters().filter(|waiter| waiter.counts_as_lease()));
        given
    }

    fn shares(&self, guest: InstanceId, object: Option<ObjectId>) -> bool {
        self.books.mappings.values().any(|mapping| {
            mapping.guest == guest && mapping.is_shared() && object.is_none_or(|object| object == mapping.object)
        })
    }

    fn check_mappings(&self) {
        let mut views = 0;
        for (id, view) in self.domain.views() {
            views += 1;
            let mapping = self.books.mappings.get(&id).expect("nobody was given this mapping");
            let shown = (view.instance, view.object, view.window.start(), view.window.len(), view.offset, view.sharing);
            let (start, len) = mapping.window;
            let options = mapping.options;
            assert_eq!(shown, (mapping.guest, mapping.object, start, len, options.offset, options.sharing));
            assert!(start.checked_add(len).is_some_and(|end| end <= MEMORY));
        }
        assert_eq!(views, self.books.mappings.len());
        let all: Vec<_> = self.books.mappings.values().collect();
        for (at, one) in all.iter().enumerate() {
            for other in all[..at].iter().filter(|other| other.guest == one.guest) {
                let (a, b) = (one.window, other.window);
                assert!(a.0 + a.1 <= b.0 || b.0 + b.1 <= a.0, "windows overlap: {one:?} {other:?}");
                let both_aliasing = one.options.coherence == memctl_core::Coherence::Aliasing
                    && other.options.coherence == memctl_core::Coherence::Aliasing;
                let kept_apart = one.is_leased() || other.is_leased() || both_aliasing;
                if one.object == other.object && one.is_shared() && other.is_shared() && !kept_apart {
                    let (a, b) = (one.range(), other.range());
                    assert!(a.1 <= b.0 || b.1 <= a.0, "two automatic windows show one range: {one:?} {other:?}");
                }
            }
        }
    }

    fn check_leases(&self) {
        for (id, lease) in &self.books.leases {
            let (object, range, access) = self.domain.leased_range(lease.guest, *id).expect("it was not given back");
            let range = (range.start(), range.end());
            assert_eq!((object, range, access), (lease.object, lease.range, lease.access));
            let shown = self.domain.leased(lease.guest, *id);
            let shown = shown.ok().map(|(mapping, window)| (mapping, (window.start(), window.len())));
            assert_eq!(shown, lease.shown);
        }
        for (id, waiter) in &self.books.waiters {
            let range = self.domain.awaited(waiter.wanted.guest, *id).expect("it waits until it is served or gives up");
            assert_eq!((range.start(), range.end()), waiter.wanted.range);
        }
        let all: Vec<_> = self.books.claims().map(|(_, lease)| lease).collect();
        for (at, one) in all.iter().enumerate() {
            for other in &all[..at] {
                assert!(!one.conflicts(other), "two leases conflict: {one:?} {other:?}");
            }
        }
        // Nobody writes at any crossing what somebody has a lease on, or waits for.
        let waiting = self.books.waiters.iter().map(|(_, waiter)| &waiter.wanted);
        for one in all.into_iter().chain(waiting) {
            for (other, mapping) in &self.books.mappings {
                let unleased = mapping.is_shared() && !mapping.is_leased() && !one.is_of(*other);
                let (first, end) = mapping.range();
                let apart = mapping.object != one.object || end <= one.range.0 || one.range.1 <= first;
                assert!(!unleased || apart, "a lease, and a window without leases: {one:?} {mapping:?}");
            }
        }
    }

    /// All guests end: nothing is left but what the host published.
    pub(super) fn finish(mut self, given: &super::steps::Given) {
        self.ram.never_fail();
        self.look_around();
        for guest in 0..self.guests.len() {
            self.end(guest);
            self.check();
        }
        let grown = self.books.objects.values().map(super::books::Kept::paid).sum();
        assert_eq!(self.domain.total_usage(), Quotas { object_bytes: grown, ..Quotas::NONE });
        assert_eq!(self.domain.views().count(), 0);
        assert!(self.books.objects.values().all(|object| object.published));
        self.check_all_stale(given);
    }
}

fn count(all: impl Iterator) -> u32 {
    u32::try_from(all.count()).expect("few")
}
