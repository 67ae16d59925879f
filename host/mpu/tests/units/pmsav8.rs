//! PMSAV8 plans against the model.

use memctl_mpu::pmsav8::{Region, Unit};
use memctl_mpu::{Error, Memory, Range, Rule, Slack};
use proptest::prelude::*;

use crate::model::pmsav8 as model;
use crate::request::{Machine, all_rights, anywhere, holds, holds_at, ranges};

const END: u64 = 1 << 32;

fn registers(regions: &[Region]) -> Vec<(u32, u32)> {
    regions.iter().map(|region| (region.rbar, region.rlar)).collect()
}

fn gives_what_was_asked(unit: Unit, ranges: &[Range]) -> Result<(), Error> {
    let plan = unit.plan(ranges)?;
    let slack: Vec<Slack> = unit.slack_of(ranges)?.collect();
    let registers = registers(plan.regions());
    holds(ranges, &slack, Machine::Arm, END, &|at, who, act| model(&registers, u32::try_from(at).unwrap(), who, act));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn aligned_ranges_get_exactly_what_was_asked(ranges in ranges(0x2000_0000, 32, 64, 5)) {
        match gives_what_was_asked(Unit::new(16), &ranges) {
            Ok(()) | Err(Error::TooFewRegions { .. }) => {}
            Err(error) => panic!("{error}"),
        }
        prop_assert_eq!(Unit::new(16).slack_of(&ranges).unwrap().bytes(), 0);
    }

    #[test]
    fn any_ranges_get_what_was_asked_and_the_slack_reported(ranges in anywhere(END, 5), slack in prop_oneof![Just(62), 62_u64..4096]) {
        match gives_what_was_asked(Unit::new(16).slack(slack), &ranges) {
            Ok(()) | Err(Error::TooFewRegions { .. } | Error::SharedGranule { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn ranges_at_the_end_of_addresses_are_as_good(ranges in ranges(END - 64 * 32, 32, 64, 3)) {
        match gives_what_was_asked(Unit::new(16), &ranges) {
            Ok(()) | Err(Error::TooFewRegions { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn no_range_is_rounded_out_by_more_than_allowed(ranges in anywhere(END, 4), slack in 62_u64..4096) {
        if let Ok(slacks) = Unit::new(16).slack(slack).slack_of(&ranges) {
            for range in 0..ranges.len() {
                let bytes: u64 = slacks.clone().filter(|slack| slack.range == range).map(|slack| slack.len).sum();
                prop_assert!(bytes <= slack);
            }
        }
    }
}

#[test]
fn all_rights_are_given_exactly_or_refused_with_the_rule() {
    for rights in all_rights() {
        for memory in [Memory::Normal, Memory::Uncached, Memory::Device] {
            let ranges = [Range::new(0x2000_0000, 0x100, rights).memory(memory)];
            match gives_what_was_asked(Unit::new(8), &ranges) {
                Ok(()) => {}
                Err(Error::Inexpressible { range: 0, rule }) => {
                    assert!(!matches!(rule, Rule::NeedsLock | Rule::LockedIsSame))
                }
                Err(error) => panic!("{rights:?} {memory:?}: {error}"),
            }
        }
    }
}

#[test]
fn a_region_keeps_its_bytes_when_its_rights_change() {
    let ask = |rights| [Range::new(0x2000_0400, 0x300, rights).single()];
    for before in all_rights() {
        let Ok(plan) = Unit::new(8).plan(&ask(before)) else { continue };
        for after in all_rights() {
            let changed = plan.regions()[0].with(after, Memory::Normal);
            match Unit::new(8).plan(&ask(after)) {
                Ok(plan) => assert_eq!(changed.as_ref().ok(), plan.regions().first()),
                Err(Error::Inexpressible { rule, .. }) => assert_eq!(changed, Err(rule)),
                Err(error) => panic!("{error}"),
            }
        }
    }
}

#[test]
fn small_requests_hold_at_every_byte() {
    let (rights, base) = (all_rights(), 0x2000_0000);
    for first in 0..8 {
        for second in 0..8 {
            let ranges = [
                Range::new(base, 0x100, rights[first]),
                Range::new(base + 0x20, 0x20 * (1 + second as u64 % 4), rights[second]),
            ];
            let Ok(plan) = Unit::new(16).plan(&ranges) else { continue };
            let registers = registers(plan.regions());
            for at in base - 0x40..base + 0x140 {
                holds_at(&ranges, &[], Machine::Arm, at, &|at, who, act| {
                    model(&registers, u32::try_from(at).unwrap(), who, act)
                });
            }
        }
    }
}
