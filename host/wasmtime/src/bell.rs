//! What wakes who waits for a lease: rung once, by whoever gave the lease back, on whatever thread.

use std::sync::PoisonError;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use crate::sync::{Condvar, Mutex, MutexGuard};

/// Rung or not, and whom to tell.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    state: Mutex<State>,
    rung: Condvar,
}

#[derive(Debug, Default)]
struct State {
    rung: bool,
    /// The task that polled last.
    waker: Option<Waker>,
}

impl Bell {
    /// Wakes whoever waits, now or later.
    pub(crate) fn ring(&self) {
        let waker = {
            let mut state = self.lock();
            state.rung = true;
            state.waker.take()
        };
        self.rung.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Ready once it was rung. Only the last task that asked is woken.
    pub(crate) fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.rung {
            return Poll::Ready(());
        }
        match &mut state.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// Blocks the thread until it is rung, or until `deadline`. Whether it was.
    pub(crate) fn block(&self, deadline: Option<Instant>) -> bool {
        let mut state = self.lock();
        while !state.rung {
            state = match deadline {
                None => self.rung.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return false;
                    }
                    self.rung.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::Wake;
    use std::time::Duration;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicU32);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_task_is_woken_once_and_finds_it_rung() {
        let (bell, count) = (Bell::default(), Arc::new(Count::default()));
        let waker = Waker::from(count.clone());
        let cx = Context::from_waker(&waker);
        assert_eq!(bell.poll(&cx), Poll::Pending);
        assert_eq!(bell.poll(&cx), Poll::Pending);
        bell.ring();
        bell.ring();
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert_eq!(bell.poll(&cx), Poll::Ready(()));
    }

    #[test]
    fn what_was_rung_before_is_heard() {
        let bell = Bell::default();
        bell.ring();
        assert!(bell.block(None));
        assert!(bell.block(Some(Instant::now())));
    }

    #[test]
    fn a_deadline_ends_the_wait() {
        let bell = Bell::default();
        assert!(!bell.block(Some(Instant::now() + Duration::from_millis(1))));
    }

    #[test]
    fn a_thread_is_woken() {
        let bell = Arc::new(Bell::default());
        let blocked = std::thread::spawn({
            let bell = bell.clone();
            move || bell.block(None)
        });
        bell.ring();
        assert!(blocked.join().expect("no panic"));
    }
}
