//! What a guest may look at without a race, and what it then sees.

use std::ops::Range as Indexes;

use memctl_core::Access;

use crate::entries::Mapping;
use crate::model::{Model, at, published};
use crate::{Checksum, GUESTS, Looks, Range};

impl Model {
    fn window_at(&self, guest: usize, address: u64) -> Option<&Mapping> {
        self.mappings.iter().find(|mapping| mapping.guest == guest && mapping.shows(address))
    }

    /// A shared window's byte may be read, or written, without looking at a race.
    fn allows(&self, mapping: &Mapping, offset: u64, access: Access) -> bool {
        let mut leases = self.leases.iter().filter(|lease| lease.covers(mapping.object, offset));
        if mapping.ask.is_leased() {
            return leases
                .any(|lease| lease.mapping == mapping.name && (access, lease.access) != (Access::Write, Access::Read));
        }
        leases.all(|lease| match (access, lease.access) {
            (Access::Read, Access::Read) => true,
            (Access::Write, Access::Read) => false,
            (_, Access::Write) => lease.mapping == mapping.name,
        })
    }

    /// Whether the rules say what a guest loads there.
    fn is_known(&self, guest: usize, address: u64) -> bool {
        let Some(mapping) = self.window_at(guest, address) else { return true };
        if mapping.ask.is_private() {
            return true;
        }
        let (object, offset) = (&self.objects[&mapping.object], mapping.offset(address));
        self.allows(mapping, offset, Access::Read) && (offset < object.bytes.len() as u64 || !object.tail_stored)
    }

    fn may_store(&self, guest: usize, address: u64) -> bool {
        let Some(mapping) = self.window_at(guest, address) else { return true };
        mapping.ask.is_private() || self.allows(mapping, mapping.offset(address), Access::Write)
    }

    /// A range of a guest's memory in pieces that are each of one kind: what holds for their first byte holds for all.
    fn pieces(&self, guest: usize, (start, len): Range) -> Vec<Range> {
        let mut cuts = vec![start, start + len];
        for mapping in self.mappings.iter().filter(|mapping| mapping.guest == guest) {
            let (window, offset) = (mapping.ask.window, mapping.ask.options.offset);
            let object_end = self.objects[&mapping.object].bytes.len() as u64;
            let leases = self.leases.iter().filter(|lease| lease.object == mapping.object);
            let ends = leases.flat_map(|lease| [lease.range.0, lease.range.1]).chain([object_end]);
            cuts.extend([window.0, window.0 + window.1]);
            cuts.extend(ends.filter(|end| *end >= offset).map(|end| window.0 + (end - offset)));
        }
        cuts.retain(|cut| start <= *cut && *cut <= start + len);
        cuts.sort_unstable();
        cuts.dedup();
        cuts.windows(2).map(|pair| (pair[0], pair[1] - pair[0])).collect()
    }

    fn memory(&self, guest: usize) -> Range {
        (self.setting.start, self.guests[guest].memory.len() as u64)
    }

    /// As much of a range as is in memory and allowed, from its first byte on.
    fn prefix(&self, guest: usize, (start, len): Range, allowed: impl Fn(u64) -> bool) -> Option<Range> {
        let memory = self.memory(guest);
        let end = (start + len).min(memory.0 + memory.1);
        let pieces = self.pieces(guest, (start, end.checked_sub(start).filter(|len| *len > 0)?));
        let len = pieces.iter().take_while(|piece| allowed(piece.0)).map(|piece| piece.1).sum();
        (len > 0).then_some((start, len))
    }

    /// As much of a range as the guest may load from.
    pub(crate) fn loadable(&self, guest: usize, range: Range) -> Option<Range> {
        self.prefix(guest, range, |address| self.is_known(guest, address))
    }

    /// As much of a range as the guest may store to.
    pub(crate) fn storable(&self, guest: usize, range: Range) -> Option<Range> {
        self.prefix(guest, range, |address| self.may_store(guest, address))
    }

    /// The bytes that each guest may look at.
    #[must_use]
    pub fn looks(&self) -> Looks {
        let looks: [_; GUESTS] = std::array::from_fn(|guest| self.look(guest));
        looks
    }

    fn look(&self, guest: usize) -> Vec<Range> {
        let mut known: Vec<Range> = Vec::new();
        for piece in self.pieces(guest, self.memory(guest)) {
            if !self.is_known(guest, piece.0) {
                continue;
            }
            match known.last_mut() {
                Some(last) if last.0 + last.1 == piece.0 => last.1 += piece.1,
                _ => known.push(piece),
            }
        }
        known
    }

    /// Where a range of addresses is in [`Model::view`].
    pub(crate) fn index(&self, (start, len): Range) -> Indexes<usize> {
        let from = at(start - self.setting.start);
        from..from + at(len)
    }

    /// A guest's memory as its loads find it, where that is known.
    #[must_use]
    pub fn view(&self, guest: usize) -> Vec<u8> {
        let mut view = self.guests[guest].memory.clone();
        for mapping in self.mappings.iter().filter(|mapping| mapping.guest == guest) {
            let window = &mut view[self.index(mapping.ask.window)];
            if mapping.ask.is_private() {
                window.copy_from_slice(&mapping.own);
                continue;
            }
            let bytes = &self.objects[&mapping.object].bytes[at(mapping.ask.options.offset)..];
            let real = bytes.len().min(window.len());
            window[..real].copy_from_slice(&bytes[..real]);
            window[real..].fill(0);
        }
        view
    }

    pub(crate) fn seen(&self, guest: usize) -> u64 {
        let view = self.view(guest);
        let mut sum = Checksum::default();
        self.look(guest).into_iter().for_each(|range| sum.add(&view[self.index(range)]));
        sum.get()
    }

    pub(crate) fn checksum_of(&self, name: &str) -> u64 {
        let mut sum = Checksum::default();
        sum.add(&self.objects[&published(name)].bytes);
        sum.get()
    }

    /// A guest stores `value`, `value + 1` and so on.
    pub(crate) fn store_run(&mut self, guest: usize, to: Range, value: u8) {
        let bytes: Vec<u8> = (0..to.1).map(|at| value.wrapping_add(at.to_le_bytes()[0])).collect();
        self.store(guest, to.0, &bytes);
    }

    pub(crate) fn store(&mut self, guest: usize, start: u64, bytes: &[u8]) {
        for (from, len) in self.pieces(guest, (start, bytes.len() as u64)) {
            let piece = &bytes[at(from - start)..][..at(len)];
            let shown = self.mappings.iter_mut().find(|mapping| mapping.guest == guest && mapping.shows(from));
            let Some(mapping) = shown else {
                self.guests[guest].memory[at(from - self.setting.start)..][..piece.len()].copy_from_slice(piece);
                continue;
            };
            if mapping.ask.is_private() {
                mapping.own[at(from - mapping.ask.window.0)..][..piece.len()].copy_from_slice(piece);
                continue;
            }
            let object = self.objects.get_mut(&mapping.object).expect("shown");
            // A piece is on one side of the object's end.
            match object.bytes.get_mut(at(mapping.offset(from))..) {
                Some([]) | None => object.tail_stored = true,
                Some(rest) => rest[..piece.len()].copy_from_slice(piece),
            }
        }
    }
}
