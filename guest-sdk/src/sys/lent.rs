//! Bytes of a window, lent for as long as a lease is held.

use core::marker::PhantomData;
use core::{ptr, slice};

use super::{Part, wire};
use crate::Result;
use crate::bindings::mapping::Lease;

/// Bytes that nobody changes.
pub(crate) struct Lent<'a> {
    loan: Loan,
    shown: PhantomData<&'a [u8]>,
}

/// Bytes that nobody else reads or changes.
pub(crate) struct LentMut<'a> {
    loan: Loan,
    shown: PhantomData<&'a mut [u8]>,
}

/// Bytes that nobody changes, and that can become [`LentMut`].
pub(crate) struct LentUpgradable<'a> {
    loan: Loan,
    shown: PhantomData<&'a mut [u8]>,
}

/// A part and its lease; no lease if none is needed.
struct Loan {
    // Not `Send`, since it has a raw pointer: a lease belongs to the thread that acquired it.
    part: Part,
    lease: Option<Lease>,
}

impl Loan {
    fn end(&mut self) -> Result<()> {
        match self.lease.take() {
            None => Ok(()),
            // SAFETY: the caller gives up its references: it drops or consumes the only `Lent` or `LentMut` of this loan.
            Some(lease) => unsafe { wire::release(lease, self.part) },
        }
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        // `release` reports the error to who wants it.
        let _ = self.end();
    }
}

impl Lent<'_> {
    /// # Safety
    /// While the result lives, `part` is allocated and initialised, and its bytes don't change.
    pub(super) unsafe fn new(part: Part, lease: Option<Lease>) -> Self {
        Self { loan: Loan { part, lease }, shown: PhantomData }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        let Part { start, len } = self.loan.part;
        // SAFETY: by the contract of `new`.
        unsafe { slice::from_raw_parts(start, len) }
    }

    pub(crate) fn release(mut self) -> Result<()> {
        self.loan.end()
    }
}

impl<'a> LentUpgradable<'a> {
    /// # Safety
    /// While the result lives, `part` is allocated and initialised, and reached only through the result and, to read, by holders of leases
    /// beside its own; and through the [`LentMut`] that it becomes, once the host made the lease one to write.
    pub(super) unsafe fn new(part: Part, lease: Option<Lease>) -> Self {
        Self { loan: Loan { part, lease }, shown: PhantomData }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        let Part { start, len } = self.loan.part;
        // SAFETY: by the contract of `new`.
        unsafe { slice::from_raw_parts(start, len) }
    }

    /// Waits for at most `timeout` nanoseconds until nobody else reads.
    pub(crate) fn upgrade(self, timeout: u64) -> Result<LentMut<'a>, (Self, crate::Error)> {
        if let Some(lease) = &self.loan.lease
            && let Err(error) = wire::upgrade(lease, self.loan.part, timeout)
        {
            return Err((self, error));
        }
        Ok(LentMut { loan: self.loan, shown: PhantomData })
    }

    pub(crate) fn release(mut self) -> Result<()> {
        self.loan.end()
    }
}

impl<'a> LentMut<'a> {
    /// Lets others read, too.
    pub(crate) fn downgrade(self) -> (LentUpgradable<'a>, Result<()>) {
        let published = match &self.loan.lease {
            None => Ok(()),
            // SAFETY: `self` is given up, and has the only exclusive references.
            Some(lease) => unsafe { wire::downgrade(lease, self.loan.part) },
        };
        (LentUpgradable { loan: self.loan, shown: PhantomData }, published)
    }

    /// # Safety
    /// While the result lives, `part` is allocated and initialised, and reached only through the result.
    pub(super) unsafe fn new(part: Part, lease: Option<Lease>) -> Self {
        Self { loan: Loan { part, lease }, shown: PhantomData }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        let Part { start, len } = self.loan.part;
        // SAFETY: by the contract of `new`.
        unsafe { slice::from_raw_parts(start, len) }
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        let Part { start, len } = self.loan.part;
        // SAFETY: by the contract of `new`, and since `self` is borrowed exclusively.
        unsafe { &mut *ptr::slice_from_raw_parts_mut(start, len) }
    }

    pub(crate) fn release(mut self) -> Result<()> {
        self.loan.end()
    }
}
