//! What the process and the domains hold, so that what they hold too much shows.

use std::fs;

use anyhow::{Context, Result};
use memctl_wasmtime::{Domain, Quotas};

/// How many more maps there may be than before, of the allocator's: those of objects may not be more at all, and those of guest memories
/// show in the address space. The allocator gives each thread an arena, and grows it by maps.
const MAPS: u64 = 64;
/// How much more address space there may be, in bytes: half of what one guest memory reserves.
const ADDRESS_SPACE: u64 = 2 << 30;
/// How much more memory may be resident, in bytes. What guests touched goes with them. The allocator keeps what it was given, in an arena for each
/// thread, so that this doesn't depend on the time or on the number of guests: a minute ends ten thousand of them, so that 2 KiB
/// lost for each would show.
const RESIDENT: u64 = 16 << 20;

/// What is held at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Census {
    /// File descriptors.
    pub(crate) descriptors: u64,
    /// Maps of anonymous objects, and of files without a name.
    pub(crate) object_maps: u64,
    /// Maps of any kind.
    pub(crate) maps: u64,
    /// In bytes.
    pub(crate) address_space: u64,
    /// In bytes.
    pub(crate) resident: u64,
    /// What the guests of each domain use.
    pub(crate) usage: Vec<Quotas>,
}

/// Something that there is more of than before, or than may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Leak {
    pub(crate) what: &'static str,
    pub(crate) before: u64,
    pub(crate) after: u64,
}

impl Census {
    /// Counts.
    ///
    /// # Errors
    /// There is no /proc to read it from.
    pub(crate) fn take<'a>(domains: impl IntoIterator<Item = &'a Domain>) -> Result<Self> {
        let read = |path: &str| fs::read_to_string(path).with_context(|| format!("{path}, for counting leaks"));
        let (status, maps) = (read("/proc/self/status")?, read("/proc/self/maps")?);
        let kilobytes = |name: &str| -> Result<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).and_then(|rest| rest.strip_prefix(':'));
            let number = line.and_then(|rest| rest.trim().strip_suffix("kB")).map(str::trim);
            let number = number.with_context(|| format!("/proc/self/status has no {name}"))?;
            Ok(number.parse::<u64>()? << 10)
        };
        let of_object = |line: &&str| line.ends_with("(deleted)");
        Ok(Self {
            descriptors: fs::read_dir("/proc/self/fd")?.count() as u64,
            object_maps: maps.lines().filter(of_object).count() as u64,
            maps: maps.lines().count() as u64,
            address_space: kilobytes("VmSize")?,
            resident: kilobytes("VmRSS")?,
            usage: domains.into_iter().map(Domain::usage).collect(),
        })
    }

    /// What there is too much of now.
    pub(crate) fn leaks(&self, now: &Self) -> Vec<Leak> {
        let used = |census: &Self, of: fn(&Quotas) -> u64| census.usage.iter().map(of).sum();
        let rows: [(_, u64, u64, u64); 11] = [
            ("file descriptors", self.descriptors, now.descriptors, 0),
            ("maps of objects", self.object_maps, now.object_maps, 0),
            ("maps", self.maps, now.maps, MAPS),
            ("bytes of address space", self.address_space, now.address_space, ADDRESS_SPACE),
            ("bytes of memory", self.resident, now.resident, RESIDENT),
            ("object handles", used(self, |u| u.objects.into()), used(now, |u| u.objects.into()), 0),
            ("bytes of anonymous objects", used(self, |u| u.object_bytes), used(now, |u| u.object_bytes), 0),
            ("mappings", used(self, |u| u.mappings.into()), used(now, |u| u.mappings.into()), 0),
            ("mapped bytes", used(self, |u| u.mapped_bytes), used(now, |u| u.mapped_bytes), 0),
            ("leases", used(self, |u| u.leases.into()), used(now, |u| u.leases.into()), 0),
            ("waiting calls", used(self, |u| u.waiters.into()), used(now, |u| u.waiters.into()), 0),
        ];
        let leaks = rows.into_iter().filter(|(_, before, after, spare)| *after > before + spare);
        leaks.map(|(what, before, after, _)| Leak { what, before, after }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use memctl_wasmtime::{Rights, Source};

    fn census() -> Census {
        let domain = Domain::builder().object("object", Source::anonymous(4096), Rights::all()).build().unwrap();
        let census = Census::take([&domain]).unwrap();
        assert_eq!(census.usage, [Quotas::NONE], "what is published is nobody's");
        census
    }

    #[test]
    fn nothing_is_no_leak() {
        let census = census();
        assert_eq!(census.leaks(&census), []);
        assert!(census.descriptors > 0 && census.maps > 0 && census.resident > 0);
        assert!(census.address_space >= census.resident);
    }

    #[test]
    fn one_thing_too_many_is_a_leak() {
        let before = census();
        type More = fn(&mut Census);
        let more: [(&str, More); 8] = [
            ("file descriptors", |now| now.descriptors += 1),
            ("maps of objects", |now| now.object_maps += 1),
            ("maps", |now| now.maps += MAPS + 1),
            ("bytes of address space", |now| now.address_space += 4 << 30),
            ("bytes of memory", |now| now.resident += RESIDENT + 1),
            ("object handles", |now| now.usage[0].objects = 1),
            ("mapped bytes", |now| now.usage[0].mapped_bytes = 1),
            ("leases", |now| now.usage[0].leases = 1),
        ];
        for (what, more) in more {
            let mut now = before.clone();
            more(&mut now);
            assert_eq!(before.leaks(&now).iter().map(|leak| leak.what).collect::<Vec<_>>(), [what]);
        }
    }
}
