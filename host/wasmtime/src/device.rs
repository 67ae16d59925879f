//! Host code, or a device, that leases ranges of objects as guests do.

use alloc::sync::Arc;
use core::fmt;
use core::ops::Range;
use core::time::Duration;

use memctl_core::{Access, Error, InstanceId, LeaseId, Threads};

use crate::Domain;
use crate::attachment::Attachment;
use crate::body::body;
use crate::calls::held_up;
use crate::domain::Shared;
use crate::waiting::{Pace, Wanted, block_on, deadline};

/// Host code that takes leases on published objects, in turn with guests: a driver, a codec, another thread of the embedder's.
///
/// In a domain whose guests run one at a time, a device is used while none of them is inside on another thread, as all of the domain's calls
/// are. In a [parallel](crate::DomainBuilder::parallel) one that doesn't matter.
///
/// Each device waits for its own leases: a guest that waits for it and that it waits for is found, as between guests. Dropping it
/// revokes its leases.
///
/// ```
/// use memctl_wasmtime::{Access, Domain, Rights, Source};
/// let frames = Source::anonymous(4096);
/// let domain = Domain::builder().parallel().object("frames", frames, Rights::READ | Rights::WRITE).build()?;
/// let camera = domain.device();
/// let mut lease = camera.lease("frames", 0..16, Access::Write)?;
/// lease.write(0, b"sixteen bytes...")?;
/// lease.downgrade()?; // others may read it now
/// let mut bytes = [0; 7];
/// lease.read(0, &mut bytes)?;
/// assert_eq!(&bytes, b"sixteen");
/// lease.release()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Device {
    member: Arc<Member>,
}

/// A right of a device's to read or write a range of an object, for a time. Dropping it gives it back.
pub struct DeviceLease {
    member: Arc<Member>,
    lease: LeaseId,
}

struct Member {
    shared: Arc<Shared>,
    instance: InstanceId,
}

impl Domain {
    /// Lets host code in, to lease as guests do. It counts against the domain's quotas, and has no others.
    #[must_use]
    pub fn device(&self) -> Device {
        let shared = self.shared.clone();
        let instance = shared.lock().admit_device();
        Device { member: Arc::new(Member { shared, instance }) }
    }
}

impl Device {
    /// A lease on bytes `range` of the object published as `name`, at once or not at all.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Empty`], [`Error::OutOfBounds`]; [`Error::Access`] if it was published without that right; [`Error::Busy`] if
    /// another lease conflicts, is waited for, or a mapping that needs no leases shows any of it; [`Error::Quota`]; [`Error::OutOfMemory`].
    pub fn lease(&self, name: &str, range: Range<u64>, access: Access) -> Result<DeviceLease, Error> {
        let part = part(&range)?;
        let lease = self
            .member
            .with_handle(name, |rules, mover, caller, handle| rules.acquire(mover, caller, handle, part, access))?;
        Ok(DeviceLease { member: self.member.clone(), lease })
    }

    /// As [`Device::lease`], but blocks the thread until what is in the way is gone, at most for `timeout`.
    ///
    /// # Errors
    /// Those of [`Device::lease`], [`Error::Busy`] only because of a mapping that needs no leases; [`Error::TimedOut`]; [`Error::Deadlock`].
    pub fn lease_blocking(
        &self,
        name: &str,
        range: Range<u64>,
        access: Access,
        timeout: Duration,
    ) -> Result<DeviceLease, Error> {
        block_on(self.lease_at(name, range, access, timeout, Pace::Blocking))
    }

    /// As [`Device::lease`], but waits until what is in the way is gone, at most for `timeout`. Dropping the future gives the place in the
    /// queue up.
    ///
    /// # Errors
    /// Those of [`Device::lease_blocking`].
    ///
    /// # Panics
    /// If it has to wait outside a tokio runtime with its clock enabled.
    #[cfg(feature = "std")]
    pub async fn lease_within(
        &self,
        name: &str,
        range: Range<u64>,
        access: Access,
        timeout: Duration,
    ) -> Result<DeviceLease, Error> {
        self.lease_at(name, range, access, timeout, Pace::Async).await
    }

    async fn lease_at(
        &self,
        name: &str,
        range: Range<u64>,
        access: Access,
        timeout: Duration,
        pace: Pace,
    ) -> Result<DeviceLease, Error> {
        let part = part(&range)?;
        let wanted = self.member.with_handle(name, |rules, mover, caller, handle| {
            let presences = mover.presences;
            let asked = rules.acquire_or_wait(mover, caller, handle, part, access, &held_up(presences, pace))?;
            Ok(Wanted::new(asked, mover, &self.member.shared, caller, Attachment::None))
        })?;
        let lease = match wanted {
            Wanted::Granted(lease) => lease,
            Wanted::Waits(wait) => {
                wait.until(deadline(timeout), pace).await;
                wait.collect(None)?
            }
        };
        Ok(DeviceLease { member: self.member.clone(), lease })
    }
}

impl DeviceLease {
    /// Copies the object's bytes from `offset` on, all of them under the lease.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`] if they are not; [`Error::Io`].
    pub fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<(), Error> {
        self.reach(offset, bytes.len(), Access::Read, |storage| storage.read_at(offset, bytes))
    }

    /// Copies `bytes` into the object from `offset` on, all of it under the lease.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`] if it isn't; [`Error::Access`] if the lease is for reading; [`Error::Io`].
    pub fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        self.reach(offset, bytes.len(), Access::Write, |storage| storage.write_at(offset, bytes))
    }

    /// Lets others read beside this lease from now on.
    ///
    /// # Errors
    /// None today.
    pub fn downgrade(&mut self) -> Result<(), Error> {
        let (instance, lease) = (self.member.instance, self.lease);
        self.member.shared.call(None, Attachment::None, |rules, mover| rules.downgrade(mover, instance, lease))
    }

    /// Makes a lease to read one to write, with nobody writing between the two, at once or not at all.
    ///
    /// # Errors
    /// [`Error::Busy`] while others read; [`Error::Access`] if the object was published without that right. It is a lease to read then, as before.
    pub fn upgrade(&mut self) -> Result<(), Error> {
        let (instance, lease) = (self.member.instance, self.lease);
        self.member.shared.call(None, Attachment::None, |rules, mover| rules.upgrade(mover, instance, lease))
    }

    /// Gives the lease back.
    ///
    /// # Errors
    /// None today.
    pub fn release(self) -> Result<(), Error> {
        let (instance, lease) = (self.member.instance, self.lease);
        self.member.shared.call(None, Attachment::None, |rules, mover| rules.release(mover, instance, lease))
    }

    fn reach(
        &self,
        offset: u64,
        len: usize,
        access: Access,
        then: impl FnOnce(&mut dyn memctl_core::Storage) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let (instance, lease) = (self.member.instance, self.lease);
        self.member.shared.call(None, Attachment::None, |rules, mover| {
            let (object, leased, allowed) = rules.leased_range(instance, lease)?;
            let bytes = memctl_core::Span::claim("the bytes to move", offset, len as u64)?;
            if !bytes.inside(leased) {
                let (start, len, limit) = (bytes.start(), bytes.len(), leased.end());
                return Err(Error::OutOfBounds { what: "the bytes to move", start, len, limit });
            }
            if access > allowed {
                return Err(Error::Access { right: "write under a lease to read" });
            }
            then(body(mover.bodies, object)?.storage_mut())
        })
    }
}

impl Member {
    /// Runs a call that needs a handle to the object for as long as it lasts: a lease keeps the object by itself.
    fn with_handle<R>(
        &self,
        name: &str,
        then: impl FnOnce(
            &mut memctl_core::Domain,
            &mut crate::mover::Mover<'_>,
            InstanceId,
            memctl_core::HandleId,
        ) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let caller = self.instance;
        self.shared.call(None, Attachment::None, |rules, mover| {
            if self.shared.threads == Threads::One {
                mover.check_free(rules, rules.named(name)?)?;
            }
            let handle = rules.open(caller, name)?;
            let answer = then(rules, mover, caller, handle);
            rules.drop_handle_of(mover, caller, handle);
            answer
        })
    }
}

impl Drop for DeviceLease {
    fn drop(&mut self) {
        let (instance, lease) = (self.member.instance, self.lease);
        // Released before, or nothing can fail.
        let _released =
            self.member.shared.call(None, Attachment::None, |rules, mover| rules.release(mover, instance, lease));
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let instance = self.instance;
        self.shared.call(None, Attachment::None, |rules, mover| rules.end(mover, instance));
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device").finish_non_exhaustive()
    }
}

impl fmt::Debug for DeviceLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceLease").finish_non_exhaustive()
    }
}

fn part(range: &Range<u64>) -> Result<(u64, u64), Error> {
    let len = range.end.checked_sub(range.start).filter(|len| *len > 0);
    Ok((range.start, len.ok_or(Error::Empty { what: "the leased range" })?))
}
