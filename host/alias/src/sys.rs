//! Everything unsafe, one concept a file.

mod bytes;
mod code;
mod context;
mod signals;
mod space;
mod spare;

use std::sync::OnceLock;

pub use signals::{install, note_fault};
pub use space::Protection;
pub(crate) use space::{Space, View};
pub(crate) use spare::FOR_HIDE;

/// The host page in bytes; a power of two. Async-signal-safe once it was called.
pub(crate) fn page_size() -> usize {
    static PAGE: OnceLock<usize> = OnceLock::new();
    *PAGE.get_or_init(rustix::param::page_size)
}

/// `bytes` rounded up to whole host pages, if that fits.
pub(crate) fn whole_pages(bytes: usize) -> Option<usize> {
    bytes.checked_next_multiple_of(page_size())
}
