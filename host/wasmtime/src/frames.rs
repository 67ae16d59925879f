//! On which thread a guest's frames are, if on any: while that thread is blocked, the guest can't go on.

use crate::locks::this_thread;
use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// A guest's frames.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    /// Calls into the guest that have not returned.
    depth: AtomicU32,
    /// The thread that made the last of them.
    thread: AtomicU64,
}

impl Frames {
    /// The guest is called, on this thread.
    pub(crate) fn push(&self) {
        self.thread.store(this_thread(), Ordering::Relaxed);
        self.depth.fetch_add(1, Ordering::Relaxed);
    }

    /// A call into the guest returned.
    pub(crate) fn pop(&self) {
        // An embedder's call hook may refuse an entry that this was not told of.
        let _none_there = self.depth.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |depth| depth.checked_sub(1));
    }

    /// Whether no call into the guest has yet to return.
    pub(crate) fn are_none(&self) -> bool {
        self.depth.load(Ordering::Relaxed) == 0
    }

    /// Whether the guest can't go on before this thread does.
    pub(crate) fn are_on_this_thread(&self) -> bool {
        self.depth.load(Ordering::Relaxed) > 0 && self.thread.load(Ordering::Relaxed) == this_thread()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_where_they_were_pushed_until_they_are_popped() {
        let frames = Frames::default();
        assert!(!frames.are_on_this_thread());
        frames.push();
        frames.push();
        frames.pop();
        assert!(frames.are_on_this_thread());
        std::thread::scope(|scope| {
            scope.spawn(|| assert!(!frames.are_on_this_thread()));
        });
        assert!(!frames.are_none());
        frames.pop();
        assert!(frames.are_none());
        frames.pop();
        assert!(frames.are_none() && !frames.are_on_this_thread());
    }
}
