//! The wire's calls, as one guest makes them.

use std::fmt::Debug;

use memctl_wasmtime::Quotas;

use crate::guest::{Answer, Guest};
use crate::probe::{Access, Coherence, MapFlags, Protection, Sharing};

/// Of every domain in these tests that doesn't say otherwise, in bytes.
pub const GRANULE: u64 = 4096;

/// What a map call asks for, but for the window.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    /// First byte of the object.
    pub offset: u64,
    /// What the guest may do.
    pub protection: Protection,
    /// Whether stores reach the object.
    pub sharing: Sharing,
    /// When.
    pub coherence: Coherence,
    /// Where the window may lie.
    pub reach: Reach,
}

/// Where a window may lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Inside the object, to the end of its last granule.
    Inside,
    /// Also past that.
    PastEnd,
}

/// Shared, synced at crossings.
pub const AUTOMATIC: Ask = Ask {
    offset: 0,
    protection: Protection::ReadWrite,
    sharing: Sharing::Shared,
    coherence: Coherence::Automatic,
    reach: Reach::Inside,
};
/// Shared, under leases.
pub const LEASED: Ask = Ask { coherence: Coherence::Leased, ..AUTOMATIC };
/// Shared, coherent at once.
pub const ALIASING: Ask = Ask { coherence: Coherence::Aliasing, ..AUTOMATIC };
/// A snapshot.
pub const PRIVATE: Ask = Ask { sharing: Sharing::Private, ..AUTOMATIC };

impl Ask {
    /// The same from another byte of the object on.
    #[must_use]
    pub fn at(self, offset: u64) -> Self {
        Self { offset, ..self }
    }

    /// The same, also past the object's end.
    #[must_use]
    pub fn past_end(self) -> Self {
        Self { reach: Reach::PastEnd, ..self }
    }
}

/// As a timeout: for as long as it takes.
pub const FOREVER: u64 = u64::MAX;

impl Mapped {
    /// A part of the window, for calls that take one.
    #[must_use]
    pub fn part(self, from: u64, len: u64) -> Self {
        Self { start: self.start + from, len, ..self }
    }
}

/// A mapping, as the probe and the test know it.
#[derive(Clone, Copy, Debug)]
pub struct Mapped {
    /// Its index in the probe.
    pub index: u32,
    /// Where its window starts.
    pub start: u64,
    /// How long its window is.
    pub len: u64,
}

impl Guest {
    /// Maps into a window as asked, whatever that is.
    pub fn try_map(&mut self, start: u64, len: u64, object: u32, ask: Ask) -> Answer<Mapped> {
        let Ask { offset, protection, sharing, coherence, reach } = ask;
        let flags = match reach {
            Reach::Inside => MapFlags::empty(),
            Reach::PastEnd => MapFlags::PAST_END,
        };
        let index = self.call(|probe, store| {
            probe.call_map(store, start, len, object, offset, protection, sharing, coherence, flags)
        })?;
        Ok(Mapped { index, start, len })
    }

    /// Maps `len` bytes of an object into a new window.
    #[track_caller]
    pub fn mapped(&mut self, object: u32, len: u64, ask: Ask) -> Mapped {
        let start = self.alloc(u32::try_from(len).expect("a window of a test is small"));
        let mapped = self.try_map(start, len, object, ask);
        done(mapped)
    }

    /// Opens what is published as `name`.
    #[track_caller]
    pub fn open(&mut self, name: &str) -> u32 {
        let opened = self.call(|probe, store| probe.call_open(store, name));
        done(opened)
    }

    /// Opens and maps what is published as `name`.
    #[track_caller]
    pub fn mapped_by_name(&mut self, name: &str, len: u64, ask: Ask) -> Mapped {
        let object = self.open(name);
        self.mapped(object, len, ask)
    }

    /// A new object.
    pub fn anonymous(&mut self, len: u64) -> Answer<u32> {
        self.call(|probe, store| probe.call_anonymous(store, len))
    }

    /// The object of a file that is opened with std.
    #[track_caller]
    pub fn open_file(&mut self, path: &str, writable: bool) -> u32 {
        let opened = self.call(|probe, store| probe.call_from_path(store, path, writable));
        done(opened)
    }

    /// Unmaps.
    pub fn unmap(&mut self, mapped: Mapped) -> Answer<()> {
        self.call(|probe, store| probe.call_unmap(store, mapped.index, mapped.start, mapped.len))
    }

    /// Drops the mapping.
    pub fn drop_mapping(&mut self, mapped: Mapped) {
        self.call(|probe, store| probe.call_drop_mapping(store, mapped.index));
    }

    /// Publishes all of the window.
    pub fn publish(&mut self, mapped: Mapped) -> Answer<()> {
        self.call(|probe, store| probe.call_publish(store, mapped.index, mapped.start, mapped.len))
    }

    /// Refreshes all of the window.
    pub fn refresh(&mut self, mapped: Mapped) -> Answer<()> {
        self.call(|probe, store| probe.call_refresh(store, mapped.index, mapped.start, mapped.len))
    }

    /// Syncs all of the window.
    pub fn sync(&mut self, mapped: Mapped) -> Answer<()> {
        self.call(|probe, store| probe.call_sync(store, mapped.index, mapped.start, mapped.len))
    }

    /// Acquires a lease on all of the window.
    pub fn acquire(&mut self, mapped: Mapped, access: Access) -> Answer<u32> {
        self.call(|probe, store| probe.call_acquire(store, mapped.index, mapped.start, mapped.len, access))
    }

    /// Acquires a lease on all of the window, waiting for at most `timeout` nanoseconds.
    pub fn acquire_within(&mut self, mapped: Mapped, access: Access, timeout: u64) -> Answer<u32> {
        let Mapped { index, start, len } = mapped;
        self.call(|probe, store| probe.call_acquire_within(store, index, start, len, access, timeout))
    }

    /// Makes a lease to read all of the window one to write, waiting for at most `timeout` nanoseconds.
    pub fn upgrade(&mut self, lease: u32, mapped: Mapped, timeout: u64) -> Answer<()> {
        self.call(|probe, store| probe.call_upgrade(store, lease, mapped.start, mapped.len, timeout))
    }

    /// Makes a lease to write all of the window one to read.
    pub fn downgrade(&mut self, lease: u32, mapped: Mapped) -> Answer<()> {
        self.call(|probe, store| probe.call_downgrade(store, lease, mapped.start, mapped.len))
    }

    /// Releases a lease on all of the window.
    pub fn release(&mut self, lease: u32, mapped: Mapped) -> Answer<()> {
        self.call(|probe, store| probe.call_release(store, lease, mapped.start, mapped.len))
    }

    /// Drops a lease.
    pub fn drop_lease(&mut self, lease: u32) {
        self.call(|probe, store| probe.call_drop_lease(store, lease));
    }

    /// Sets an object's length.
    pub fn resize(&mut self, object: u32, len: u64) -> Answer<()> {
        self.call(|probe, store| probe.call_resize(store, object, len))
    }

    /// Writes a file with std.
    #[track_caller]
    pub fn write_file(&mut self, path: &str, offset: u64, bytes: &[u8]) {
        let written = self.call(|probe, store| probe.call_write_file(store, path, offset, bytes));
        done(written);
    }

    /// What the guest uses of its quotas.
    pub fn usage(&mut self) -> Quotas {
        self.state().memctl.usage()
    }
}

/// What a call gave that has to work.
#[track_caller]
fn done<T, E: Debug>(answer: Result<T, E>) -> T {
    match answer {
        Ok(value) => value,
        Err(code) => panic!("the call was refused: {code:?}"),
    }
}
