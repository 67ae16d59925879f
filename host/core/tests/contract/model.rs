//! The naive model: an object is an array of bytes, and shared windows are views of it. What the rules don't allow a
//! program to look at, it has no opinion on.

use std::collections::BTreeMap;

use memctl_core::{Access, Code, HandleId, LeaseId, MappingId, ObjectId, Sharing};

use crate::common::{MEMORY, MapAt, at};
use crate::program::{Gave, Op, Step};

#[derive(Debug)]
struct Object {
    bytes: Vec<u8>,
    published: bool,
    /// How many bytes count against nobody's quota.
    free: u64,
    /// Something was stored past the end: until it is certainly lost, who sees what there is open.
    tail_stored: bool,
}

#[derive(Debug)]
struct Mapping {
    id: MappingId,
    guest: usize,
    object: ObjectId,
    ask: MapAt,
    /// A private window's bytes.
    own: Vec<u8>,
}

#[derive(Debug)]
struct Lease {
    id: LeaseId,
    guest: usize,
    mapping: MappingId,
    object: ObjectId,
    /// Of the object.
    range: (u64, u64),
    access: Access,
}

impl Lease {
    fn covers(&self, object: ObjectId, offset: u64) -> bool {
        self.object == object && self.range.0 <= offset && offset < self.range.1
    }
}

impl Mapping {
    fn is_private(&self) -> bool {
        self.ask.options.sharing == Sharing::Private
    }

    fn is_leased(&self) -> bool {
        !self.is_private() && self.ask.options.coherence == memctl_core::Coherence::Leased
    }

    /// The object's byte that an address of the window shows.
    fn offset(&self, address: u64) -> u64 {
        self.ask.options.offset + (address - self.ask.window.0)
    }
}

#[derive(Debug)]
pub(crate) struct Model {
    memories: [Vec<u8>; 3],
    objects: BTreeMap<ObjectId, Object>,
    handles: [Vec<(HandleId, ObjectId)>; 3],
    mappings: Vec<Mapping>,
    leases: Vec<Lease>,
    file: ObjectId,
}

/// The `pick`th of what there is, if there is any.
fn one_of<T>(all: &[T], pick: usize) -> Option<&T> {
    all.get(pick % all.len().max(1))
}

impl Model {
    pub(crate) fn new(objects: [(ObjectId, u64, [HandleId; 3]); 2]) -> Self {
        let file = objects[1].0;
        let handles = [0, 1, 2].map(|guest| objects.iter().map(|object| (object.2[guest], object.0)).collect());
        let fresh = |size| Object { bytes: vec![0; at(size)], published: true, free: size, tail_stored: false };
        let objects = objects.iter().map(|&(id, size, _)| (id, fresh(size))).collect();
        let memories = [0; 3].map(|_| vec![0; at(MEMORY)]);
        Self { memories, objects, handles, mappings: Vec::new(), leases: Vec::new(), file }
    }

    fn window_at(&self, guest: usize, address: u64) -> Option<usize> {
        self.mappings.iter().position(|mapping| {
            let (start, len) = mapping.ask.window;
            mapping.guest == guest && start <= address && address < start + len
        })
    }

    /// A shared window's byte may be read, or written, without looking at a race.
    fn allows(&self, mapping: &Mapping, offset: u64, access: Access) -> bool {
        let mut leases = self.leases.iter().filter(|lease| lease.covers(mapping.object, offset));
        if mapping.is_leased() {
            return leases
                .any(|lease| lease.mapping == mapping.id && (access, lease.access) != (Access::Write, Access::Read));
        }
        leases.all(|lease| match (access, lease.access) {
            (Access::Read, Access::Read) => true,
            (Access::Write, Access::Read) => false,
            (_, Access::Write) => lease.mapping == mapping.id,
        })
    }

    /// What a guest loads there, if the rules say.
    pub(crate) fn loads(&self, guest: usize, address: u64) -> Option<u8> {
        let Some(mapping) = self.window_at(guest, address).map(|index| &self.mappings[index]) else {
            return Some(self.memories[guest][at(address)]);
        };
        if mapping.is_private() {
            return Some(mapping.own[at(address - mapping.ask.window.0)]);
        }
        let (object, offset) = (&self.objects[&mapping.object], mapping.offset(address));
        if !self.allows(mapping, offset, Access::Read) {
            return None;
        }
        match object.bytes.get(at(offset)) {
            Some(byte) => Some(*byte),
            None => (!object.tail_stored).then_some(0),
        }
    }

    fn may_store(&self, guest: usize, address: u64) -> bool {
        let Some(mapping) = self.window_at(guest, address).map(|index| &self.mappings[index]) else { return true };
        mapping.is_private() || self.allows(mapping, mapping.offset(address), Access::Write)
    }

    /// What the host reads there, if the rules say.
    pub(crate) fn stored(&self, id: ObjectId) -> impl Iterator<Item = Option<u8>> {
        self.objects[&id].bytes.iter().zip(0..).map(move |(byte, offset)| {
            let writing = |lease: &Lease| lease.access == Access::Write && lease.covers(id, offset);
            (!self.leases.iter().any(writing)).then_some(*byte)
        })
    }

    /// The host may write bytes that nobody has a lease on.
    fn host_write(&self, object: ObjectId, offset: u64, len: u64, value: u8) -> Option<Vec<u8>> {
        let end =
            offset + len.min((self.objects[&object].bytes.len() as u64).checked_sub(offset).filter(|len| *len > 0)?);
        let free = (offset..end).all(|offset| !self.leases.iter().any(|lease| lease.covers(object, offset)));
        free.then(|| vec![value; at(end - offset)])
    }

    fn part(&self, mapping: &Mapping, (from, len): (u64, u64)) -> (u64, u64) {
        let window = mapping.ask.window;
        if len == u64::MAX { window } else { (window.0.wrapping_add(from), len) }
    }

    /// The step that an op asks for, unless there is nothing to do it on or the rules forbid it to programs.
    pub(crate) fn resolve(&self, op: &Op) -> Option<Step> {
        let mapping = |pick: usize| one_of(&self.mappings, pick);
        let handle = |guest: usize, pick: usize| one_of(&self.handles[guest], pick).map(|(handle, _)| *handle);
        Some(match *op {
            Op::Map { guest, handle: pick, ask } => Step::Map(guest, handle(guest, pick)?, ask),
            Op::Unmap(pick) => mapping(pick).map(|m| Step::Unmap(m.guest, m.id))?,
            Op::DropMapping(pick) => mapping(pick).map(|m| Step::DropMapping(m.guest, m.id))?,
            Op::Publish(pick, part) => mapping(pick).map(|m| Step::Publish(m.guest, m.id, self.part(m, part)))?,
            Op::Refresh(pick, part) => mapping(pick).map(|m| Step::Refresh(m.guest, m.id, self.part(m, part)))?,
            Op::Sync(pick, part) => mapping(pick).map(|m| Step::Sync(m.guest, m.id, self.part(m, part)))?,
            Op::Acquire(pick, part, access) => {
                mapping(pick).map(|m| Step::Acquire(m.guest, m.id, self.part(m, part), access))?
            }
            Op::Release(pick) => one_of(&self.leases, pick).map(|lease| Step::Release(lease.guest, lease.id))?,
            Op::Resize { guest, handle: pick, size } => Step::Resize(guest, handle(guest, pick)?, size),
            Op::Anonymous { guest, size } => Step::Anonymous(guest, size),
            Op::Open { guest, file } => Step::Open(guest, if file { "file" } else { "shared" }),
            Op::DropHandle { guest, handle: pick } => Step::DropHandle(guest, handle(guest, pick)?),
            Op::End(guest) => Step::End(guest),
            Op::RenewMemory(guest) => Step::RenewMemory(guest),
            Op::Turn(guest) => Step::Turn(guest),
            Op::Load { guest, address, len } => {
                let known = |address: &u64| self.loads(guest, *address).is_some();
                Step::Load(guest, (address..(address + len).min(MEMORY)).filter(known).collect())
            }
            Op::Store { guest, address, len, value } => {
                let allowed = |address: &u64| self.may_store(guest, *address);
                Step::Store(guest, (address..(address + len).min(MEMORY)).filter(allowed).collect(), value)
            }
            Op::Stored(pick) => Step::Stored(*self.objects.keys().nth(pick % self.objects.len())?),
            Op::Overwrite { object: pick, offset, len, value } => {
                let object = *self.objects.keys().nth(pick % self.objects.len())?;
                Step::Overwrite(object, offset, self.host_write(object, offset, len, value)?)
            }
            Op::WriteFile { offset, len, value } => {
                Step::WriteFile(self.file, offset, self.host_write(self.file, offset, len, value)?)
            }
        })
    }

    /// What a step does. Where it was refused it does nothing.
    pub(crate) fn apply(&mut self, step: &Step, answer: &Result<Gave, Code>) {
        let Ok(gave) = answer else { return };
        match (step, gave) {
            (Step::Map(guest, handle, ask), Gave::Mapping(id)) => self.map(*guest, *handle, *ask, *id),
            (Step::Unmap(_, id) | Step::DropMapping(_, id), _) => self.drop_mappings(|mapping| mapping.id == *id),
            (Step::Acquire(guest, id, part, access), Gave::Lease(lease)) => {
                let mapping = self.mappings.iter().find(|mapping| mapping.id == *id).expect("it was acquired on");
                let start = mapping.offset(part.0);
                let (object, range) = (mapping.object, (start, start + part.1));
                self.leases.push(Lease { id: *lease, guest: *guest, mapping: *id, object, range, access: *access });
            }
            (Step::Release(_, id), _) => self.leases.retain(|lease| lease.id != *id),
            (Step::Resize(guest, handle, size), _) => {
                let (_, id) = self.handles[*guest].iter().find(|(id, _)| id == handle).expect("it was resized");
                let object = self.objects.get_mut(id).expect("live");
                // Growing zeroes what was stored past the old end.
                object.tail_stored &= at(*size) <= object.bytes.len();
                object.bytes.resize(at(*size), 0);
            }
            (Step::Anonymous(guest, size), Gave::Handle(handle, id)) => {
                let object = Object { bytes: vec![0; at(*size)], published: false, free: 0, tail_stored: false };
                assert!(self.objects.insert(*id, object).is_none());
                self.handles[*guest].push((*handle, *id));
            }
            (Step::Open(guest, _), Gave::Handle(handle, id)) => self.handles[*guest].push((*handle, *id)),
            (Step::DropHandle(guest, id), _) => self.handles[*guest].retain(|(handle, _)| handle != id),
            (Step::End(guest), _) => {
                self.drop_mappings(|mapping| mapping.guest == *guest);
                self.handles[*guest].clear();
                self.memories[*guest].fill(0);
            }
            (Step::RenewMemory(guest), _) => {
                self.drop_mappings(|mapping| mapping.guest == *guest);
                self.memories[*guest].fill(0);
            }
            (Step::Store(guest, addresses, value), _) => {
                addresses.iter().for_each(|address| self.store(*guest, *address, *value));
            }
            (Step::Overwrite(id, offset, bytes) | Step::WriteFile(id, offset, bytes), _) => {
                let object = self.objects.get_mut(id).expect("live");
                object.bytes[at(*offset)..][..bytes.len()].copy_from_slice(bytes);
            }
            _ => {}
        }
        let (handles, mappings) = (&self.handles, &self.mappings);
        self.objects.retain(|id, object| {
            let held = handles.iter().flatten().any(|(_, object)| object == id);
            object.published || held || mappings.iter().any(|mapping| mapping.object == *id)
        });
    }

    fn map(&mut self, guest: usize, handle: HandleId, ask: MapAt, id: MappingId) {
        let (_, object) = *self.handles[guest].iter().find(|(live, _)| *live == handle).expect("it was mapped");
        let shown = (ask.options.offset..).take(at(ask.window.1));
        let bytes = &self.objects[&object].bytes;
        let own = shown.map(|offset| bytes.get(at(offset)).copied().unwrap_or(0)).collect();
        self.mappings.push(Mapping { id, guest, object, ask, own });
    }

    fn drop_mappings(&mut self, gone: impl Fn(&Mapping) -> bool) {
        for mapping in self.mappings.extract_if(.., |mapping| gone(mapping)) {
            self.leases.retain(|lease| lease.mapping != mapping.id);
            let (start, len) = mapping.ask.window;
            self.memories[mapping.guest][at(start)..at(start + len)].fill(0);
        }
        for (id, object) in &mut self.objects {
            object.tail_stored &= self.mappings.iter().any(|mapping| mapping.object == *id && !mapping.is_private());
        }
    }

    fn store(&mut self, guest: usize, address: u64, value: u8) {
        let Some(index) = self.window_at(guest, address) else {
            self.memories[guest][at(address)] = value;
            return;
        };
        let mapping = &mut self.mappings[index];
        if mapping.is_private() {
            mapping.own[at(address - mapping.ask.window.0)] = value;
            return;
        }
        let object = self.objects.get_mut(&mapping.object).expect("shown");
        match object.bytes.get_mut(at(mapping.offset(address))) {
            Some(byte) => *byte = value,
            None => object.tail_stored = true,
        }
    }

    /// How many handles, leases and mappings a guest has.
    pub(crate) fn counts(&self, guest: usize) -> [usize; 3] {
        let leases = self.leases.iter().filter(|lease| lease.guest == guest).count();
        let mappings = self.mappings.iter().filter(|mapping| mapping.guest == guest).count();
        [self.handles[guest].len(), leases, mappings]
    }

    /// The bytes of anonymous objects that guests made, and how many objects there are at all.
    pub(crate) fn object_totals(&self) -> (u64, usize) {
        let counted = self.objects.iter().filter(|(id, _)| **id != self.file);
        let paid = counted.map(|(_, object)| (object.bytes.len() as u64).saturating_sub(object.free)).sum();
        (paid, self.objects.len())
    }

    /// Steps that end every lease, so that everything stored must be there.
    pub(crate) fn releases(&self) -> Vec<Step> {
        self.leases.iter().map(|lease| Step::Release(lease.guest, lease.id)).collect()
    }

    pub(crate) fn objects(&self) -> Vec<ObjectId> {
        self.objects.keys().copied().collect()
    }
}
