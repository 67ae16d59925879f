//! What windows show past the end of their objects: zeros.

use memctl_core::{Error, Part, View};

use crate::mmu::{FaultKind, Reservation};
use crate::mover::Mover;

impl Mover<'_> {
    /// Zeroes what of a part lies past the object's end, in a window that shows the object's own pages. Pages that begin past the end
    /// are not touched: there are none, if somebody else cut a file off, and that is the guest's to find out.
    pub(crate) fn zero_tail(&self, view: &View, part: Part) -> Result<(), Error> {
        if part.real == part.window.len() {
            return Ok(());
        }
        let storage = self.bodies.get(&view.object).ok_or(Error::Stale { what: "object" })?.storage();
        let Some((from, len)) = tail(part, storage.size()?, crate::mmu::host_page_size()) else { return Ok(()) };
        if view.guarded || view.restricted {
            return self.zero_tail_beside(view, from, len);
        }
        self.reservation(view)?.zero_if_dirty(part.window.start() + (from - part.offset), len)
    }

    /// [`Mover::zero_tail`] of `len` bytes of the object from `offset` on, all of one host page, past the window: leases or protection may not let it be
    /// touched. Nobody stored there if nobody can.
    fn zero_tail_beside(&self, view: &View, offset: u64, len: u64) -> Result<(), Error> {
        let host_page = crate::mmu::host_page_size();
        let (page, at) = (offset - offset % host_page, offset % host_page);
        let bytes = usize::try_from(host_page).map_err(|_| Error::OutOfMemory { what: "a host page" })?;
        let file = self.file(view)?;
        if !file.writable() {
            return Ok(());
        }
        let beside = Reservation::new(bytes, bytes, 0)?;
        beside.show_shared(0, host_page, file, page)?;
        beside.zero_if_dirty(at, len)
    }

    /// Whether the guest was last trapped for touching what is gone from the host page that the object ends in: what is there now was laid by the
    /// fault handler, and the guest is on its way out with that fault, not with one of this crate's own making.
    pub(crate) fn is_gone(&self, view: &View, part: Part) -> Result<bool, Error> {
        let page = (part.window.start() + part.real) / crate::mmu::host_page_size();
        let fault = self.reservation(view)?.last_fault();
        Ok(fault.is_some_and(|fault| {
            fault.kind == FaultKind::Vanished && fault.address / crate::mmu::host_page_size() == page
        }))
    }
}

/// The bytes of the object past its end that a part shows, as offset and length: they lie in the host page that the end lies in. `size` is the
/// length now; somebody else may have made a file longer since the part was looked at, and then what is there is no tail.
fn tail(part: Part, size: u64, host_page: u64) -> Option<(u64, u64)> {
    let end = part.offset + part.real;
    let page = end - end % host_page;
    if size <= page || end == page {
        return None;
    }
    let from = end.max(size);
    let until = page.saturating_add(host_page).min(part.offset + part.window.len());
    (from < until).then(|| (from, until - from))
}

#[cfg(test)]
mod tests {
    use memctl_core::Span;

    use super::*;

    fn part(offset: u64, len: u64, real: u64) -> Part {
        Part { window: Span::claim("the window", 0x10000, len).expect("no wrap"), offset, real }
    }

    #[test]
    fn the_tail_ends_with_the_host_page_that_the_object_ends_in() {
        assert_eq!(tail(part(4096, 4096, 100), 4196, 4096), Some((4196, 3996)));
        assert_eq!(tail(part(4096, 200, 100), 4196, 4096), Some((4196, 100)));
        assert_eq!(tail(part(4096, 8192, 4096), 8192, 4096), None, "it ends with a host page");
        assert_eq!(tail(part(4096, 8192, 0), 100, 4096), None, "there is no page to zero");
        assert_eq!(tail(part(4200, 10, 0), 4196, 4096), Some((4200, 10)));
    }

    #[test]
    fn what_a_file_got_longer_by_is_no_tail() {
        assert_eq!(tail(part(0, 8 * 4096, 100), 8 * 4096, 4096), None);
        assert_eq!(tail(part(0, 8 * 4096, 100), 300, 4096), Some((300, 3796)));
        assert_eq!(tail(part(0, 8 * 4096, 5000), 4096, 4096), None, "or shorter, and the page is gone");
    }
}
