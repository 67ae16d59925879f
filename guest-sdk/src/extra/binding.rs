//! A range of a window that shows something: the host's mapping, and where it is.

use core::mem;
use core::ops::{Bound, Range, RangeBounds};

use super::guard::Loan;
use super::place::Place;
use super::slot::Slot;
use crate::bindings::mapping as wit;
use crate::bindings::types::{Access, Window};
use crate::bindings::window as wire;
use crate::options::Choice;
use crate::sys::{AT_ONCE, Lending, settle};
use crate::{Error, Object, Result, domain};

/// A range of a window that shows something.
#[derive(Debug)]
pub(super) struct Binding<S: Slot> {
    // Invariant: `Some` until `end` took it.
    mapping: Option<wit::Mapping>,
    /// The bytes that are shown.
    place: Place<S>,
    // Invariant: a multiple of the granule, and at least the place's length.
    len: u64,
    lending: Lending,
}

/// The bytes `start .. start + len` of a window, as the wire wants them: the list says which memory's windows are meant, wherever it lies in it.
pub(super) fn part(start: u64, len: u64) -> Window {
    Window { memory: alloc::vec::Vec::new(), start, len }
}

impl<S: Slot> Binding<S> {
    pub(super) fn new(slot: S, start: u64, object: &Object, choice: Choice) -> Result<Self> {
        let Choice { len: shown, options, lending } = choice;
        let len = shown.checked_next_multiple_of(domain::granule() as u64).ok_or(Error::Bounds)?;
        if start.checked_add(len).is_none_or(|end| end > S::END) {
            return Err(Error::Bounds);
        }
        let mapping = wire::bind(&[], slot.number(), start, len, object.as_resource(), options)?;
        settle(slot.number());
        Ok(Self { mapping: Some(mapping), place: Place::new(slot, start, shown), len, lending })
    }

    pub(super) fn rebind(&mut self, object: &Object, choice: Choice) -> Result<()> {
        let Choice { len: shown, options, lending } = choice;
        if shown > self.len {
            return Err(Error::Bounds);
        }
        let rebound = wire::rebind(&self.all(), self.mapping(), object.as_resource(), options);
        settle(self.place.number());
        rebound?;
        self.place = Place::new(self.place.slot(), self.place.start(), shown);
        self.lending = lending;
        Ok(())
    }

    pub(super) fn place(&self) -> Place<S> {
        self.place
    }

    /// The most that it can show, in bytes.
    pub(super) fn room(&self) -> u64 {
        self.len
    }

    fn mapping(&self) -> &wit::Mapping {
        self.mapping.as_ref().expect("a binding lives until it is unbound")
    }

    /// The whole range, as the wire wants it.
    fn all(&self) -> Window {
        part(self.place.start(), self.len)
    }

    pub(super) fn publish(&self) -> Result<()> {
        match self.lending {
            Lending::Free => Ok(()),
            Lending::Leased | Lending::Unleased => Ok(self.mapping().publish(&self.shown())?),
        }
    }

    pub(super) fn sync(&self) -> Result<()> {
        match self.lending {
            Lending::Free => Ok(()),
            Lending::Leased | Lending::Unleased => Ok(self.mapping().sync(&self.shown())?),
        }
    }

    pub(super) fn refresh(&self) -> Result<()> {
        match self.lending {
            Lending::Free => Ok(()),
            Lending::Leased | Lending::Unleased => Ok(self.mapping().refresh(&self.shown())?),
        }
    }

    fn shown(&self) -> Window {
        part(self.place.start(), self.place.len())
    }

    /// The bytes in `range`, under a lease if one is needed. Waits for at most `timeout` nanoseconds.
    pub(super) fn lend(&self, range: impl RangeBounds<u64>, access: Access, timeout: u64) -> Result<Loan<S>> {
        let place = self.place.part(bounds(range, self.place.len())?);
        if self.lending == Lending::Free || place.len() == 0 {
            return Ok(Loan::new(place, None));
        }
        let part = part(place.start(), place.len());
        let lease = match timeout {
            AT_ONCE => self.mapping().acquire(&part, access),
            timeout => self.mapping().acquire_within(&part, access, timeout),
        };
        Ok(Loan::new(place, Some(lease?)))
    }

    /// All bytes, without a lease.
    pub(super) fn bare(&self) -> Result<Loan<S>> {
        match self.lending {
            Lending::Leased => Err(Error::Unsupported),
            Lending::Free | Lending::Unleased => Ok(Loan::new(self.place, None)),
        }
    }

    pub(super) fn end(&mut self) -> Result<()> {
        let Some(mapping) = self.mapping.take() else { return Ok(()) };
        let ended = mapping.unmap(&self.all());
        settle(self.place.number());
        if ended == Err(crate::bindings::types::ErrorCode::Busy) {
            // A leaked guard's lease: the window still shows the object. It stays that way.
            mem::forget(mapping);
        }
        Ok(ended?)
    }
}

impl<S: Slot> Drop for Binding<S> {
    fn drop(&mut self) {
        // An error goes to the host's log.
        let _ended = self.end();
    }
}

fn bounds(range: impl RangeBounds<u64>, len: u64) -> Result<Range<u64>> {
    let start = match range.start_bound() {
        Bound::Included(&start) => start,
        Bound::Excluded(&before) => before.checked_add(1).ok_or(Error::Bounds)?,
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(&last) => last.checked_add(1).ok_or(Error::Bounds)?,
        Bound::Excluded(&end) => end,
        Bound::Unbounded => len,
    };
    if start <= end && end <= len { Ok(start..end) } else { Err(Error::Bounds) }
}
