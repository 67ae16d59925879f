//! One step of a program: what is asked, and what the answer may be.

use std::collections::BTreeSet;

use memctl_core::{Adopted, Code, Error, HandleId, LeaseId, MappingId, WaiterId};

use super::program::Op;
use super::words::{Ask, Name, rights};
use super::world::World;
use super::{MEMORY, at};

/// Every identifier that was ever given, as a number.
#[derive(Default)]
pub(super) struct Given {
    handles: Vec<u64>,
    mappings: Vec<u64>,
    pub(super) leases: Vec<u64>,
    pub(super) waiters: Vec<u64>,
}

#[cfg(test)]
impl Given {
    pub(super) fn maps(&self) -> usize {
        self.mappings.len()
    }

    pub(super) fn leases(&self) -> usize {
        self.leases.len()
    }

    pub(super) fn waits(&self) -> usize {
        self.waiters.len()
    }
}

/// The identifier that a name stands for, as a number.
fn resolve(name: Name, own: impl Iterator<Item = u64>, known: &[u64]) -> u64 {
    let pick = |all: &[u64], pick: u8| all.get(usize::from(pick) % all.len().max(1)).copied();
    match name {
        Name::Own(which) => pick(&own.collect::<Vec<_>>(), which).unwrap_or(u64::from(which)),
        Name::Known(which) => pick(known, which).unwrap_or(u64::from(which)),
        Name::Forged(bits) => bits,
    }
}

/// A call with an identifier that isn't the guest's is answered with `stale`.
#[track_caller]
pub(super) fn believe<T>(own: bool, answer: Result<T, Error>) -> Option<T> {
    if !own {
        let error = answer.err().expect("a name that isn't the guest's is of no use");
        // A failing device may keep the guest from being let in, before it asks.
        assert!(matches!(error.code(), Code::Stale | Code::Io), "not stale but {error}");
        return None;
    }
    answer.ok()
}

impl World {
    pub(super) fn handle(&self, given: &Given, guest: usize, name: Name) -> (HandleId, bool) {
        let me = self.guests[guest].id;
        let own = self.books.handles.iter().filter(|(_, (holder, _))| *holder == me).map(|(id, _)| id.to_bits());
        let id = HandleId::from_bits(resolve(name, own, &given.handles));
        (id, self.books.handles.get(&id).is_some_and(|(holder, _)| *holder == me))
    }

    pub(super) fn mapping(&self, given: &Given, guest: usize, name: Name) -> (MappingId, bool) {
        let me = self.guests[guest].id;
        let own = self.books.mappings.iter().filter(|(_, mapping)| mapping.guest == me).map(|(id, _)| id.to_bits());
        let id = MappingId::from_bits(resolve(name, own, &given.mappings));
        (id, self.books.mappings.get(&id).is_some_and(|mapping| mapping.guest == me))
    }

    pub(super) fn lease(&self, given: &Given, guest: usize, name: Name) -> (LeaseId, bool) {
        let me = self.guests[guest].id;
        let own = self.books.leases.iter().filter(|(_, lease)| lease.guest == me).map(|(id, _)| id.to_bits());
        let id = LeaseId::from_bits(resolve(name, own, &given.leases));
        (id, self.books.leases.get(&id).is_some_and(|lease| lease.guest == me))
    }

    pub(super) fn waiter(&self, given: &Given, guest: usize, name: Name) -> (WaiterId, bool) {
        let me = self.guests[guest].id;
        let own = self.books.waiters.iter().filter(|(_, waiter)| waiter.wanted.guest == me).map(|(id, _)| id.to_bits());
        let id = WaiterId::from_bits(resolve(name, own, &given.waiters));
        (id, self.books.waiter(id).is_some_and(|waiter| waiter.wanted.guest == me))
    }

    /// Does one thing.
    pub(super) fn step(&mut self, given: &mut Given, op: &Op) {
        match *op {
            Op::Map(who, name, ask) => self.map(given, who.index(), name, ask),
            Op::Unmap(who, name) => {
                let (id, own) = self.mapping(given, who.index(), name);
                let answer = self.call(who.index(), |domain, ram, me| domain.unmap(ram, me, id));
                self.unmapped(who.index(), id, own, answer);
            }
            Op::DropMapping(who, name) => {
                let (id, own) = self.mapping(given, who.index(), name);
                let answer = self.call(who.index(), |domain, ram, me| domain.drop_mapping_of(ram, me, id));
                self.unmapped(who.index(), id, own, answer);
            }
            Op::Publish(who, name, part) => {
                let (id, own) = self.mapping(given, who.index(), name);
                let part = part.of(self.window_of(id));
                believe(own, self.call(who.index(), |domain, ram, me| domain.publish(ram, me, id, part)));
            }
            Op::Refresh(who, name, part) => {
                let (id, own) = self.mapping(given, who.index(), name);
                let part = part.of(self.window_of(id));
                believe(own, self.call(who.index(), |domain, ram, me| domain.refresh(ram, me, id, part)));
            }
            Op::Sync(who, name, part) => {
                let (id, own) = self.mapping(given, who.index(), name);
                let part = part.of(self.window_of(id));
                believe(own, self.call(who.index(), |domain, ram, me| domain.sync(ram, me, id, part)));
            }
            Op::Acquire(who, name, part, wish) => {
                let place = self.in_window(given, who.index(), name, part);
                self.acquire(given, who.index(), place, wish.access());
            }
            Op::AcquireObject(who, name, part, wish) => {
                let place = self.in_object(given, who.index(), name, part);
                self.acquire(given, who.index(), place, wish.access());
            }
            Op::AcquireOrWait(who, name, part, wish, held) => {
                let place = self.in_window(given, who.index(), name, part);
                self.acquire_or_wait(given, who.index(), place, wish.access(), held);
            }
            Op::AcquireObjectOrWait(who, name, part, wish, held) => {
                let place = self.in_object(given, who.index(), name, part);
                self.acquire_or_wait(given, who.index(), place, wish.access(), held);
            }
            Op::Release(who, name) => self.release(given, who.index(), name),
            Op::Abandon(who, name) => self.abandon(given, who.index(), name),
            Op::Upgrade(who, name) => self.upgrade(given, who.index(), name),
            Op::UpgradeOrWait(who, name, held) => self.upgrade_or_wait(given, who.index(), name, held),
            Op::Downgrade(who, name) => self.downgrade(given, who.index(), name),
            Op::Collect(who, name) => self.collect(given, who.index(), name),
            Op::GiveUp(who, name) => self.give_up(given, who.index(), name),
            Op::Device(who, name, offset, len) => {
                let (id, own) = self.lease(given, who.index(), name);
                if own {
                    self.device(id, offset, len);
                }
            }
            Op::Size(who, name) => {
                let (id, own) = self.handle(given, who.index(), name);
                let answer = self.call(who.index(), |domain, ram, me| domain.size(ram, me, id));
                if let Some(size) = believe(own, answer) {
                    assert_eq!(size, self.books.objects[&self.books.handles[&id].1].bytes.size);
                }
            }
            Op::Resize(who, name, size) => {
                let (id, own) = self.handle(given, who.index(), name);
                let size = size.value();
                let answer = self.call(who.index(), |domain, ram, me| domain.resize(ram, me, id, size));
                if believe(own, answer).is_some() {
                    let object = self.books.handles[&id].1;
                    self.books.objects.get_mut(&object).expect("held").bytes.resize(size);
                }
            }
            Op::Anonymous(who, size) => self.anonymous(given, who.index(), size.value()),
            Op::Open(who, name) => self.open(given, who.index(), name),
            Op::File(who, which, bits) => self.file(given, who.index(), which, bits),
            Op::DropHandle(who, name) => {
                let (id, own) = self.handle(given, who.index(), name);
                let asked = self.call(who.index(), |domain, ram, me| {
                    domain.drop_handle_of(ram, me, id);
                    Ok(())
                });
                if asked.is_ok() && own {
                    self.books.handles.remove(&id);
                    self.books.drop_unused();
                }
            }
            Op::Load(who, address, len) => self.load_some(who.index(), address, len),
            Op::Store(who, address, len, manner) => self.store_some(who.index(), address, len, manner),
            Op::Turn(who) => {
                let _trapped = self.turn(who.index());
            }
            Op::End(who) => self.end(who.index()),
            Op::Begin(who) => self.begin(who.index()),
            Op::RenewMemory(who) => self.renew_memory(who.index()),
            Op::HostRead(which) => self.host_read(which),
            Op::HostWrite(which, offset, len) => self.host_write(which, offset, len),
            Op::WriteFile(offset, len) => self.write_file(offset, len),
            Op::Reload => self.reload(),
            Op::FailIn(calls) => self.ram.fail_in(calls),
        }
    }

    pub(super) fn window_of(&self, id: MappingId) -> (u64, u64) {
        self.books.mappings.get(&id).map_or((0, MEMORY), |mapping| mapping.window)
    }

    fn map(&mut self, given: &mut Given, guest: usize, name: Name, ask: Ask) {
        let (id, own) = self.handle(given, guest, name);
        let (window, options, memory) = (ask.window(), ask.options(), self.memory(guest));
        let answer = self.call(guest, |domain, ram, me| domain.map(ram, me, memory, window, id, options));
        if let Some(mapping) = believe(own, answer) {
            given.mappings.push(mapping.to_bits());
            let object = self.books.handles[&id].1;
            self.books.add_mapping(mapping, self.guests[guest].id, object, window, options);
        }
    }

    /// After `unmap`, and after a failing one that says that the mapping is gone.
    fn unmapped(&mut self, guest: usize, id: MappingId, own: bool, answer: Result<(), Error>) {
        let gone = self.domain.view(self.guests[guest].id, id).is_err();
        if believe(own, answer).is_some() || (own && gone) {
            let (start, len) = self.window_of(id);
            self.guests[guest].own[at(start)..at(start + len)].fill(0);
            self.books.drop_mapping(id);
        }
    }

    fn anonymous(&mut self, given: &mut Given, guest: usize, size: u64) {
        let made = self.call(guest, |domain, ram, me| {
            domain.check_anonymous(me, size)?;
            ram.check_room(size)?;
            let (handle, object) = domain.anonymous(me, size).expect("there is room");
            ram.add_object(object, size);
            Ok((handle, object))
        });
        if let Ok((handle, object)) = made {
            let me = self.guests[guest].id;
            given.handles.push(handle.to_bits());
            self.books.handles.insert(handle, (me, object));
            self.books.add_object(object, size, false, Some(me), 0);
        }
    }

    fn open(&mut self, given: &mut Given, guest: usize, name: u8) {
        let name = Self::published(name);
        if let Ok(handle) = self.call(guest, |domain, _, me| domain.open(me, name)) {
            given.handles.push(handle.to_bits());
            let object = self.domain.named(name).expect("it was opened");
            self.books.handles.insert(handle, (self.guests[guest].id, object));
        }
    }

    /// A guest shows a descriptor of a file: of the published one, or of another.
    fn file(&mut self, given: &mut Given, guest: usize, which: u8, bits: u8) {
        let (identity, size) = if which.is_multiple_of(2) { ((1, 2), 1) } else { ((3, 4), u64::from(which) + 1) };
        let made = self.call(guest, |domain, ram, me| {
            let (handle, adopted) = domain.file(me, identity, size, rights(bits))?;
            if let Adopted::New(object) = adopted {
                ram.add_object(object, size);
            }
            Ok((handle, adopted))
        });
        if let Ok((handle, adopted)) = made {
            given.handles.push(handle.to_bits());
            self.books.handles.insert(handle, (self.guests[guest].id, adopted.object()));
            if let Adopted::New(object) = adopted {
                self.books.add_object(object, size, false, None, u64::MAX);
            }
        }
    }

    /// Whatever was ever given is of no use to anybody after all guests ended.
    pub(super) fn check_all_stale(&self, given: &Given) {
        let guests: BTreeSet<_> = self.guests.iter().map(|guest| guest.id).collect();
        for me in guests {
            for &bits in &given.mappings {
                assert!(self.domain.view(me, MappingId::from_bits(bits)).is_err());
            }
            for &bits in &given.handles {
                assert!(self.domain.rights(me, HandleId::from_bits(bits)).is_err());
            }
            for &bits in &given.leases {
                assert!(self.domain.leased_range(me, LeaseId::from_bits(bits)).is_err());
            }
            for &bits in &given.waiters {
                assert!(self.domain.awaited(me, WaiterId::from_bits(bits)).is_err());
            }
        }
    }
}
