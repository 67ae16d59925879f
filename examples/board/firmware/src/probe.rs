//! Trials: accesses whose fault is an answer.

use core::sync::atomic::{AtomicU8, Ordering::Relaxed};

use crate::fault::Fault;

/// No trial, a trial under way, a trial that faulted.
const NONE: u8 = 0;
const UNDER_WAY: u8 = 1;
const FAULTED: u8 = 2;
static TRIAL: AtomicU8 = AtomicU8::new(NONE);

/// Whether a fault answers a trial. Called by the fault's handler.
pub(crate) fn expected(_: &Fault) -> bool {
    TRIAL.load(Relaxed) == UNDER_WAY && {
        TRIAL.store(FAULTED, Relaxed);
        true
    }
}
