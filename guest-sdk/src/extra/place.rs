//! Bytes of a window, by offset.

use core::cmp::Ordering;
use core::ops::Range;

use super::slot::Slot;
use crate::sys::{address::Address as _, ordering};
use crate::view::{check, check_part};
use crate::{Error, Result, Scalar};

/// The bytes `start .. start + len` of a window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<S: Slot> {
    slot: S,
    start: u64,
    // Invariant: `start + len` is an address, or the first that is none.
    len: u64,
}

impl<S: Slot> Place<S> {
    /// `start + len` is known to fit the window's addresses.
    pub(super) fn new(slot: S, start: u64, len: u64) -> Self {
        Self { slot, start, len }
    }

    pub(super) fn slot(&self) -> S {
        self.slot
    }

    #[inline(always)]
    pub(super) fn number(&self) -> u32 {
        self.slot.number()
    }

    #[inline(always)]
    pub(super) fn start(&self) -> u64 {
        self.start
    }

    #[inline(always)]
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// A range that is known to be inside.
    pub(super) fn part(&self, range: Range<u64>) -> Self {
        Self { slot: self.slot, start: self.start + range.start, len: range.end - range.start }
    }

    /// The address of a byte that is known to be inside.
    #[inline(always)]
    fn at(&self, offset: u64) -> S::Address {
        S::Address::of(self.start + offset)
    }

    #[inline(always)]
    pub(super) fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Result<()> {
        check_part(offset, bytes.len(), self.len)?;
        if !bytes.is_empty() {
            self.at(offset).copy_out(bytes, self.number());
        }
        Ok(())
    }

    #[inline(always)]
    pub(super) fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        check_part(offset, bytes.len(), self.len)?;
        if !bytes.is_empty() {
            self.at(offset).copy_in(bytes, self.number());
        }
        Ok(())
    }

    #[inline(always)]
    pub(super) fn load<T: Scalar>(&self, offset: u64) -> Result<T> {
        check_part(offset, T::SIZE, self.len)?;
        Ok(T::load(self.at(offset), self.number()))
    }

    #[inline(always)]
    pub(super) fn store<T: Scalar>(&self, offset: u64, value: T) -> Result<()> {
        check_part(offset, T::SIZE, self.len)?;
        value.store(self.at(offset), self.number());
        Ok(())
    }

    #[inline(always)]
    pub(super) fn peek<T: Scalar>(&self, address: S::Address) -> T {
        T::load(address, self.number())
    }

    #[inline(always)]
    pub(super) fn poke<T: Scalar>(&self, address: S::Address, value: T) {
        value.store(address, self.number());
    }

    pub(super) fn compare(&self, offset: u64, bytes: &[u8]) -> Result<Ordering> {
        check_part(offset, bytes.len(), self.len)?;
        if bytes.is_empty() {
            return Ok(Ordering::Equal);
        }
        Ok(ordering(self.at(offset).compare(bytes, self.number())))
    }

    pub(super) fn fill(&self, range: Range<u64>, byte: u8) -> Result<()> {
        match check(&range, self.len)? {
            0 => {}
            len => self.at(range.start).fill(byte, S::Address::of(len), self.number()),
        }
        Ok(())
    }

    /// Copies a range of another place, possibly in another window or overlapping, to `to`.
    pub(super) fn copy_from<T: Slot>(&self, to: u64, from: &Place<T>, range: Range<u64>) -> Result<()> {
        let len = check(&range, from.len)?;
        check(&(to..to.checked_add(len).ok_or(Error::Bounds)?), self.len)?;
        if len > 0 {
            // 64-bit addresses will do in any window.
            let (to, from_start) = (self.start + to, from.start + range.start);
            to.copy_between(from_start, len, self.number(), from.number());
        }
        Ok(())
    }

    /// The address of a number that atomic instructions act on.
    pub(super) fn aligned<T: Scalar>(&self, offset: u64) -> Result<S::Address> {
        check_part(offset, T::SIZE, self.len)?;
        let at = self.start + offset;
        if at.is_multiple_of(T::SIZE as u64) { Ok(S::Address::of(at)) } else { Err(Error::Alignment) }
    }
}
