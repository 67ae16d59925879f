//! What the guest's calls do, whichever linker they came through.

#[cfg(feature = "std")]
use alloc::sync::Arc;
#[cfg(feature = "std")]
use std::fs::File;

#[cfg(feature = "std")]
use memctl_core::Storage;
use memctl_core::{
    Access, Code, Error, HandleId, InstanceId, LeaseId, MapOptions, MappingId, ObjectId, Protection, Quotas, Rights,
    Shown,
};

use crate::Mode;
#[cfg(feature = "std")]
use crate::body::{Body, adopt};
use crate::domain::{Presences, new_body};
use crate::error::refused;
use crate::guest::Guest;
#[cfg(feature = "std")]
use crate::mmu::FileObject;
use crate::mover::Mover;
use crate::place::Place;
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::waiting::{Pace, Wait, Wanted};

/// What goes back over the wire.
pub(crate) type Answer<T> = Result<T, Code>;

/// A range as the guest names it: start and length in bytes.
pub(crate) type Claim = (u64, u64);

impl Guest {
    /// One call into the domain; a refusal is logged with its numbers and answered with its code.
    pub(crate) fn ask<R>(
        &self,
        call: &'static str,
        place: Option<Place<'_>>,
        then: impl FnOnce(&mut memctl_core::Domain, &mut Mover<'_>, InstanceId) -> Result<R, Error>,
    ) -> Answer<R> {
        let instance = self.instance;
        let answer = self.shared.call(place, self.attachment(), |rules, mover| {
            let answer = then(rules, mover, instance);
            self.remember(rules);
            answer
        });
        answer.map_err(|error| self.refuse(call, &error))
    }

    /// Logs a refusal with its numbers, and gives its code.
    pub(crate) fn refuse(&self, call: &'static str, error: &Error) -> Code {
        refused(self.instance, call, error);
        error.code()
    }

    /// [`Guest::ask`] about a mapping: nobody on another thread may be inside with its object.
    fn ask_mapping<R>(
        &self,
        call: &'static str,
        mapping: MappingId,
        place: Place<'_>,
        then: impl FnOnce(&mut memctl_core::Domain, &mut Mover<'_>, InstanceId) -> Result<R, Error>,
    ) -> Answer<R> {
        self.ask(call, Some(place), |rules, mover, instance| {
            let object = rules.view(instance, mapping)?.object;
            mover.check_free(rules, object)?;
            then(rules, mover, instance)
        })
    }

    /// Whether the guest may have one more handle of a kind, whose numbers are `handles` and which is bounded by a quota. Handles of what was
    /// unmapped or revoked take room in the host's tables until they are dropped: as many of those as of live ones may be kept.
    fn check_handles(&self, call: &'static str, handles: &AtomicU32, quota: fn(Quotas) -> u32) -> Answer<()> {
        let limits = self.shared.lock().rules.limits(self.instance);
        let checked = limits.and_then(|limits| {
            let (used, limit) = (handles.load(Ordering::Relaxed), quota(limits).saturating_mul(2));
            if used < limit {
                return Ok(());
            }
            Err(Error::Quota {
                what: "handles to mappings or leases, those of what was unmapped or revoked included: twice the quota of live ones",
                scope: "guest",
                used: used.into(),
                limit: limit.into(),
                asked: 1,
            })
        });
        checked.map_err(|error| self.refuse(call, &error))
    }

    pub(crate) fn granule(&self) -> u64 {
        self.shared.lock().rules.granule().bytes()
    }

    pub(crate) fn limits(&self) -> Quotas {
        self.shared.lock().rules.limits(self.instance).unwrap_or(Quotas::NONE)
    }

    pub(crate) fn usage(&self) -> Quotas {
        self.shared.lock().rules.usage(self.instance).unwrap_or(Quotas::NONE)
    }

    /// Whether windows in this memory can alias objects.
    pub(crate) fn can_alias(&self, known: bool) -> bool {
        known && self.attachment().survives_faults() && self.shared.mode != Mode::Copy
    }

    pub(crate) fn anonymous(&self, size: u64) -> Answer<HandleId> {
        let mode = self.shared.mode;
        self.ask("object.anonymous", None, |rules, mover, caller| {
            rules.check_anonymous(caller, size)?;
            let body = new_body(mode, size, rules.granule())?;
            let (handle, object) = rules.anonymous(caller, size)?;
            mover.bodies.insert(object, body);
            Ok(handle)
        })
    }

    pub(crate) fn open(&self, name: &str) -> Answer<HandleId> {
        self.ask("object.open", None, |rules, _, caller| rules.open(caller, name))
    }

    pub(crate) fn size(&self, handle: HandleId) -> Answer<u64> {
        self.ask("object.len", None, |rules, mover, caller| rules.size(mover, caller, handle))
    }

    pub(crate) fn rights(&self, handle: HandleId) -> Rights {
        self.shared.lock().rules.rights(self.instance, handle).unwrap_or(Rights::empty())
    }

    pub(crate) fn resize(&self, handle: HandleId, size: u64) -> Answer<()> {
        self.ask("object.resize", None, |rules, mover, caller| {
            let object: ObjectId = rules.object_of(caller, handle)?;
            mover.check_free(rules, object)?;
            rules.resize(mover, caller, handle, size)
        })
    }

    pub(crate) fn drop_handle(&self, handle: HandleId) {
        let _dropped = self.ask("object drop", None, |rules, mover, caller| {
            rules.drop_handle_of(mover, caller, handle);
            Ok(())
        });
    }

    /// The object of a file that the guest has open.
    #[cfg(feature = "std")]
    pub(crate) fn file(&self, call: &'static str, file: Arc<File>, rights: Rights) -> Answer<HandleId> {
        let files = self.shared.files;
        self.ask(call, None, |rules, mover, caller| {
            if !files {
                return Err(Error::Unsupported {
                    why: "files can't be mapped in this domain: the embedder can allow it with DomainBuilder::files",
                });
            }
            if !rights.contains(Rights::READ) {
                return Err(Error::Access { right: "read: open the file for reading, or for reading and writing" });
            }
            rules.check_handle(caller)?;
            let file = FileObject::from_file(file, rights.contains(Rights::WRITE))?;
            let size = file.size()?;
            let (handle, adopted) = rules.file(caller, file.identity(), size, rights)?;
            adopt(mover.bodies, adopted, Body::File(file));
            Ok(handle)
        })
    }

    pub(crate) fn map(
        &self,
        place: Place<'_>,
        window: Claim,
        handle: HandleId,
        options: MapOptions,
    ) -> Answer<MappingId> {
        self.check_handles("mapping.map", &self.mapping_handles, |limit| limit.mappings)?;
        let memory = place.memory(self.instance);
        let known = match &place {
            Place::Known(memory) => Some(memory.clone()),
            Place::Lent { .. } => None,
        };
        let mapped = self.ask("mapping.map", Some(place), |rules, mover, caller| {
            mover.adopt_declared(rules, caller, memory.id)?;
            let object = rules.object_of(caller, handle)?;
            mover.check_free(rules, object)?;
            let id = rules.map(mover, caller, memory, window, handle, options)?;
            let shown = rules.view(caller, id)?.shown;
            if let Some(memory) = known
                && (shown != Shown::Copy || options.protection != Protection::ReadWrite)
            {
                self.watch(&memory);
            }
            if shown == Shown::Snapshot {
                self.freeze();
            }
            Ok(id)
        })?;
        self.mapping_handles.fetch_add(1, Ordering::Relaxed);
        Ok(mapped)
    }

    pub(crate) fn publish(&self, mapping: MappingId, place: Place<'_>, part: Claim) -> Answer<()> {
        self.ask_mapping("mapping.publish", mapping, place, |rules, mover, caller| {
            rules.publish(mover, caller, mapping, part)
        })
    }

    pub(crate) fn refresh(&self, mapping: MappingId, place: Place<'_>, part: Claim) -> Answer<()> {
        self.ask_mapping("mapping.refresh", mapping, place, |rules, mover, caller| {
            rules.refresh(mover, caller, mapping, part)
        })
    }

    pub(crate) fn sync(&self, mapping: MappingId, place: Place<'_>, part: Claim) -> Answer<()> {
        self.ask_mapping("mapping.sync", mapping, place, |rules, mover, caller| {
            rules.sync(mover, caller, mapping, part)
        })
    }

    pub(crate) fn acquire(&self, mapping: MappingId, place: Place<'_>, part: Claim, access: Access) -> Answer<LeaseId> {
        self.check_handles("mapping.acquire", &self.lease_handles, |limit| limit.leases)?;
        let lease = self.ask_mapping("mapping.acquire", mapping, place, |rules, mover, caller| {
            rules.acquire(mover, caller, mapping, part, access)
        })?;
        self.lease_handles.fetch_add(1, Ordering::Relaxed);
        Ok(lease)
    }

    /// [`Guest::acquire`], or a place in the queue: then [`Guest::acquired`] once the wait is over.
    pub(crate) fn acquire_or_wait(
        &self,
        mapping: MappingId,
        place: Place<'_>,
        part: Claim,
        access: Access,
        pace: Pace,
    ) -> Answer<Wanted> {
        self.check_handles("mapping.acquire-within", &self.lease_handles, |limit| limit.leases)?;
        let attachment = self.attachment();
        let wanted = self.ask_mapping("mapping.acquire-within", mapping, place, |rules, mover, caller| {
            let presences = mover.presences;
            let asked = rules.acquire_or_wait(mover, caller, mapping, part, access, &held_up(presences, pace))?;
            Ok(Wanted::new(asked, mover, &self.shared, caller, attachment))
        })?;
        if matches!(wanted, Wanted::Granted(_)) {
            self.lease_handles.fetch_add(1, Ordering::Relaxed);
        }
        Ok(wanted)
    }

    /// The lease that was waited for.
    pub(crate) fn acquired(&self, wait: Wait, place: Place<'_>) -> Answer<LeaseId> {
        let lease = self.collect("mapping.acquire-within", wait, place)?;
        self.lease_handles.fetch_add(1, Ordering::Relaxed);
        Ok(lease)
    }

    pub(crate) fn upgrade_or_wait(&self, lease: LeaseId, place: Place<'_>, part: Claim, pace: Pace) -> Answer<Wanted> {
        let attachment = self.attachment();
        self.ask("lease.upgrade", Some(place), |rules, mover, caller| {
            check_part(rules, caller, lease, part)?;
            let presences = mover.presences;
            let asked = rules.upgrade_or_wait(mover, caller, lease, &held_up(presences, pace))?;
            Ok(Wanted::new(asked, mover, &self.shared, caller, attachment))
        })
    }

    /// The lease that waited to be one to write is.
    pub(crate) fn upgraded(&self, wait: Wait, place: Place<'_>) -> Answer<()> {
        self.collect("lease.upgrade", wait, place).map(drop)
    }

    fn collect(&self, call: &'static str, wait: Wait, place: Place<'_>) -> Answer<LeaseId> {
        wait.collect(Some(place)).map_err(|error| self.refuse(call, &error))
    }

    pub(crate) fn downgrade(&self, lease: LeaseId, place: Place<'_>, part: Claim) -> Answer<()> {
        self.ask("lease.downgrade", Some(place), |rules, mover, caller| {
            check_part(rules, caller, lease, part)?;
            rules.downgrade(mover, caller, lease)
        })
    }

    pub(crate) fn release(&self, lease: LeaseId, place: Place<'_>, part: Claim) -> Answer<()> {
        self.lease_handles.fetch_sub(1, Ordering::Relaxed);
        self.ask("lease.release", Some(place), |rules, mover, caller| {
            let checked = check_part(rules, caller, lease, part);
            // Also if it is another part: what was stored is published then as when the lease is dropped, if the host can reach it.
            let released = rules.release(mover, caller, lease);
            checked.and(released)
        })
    }

    /// The guest dropped the lease without saying what it covers.
    pub(crate) fn drop_lease(&self, lease: LeaseId) {
        self.lease_handles.fetch_sub(1, Ordering::Relaxed);
        let _gone = self.ask("lease drop", None, |rules, mover, caller| {
            let released = rules.release(mover, caller, lease);
            rules.abandon(mover, caller, lease);
            released
        });
    }

    pub(crate) fn unmap(&self, mapping: MappingId, place: Place<'_>) -> Answer<()> {
        self.ask_mapping("mapping.unmap", mapping, place, |rules, mover, caller| rules.unmap(mover, caller, mapping))
    }

    /// The guest dropped the mapping: it goes, whatever it still had.
    pub(crate) fn drop_mapping(&self, mapping: MappingId) {
        self.mapping_handles.fetch_sub(1, Ordering::Relaxed);
        let _gone = self.ask("mapping drop", None, |rules, mover, caller| {
            match rules.view(caller, mapping) {
                Ok(_) => rules.drop_mapping_of(mover, caller, mapping),
                // Unmapped before: what is dropped is the handle.
                Err(_) => Ok(()),
            }
        });
    }
}

/// The guest says again what its lease is for: where its memory isn't known, that is what the bytes passed with it are.
fn check_part(
    rules: &memctl_core::Domain,
    caller: InstanceId,
    lease: LeaseId,
    (start, len): Claim,
) -> Result<(), Error> {
    let (_, leased) = rules.leased(caller, lease)?;
    if (leased.start(), leased.len()) == (start, len) {
        return Ok(());
    }
    Err(Error::OutOfBounds { what: "the leased part", start, len, limit: leased.end() })
}

/// Who can't give a lease back while the caller waits: if that blocks the thread, whoever has frames on it.
pub(crate) fn held_up(presences: &Presences, pace: Pace) -> impl Fn(InstanceId) -> bool {
    move |instance| {
        pace == Pace::Blocking && presences.get(&instance).is_some_and(|guest| guest.frames.are_on_this_thread())
    }
}

#[cfg(feature = "std")]
impl Guest {
    /// A file with this device and inode is open for writing from now on.
    pub(crate) fn opened_for_writing(&self, identity: (u64, u64)) -> Answer<()> {
        self.ask("descriptor.open-at", None, |rules, mover, _| rules.file_opened_for_writing(mover, identity))
    }
}
