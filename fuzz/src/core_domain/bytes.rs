//! Steps that load and store: guests in their memories, the host in objects, devices where they have a lease.

use memctl_core::{Access, LeaseId, ObjectId};

use super::known::Place;
use super::words::Manner;
use super::world::World;
use super::{MEMORY, at};

impl World {
    pub(super) fn load_some(&mut self, guest: usize, address: u8, len: u8) {
        if self.run(guest).is_err() {
            return;
        }
        let start = u64::from(address) % MEMORY;
        self.load_range(guest, start..(start + 1 + u64::from(len % 64)).min(MEMORY));
    }

    fn load_range(&mut self, guest: usize, addresses: std::ops::Range<u64>) {
        for address in addresses {
            let value = self.load(guest, address);
            match self.books.loads(self.guests[guest].id, address) {
                Some(known) => assert!(known.allows(value), "guest {guest} loads {value} at {address}, not {known:?}"),
                None => assert_eq!(value, self.guests[guest].own[at(address)], "guest {guest}, {address}: its own"),
            }
        }
    }

    pub(super) fn store_some(&mut self, guest: usize, address: u8, len: u8, manner: Manner) {
        if self.run(guest).is_err() {
            return;
        }
        let (start, value, me) = (u64::from(address) % MEMORY, self.stamp(), self.guests[guest].id);
        for address in start..(start + 1 + u64::from(len % 64)).min(MEMORY) {
            match self.books.may_store(me, address) {
                Some(false) if manner != Manner::Careless => continue,
                Some(_) => self.books.store(me, address, value),
                None => self.guests[guest].own[at(address)] = value,
            }
            self.store(guest, address, value);
        }
    }

    /// Everybody looks at everything.
    pub(super) fn look_around(&mut self) {
        for guest in 0..self.guests.len() {
            if self.run(guest).is_ok() {
                self.load_range(guest, 0..MEMORY);
            }
        }
        self.books.objects.keys().copied().collect::<Vec<_>>().into_iter().for_each(|id| self.read_object(id));
    }

    pub(super) fn host_read(&mut self, which: u8) {
        let some = self.books.objects.keys().nth(usize::from(which) % self.books.objects.len()).copied();
        some.into_iter().for_each(|id| self.read_object(id));
    }

    fn read_object(&mut self, id: ObjectId) {
        if self.host(|domain, ram| domain.about_to_read(ram, id)).is_err() {
            return;
        }
        let object = &self.books.objects[&id].bytes;
        for (offset, value) in (0..).zip(self.ram.stored(id)) {
            let known = object.known(offset);
            assert!(known.allows(*value), "the host reads {value} at {offset}, not {known:?}");
        }
    }

    pub(super) fn host_write(&mut self, which: u8, offset: u8, len: u8) {
        let Some((&id, _)) = self.books.objects.iter().nth(usize::from(which) % self.books.objects.len()) else {
            return;
        };
        if self.host(|domain, ram| domain.about_to_write(ram, id)).is_ok() {
            self.overwrite(id, offset, len);
        }
    }

    pub(super) fn write_file(&mut self, offset: u8, len: u8) {
        let identity = if offset.is_multiple_of(2) { (1, 2) } else { (3, 4) };
        if self.host(|domain, ram| domain.file_opened_for_writing(ram, identity)).is_err() {
            return;
        }
        if identity == (1, 2) {
            let file = self.domain.named("file").expect("published");
            self.overwrite(file, offset, len);
        }
    }

    /// Host code stores where nobody has a lease.
    fn overwrite(&mut self, object: ObjectId, offset: u8, len: u8) {
        let size = self.books.objects[&object].bytes.size;
        let (start, value) = (u64::from(offset) % size, self.stamp());
        for offset in start..(start + u64::from(len % 64)).min(size) {
            if self.books.is_free(Place { object, offset }) {
                self.ram.stored(object)[at(offset)] = value;
                self.books.objects.get_mut(&object).expect("live").bytes.store(offset, value);
            }
        }
    }

    /// A device with a lease of its own stores where it may, or looks where it may only do that.
    pub(super) fn device(&mut self, id: LeaseId, offset: u8, len: u8) {
        let lease = self.books.leases[&id];
        let object = &self.books.objects[&lease.object].bytes;
        // The object may have become shorter.
        let end = lease.bytes.1.min(object.size);
        if lease.shown.is_some() || end <= lease.bytes.0 {
            return;
        }
        let start = lease.bytes.0 + u64::from(offset) % (end - lease.bytes.0);
        let value = self.stamp();
        for offset in start..(start + 1 + u64::from(len % 64)).min(end) {
            let object = &mut self.books.objects.get_mut(&lease.object).expect("leased").bytes;
            let stored = &mut self.ram.stored(lease.object)[at(offset)];
            if lease.allows(Access::Write) {
                *stored = value;
                object.store(offset, value);
            } else {
                let known = object.known(offset);
                assert!(known.allows(*stored), "a device loads {stored} at {offset}, not {known:?}");
            }
        }
    }
}
