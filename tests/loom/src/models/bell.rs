//! The bell: who waits for a lease is woken, whenever it was rung.

use std::task::{Context, Poll, Wake, Waker};

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use super::memory::Memory;
use crate::bell::Bell;
use crate::explore::Model;

pub(super) const MODELS: &[Model] = &[
    ("bell: a task that found it silent is woken", a_task_that_found_it_silent_is_woken),
    ("bell: the task that asked last is woken", the_task_that_asked_last_is_woken),
    ("bell: a blocked thread goes on, and sees what was done before", a_blocked_thread_goes_on),
];

/// Counts how often a task was woken.
struct Task(AtomicUsize);

impl Wake for Task {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn task() -> (std::sync::Arc<Task>, Waker) {
    let task = std::sync::Arc::new(Task(AtomicUsize::new(0)));
    (task.clone(), Waker::from(task))
}

fn a_task_that_found_it_silent_is_woken() {
    let bell = Arc::new(Bell::default());
    let ringer = thread::spawn({
        let bell = bell.clone();
        move || bell.ring()
    });
    let (task, waker) = task();
    let found = bell.poll(&Context::from_waker(&waker));
    ringer.join().unwrap();
    let woken = task.0.load(Ordering::Relaxed);
    assert_eq!(woken, usize::from(found == Poll::Pending), "once, if it went to sleep");
    assert_eq!(bell.poll(&Context::from_waker(&waker)), Poll::Ready(()));
}

fn the_task_that_asked_last_is_woken() {
    let bell = Arc::new(Bell::default());
    let ringer = thread::spawn({
        let bell = bell.clone();
        move || bell.ring()
    });
    let ((_, first), (last, second)) = (task(), task());
    let _moved = bell.poll(&Context::from_waker(&first));
    let found = bell.poll(&Context::from_waker(&second));
    ringer.join().unwrap();
    assert_eq!(last.0.load(Ordering::Relaxed), usize::from(found == Poll::Pending));
}

fn a_blocked_thread_goes_on() {
    let (bell, pages) = (Arc::new(Bell::default()), Memory::new());
    let ringer = thread::spawn({
        let (bell, pages) = (bell.clone(), pages.clone());
        move || {
            pages.write();
            bell.ring();
        }
    });
    assert!(bell.block(None));
    pages.write();
    ringer.join().unwrap();
}
