//! Guards: proof that a part of what a window shows may be read or written, for a time.

use core::cmp::Ordering;
use core::marker::PhantomData;
use core::ops::Range;

use super::binding::part;
use super::place::Place;
use super::slot::Slot;
use crate::bindings::mapping::Lease;
use crate::{Result, Scalar, View, ViewMut};

/// A part of a window and its lease; no lease if none is needed.
#[derive(Debug)]
pub(super) struct Loan<S: Slot> {
    place: Place<S>,
    lease: Option<Lease>,
    // Neither `Send` nor `Sync`: a lease belongs to the thread that acquired it.
    thread: PhantomData<*const ()>,
}

impl<S: Slot> Loan<S> {
    pub(super) fn new(place: Place<S>, lease: Option<Lease>) -> Self {
        Self { place, lease, thread: PhantomData }
    }

    fn end(&mut self) -> Result<()> {
        match self.lease.take() {
            None => Ok(()),
            Some(lease) => Ok(Lease::release(lease, &part(self.place.start(), self.place.len()))?),
        }
    }
}

impl<S: Slot> Drop for Loan<S> {
    fn drop(&mut self) {
        // `release` reports the error to who wants it.
        let _ended = self.end();
    }
}

/// Bytes that a window shows, and that nobody changes while the guard lives: a [`View`]. Made by [`Bound::read`](super::Bound::read).
///
/// Of a shared binding it holds a read lease, which others may hold too; dropping it releases the lease. Guards stay on the thread that made them.
#[derive(Debug)]
#[must_use = "the lease is released when the guard is dropped"]
pub struct BoundReadGuard<'a, S: Slot> {
    loan: Loan<S>,
    shown: PhantomData<&'a ()>,
}

/// Bytes that a window shows, and that nobody else reads or writes while the guard lives: a [`ViewMut`]. Made by
/// [`BoundMut::write`](super::BoundMut::write).
///
/// Of a shared binding it holds a write lease: [`release`](Self::release) publishes exactly the guard's range. Dropping it does the same, but can't report an error. Guards
/// stay on the thread that made them.
#[derive(Debug)]
#[must_use = "the lease is released when the guard is dropped"]
pub struct BoundWriteGuard<'a, S: Slot> {
    loan: Loan<S>,
    shown: PhantomData<&'a mut ()>,
}

macro_rules! common {
    ($($guard:ident)+) => {$(
        impl<S: Slot> $guard<'_, S> {
            pub(super) fn new(loan: Loan<S>) -> Self {
                Self { loan, shown: PhantomData }
            }

            #[inline(always)]
            pub(super) fn place(&self) -> &Place<S> {
                &self.loan.place
            }

            /// Where in the window the guard's bytes begin, as an address.
            #[must_use]
            pub fn start(&self) -> u64 {
                self.loan.place.start()
            }

            /// Reads a number at an *address of the window*, and checks nothing: one instruction. Outside the window this traps; inside it reads what is there,
            /// be it under this guard or not.
            #[inline(always)]
            #[must_use]
            pub fn peek<T: Scalar>(&self, address: S::Address) -> T {
                self.loan.place.peek(address)
            }
        }

        impl<S: Slot> View for $guard<'_, S> {
            #[inline(always)]
            fn size(&self) -> u64 {
                self.loan.place.len()
            }

            #[inline(always)]
            fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Result<()> {
                self.loan.place.read_at(offset, bytes)
            }

            #[inline(always)]
            fn load<T: Scalar>(&self, offset: u64) -> Result<T> {
                self.loan.place.load(offset)
            }

            fn compare(&self, offset: u64, bytes: &[u8]) -> Result<Ordering> {
                self.loan.place.compare(offset, bytes)
            }
        }
    )+};
}

common!(BoundReadGuard BoundWriteGuard);

impl<S: Slot> BoundReadGuard<'_, S> {
    /// Releases the lease, and tells whether it held until now.
    ///
    /// # Errors
    /// [`Error::Stale`](crate::Error::Stale) if it was revoked; [`Error::Io`](crate::Error::Io). The lease is gone in any case.
    pub fn release(mut self) -> Result<()> {
        self.loan.end()
    }
}

impl<S: Slot> BoundWriteGuard<'_, S> {
    /// Publishes the guard's range and releases the lease.
    ///
    /// # Errors
    /// [`Error::Stale`](crate::Error::Stale) if it was revoked: nothing was published then; [`Error::Io`](crate::Error::Io).
    /// The lease is gone in any case.
    pub fn release(mut self) -> Result<()> {
        self.loan.end()
    }

    /// Writes a number at an *address of the window*, and checks nothing: one instruction. Outside the window this traps; inside it writes there, be it under
    /// this guard or not, and what is not may be lost.
    #[inline(always)]
    pub fn poke<T: Scalar>(&mut self, address: S::Address, value: T) {
        self.loan.place.poke(address, value);
    }

    /// Copies a range of what another window shows, or another range of this one, to `to`: as [`ViewMut::copy_from`], but straight from window to
    /// window.
    ///
    /// # Errors
    /// [`Error::Bounds`](crate::Error::Bounds) if either is not inside its guard's bytes: nothing is written then.
    pub fn copy_between<T: Slot>(&mut self, to: u64, from: &BoundReadGuard<'_, T>, range: Range<u64>) -> Result<()> {
        self.loan.place.copy_from(to, from.place(), range)
    }
}

impl<S: Slot> ViewMut for BoundWriteGuard<'_, S> {
    #[inline(always)]
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        self.loan.place.write_at(offset, bytes)
    }

    #[inline(always)]
    fn store<T: Scalar>(&mut self, offset: u64, value: T) -> Result<()> {
        self.loan.place.store(offset, value)
    }

    fn fill_range(&mut self, range: Range<u64>, byte: u8) -> Result<()> {
        self.loan.place.fill(range, byte)
    }

    fn copy_range(&mut self, from: Range<u64>, to: u64) -> Result<()> {
        let place = self.loan.place;
        place.copy_from(to, &place, from)
    }
}
