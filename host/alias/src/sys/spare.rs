//! Room for a few more mappings, kept for when there is none.
//!
//! A process may have so many mappings (`vm.max_map_count`, 65,530 by default; `mmap(2)`, ENOMEM), and taking a part of one away makes two. A
//! guest's right must be taken back and a fault be contained even then. So this holds a stretch of address space cut into many mappings, by
//! protection: given one protection it is one mapping again, and the difference is free.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Protection, Space, page_size};

/// For [`Reservation::hide`](crate::Reservation::hide).
pub(crate) static FOR_HIDE: Spare = Spare::new();
/// For the fault handler, so that it has its own when the other is used up.
pub(super) static FOR_FAULTS: Spare = Spare::new();

/// Host pages; each is a mapping of its own while the room is held.
const PAGES: usize = 17;

/// Some room for mappings.
pub(crate) struct Spare {
    space: OnceLock<Option<Space>>,
    held: AtomicBool,
}

impl Spare {
    const fn new() -> Self {
        Self { space: OnceLock::new(), held: AtomicBool::new(false) }
    }

    /// Holds the room (again), if the process has it. Not for handlers.
    pub(crate) fn hold(&self) {
        let page = page_size();
        let Some(space) = self.space.get_or_init(|| Space::reserve(PAGES * page).ok()) else { return };
        if self.held.swap(true, Ordering::AcqRel) {
            return;
        }
        for odd in (1..PAGES).step_by(2) {
            if space.protect(odd * page, page, Protection::Read).is_err() {
                // What was cut is still held, and what was not is still free.
                break;
            }
        }
    }

    /// Gives the room up for the caller's use; whether there was any. Async-signal-safe.
    pub(crate) fn give(&self) -> bool {
        let Some(Some(space)) = self.space.get() else { return false };
        // The first and last page keep their protection, so the edges are there already.
        self.held.swap(false, Ordering::AcqRel)
            && space.protect(page_size(), (PAGES - 2) * page_size(), Protection::None).is_ok()
    }
}
