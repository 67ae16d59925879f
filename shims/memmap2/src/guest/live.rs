//! The windows of this guest that show files to any number of maps each.
//!
//! Two maps of the same bytes of a file are the same memory on Unix. Here they are, too: by the domain's rule 4 there is one window.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::shared::Window;
use super::sys::Identity;

static LIVE: Mutex<Vec<Weak<Window>>> = Mutex::new(Vec::new());

/// A live window that shows all of `range` of a file.
pub(super) fn covering(file: Identity, range: &Range<u64>) -> Option<Arc<Window>> {
    let mut windows = LIVE.lock().unwrap_or_else(PoisonError::into_inner);
    windows.retain(|window| window.strong_count() > 0);
    let mut live = windows.iter().filter_map(Weak::upgrade);
    live.find(|window| {
        let shown = window.range();
        window.file() == file && shown.start <= range.start && range.end <= shown.end
    })
}

/// Lets others find a window for as long as it lives.
pub(super) fn add(window: &Arc<Window>) {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(window));
}
