//! Which steps are refused, and with which code.

use memctl_core::{Access, Code, Coherence, Quotas, Rights};

use crate::entries::{Mapping, Origin};
use crate::model::{Model, at, published};
use crate::{Act, Aliasing, MapAt, Name, PUBLISHED, Range, Step, Surface};

pub(crate) type Rule = Result<(), Code>;

pub(crate) fn unless(refused: bool, code: Code) -> Rule {
    if refused { Err(code) } else { Ok(()) }
}

/// First byte, and the one after the last.
pub(crate) fn overlap(a: Range, b: Range) -> bool {
    a.0 < b.1 && b.0 < a.1
}

impl Model {
    /// Whether a step has to be refused.
    pub(crate) fn check(&self, step: &Step) -> Rule {
        match step {
            Step::Guest(guest, act) => self.check_act(*guest, act),
            Step::Read(name) => self.check_host(name, Access::Read),
            Step::Write { object, .. } => self.check_host(object, Access::Write),
            Step::End(..) | Step::RenewMemory(_) => Ok(()),
        }
    }

    /// What the domain answers to a guest that it knows no more.
    fn check_ended(act: &Act) -> Rule {
        match *act {
            Act::Anonymous { size: 0, .. } => Err(Code::Bounds),
            Act::Open { object, .. } if !PUBLISHED.contains(&object) => Err(Code::NotFound),
            Act::Anonymous { .. }
            | Act::Open { .. }
            | Act::OpenFile { .. }
            | Act::Len(_)
            | Act::Resize(..)
            | Act::Map { .. }
            | Act::Publish(..)
            | Act::Refresh(..)
            | Act::Sync(..)
            | Act::Acquire { .. }
            | Act::Upgrade { .. }
            | Act::Downgrade(..)
            | Act::Unmap(_)
            | Act::Release(..) => Err(Code::Stale),
            Act::Rights(_)
            | Act::DropHandle(_)
            | Act::DropMapping(_)
            | Act::DropLease(_)
            | Act::Store { .. }
            | Act::Fill { .. }
            | Act::Copy { .. }
            | Act::Grow
            | Act::WriteFile { .. }
            | Act::ReadFile { .. }
            | Act::Cross { .. }
            | Act::Trap { .. }
            | Act::Rest => Ok(()),
        }
    }

    fn check_act(&self, guest: usize, act: &Act) -> Rule {
        if self.guests[guest].ended {
            return Self::check_ended(act);
        }
        let one_handle = Quotas { objects: 1, ..Quotas::NONE };
        match *act {
            Act::Anonymous { size, .. } => {
                unless(size == 0, Code::Bounds)?;
                self.fits(guest, Quotas { object_bytes: size, ..one_handle })
            }
            Act::Open { object, .. } => {
                unless(!PUBLISHED.contains(&object), Code::NotFound)?;
                self.fits(guest, one_handle)
            }
            Act::OpenFile { .. } => self.fits(guest, one_handle),
            Act::Resize(handle, size) => self.check_resize(guest, handle, size),
            Act::Map { handle, ask, .. } => self.check_map(guest, handle, ask),
            Act::Publish(name, part) => {
                let Some(mapping) = self.shared_part(name, part)? else { return Ok(()) };
                self.check_momentary(mapping, part, Access::Write)?;
                unless(mapping.ask.is_leased() && !self.has_write_lease(name, part), Code::Access)
            }
            Act::Refresh(name, part) => match self.shared_part(name, part)? {
                Some(mapping) => self.check_momentary(mapping, part, Access::Read),
                None => Ok(()),
            },
            Act::Sync(name, part) => match self.shared_part(name, part)? {
                Some(mapping) => self.check_momentary(mapping, part, Access::Write),
                None => Ok(()),
            },
            Act::Acquire { mapping, part, access, wait, .. } => self.check_acquire(guest, mapping, part, access, wait),
            Act::Upgrade { lease, part, .. } => self.check_upgrade(guest, lease, part),
            Act::Downgrade(name, part) | Act::Release(name, part) => self.lease(name, part).map(drop),
            Act::Unmap(name) => {
                self.mapping(name).ok_or(Code::Stale)?;
                unless(self.leases.iter().any(|lease| lease.mapping == name), Code::Busy)
            }
            Act::Len(_)
            | Act::Rights(_)
            | Act::DropHandle(_)
            | Act::DropMapping(_)
            | Act::DropLease(_)
            | Act::Store { .. }
            | Act::Fill { .. }
            | Act::Copy { .. }
            | Act::Grow
            | Act::WriteFile { .. }
            | Act::ReadFile { .. }
            | Act::Cross { .. }
            | Act::Trap { .. }
            | Act::Rest => Ok(()),
        }
    }

    /// Host code keeps to leases too.
    fn check_host(&self, name: &str, access: Access) -> Rule {
        let mut leases = self.leases.iter().filter(|lease| lease.object == published(name));
        unless(leases.any(|lease| access == Access::Write || lease.access == Access::Write), Code::Busy)
    }

    fn check_resize(&self, guest: usize, handle: Name, size: u64) -> Rule {
        let handle = self.handle(guest, handle);
        let object = &self.objects[&handle.object];
        let old = object.bytes.len() as u64;
        unless(!handle.rights.contains(Rights::RESIZE), Code::Access)?;
        unless(size == 0, Code::Bounds)?;
        let mut shown = self.mappings.iter().filter(|mapping| mapping.object == handle.object);
        unless(shown.any(|mapping| size < mapping.range().1.min(old)), Code::Overlap)?;
        let grown = |from: u64| Quotas { object_bytes: size.saturating_sub(from), ..Quotas::NONE };
        match object.origin {
            Origin::File => Ok(()),
            Origin::Guest(owner) => self.fits(owner, grown(old)),
            Origin::Published { free } => self.domain_fits(grown(old.max(free))),
        }
    }

    fn check_map(&self, guest: usize, handle: Name, ask: MapAt) -> Rule {
        let (granule, limit) = (self.setting.granule, self.setting.guest);
        let MapAt { window: (start, len), options } = ask;
        let live = self.mappings.iter().filter(|mapping| mapping.guest == guest).count();
        self.check_handles(live + self.guests[guest].gone_mappings.len(), limit.mappings)?;

        let end = start.checked_add(len).filter(|_| len > 0).ok_or(Code::Bounds)?;
        let aligned = [start, len, options.offset].iter().all(|number| number.is_multiple_of(granule));
        unless(!aligned, Code::Alignment)?;
        unless(end > self.setting.start + self.guests[guest].memory.len() as u64, Code::Bounds)?;
        let handle = self.handle(guest, handle);
        let size = self.objects[&handle.object].bytes.len() as u64;
        let range = (options.offset, options.offset.checked_add(len).ok_or(Code::Bounds)?);
        unless(range.0 >= size || range.1 > size.next_multiple_of(granule), Code::Bounds)?;

        let (private, automatic) = (ask.is_private(), ask.is_automatic());
        unless(!handle.rights.contains(Rights::READ), Code::Access)?;
        // Programs protect nothing: that has tests of its own.
        unless(!private && !handle.rights.contains(Rights::WRITE), Code::Access)?;
        self.fits(guest, Quotas { mappings: 1, mapped_bytes: len, ..Quotas::NONE })?;

        let mut mine = self.mappings.iter().filter(|mapping| mapping.guest == guest);
        let window_of = |mapping: &Mapping| (mapping.ask.window.0, mapping.ask.window.0 + mapping.ask.window.1);
        unless(mine.clone().any(|mapping| overlap(window_of(mapping), (start, end))), Code::Overlap)?;
        let mut leases =
            self.leases.iter().filter(|lease| lease.object == handle.object && overlap(lease.range, range));
        if automatic {
            unless(leases.next().is_some(), Code::Busy)?;
            let both_alias =
                |mapping: &Mapping| [mapping.ask, ask].iter().all(|ask| ask.options.coherence == Coherence::Aliasing);
            let second = mine.any(|mapping| {
                let shows = mapping.object == handle.object && overlap(mapping.range(), range);
                shows && mapping.ask.is_automatic() && !both_alias(mapping)
            });
            unless(second, Code::Overlap)?;
        }
        unless(private && leases.any(|lease| lease.access == Access::Write), Code::Busy)?;
        let aliasing = automatic && options.coherence == Coherence::Aliasing;
        unless(aliasing && self.setting.aliasing[guest] != Aliasing::Works, Code::Unsupported)
    }

    /// Handles to what is gone count too, up to twice the limit of what lives.
    pub(crate) fn check_handles(&self, handles: usize, limit: u32) -> Rule {
        let counted = self.setting.surface == Surface::Guest;
        unless(counted && handles >= at(u64::from(limit) * 2), Code::Quota)
    }

    /// A live mapping, `part` inside its window.
    pub(crate) fn part(&self, name: Name, (start, len): Range) -> Result<&Mapping, Code> {
        let mapping = self.mapping(name).ok_or(Code::Stale)?;
        let window = mapping.ask.window;
        let end = start.checked_add(len).filter(|_| len > 0).ok_or(Code::Bounds)?;
        unless(start < window.0 || end > window.0 + window.1, Code::Bounds)?;
        Ok(mapping)
    }

    /// [`Model::part`], unless it is private: then there is nothing to be moved.
    fn shared_part(&self, name: Name, part: Range) -> Result<Option<&Mapping>, Code> {
        Ok(Some(self.part(name, part)?).filter(|mapping| !mapping.ask.is_private()))
    }

    /// A guest, and its domain, have room for more.
    pub(crate) fn fits(&self, guest: usize, ask: Quotas) -> Rule {
        unless(!has_room(self.usage(guest), self.setting.guest, ask), Code::Quota)?;
        self.domain_fits(ask)
    }

    fn domain_fits(&self, ask: Quotas) -> Rule {
        unless(!has_room(self.total_usage(), self.setting.domain, ask), Code::Quota)
    }
}

pub(crate) fn inside(range: Range, other: Range) -> bool {
    other.0 <= range.0 && range.1 <= other.1
}

/// What a part of a window shows: the first byte of the object, and the one after the last.
pub(crate) fn range_of(mapping: &Mapping, part: Range) -> Range {
    let start = mapping.offset(part.0);
    (start, start + part.1)
}

fn has_room(used: Quotas, limit: Quotas, ask: Quotas) -> bool {
    let rows = |quotas: Quotas| {
        let Quotas { objects, object_bytes, mappings, mapped_bytes, leases, waiters, .. } = quotas;
        [objects.into(), object_bytes, mappings.into(), mapped_bytes, leases.into(), waiters.into()]
    };
    let (used, limit, ask): ([u64; 6], _, _) = (rows(used), rows(limit), rows(ask));
    // What nothing is asked of may be over its limit: others' growth counts against the domain.
    (0..6).all(|row| ask[row] == 0 || used[row].saturating_add(ask[row]) <= limit[row])
}
