//! What is counted.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

/// What a guest, or host code, does. Each call of the interface is one operation, and so is each touch of a window, however many bytes it
/// moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Map,
    Unmap,
    Acquire,
    Wait,
    Convert,
    Release,
    Move,
    Object,
    Touch,
    Cross,
    Query,
    Device,
}

impl Operation {
    pub(crate) const ALL: [Self; 12] = [
        Self::Map,
        Self::Unmap,
        Self::Acquire,
        Self::Wait,
        Self::Convert,
        Self::Release,
        Self::Move,
        Self::Object,
        Self::Touch,
        Self::Cross,
        Self::Query,
        Self::Device,
    ];

    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Map => "map",
            Self::Unmap => "unmap, mapping drop",
            Self::Acquire => "acquire",
            Self::Wait => "acquire-within",
            Self::Convert => "upgrade, downgrade",
            Self::Release => "release, lease drop",
            Self::Move => "publish, refresh, sync",
            Self::Object => "objects: make, open, resize, drop",
            Self::Touch => "touches of windows",
            Self::Cross => "host calls that touch windows or objects",
            Self::Query => "usage, limits, memory.grow",
            Self::Device => "leases and reads of host code",
        }
    }
}

/// How a guest ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Its store was dropped, with all that it held.
    Dropped,
    /// Its context was ended inside of one of its calls.
    Ended,
    /// It trapped by itself, or for a handle or a result's place that it has no right to.
    Trapped,
    /// It was interrupted while it span.
    Interrupted,
    /// It touched a window outside its leases, and was trapped.
    Outside,
    /// A file was cut off under its window, and it was trapped.
    Vanished,
}

impl End {
    pub(crate) const ALL: [Self; 6] =
        [Self::Dropped, Self::Ended, Self::Trapped, Self::Interrupted, Self::Outside, Self::Vanished];

    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Dropped => "dropped with all they held",
            Self::Ended => "context ended in a call",
            Self::Trapped => "trapped on purpose",
            Self::Interrupted => "interrupted while spinning",
            Self::Outside => "trapped: touched what they have no lease on",
            Self::Vanished => "trapped: file cut off under a window",
        }
    }
}

/// What one thread did, or all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) operations: [u64; Operation::ALL.len()],
    pub(crate) ends: [u64; End::ALL.len()],
    /// Calls that were answered with an error code.
    pub(crate) refused: u64,
    /// Of these, waits that ended with the time.
    pub(crate) timed_out: u64,
    /// Of these, waits that would never have ended.
    pub(crate) deadlocks: u64,
    /// Times that stamps were looked at.
    pub(crate) looks: u64,
}

impl Tally {
    pub(crate) fn total(&self) -> u64 {
        self.operations.iter().sum()
    }

    /// Guests that ended.
    pub(crate) fn guests(&self) -> u64 {
        self.ends.iter().sum()
    }

    /// Faults that trapped a guest, and nobody else.
    pub(crate) fn faults(&self) -> u64 {
        self.ends[End::Outside as usize] + self.ends[End::Vanished as usize]
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (sum, more) in self.operations.iter_mut().zip(other.operations) {
            *sum += more;
        }
        for (sum, more) in self.ends.iter_mut().zip(other.ends) {
            *sum += more;
        }
        self.refused += other.refused;
        self.timed_out += other.timed_out;
        self.deadlocks += other.deadlocks;
        self.looks += other.looks;
    }
}

/// Whether a thread goes on, as others see it.
#[derive(Debug)]
pub(crate) struct Pulse {
    pub(crate) name: String,
    operations: AtomicU64,
    doing: AtomicU8,
}

impl Pulse {
    pub(crate) fn new(name: String) -> Self {
        Self { name, operations: AtomicU64::new(0), doing: AtomicU8::new(0) }
    }

    pub(crate) fn beat(&self, doing: Operation) {
        self.doing.store(doing as u8, Ordering::Relaxed);
        self.operations.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn operations(&self) -> u64 {
        self.operations.load(Ordering::Relaxed)
    }

    pub(crate) fn doing(&self) -> &'static str {
        let index = usize::from(self.doing.load(Ordering::Relaxed));
        Operation::ALL.get(index).map_or("", |operation| operation.words())
    }
}

/// Tells all threads to end.
#[derive(Debug, Default)]
pub(crate) struct Halt(AtomicBool);

impl Halt {
    pub(crate) fn call(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_called(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_are_positions() {
        assert!(Operation::ALL.iter().enumerate().all(|(index, operation)| *operation as usize == index));
        assert!(End::ALL.iter().enumerate().all(|(index, end)| *end as usize == index));
    }
}
