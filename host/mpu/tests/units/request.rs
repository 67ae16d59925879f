//! What was asked for, and whether a unit gives it.

use std::collections::BTreeSet;

use memctl_mpu::{Execute, Memory, Privileged, Protection, Range, Rights, Slack};
use proptest::prelude::*;

use crate::model::{Act, Who};

/// What a unit can't withhold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Machine {
    /// Nothing: privileged code executes where it may read and XN is clear.
    Arm,
    /// Machine mode executes where no lock is.
    Riscv,
}

/// The range that a byte belongs to.
pub(crate) fn owner(ranges: &[Range], at: u64) -> Option<usize> {
    ranges.iter().rposition(|range| range.start <= at && at - range.start < range.len)
}

/// Addresses at which something may change, and those beside them.
pub(crate) fn probes(ranges: &[Range], slack: &[Slack], end: u64) -> BTreeSet<u64> {
    let ranges = ranges.iter().flat_map(|range| [range.start, range.start + range.len]);
    let slack = slack.iter().flat_map(|slack| [slack.start, slack.start + slack.len]);
    let bounds = ranges.chain(slack).chain([0, end]);
    bounds.flat_map(|at| [at.saturating_sub(1), at, at + 1]).filter(|at| *at < end).collect()
}

/// That at address `at` there is exactly what was asked, or the slack that was reported.
pub(crate) fn holds_at(
    ranges: &[Range],
    slack: &[Slack],
    machine: Machine,
    at: u64,
    allows: &dyn Fn(u64, Who, Act) -> bool,
) {
    let slack_here = slack.iter().find(|slack| slack.start <= at && at - slack.start < slack.len);
    let asked = owner(ranges, at);
    assert!(asked.is_none() || slack_here.is_none(), "{at:#x} was asked for, so it is no slack");
    let Some(range) = asked.or(slack_here.map(|slack| slack.range)) else {
        for act in [Act::Load, Act::Store, Act::Fetch] {
            assert!(!allows(at, Who::Unprivileged, act), "{act:?} at {at:#x}, which nobody asked for");
            assert!(allows(at, Who::Privileged, act), "{act:?} at {at:#x} by privileged code, outside everything");
        }
        return;
    };
    let Rights { unprivileged, privileged, execute } = ranges[range].rights;
    let who = Who::Unprivileged;
    assert_eq!(allows(at, who, Act::Load), unprivileged >= Protection::Read, "load at {at:#x}, range {range}");
    assert_eq!(allows(at, who, Act::Store), unprivileged == Protection::ReadWrite, "store at {at:#x}, range {range}");
    let executes = execute == Execute::Readers && unprivileged >= Protection::Read;
    assert_eq!(allows(at, who, Act::Fetch), executes, "fetch at {at:#x}, range {range}");

    let who = Who::Privileged;
    let given = match (allows(at, who, Act::Load), allows(at, who, Act::Store)) {
        (false, false) => Protection::None,
        (true, false) => Protection::Read,
        (true, true) => Protection::ReadWrite,
        (false, true) => panic!("store without load at {at:#x}"),
    };
    match privileged {
        Privileged::AtLeast(least) => assert!(given >= least, "{given:?} for privileged code at {at:#x}"),
        Privileged::Exactly(exactly) => assert_eq!(given, exactly, "for privileged code at {at:#x}"),
    }
    if machine == Machine::Arm {
        assert_eq!(
            allows(at, who, Act::Fetch),
            execute == Execute::Readers && given >= Protection::Read,
            "fetch by privileged code at {at:#x}"
        );
    }
}

/// That it holds wherever something may change.
pub(crate) fn holds(
    ranges: &[Range],
    slack: &[Slack],
    machine: Machine,
    end: u64,
    allows: &dyn Fn(u64, Who, Act) -> bool,
) {
    for at in probes(ranges, slack, end) {
        holds_at(ranges, slack, machine, at, allows);
    }
}

/// Every combination of rights.
pub(crate) fn all_rights() -> Vec<Rights> {
    let protections = [Protection::None, Protection::Read, Protection::ReadWrite];
    let mut all = Vec::new();
    for unprivileged in protections {
        for held in protections {
            for privileged in [Privileged::AtLeast(held), Privileged::Exactly(held)] {
                for execute in [Execute::Never, Execute::Readers] {
                    all.push(Rights { unprivileged, privileged, execute });
                }
            }
        }
    }
    all
}

const USUAL: [Rights; 4] = [Rights::CODE, Rights::CONSTANTS, Rights::DATA, Rights::KERNEL];

/// Up to `most` ranges between multiples of `granule` in `granules` of them from `base` on.
pub(crate) fn ranges(base: u64, granule: u64, granules: u64, most: usize) -> impl Strategy<Value = Vec<Range>> {
    let memory = prop_oneof![4 => Just(Memory::Normal), 1 => Just(Memory::Uncached)];
    let one = (0..granules, 1..=granules, 0..USUAL.len(), memory).prop_map(move |(start, len, rights, memory)| {
        let len = len.min(granules - start);
        Range::new(base + start * granule, len * granule, USUAL[rights]).memory(memory)
    });
    proptest::collection::vec(one, 1..=most)
}

/// Ranges anywhere below `end`, of any size.
pub(crate) fn anywhere(end: u64, most: usize) -> impl Strategy<Value = Vec<Range>> {
    let one = (0..end, 0_u32..32, any::<u64>(), 0..USUAL.len()).prop_map(move |(start, bits, len, rights)| {
        let len = 1 + (len & ((1 << bits) - 1));
        Range::new(start, len.min(end - start), USUAL[rights])
    });
    proptest::collection::vec(one, 1..=most)
}
