//! Trials of the protection unit: accesses whose fault is an answer, held against what was asked of the planner.

use core::ops::Range as Addresses;
use core::sync::atomic::{AtomicU8, Ordering::Relaxed};

use memctl_mpu::{Execute, Protection, Range};

use crate::console::say;
use crate::fault::Fault;
use crate::machine::Level;
use crate::sys::machine::protection::BINDS_PRIVILEGED;
use crate::sys::{place, trial};

/// No trial, a trial under way, a trial that faulted.
const NONE: u8 = 0;
const UNDER_WAY: u8 = 1;
const FAULTED: u8 = 2;
static TRIAL: AtomicU8 = AtomicU8::new(NONE);

/// Whether a fault answers a trial. Called by the fault's handler.
pub(crate) fn expected(_: &Fault) -> bool {
    let under_way = TRIAL.load(Relaxed) == UNDER_WAY;
    if under_way {
        TRIAL.store(FAULTED, Relaxed);
    }
    under_way
}

/// An access to try.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Load,
    Store,
    Fetch,
}

/// Tries an access. True if it passed.
fn passes(kind: Kind, address: usize, level: Level) -> bool {
    TRIAL.store(UNDER_WAY, Relaxed);
    match kind {
        Kind::Load => trial::load(address, level),
        Kind::Store => trial::store(address, level),
        Kind::Fetch => trial::fetch(address, level),
    }
    let outcome = TRIAL.load(Relaxed);
    TRIAL.store(NONE, Relaxed);
    outcome == UNDER_WAY
}

/// What was asked for an access: the last range that has the address decides. None where the machine decides.
fn asked(ranges: &[Range], kind: Kind, address: usize, level: Level) -> Option<bool> {
    let here = |range: &&Range| (range.start..range.start + range.len).contains(&(address as u64));
    let Some(range) = ranges.iter().rev().find(here) else {
        return (level == Level::Lowered || kind != Kind::Fetch).then_some(level == Level::Raised);
    };
    if level == Level::Raised && !BINDS_PRIVILEGED {
        return (kind != Kind::Fetch).then_some(true);
    }
    Some(match kind {
        Kind::Load => range.rights.unprivileged != Protection::None,
        Kind::Store => range.rights.unprivileged == Protection::ReadWrite,
        Kind::Fetch => range.rights.execute == Execute::Readers,
    })
}

/// How many trials there were, and how many went as planned.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Tally {
    pub(crate) probes: u32,
    pub(crate) as_planned: u32,
}

/// Tries each bound of each range, one byte before, at, and one byte after, with all accesses and with and without privilege. To be
/// called by a partition with these ranges' regions in force.
pub(crate) fn bounds(ranges: &[Range]) -> Tally {
    let mut tally = Tally::default();
    let memory = |address: &usize| place::flash().contains(address) || place::ram_used().contains(address);
    for range in ranges {
        let Addresses { start, end } = addresses(range);
        for at in [start.wrapping_sub(1), start, start + 1, end - 1, end, end + 1].iter().filter(|at| memory(at)) {
            for level in [Level::Lowered, Level::Raised] {
                for kind in [Kind::Load, Kind::Store, Kind::Fetch] {
                    // A fetch is of a whole instruction.
                    let at = if kind == Kind::Fetch { at & !3 } else { *at };
                    let Some(asked) = asked(ranges, kind, at, level) else { continue };
                    if kind == Kind::Fetch && !place::ram_used().contains(&at) {
                        continue;
                    }
                    let passed = passes(kind, at, level);
                    tally.probes += 1;
                    if passed == asked {
                        tally.as_planned += 1;
                    } else {
                        say!("probe: {kind:?} at {at:#x}, privilege {level:?}: passed {passed}, asked {asked}");
                    }
                }
            }
        }
    }
    for level in [Level::Lowered, Level::Raised] {
        tally.probes += 1;
        tally.as_planned += u32::from(passes(Kind::Fetch, trial::returns(), level));
    }
    tally
}

fn addresses(range: &Range) -> Addresses<usize> {
    let address = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    address(range.start)..address(range.start + range.len)
}
