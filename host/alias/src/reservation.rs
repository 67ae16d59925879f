//! Address space of one guest linear memory: its life, its size, what is known of it.

mod bytes;
mod views;

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use memctl_core::Error;

use crate::errno::refused;
use crate::fault::Fault;
use crate::sys::{Protection, Space, install, page_size, whole_pages};
use crate::table::Registered;

/// Address space for one guest linear memory. It never moves.
///
/// Bytes `0..size` are accessible, zeroed at first. The rest of the capacity, the guard, and at least one host page behind it are not, so the
/// address just past one memory is never inside another. Dropping it takes it out of the fault table and gives the address space back.
///
/// ```
/// use memctl_alias::Reservation;
/// # fn main() -> Result<(), memctl_core::Error> {
/// let memory = Reservation::new(0x1_0000, 0x10_0000, 0)?;
/// memory.grow(0x2_0000)?;
/// assert_eq!((memory.size(), memory.capacity()), (0x2_0000, 0x10_0000));
/// # Ok(())
/// # }
/// ```
pub struct Reservation {
    // Dropped first: no handler looks at the address space once it goes.
    entry: Registered,
    space: Space,
    id: u64,
    size: AtomicUsize,
    capacity: usize,
    growing: Mutex<()>,
}

impl Reservation {
    /// Reserves address space. All three are bytes and need not be whole host pages; what is accessible is rounded up to them.
    ///
    /// The first call of the process installs the fault handler, see [`install`].
    ///
    /// # Errors
    /// [`Error::OutOfBounds`] if `min > capacity`, [`Error::OutOfMemory`] if there is not that much address space or the fault table is full;
    /// then nothing is left behind.
    pub fn new(min: usize, capacity: usize, guard: usize) -> Result<Self, Error> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        const WHAT: &str = "reserve a guest memory";
        install()?;
        check_capacity(min, capacity)?;
        let room = whole_pages(capacity)
            .and_then(|capacity| capacity.checked_add(whole_pages(guard)?.max(page_size())))
            .ok_or(Error::OutOfMemory { what: WHAT })?;
        let space = Space::reserve(room).map_err(|errno| refused(WHAT, errno))?;
        // `min <= capacity`, so this does not overflow either.
        let accessible = min.next_multiple_of(page_size());
        if accessible > 0 {
            space.protect(0, accessible, Protection::ReadWrite).map_err(|errno| refused(WHAT, errno))?;
        }
        let base = space.base().addr();
        Ok(Self {
            entry: Registered::new(base, base + accessible, base + room)?,
            space,
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            size: AtomicUsize::new(min),
            capacity,
            growing: Mutex::new(()),
        })
    }

    pub(crate) fn space(&self) -> &Space {
        &self.space
    }

    /// The address of byte 0.
    #[must_use]
    pub fn base(&self) -> *mut u8 {
        self.space.base()
    }

    /// A number that no other reservation of this process has or will have.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Length in bytes, now.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size.load(Ordering::Acquire) as u64
    }

    /// The most bytes it can grow to.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Makes it `new_size` bytes long; the new bytes are zero. It never shrinks: a smaller number changes nothing.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`] past the capacity, [`Error::OutOfMemory`]; then the size is as it was.
    pub fn grow(&self, new_size: usize) -> Result<(), Error> {
        check_capacity(new_size, self.capacity)?;
        let _turn = self.growing.lock().unwrap_or_else(PoisonError::into_inner);
        let size = self.size.load(Ordering::Relaxed);
        if new_size <= size {
            return Ok(());
        }
        let (from, to) = (size.next_multiple_of(page_size()), new_size.next_multiple_of(page_size()));
        if from < to {
            self.space
                .protect(from, to - from, Protection::ReadWrite)
                .map_err(|errno| refused("grow a guest memory", errno))?;
            self.entry.grown(self.base().addr() + to);
        }
        self.size.store(new_size, Ordering::Release);
        Ok(())
    }

    /// Whether `addr` is in `base ..= base + size`: an empty list may point just past the end.
    #[must_use]
    pub fn contains(&self, addr: usize) -> bool {
        let base = self.base().addr();
        (base..=base + self.size.load(Ordering::Acquire)).contains(&addr)
    }

    /// Takes the first fault of host code since the last call, if there was one.
    ///
    /// There was one: a scratch page hides what the window showed, maybe in all of the memory, and the guest must be trapped before it runs on.
    #[must_use = "a guest whose memory holds scratch pages must be trapped"]
    pub fn take_fault(&self) -> Option<Fault> {
        self.entry.take()
    }

    /// The newest fault that the handler saw, in host or guest code. It stays until the next one.
    ///
    /// Where the engine's handler runs first, a protection fault of guest code gets here only by [`note_fault`](crate::note_fault); a
    /// vanished page always does.
    #[must_use]
    pub fn last_fault(&self) -> Option<Fault> {
        self.entry.last()
    }

    /// Checks a range of bytes against the size.
    pub(crate) fn bytes(&self, start: u64, len: u64) -> Result<(usize, usize), Error> {
        within("the range of guest memory", start, len, self.size())
    }

    /// Checks a window: whole host pages, some, inside the size rounded up.
    fn window(&self, start: u64, len: u64) -> Result<(usize, usize), Error> {
        let granule = page_size() as u64;
        for (what, value) in [("the window's start", start), ("the window's length", len)] {
            if !value.is_multiple_of(granule) {
                return Err(Error::Misaligned { what, value, granule });
            }
        }
        if len == 0 {
            return Err(Error::Empty { what: "the window" });
        }
        within("the window", start, len, self.size().next_multiple_of(granule))
    }
}

impl fmt::Debug for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservation")
            .field("id", &self.id)
            .field("base", &self.base())
            .field("size", &self.size())
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}

fn check_capacity(size: usize, capacity: usize) -> Result<(), Error> {
    within("the guest memory", 0, size as u64, capacity as u64).map(|_| ())
}

/// The range as host sizes, if it ends at `limit` or before.
fn within(what: &'static str, start: u64, len: u64, limit: u64) -> Result<(usize, usize), Error> {
    let end = start.checked_add(len).ok_or(Error::Wraps { what, start, len })?;
    let outside = Error::OutOfBounds { what, start, len, limit };
    if end > limit {
        return Err(outside);
    }
    match (usize::try_from(start), usize::try_from(len)) {
        (Ok(start), Ok(len)) => Ok((start, len)),
        _ => Err(outside),
    }
}
