//! Programs' steps, done by an embedding of vectors.

use std::collections::BTreeMap;

use memctl_core::{Asked, Domain, Error, HandleId, InstanceId, LeaseId, MappingId, Medium, ObjectId, Rights};
use memctl_model::{Act, Aliasing, FILE, Name, Range, Setting, Step, Surface};

use crate::common::{GRANULE, MEMORY, Mode, Ram, World, at};

/// The file's.
const IDENTITY: (u64, u64) = (1, 2);

/// What programs run in, if `mode`'s aliasing memories can show a range twice, or can't.
pub(crate) fn setting(mode: Mode, aliasing: bool) -> Setting {
    let aliases = |guest| aliasing && (mode == Mode::Alias || (mode == Mode::Mixed && guest == 0));
    let (guest, domain) = Setting::tight(GRANULE);
    Setting {
        granule: GRANULE,
        start: 0,
        len: MEMORY,
        growth: 0,
        guest,
        domain,
        aliasing: std::array::from_fn(|guest| if aliases(guest) { Aliasing::Works } else { Aliasing::Refused }),
        surface: Surface::Core,
    }
}

/// A world, and what programs' names stand for in it.
pub(crate) struct Named {
    pub(crate) world: World,
    handles: BTreeMap<Name, HandleId>,
    mappings: BTreeMap<Name, MappingId>,
    leases: BTreeMap<Name, LeaseId>,
    /// Guests that can't go on until others have.
    pub(crate) inside: Vec<usize>,
}

impl Named {
    pub(crate) fn new(mode: Mode, aliasing: bool) -> Self {
        let setting = setting(mode, aliasing);
        let mut world = World::with_quotas(mode, setting.guest, setting.domain);
        world.ram.aliasing = aliasing;
        for (name, size, rights) in setting.published() {
            let medium =
                if name == FILE { Medium::File { identity: IDENTITY } } else { Medium::Anonymous { owner: None } };
            world.publish_name(name, medium, size, rights);
        }
        Self { world, handles: BTreeMap::new(), mappings: BTreeMap::new(), leases: BTreeMap::new(), inside: Vec::new() }
    }

    pub(crate) fn object(&self, name: &str) -> ObjectId {
        self.world.domain.named(name).expect("published for good")
    }

    /// Whether what a step was to end has ended, though the step failed.
    pub(crate) fn is_done(&self, step: &Step) -> bool {
        let Step::Guest(guest, act) = step else { return false };
        let (domain, me) = (&self.world.domain, self.world.guests[*guest]);
        match act {
            Act::Unmap(name) | Act::DropMapping(name) => domain.view(me, self.mappings[name]).is_err(),
            Act::Release(name, _) | Act::DropLease(name) => domain.leased(me, self.leases[name]).is_err(),
            _ => false,
        }
    }

    pub(crate) fn act(&mut self, guest: usize, act: &Act) -> Result<u64, Error> {
        let world = &mut self.world;
        match *act {
            Act::Anonymous { size, handle } => {
                self.handles.insert(handle, world.anonymous(guest, size)?.0);
            }
            Act::Open { object, handle } => {
                self.handles.insert(handle, world.open(guest, object)?);
            }
            Act::OpenFile { writable, handle } => {
                let rights = if writable { Rights::all() } else { Rights::READ };
                let opened = world.call(guest, |domain, ram, me| {
                    if writable {
                        domain.file_opened_for_writing(ram, IDENTITY)?;
                    }
                    domain.file(me, IDENTITY, 0, rights)
                })?;
                self.handles.insert(handle, opened.0);
            }
            Act::Len(name) => {
                let handle = self.handles[&name];
                return world.call(guest, |domain, ram, me| domain.size(ram, me, handle));
            }
            Act::Rights(name) => {
                let handle = self.handles[&name];
                return world.call(guest, |domain, _, me| Ok(domain.rights(me, handle)?.bits().into()));
            }
            Act::Resize(name, size) => world.resize(guest, self.handles[&name], size)?,
            Act::DropHandle(name) => {
                let handle = self.handles[&name];
                world.call(guest, |domain, ram, me| {
                    domain.drop_handle_of(ram, me, handle);
                    Ok(())
                })?;
            }
            Act::Map { handle, ask, mapping } => {
                self.mappings.insert(mapping, world.map(guest, self.handles[&handle], ask)?);
            }
            Act::Publish(name, part) => {
                let id = self.mappings[&name];
                world.call(guest, |domain, ram, me| domain.publish(ram, me, id, part))?;
            }
            Act::Refresh(name, part) => {
                let id = self.mappings[&name];
                world.call(guest, |domain, ram, me| domain.refresh(ram, me, id, part))?;
            }
            Act::Sync(name, part) => {
                let id = self.mappings[&name];
                world.call(guest, |domain, ram, me| domain.sync(ram, me, id, part))?;
            }
            Act::Acquire { mapping, part, access, wait: None, lease } => {
                self.leases.insert(lease, world.acquire(guest, self.mappings[&mapping], part, access)?);
            }
            Act::Acquire { mapping, part, access, wait: Some(_), lease } => {
                let id = self.mappings[&mapping];
                let granted = self.wait(guest, |domain, ram, me, held_up| {
                    domain.acquire_or_wait(ram, me, id, part, access, held_up)
                })?;
                self.leases.insert(lease, granted);
            }
            Act::Upgrade { lease, part, .. } => {
                let id = self.leases[&lease];
                self.wait(guest, |domain, ram, me, held_up| {
                    check_part(domain, me, id, part)?;
                    domain.upgrade_or_wait(ram, me, id, held_up)
                })?;
            }
            Act::Downgrade(name, part) => {
                let id = self.leases[&name];
                world.call(guest, |domain, ram, me| {
                    check_part(domain, me, id, part)?;
                    domain.downgrade(ram, me, id)
                })?;
            }
            Act::Unmap(name) => world.unmap(guest, self.mappings[&name])?,
            Act::DropMapping(name) => {
                let id = self.mappings[&name];
                world.call(guest, |domain, ram, me| match domain.view(me, id) {
                    Ok(_) => domain.drop_mapping_of(ram, me, id),
                    Err(_) => Ok(()),
                })?;
            }
            Act::Release(name, part) => self.release(guest, name, Some(part))?,
            Act::DropLease(name) => self.release(guest, name, None)?,
            Act::Store { to: (start, len), value } | Act::Cross { to: (start, len), value, .. } => {
                self.store(guest, start, (0..len).map(|at| value.wrapping_add(at.to_le_bytes()[0])))?;
            }
            Act::Fill { to: (start, len), value } => {
                self.store(guest, start, std::iter::repeat_n(value, at(len)))?;
            }
            Act::Copy { to, from: (start, len) } => {
                let bytes = self.try_load(guest, (start, len))?;
                self.store(guest, to, bytes)?;
            }
            Act::WriteFile { offset, from } => {
                let bytes = self.try_load(guest, from)?;
                let object = self.object(FILE);
                self.world.call(guest, |domain, ram, _| {
                    domain.file_opened_for_writing(ram, IDENTITY)?;
                    ram.overwrite(object, offset, &bytes);
                    Ok(())
                })?;
            }
            Act::ReadFile { offset, to: (start, len) } => {
                let object = self.object(FILE);
                let range = at(offset)..at(offset + len);
                let bytes = self.world.call(guest, |_, ram, _| Ok(ram.stored(object)[range].to_vec()))?;
                self.store(guest, start, bytes)?;
            }
            Act::Rest => world.try_running(guest)?,
            Act::Grow => unreachable!("memories don't grow here"),
            Act::Trap { .. } => unreachable!("done by `perform`"),
        }
        Ok(0)
    }

    fn store(&mut self, guest: usize, start: u64, bytes: impl IntoIterator<Item = u8>) -> Result<(), Error> {
        self.world.try_running(guest)?;
        (start..).zip(bytes).for_each(|(address, byte)| self.world.store(guest, address, byte));
        Ok(())
    }

    pub(crate) fn try_load(&mut self, guest: usize, (start, len): Range) -> Result<Vec<u8>, Error> {
        self.world.try_running(guest)?;
        Ok((start..start + len).map(|address| self.world.load(guest, address)).collect())
    }

    /// Nobody else runs while somebody waits, so that whoever does gives up.
    fn wait(
        &mut self,
        guest: usize,
        ask: impl FnOnce(&mut Domain, &mut Ram, InstanceId, &dyn Fn(InstanceId) -> bool) -> Result<Asked, Error>,
    ) -> Result<LeaseId, Error> {
        let stuck: Vec<_> = self.inside.iter().map(|guest| self.world.guests[*guest]).collect();
        self.world.call(guest, |domain, ram, me| match ask(domain, ram, me, &|other| stuck.contains(&other))? {
            Asked::Granted(lease) => Ok(lease),
            Asked::Waits(waiter) => {
                let range = domain.awaited(me, waiter)?;
                domain.give_up(ram, me, waiter);
                Err(Error::TimedOut { start: range.start(), end: range.end() })
            }
        })
    }

    /// As a binding does that knows the window: another part than the leased one is refused, but the lease is gone.
    fn release(&mut self, guest: usize, name: Name, part: Option<Range>) -> Result<(), Error> {
        let Some(&id) = self.leases.get(&name) else { return Ok(()) };
        let world = &mut self.world;
        let leased = world.domain.leased(world.guests[guest], id);
        match (leased, part) {
            (Ok((_, leased)), Some(part)) if (leased.start(), leased.len()) != part => {
                world.release(guest, id)?;
                Err(Error::Empty { what: "of the lease, this part" })
            }
            (Err(_), None) => world.call(guest, |_, _, _| Ok(())),
            _ => world.release(guest, id),
        }
    }
}

/// As a binding does: the guest says again what its lease is for.
fn check_part(domain: &Domain, me: InstanceId, lease: LeaseId, part: Range) -> Result<(), Error> {
    let (_, leased) = domain.leased(me, lease)?;
    let same = (leased.start(), leased.len()) == part;
    if same { Ok(()) } else { Err(Error::Empty { what: "of the lease, this part" }) }
}
