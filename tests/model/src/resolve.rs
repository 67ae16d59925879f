//! From what is asked to what is done: the things that are there, and what programs must not do left out.

use memctl_core::Coherence;

use crate::entries::{Guest, Lease, Mapping};
use crate::model::{Model, at, published};
use crate::{Act, Aliasing, FILE, GUESTS, How, MapAt, Name, Op, PUBLISHED, Part, Range, SHARED, Step, Surface};

/// A name that nothing is published under.
const UNKNOWN: &str = "unknown";

/// Addresses from here on are meant as they are.
const WILD: u64 = 1 << 32;

impl Part {
    /// As a range of addresses.
    fn of(self, (start, all): Range) -> Range {
        match self {
            Self::Whole => (start, all),
            Self::Inside(from, len) => (start + from % all, len.min(all - from % all)),
            Self::Off(from, len) => (start + from, len),
            Self::Wild(start, len) => (start, len),
        }
    }
}

/// The `pick`th of what there is, if there is any.
fn one_of<T>(all: &[T], pick: usize) -> Option<&T> {
    all.get(pick % all.len().max(1))
}

impl Model {
    /// The step that an op asks for, unless there is nothing to do it on or the rules forbid it to programs.
    #[must_use]
    pub fn resolve(&self, op: &Op) -> Option<Step> {
        self.resolve_for(op, [true; GUESTS])
    }

    /// [`Model::resolve`], if the step is one of a guest that is `free` to do anything.
    fn resolve_for(&self, op: &Op, free: [bool; GUESTS]) -> Option<Step> {
        let step = match *op {
            Op::Cross { guest, to, value, ref meanwhile } => {
                let to = self.storable(guest, self.range(to))?;
                let mut others = free;
                others[guest] = false;
                let meanwhile = self.resolve_for(meanwhile, others).map(Box::new);
                Step::Guest(guest, Act::Cross { to, value, meanwhile })
            }
            Op::Read(pick) => Step::Read(PUBLISHED[pick % PUBLISHED.len()]),
            Op::Write { object: pick, offset, len, value } => {
                let name = PUBLISHED[pick % PUBLISHED.len()];
                let size = self.objects[&published(name)].bytes.len() as u64;
                let len = len.min(size.checked_sub(offset)?);
                Step::Write { object: name, offset, bytes: vec![value; at(len)] }
            }
            // A guest of memctl-core's is nothing but what the domain knows of it.
            Op::End(guest, _) if self.setting.surface == Surface::Core => Step::End(guest, How::Dropped),
            Op::End(guest, how) => Step::End(guest, how),
            Op::RenewMemory(guest) if self.setting.surface == Surface::Core => Step::RenewMemory(guest),
            Op::RenewMemory(_) => return None,
            ref other => self.resolve_act(other)?,
        };
        let may = match &step {
            Step::Guest(guest, _) => free[*guest] && !self.guests[*guest].trapped,
            Step::End(guest, _) | Step::RenewMemory(guest) => free[*guest],
            Step::Read(_) | Step::Write { .. } => true,
        };
        may.then_some(step)
    }

    fn resolve_act(&self, op: &Op) -> Option<Step> {
        let name = self.next;
        let handle = |guest: usize, pick: usize| {
            let Guest { handles, gone_handles, .. } = &self.guests[guest];
            one_of(handles, pick).map(|handle| handle.name).or(one_of(gone_handles, pick).copied())
        };
        Some(match *op {
            Op::Anonymous { guest, size } => Step::Guest(guest, Act::Anonymous { size, handle: name }),
            Op::Open { guest, object } => {
                let object = *PUBLISHED.get(object % (PUBLISHED.len() + 1)).unwrap_or(&UNKNOWN);
                Step::Guest(guest, Act::Open { object, handle: name })
            }
            Op::OpenFile { guest, writable } => Step::Guest(guest, Act::OpenFile { writable, handle: name }),
            Op::Len { guest, handle: pick } => Step::Guest(guest, Act::Len(handle(guest, pick)?)),
            Op::Rights { guest, handle: pick } => Step::Guest(guest, Act::Rights(handle(guest, pick)?)),
            Op::Resize { guest, handle: pick, size } => Step::Guest(guest, Act::Resize(handle(guest, pick)?, size)),
            Op::DropHandle { guest, handle: pick } => Step::Guest(guest, Act::DropHandle(handle(guest, pick)?)),
            Op::Map { guest, handle: pick, mut ask, fits } => {
                ask.window.0 = self.address(ask.window.0);
                let Some(handle) = handle(guest, pick) else {
                    // Whoever has nothing to map opens something first.
                    let object = [SHARED, FILE][pick % 2];
                    return Some(Step::Guest(guest, Act::Open { object, handle: name }));
                };
                if fits {
                    self.fit(guest, handle, &mut ask);
                }
                let act = Act::Map { handle, ask, mapping: name };
                // Where backends differ by design, something else has to refuse it first.
                let differs = self.setting.aliasing[guest] == Aliasing::NotAsked
                    && ask.is_automatic()
                    && ask.options.coherence == Coherence::Aliasing;
                let step = Step::Guest(guest, act);
                if differs && self.check(&step) == Err(memctl_core::Code::Unsupported) {
                    return None;
                }
                step
            }
            Op::Publish(pick, part) => self.on_mapping(pick, part, Act::Publish)?,
            Op::Refresh(pick, part) => self.on_mapping(pick, part, Act::Refresh)?,
            Op::Sync(pick, part) => self.on_mapping(pick, part, Act::Sync)?,
            Op::Acquire(pick, part, access, wait) => {
                self.on_mapping(pick, part, |mapping, part| Act::Acquire { mapping, part, access, wait, lease: name })?
            }
            Op::Upgrade(pick, part, wait) => {
                self.on_lease(pick, part, |lease, part| Act::Upgrade { lease, part, wait })?
            }
            Op::Downgrade(pick, part) => self.on_lease(pick, part, Act::Downgrade)?,
            Op::Unmap(pick) => self.on_mapping(pick, Part::Whole, |mapping, _| Act::Unmap(mapping))?,
            Op::DropMapping(pick) => self.on_mapping(pick, Part::Whole, |mapping, _| Act::DropMapping(mapping))?,
            Op::Release(pick, part) => self.on_lease(pick, part, Act::Release)?,
            Op::DropLease(pick) => self.on_lease(pick, Part::Whole, |lease, _| Act::DropLease(lease))?,
            Op::Store { guest, to, value } => {
                Step::Guest(guest, Act::Store { to: self.storable(guest, self.range(to))?, value })
            }
            Op::Fill { guest, to, value } => {
                Step::Guest(guest, Act::Fill { to: self.storable(guest, self.range(to))?, value })
            }
            Op::Copy { guest, to, from } => {
                let from = self.loadable(guest, self.range(from))?;
                let (to, len) = self.storable(guest, (self.address(to), from.1))?;
                Step::Guest(guest, Act::Copy { to, from: (from.0, len) })
            }
            Op::Grow(guest) => {
                let grown = self.guests[guest].memory.len() as u64 - self.setting.len;
                let once = self.setting.growth > 0 && grown == 0;
                once.then_some(Step::Guest(guest, Act::Grow))?
            }
            Op::WriteFile { guest, offset, from } => {
                let from = self.loadable(guest, self.range(from))?;
                let free = |lease: &Lease| lease.object != published(FILE);
                let len = self.file_part(offset, from.1, free)?;
                Step::Guest(guest, Act::WriteFile { offset, from: (from.0, len) })
            }
            Op::ReadFile { guest, offset, to } => {
                let to = self.storable(guest, self.range(to))?;
                let free = |lease: &Lease| lease.access == memctl_core::Access::Read || lease.object != published(FILE);
                let len = self.file_part(offset, to.1, free)?;
                Step::Guest(guest, Act::ReadFile { offset, to: (to.0, len) })
            }
            Op::Trap { guest, to, value } => {
                Step::Guest(guest, Act::Trap { to: self.storable(guest, self.range(to))?, value })
            }
            Op::Rest(guest) => Step::Guest(guest, Act::Rest),
            Op::Cross { .. } | Op::Read(_) | Op::Write { .. } | Op::End(..) | Op::RenewMemory(_) => return None,
        })
    }

    /// Makes an ask for a whole number of granules show something of its object.
    fn fit(&self, guest: usize, name: Name, ask: &mut MapAt) {
        let Some(handle) = self.guests[guest].handles.iter().find(|handle| handle.name == name) else { return };
        let granule = self.setting.granule;
        let size = (self.objects[&handle.object].bytes.len() as u64).next_multiple_of(granule);
        let (offset, len) = (&mut ask.options.offset, &mut ask.window.1);
        if offset.is_multiple_of(granule) && len.is_multiple_of(granule) {
            *offset %= size;
            *len = (*len).min(size - *offset);
        }
    }

    fn address(&self, distance: u64) -> u64 {
        if distance < WILD { self.setting.start + distance } else { distance }
    }

    fn range(&self, (start, len): Range) -> Range {
        (self.address(start), len)
    }

    /// As much of a range of the file as it has, if no lease on any of it keeps file calls out.
    fn file_part(&self, offset: u64, len: u64, free: impl Fn(&Lease) -> bool) -> Option<u64> {
        let size = self.objects[&published(FILE)].bytes.len() as u64;
        let len = len.min(size.checked_sub(offset).filter(|len| *len > 0)?);
        let kept_out = |lease: &Lease| !free(lease) && lease.range.0 < offset + len && offset < lease.range.1;
        (!self.leases.iter().any(kept_out)).then_some(len)
    }

    /// On a mapping, now and then one that was unmapped before.
    fn on_mapping(&self, pick: usize, part: Part, act: impl FnOnce(Name, Range) -> Act) -> Option<Step> {
        let guest = pick % GUESTS;
        if pick.is_multiple_of(8)
            && let Some(name) = one_of(&self.guests[guest].gone_mappings, pick)
        {
            return Some(Step::Guest(guest, act(*name, self.range((0, self.setting.granule)))));
        }
        let mapping: &Mapping = one_of(&self.mappings, pick)?;
        let part = part.of(mapping.ask.window);
        Some(Step::Guest(mapping.guest, act(mapping.name, part)))
    }

    /// On a lease, now and then one that was revoked before.
    fn on_lease(&self, pick: usize, part: Part, act: impl FnOnce(Name, Range) -> Act) -> Option<Step> {
        let guest = pick % GUESTS;
        if pick.is_multiple_of(4)
            && let Some(name) = one_of(&self.guests[guest].gone_leases, pick)
        {
            return Some(Step::Guest(guest, act(*name, self.range((0, self.setting.granule)))));
        }
        let lease = one_of(&self.leases, pick)?;
        let part = part.of(lease.part);
        Some(Step::Guest(lease.guest, act(lease.name, part)))
    }
}
