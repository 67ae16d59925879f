//! PMP plans against the model.

use memctl_mpu::pmp::{Entry, Locks, Unit};
use memctl_mpu::{Error, Memory, Plan, Range, Rights, Rule, Slack};
use proptest::prelude::*;

use crate::model::pmp as model;
use crate::request::{Machine, all_rights, anywhere, holds, ranges};

/// pmpcfg and pmpaddr as a kernel of 32 bits writes them, read back as a core does.
fn registers<const N: usize>(plan: &Plan<Entry, N>) -> Vec<(u8, u64)> {
    let octets = (0..N.div_ceil(4)).flat_map(|number| plan.cfg32(number).to_le_bytes());
    octets.zip(plan.regions().iter().map(|entry| entry.addr).chain(std::iter::repeat(0))).take(N).collect()
}

fn gives_what_was_asked<const N: usize>(unit: Unit<N>, grain: u64, end: u64, ranges: &[Range]) -> Result<(), Error> {
    let plan = unit.plan(ranges)?;
    let slack: Vec<Slack> = unit.slack_of(ranges)?.collect();
    let registers = registers(&plan);
    holds(ranges, &slack, Machine::Riscv, end, &|at, who, act| model(&registers, grain, at, who, act));
    Ok(())
}

const END: u64 = 1 << 32;
const END_64: u64 = (1 << 56) - (1 << 20);

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn aligned_ranges_get_exactly_what_was_asked(ranges in ranges(0x8000_0000, 4, 64, 6)) {
        gives_what_was_asked(Unit::<64>::rv32(), 4, END, &ranges).unwrap();
        prop_assert_eq!(Unit::<64>::rv32().slack_of(&ranges).unwrap().bytes(), 0);
    }

    #[test]
    fn ranges_at_both_ends_of_addresses_are_as_good(low in ranges(0, 4, 16, 3), high in ranges(END - 64, 4, 16, 3)) {
        gives_what_was_asked(Unit::<64>::rv32(), 4, END, &[low, high].concat()).unwrap();
    }

    #[test]
    fn any_ranges_get_what_was_asked_and_the_slack_reported(ranges in anywhere(END, 5), slack in prop_oneof![Just(6), 6_u64..4096]) {
        match gives_what_was_asked(Unit::<64>::rv32().slack(slack), 4, END, &ranges) {
            Ok(()) | Err(Error::SharedGranule { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn a_coarse_grain_on_64_bits_is_kept_to(ranges in anywhere(END_64, 5), slack in prop_oneof![Just(8190), 8190_u64..1_000_000]) {
        match gives_what_was_asked(Unit::<64>::rv64().grain(4096).slack(slack), 4096, END_64, &ranges) {
            Ok(()) | Err(Error::SharedGranule { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn all_rights_are_given_exactly_or_refused_with_the_rule() {
    for locks in [Locks::Refused, Locks::Allowed] {
        for rights in all_rights() {
            // In the middle of a range with other rights, so that it isn't left out.
            let ranges = [Range::new(0x8000_0000, 0x400, Rights::DATA), Range::new(0x8000_0100, 0x80, rights)];
            match gives_what_was_asked(Unit::<16>::rv32().locks(locks), 4, END, &ranges) {
                Ok(()) | Err(Error::Inexpressible { range: 1, rule: Rule::LockedIsSame }) => {}
                Err(Error::Inexpressible { range: 1, rule: Rule::NeedsLock }) => assert_eq!(locks, Locks::Refused),
                Err(error) => panic!("{rights:?}: {error}"),
            }
        }
    }
}

#[test]
fn what_only_machine_mode_may_reach_needs_no_entry() {
    let plan = Unit::<16>::rv32().plan(&[Range::new(0x8000_0000, 0x400, Rights::KERNEL)]).unwrap();
    assert_eq!((plan.regions().len(), plan.left()), (0, 16));
}

#[test]
fn octets_are_packed_as_each_width_has_them() {
    let ranges: Vec<_> = (0..9).map(|n| Range::new(0x1000 * (2 * n + 1), 0x1000, Rights::DATA)).collect();
    let plan = Unit::<16>::rv32().plan(&ranges).unwrap();
    assert_eq!(plan.regions()[1], Entry { cfg: 0x1b, addr: 0x3000 >> 2 | 0x1ff });
    assert_eq!((plan.cfg32(0), plan.cfg32(2), plan.cfg32(3)), (0x1b1b_1b1b, 0x1b, 0));
    assert_eq!((plan.cfg64(0), plan.cfg64(2)), (0x1b1b_1b1b_1b1b_1b1b, 0x1b));
}

#[test]
fn an_entry_keeps_its_bytes_when_its_rights_change() {
    let ranges =
        [Range::new(0x8000_0000, 0x400, Rights::DATA), Range::new(0x8000_0100, 0x60, Rights::CONSTANTS).single()];
    let plan = Unit::<16>::rv32().plan(&ranges).unwrap();
    let watched = plan.region_of(1).unwrap();
    let lifted = plan.regions()[watched].with(Rights::DATA, Memory::Normal).unwrap();
    assert_eq!(lifted, Entry { cfg: plan.regions()[watched].cfg | 2, ..plan.regions()[watched] });
}

#[test]
fn the_entry_of_a_range_is_the_one_with_its_rights() {
    let plan = Unit::<16>::rv32().plan(&[Range::new(0x8000_0104, 0x60, Rights::CONSTANTS).single()]).unwrap();
    assert_eq!(plan.regions(), [Entry { cfg: 0, addr: 0x2000_0041 }, Entry { cfg: 0x09, addr: 0x2000_0059 }]);
    assert_eq!(plan.region_of(0), Some(1));
}
