//! The naive model: an object is an array of bytes, and shared windows are views of it. What the rules don't allow a
//! program to look at, it has no opinion on.

use std::collections::BTreeMap;

use memctl_core::{Access, Rights};

use crate::entries::{Guest, Handle, Lease, Mapping, Object, Origin};
use crate::{Act, Answer, FILE, GUESTS, How, MapAt, Name, Outcome, PUBLISHED, Setting, Step};

/// A number that was checked, as an index.
pub(crate) fn at(value: u64) -> usize {
    usize::try_from(value).expect("programs stay small")
}

/// What programs should find.
#[derive(Debug)]
pub struct Model {
    pub(crate) setting: Setting,
    pub(crate) guests: [Guest; GUESTS],
    /// By number; what is published comes first. A number is not used twice.
    pub(crate) objects: BTreeMap<usize, Object>,
    pub(crate) mappings: Vec<Mapping>,
    pub(crate) leases: Vec<Lease>,
    /// Guests that can't go on until others have.
    pub(crate) inside: Vec<usize>,
    /// The name of what is made next. What is published has the first few.
    pub(crate) next: Name,
}

impl Model {
    /// Nothing was done yet.
    #[must_use]
    pub fn new(setting: Setting) -> Self {
        let objects = setting.published().into_iter().enumerate().map(|(number, (name, size, _))| {
            let origin = if name == FILE { Origin::File } else { Origin::Published { free: size } };
            (number, Object { bytes: vec![0; at(size)], origin, tail_stored: false })
        });
        let objects = objects.collect();
        let fresh = || Guest { memory: vec![0; at(setting.len)], ..Guest::default() };
        Self {
            setting,
            guests: std::array::from_fn(|_| fresh()),
            objects,
            mappings: Vec::new(),
            leases: Vec::new(),
            inside: Vec::new(),
            next: Name::try_from(PUBLISHED.len()).expect("few"),
        }
    }

    /// Does a step, and says what has to come of it.
    pub fn run(&mut self, step: &Step) -> Outcome {
        let mut meanwhile = None;
        if let Step::Guest(guest, Act::Cross { to, value, meanwhile: inner }) = step {
            self.store_run(*guest, *to, *value);
            self.inside.push(*guest);
            meanwhile = inner.as_ref().map(|inner| Box::new(self.run(inner)));
            self.inside.pop();
        }
        let answer = match self.check(step) {
            Ok(()) => self.apply(step),
            Err(code) => {
                self.refuse(step);
                Answer::Refused(code)
            }
        };
        let seen = match step {
            Step::Guest(guest, _) if answer != Answer::Trapped => self.seen(*guest),
            _ => 0,
        };
        Outcome { answer, seen, meanwhile }
    }

    /// What a refused step does all the same: a lease is gone in any case.
    fn refuse(&mut self, step: &Step) {
        if let Step::Guest(guest, Act::Release(name, _)) = step {
            self.drop_lease(*guest, *name);
        }
    }

    /// What a step does that is not refused.
    pub fn apply(&mut self, step: &Step) -> Answer {
        let mut gave = 0;
        self.next += 1;
        match step {
            Step::Guest(guest, act) => match self.act(*guest, act) {
                Answer::Gave(number) => gave = number,
                lost => return lost,
            },
            Step::Read(name) => gave = self.checksum_of(name),
            Step::Write { object, offset, bytes } => self.overwrite(published(object), *offset, bytes),
            Step::End(guest, how) => self.end(*guest, *how),
            Step::RenewMemory(guest) => {
                self.drop_mappings(|mapping| mapping.guest == *guest);
                self.guests[*guest].memory.fill(0);
            }
        }
        self.forget_objects();
        Answer::Gave(gave)
    }

    fn act(&mut self, guest: usize, act: &Act) -> Answer {
        match *act {
            Act::Anonymous { size, handle: name } => {
                // Called after its first handle.
                let object = at(name.into());
                let made = Object { bytes: vec![0; at(size)], origin: Origin::Guest(guest), tail_stored: false };
                assert!(self.objects.insert(object, made).is_none());
                self.guests[guest].handles.push(Handle { name, object, rights: Rights::all() });
            }
            Act::Open { object, handle: name } => {
                let rights = self.setting.published()[published(object)].2;
                self.guests[guest].handles.push(Handle { name, object: published(object), rights });
            }
            Act::OpenFile { writable, handle: name } => {
                let rights = if writable { Rights::all() } else { Rights::READ };
                self.guests[guest].handles.push(Handle { name, object: published(FILE), rights });
            }
            Act::Len(handle) => {
                return Answer::Gave(self.objects[&self.handle(guest, handle).object].bytes.len() as u64);
            }
            Act::Rights(_) if self.guests[guest].ended => {}
            Act::Rights(handle) => return Answer::Gave(self.handle(guest, handle).rights.bits().into()),
            Act::Resize(handle, size) => {
                let object = self.objects.get_mut(&self.handle(guest, handle).object).expect("live");
                // Growing zeroes what was stored past the old end.
                object.tail_stored &= at(size) <= object.bytes.len();
                object.bytes.resize(at(size), 0);
            }
            Act::DropHandle(name) => {
                self.guests[guest].handles.retain(|handle| handle.name != name);
                self.guests[guest].gone_handles.retain(|gone| *gone != name);
            }
            Act::Map { handle, ask, mapping } => self.map(guest, handle, ask, mapping),
            Act::Acquire { mapping: name, part, access, lease, .. } => {
                let mapping = self.mapping(name).expect("it was acquired on");
                let start = mapping.offset(part.0);
                let (object, range) = (mapping.object, (start, start + part.1));
                self.leases.push(Lease { name: lease, guest, mapping: name, object, part, range, access });
            }
            Act::Upgrade { lease, .. } => self.set_access(lease, Access::Write),
            Act::Downgrade(lease, _) => self.set_access(lease, Access::Read),
            Act::Unmap(name) => self.drop_mappings(|mapping| mapping.name == name),
            Act::DropMapping(name) => {
                self.drop_mappings(|mapping| mapping.name == name);
                self.guests[guest].gone_mappings.retain(|gone| *gone != name);
            }
            Act::Release(name, _) | Act::DropLease(name) => self.drop_lease(guest, name),
            Act::Store { to, value } => self.store_run(guest, to, value),
            Act::Fill { to, value } => self.store(guest, to.0, &vec![value; at(to.1)]),
            Act::Copy { to, from } => {
                let bytes = self.view(guest)[self.index(from)].to_vec();
                self.store(guest, to, &bytes);
            }
            Act::Grow => {
                let size = self.guests[guest].memory.len() + at(self.setting.growth);
                self.guests[guest].memory.resize(size, 0);
            }
            Act::WriteFile { offset, from } => {
                let bytes = self.view(guest)[self.index(from)].to_vec();
                self.overwrite(published(FILE), offset, &bytes);
            }
            Act::ReadFile { offset, to } => {
                let bytes = self.objects[&published(FILE)].bytes[at(offset)..][..at(to.1)].to_vec();
                self.store(guest, to.0, &bytes);
            }
            Act::Trap { to, value } => {
                self.store_run(guest, to, value);
                self.guests[guest].trapped = true;
                return Answer::Trapped;
            }
            // The stores of a crossing were made before.
            Act::Cross { .. } | Act::Publish(..) | Act::Refresh(..) | Act::Sync(..) | Act::Rest => {}
        }
        Answer::Gave(0)
    }

    fn map(&mut self, guest: usize, handle: Name, ask: MapAt, name: Name) {
        let object = self.handle(guest, handle).object;
        let bytes = &self.objects[&object].bytes;
        let shown = bytes.iter().skip(at(ask.options.offset)).copied().chain(std::iter::repeat(0));
        let own = if ask.is_private() { shown.take(at(ask.window.1)).collect() } else { Vec::new() };
        self.mappings.push(Mapping { name, guest, object, ask, own });
    }

    fn end(&mut self, guest: usize, how: How) {
        self.drop_mappings(|mapping| mapping.guest == guest);
        let ended = &mut self.guests[guest];
        match how {
            How::Told => {
                ended.gone_handles.extend(ended.handles.drain(..).map(|handle| handle.name));
                ended.ended = true;
            }
            How::Dropped => *ended = Guest { memory: vec![0; at(self.setting.len)], ..Guest::default() },
        }
    }

    fn drop_mappings(&mut self, gone: impl Fn(&Mapping) -> bool) {
        let start = self.setting.start;
        for mapping in self.mappings.extract_if(.., |mapping| gone(mapping)) {
            let guest = &mut self.guests[mapping.guest];
            let revoked = self.leases.extract_if(.., |lease| lease.mapping == mapping.name);
            guest.gone_leases.extend(revoked.map(|lease| lease.name));
            guest.gone_mappings.push(mapping.name);
            let window = mapping.ask.window;
            guest.memory[at(window.0 - start)..][..at(window.1)].fill(0);
        }
        for (number, object) in &mut self.objects {
            let shown = |mapping: &Mapping| mapping.object == *number && !mapping.ask.is_private();
            object.tail_stored &= self.mappings.iter().any(shown);
        }
    }

    fn set_access(&mut self, name: Name, access: Access) {
        self.leases.iter_mut().find(|lease| lease.name == name).expect("live").access = access;
    }

    fn drop_lease(&mut self, guest: usize, name: Name) {
        self.leases.retain(|lease| lease.name != name);
        self.guests[guest].gone_leases.retain(|gone| *gone != name);
    }

    fn overwrite(&mut self, object: usize, offset: u64, bytes: &[u8]) {
        let object = self.objects.get_mut(&object).expect("published");
        object.bytes[at(offset)..][..bytes.len()].copy_from_slice(bytes);
    }

    /// Objects go when nobody has them any more.
    fn forget_objects(&mut self) {
        let (guests, mappings) = (&self.guests, &self.mappings);
        self.objects.retain(|number, object| {
            let held = guests.iter().flat_map(|guest| &guest.handles).any(|handle| handle.object == *number);
            let kept = !matches!(object.origin, Origin::Guest(_));
            kept || held || mappings.iter().any(|mapping| mapping.object == *number)
        });
    }

    pub(crate) fn handle(&self, guest: usize, name: Name) -> Handle {
        *self.guests[guest].handles.iter().find(|handle| handle.name == name).expect("the program has it")
    }

    pub(crate) fn mapping(&self, name: Name) -> Option<&Mapping> {
        self.mappings.iter().find(|mapping| mapping.name == name)
    }

    /// Steps that end every lease, so that everything stored must be there.
    #[must_use]
    pub fn releases(&self) -> Vec<Step> {
        let live = |lease: &&Lease| !self.guests[lease.guest].trapped;
        let release = |lease: &Lease| Step::Guest(lease.guest, Act::Release(lease.name, lease.part));
        self.leases.iter().filter(live).map(release).collect()
    }
}

/// The number of what is published as `name`.
pub(crate) fn published(name: &str) -> usize {
    PUBLISHED.iter().position(|published| *published == name).expect("it is published")
}
