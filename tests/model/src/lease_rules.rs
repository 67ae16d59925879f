//! Who may have a lease, and what leases keep others from.

use memctl_core::{Access, Code, Quotas};

use crate::entries::{Lease, Mapping};
use crate::model::Model;
use crate::rules::{Rule, inside, overlap, range_of, unless};
use crate::{Name, Range};

impl Model {
    pub(crate) fn check_acquire(
        &self,
        guest: usize,
        name: Name,
        part: Range,
        access: Access,
        wait: Option<u64>,
    ) -> Rule {
        let live = self.leases.iter().filter(|lease| lease.guest == guest).count();
        self.check_handles(live + self.guests[guest].gone_leases.len(), self.setting.guest.leases)?;
        let mapping = self.part(name, part)?;
        unless(access == Access::Write && mapping.ask.is_private(), Code::Access)?;
        let range = range_of(mapping, part);
        let unleased = |other: &Mapping| {
            let shows = other.object == mapping.object && overlap(other.range(), range);
            other.name != name && shows && other.ask.is_automatic()
        };
        unless(self.mappings.iter().any(unleased), Code::Busy)?;
        let one = Quotas { leases: 1, ..Quotas::NONE };
        let conflicts = |lease: &&Lease| {
            let alone = access == Access::Write || lease.access == Access::Write;
            lease.object == mapping.object && alone && overlap(lease.range, range)
        };
        let in_the_way: Vec<_> = self.leases.iter().filter(conflicts).collect();
        match wait {
            _ if in_the_way.is_empty() => self.fits(guest, one),
            None => Err(Code::Busy),
            Some(_) => self.wait_in_vain(guest, Quotas { waiters: 1, ..one }, &in_the_way),
        }
    }

    pub(crate) fn check_upgrade(&self, guest: usize, name: Name, part: Range) -> Rule {
        let lease = self.lease(name, part)?;
        let mapping = self.mapping(lease.mapping).expect("its lease lives");
        unless(mapping.ask.is_private(), Code::Access)?;
        let reads = |other: &&Lease| other.object == lease.object && overlap(other.range, lease.range);
        let in_the_way: Vec<_> = self.leases.iter().filter(reads).filter(|other| other.name != name).collect();
        if in_the_way.is_empty() {
            return Ok(());
        }
        self.wait_in_vain(guest, Quotas { waiters: 1, ..Quotas::NONE }, &in_the_way)
    }

    /// Whoever waits for itself, or for somebody that waits for it to return, would wait forever. All others would only wait long.
    fn wait_in_vain(&self, guest: usize, ask: Quotas, in_the_way: &[&Lease]) -> Rule {
        self.fits(guest, ask)?;
        let stuck = |lease: &&Lease| lease.guest == guest || self.inside.contains(&lease.guest);
        Err(if in_the_way.iter().any(stuck) { Code::Deadlock } else { Code::TimedOut })
    }

    /// A live lease, `part` what it is for.
    pub(crate) fn lease(&self, name: Name, part: Range) -> Result<&Lease, Code> {
        let lease = self.leases.iter().find(|lease| lease.name == name).ok_or(Code::Stale)?;
        unless(lease.part != part, Code::Bounds)?;
        Ok(lease)
    }

    /// Bytes of the part may move now: nobody else's lease conflicts, and the mapping's own one to write covers all of it or nothing.
    pub(crate) fn check_momentary(&self, mapping: &Mapping, part: Range, access: Access) -> Rule {
        let range = range_of(mapping, part);
        let conflicts = |lease: &Lease| {
            let own = lease.mapping == mapping.name && (lease.access == Access::Read || inside(range, lease.range));
            let alone = access == Access::Write || lease.access == Access::Write;
            lease.object == mapping.object && alone && overlap(lease.range, range) && !own
        };
        unless(self.leases.iter().any(conflicts), Code::Busy)
    }

    pub(crate) fn has_write_lease(&self, name: Name, part: Range) -> bool {
        let Some(mapping) = self.mapping(name) else { return false };
        let range = range_of(mapping, part);
        let covers = |lease: &Lease| lease.access == Access::Write && inside(range, lease.range);
        self.leases.iter().any(|lease| lease.mapping == name && covers(lease))
    }
}
