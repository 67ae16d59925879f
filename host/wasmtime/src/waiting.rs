//! Waiting for leases: a guest's call, or host code, stays until a lease is free, the time is up, or what it waited for is gone.

use alloc::sync::Arc;
#[cfg(feature = "std")]
use core::future::poll_fn;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use memctl_core::sorted::Map;
use memctl_core::{Asked, Error, InstanceId, LeaseId, WaiterId, Woken};

use crate::attachment::Attachment;
use crate::bell::Bell;
use crate::domain::Shared;
use crate::mover::Mover;
use crate::place::Place;

/// Who waits, under the domain's lock.
pub(crate) type Bells = Map<Woken, Arc<Bell>>;

/// How to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// The task is suspended; needs a tokio runtime with its clock if there is a deadline.
    #[cfg(feature = "std")]
    Async,
    /// The thread blocks.
    Blocking,
}

/// When to stop waiting.
#[cfg(feature = "std")]
pub(crate) type Deadline = std::time::Instant;
/// When to stop waiting: there is no clock, and every wait ends at once, since nobody else runs meanwhile who could end it.
#[cfg(not(feature = "std"))]
pub(crate) type Deadline = ();

/// When to stop waiting; never, if there is no such time.
#[cfg(feature = "std")]
pub(crate) fn deadline(timeout: Duration) -> Option<Deadline> {
    Deadline::now().checked_add(timeout)
}

#[cfg(not(feature = "std"))]
pub(crate) fn deadline(_timeout: Duration) -> Option<Deadline> {
    Some(())
}

/// A guest passes nanoseconds, the largest number for "as long as it takes".
pub(crate) fn deadline_of_guest(nanoseconds: u64) -> Option<Deadline> {
    if nanoseconds == u64::MAX { None } else { deadline(Duration::from_nanos(nanoseconds)) }
}

/// Runs a future that waits by blocking.
pub(crate) fn block_on<R>(future: impl Future<Output = R>) -> R {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => unreachable!("Pace::Blocking never suspends"),
    }
}

/// What became of a lease that was asked for.
pub(crate) enum Wanted {
    Granted(LeaseId),
    Waits(Wait),
}

/// A place in the queue, given up when dropped.
pub(crate) struct Wait {
    shared: Arc<Shared>,
    caller: InstanceId,
    attachment: Attachment,
    waiter: WaiterId,
    bell: Arc<Bell>,
}

impl Wanted {
    /// To be called before the domain is unlocked, so that the bell is there when it is rung.
    pub(crate) fn new(
        asked: Asked,
        mover: &mut Mover<'_>,
        shared: &Arc<Shared>,
        caller: InstanceId,
        attachment: Attachment,
    ) -> Self {
        match asked {
            Asked::Granted(lease) => Self::Granted(lease),
            Asked::Waits(waiter) => {
                let bell = Arc::<Bell>::default();
                mover.bells.insert(Woken::Waiter(waiter), bell.clone());
                Self::Waits(Wait { shared: shared.clone(), caller, attachment, waiter, bell })
            }
        }
    }
}

/// Waits for the bell or the deadline.
#[cfg(not(feature = "std"))]
pub(crate) async fn until(_bell: &Bell, _deadline: Option<Deadline>, _pace: Pace) {}

/// Waits for the bell or the deadline.
#[cfg(feature = "std")]
pub(crate) async fn until(bell: &Bell, deadline: Option<Deadline>, pace: Pace) {
    let rung = poll_fn(|cx| bell.poll(cx));
    match (pace, deadline) {
        (Pace::Blocking, deadline) => {
            bell.block(deadline);
        }
        (Pace::Async, None) => rung.await,
        (Pace::Async, Some(deadline)) => {
            // Which of the two it was shows when what was waited for is collected.
            let _late = tokio::time::timeout_at(deadline.into(), rung).await;
        }
    }
}

impl Wait {
    /// Waits until it is served, or for the deadline.
    pub(crate) async fn until(&self, deadline: Option<Deadline>, pace: Pace) {
        until(&self.bell, deadline, pace).await;
    }

    /// The lease, if it is there. `place` is where the window is, if it is for one.
    ///
    /// # Errors
    /// [`Error::TimedOut`] if it isn't; those of [`memctl_core::Domain::collect`].
    pub(crate) fn collect(self, place: Option<Place<'_>>) -> Result<LeaseId, Error> {
        let (caller, waiter) = (self.caller, self.waiter);
        self.shared.call(place, self.attachment, |rules, mover| {
            let range = rules.awaited(caller, waiter)?;
            match rules.collect(mover, caller, waiter)? {
                Some(lease) => Ok(lease),
                None => Err(Error::TimedOut { start: range.start(), end: range.end() }),
            }
        })
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.shared.call(None, self.attachment, |rules, mover| {
            // Nothing, if it was collected.
            rules.give_up(mover, self.caller, self.waiter);
            mover.bells.remove(&Woken::Waiter(self.waiter));
        });
    }
}
