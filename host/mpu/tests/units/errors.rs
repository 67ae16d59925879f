//! What can't be planned, and what is said then.

use memctl_mpu::pmp::Locks;
use memctl_mpu::{
    Error, Execute, MOST_RANGES, Memory, Privileged, Protection, Range, Rights, Rule, pmp, pmsav7, pmsav8,
};

const RAM: u64 = 0x2000_0000;

fn v7(ranges: &[Range]) -> Error {
    pmsav7::Unit::new(8).plan(ranges).unwrap_err()
}

fn v8(ranges: &[Range]) -> Error {
    pmsav8::Unit::new(8).plan(ranges).unwrap_err()
}

fn riscv(ranges: &[Range]) -> Error {
    pmp::Unit::<8>::rv32().plan(ranges).unwrap_err()
}

#[test]
fn a_bound_between_two_granules_is_named_with_what_rounding_would_add() {
    let ranges = [Range::new(RAM, 0x40, Rights::DATA), Range::new(RAM + 0x104, 0x38, Rights::CONSTANTS)];
    let error = Error::Misaligned { range: 1, address: RAM + 0x104, granule: 32, slack: 8, allowed: 0 };
    assert_eq!((v7(&ranges), v8(&ranges)), (error, error));
    assert!(pmsav8::Unit::new(8).slack(8).plan(&ranges).is_ok());
    assert!(pmsav7::Unit::new(8).slack(8).plan(&ranges).is_ok());
    assert_eq!(
        error.to_string(),
        "range 1 has a bound at 0x20000104, which is no multiple of 32 bytes as this unit needs; rounding it out takes 8 more bytes, and 0 are allowed"
    );
    let ranges = [Range::new(RAM, 6, Rights::DATA)];
    let error = Error::Misaligned { range: 0, address: RAM + 6, granule: 4, slack: 2, allowed: 0 };
    assert_eq!(riscv(&ranges), error);
    assert!(pmp::Unit::<8>::rv32().slack(2).plan(&ranges).is_ok());
}

#[test]
fn a_granule_with_two_protections_is_named() {
    let ranges = [Range::new(RAM, 0x50, Rights::DATA), Range::new(RAM + 0x50, 0x30, Rights::CONSTANTS)];
    let error = Error::SharedGranule { first: 0, second: 1, address: RAM + 0x40, granule: 32 };
    assert_eq!(pmsav7::Unit::new(8).slack(64).plan(&ranges).unwrap_err(), error);
    assert_eq!(pmsav8::Unit::new(8).slack(64).plan(&ranges).unwrap_err(), error);
    let error = Error::SharedGranule { first: 0, second: 1, address: RAM, granule: 4096 };
    assert_eq!(pmp::Unit::<8>::rv64().grain(4096).slack(8192).plan(&ranges).unwrap_err(), error);
}

#[test]
fn ranges_must_have_bytes_and_the_unit_their_addresses() {
    assert_eq!(v7(&[Range::new(RAM, 0, Rights::DATA)]), Error::Empty { range: 0 });
    for (start, len) in [(0xffff_ff00, 0x120), (1 << 32, 0x20), (u64::MAX, 2)] {
        let error = Error::PastTheEnd { range: 0, start, len, limit: 1 << 32 };
        let ranges = [Range::new(start, len, Rights::DATA)];
        assert_eq!((v7(&ranges), v8(&ranges), riscv(&ranges)), (error, error, error));
    }
    assert!(pmsav7::Unit::new(8).plan(&[Range::new(0, 1 << 32, Rights::DATA)]).is_ok());
    assert!(pmsav8::Unit::new(8).plan(&[Range::new(0, 1 << 32, Rights::DATA)]).is_ok());
    assert!(pmp::Unit::<8>::rv32().plan(&[Range::new(0, 1 << 32, Rights::DATA)]).is_ok());
    let many = [Range::new(RAM, 0x20, Rights::DATA); MOST_RANGES + 1];
    assert_eq!(v8(&many), Error::TooManyRanges { given: MOST_RANGES + 1, most: MOST_RANGES });
    assert!(pmsav8::Unit::new(8).plan(&many[1..]).is_ok());
}

#[test]
fn too_few_regions_is_answered_with_how_many_it_takes_and_for_what() {
    // Both ends lie 32 bytes inside a block of 4096, whose eighths are 512.
    let ragged = [Range::new(RAM, 0x20, Rights::CODE), Range::new(RAM + 0x1020, 0xfc0, Rights::DATA)];
    let error = pmsav7::Unit::new(2).plan(&ragged).unwrap_err();
    assert_eq!(error, Error::TooFewRegions { needed: 5, available: 2, greediest: 1, takes: 4 });
    assert_eq!(error.to_string(), "5 regions are needed and the unit has 2; range 1 takes 4 of them");
    let plan = pmsav7::Unit::new(2).slack(0x40).plan(&ragged).unwrap();
    assert_eq!(plan.regions().len(), 2, "with slack they do");

    let layers = [Range::new(RAM, 0x1000, Rights::DATA), Range::new(RAM + 0x100, 0x20, Rights::CONSTANTS)];
    let error = pmsav8::Unit::new(2).plan(&layers).unwrap_err();
    assert_eq!(error, Error::TooFewRegions { needed: 3, available: 2, greediest: 0, takes: 2 });
    let error = pmp::Unit::<2>::rv32().plan(&[Range::new(RAM, 12, Rights::DATA), layers[1]]).unwrap_err();
    assert_eq!(error, Error::TooFewRegions { needed: 3, available: 2, greediest: 0, takes: 2 });
}

#[test]
fn a_single_range_that_takes_several_regions_is_refused() {
    let odd = |len| [Range::new(RAM + 0x20, len, Rights::CONSTANTS).single()];
    let error = Error::NotSingle { range: 0, start: RAM + 0x20, len: 0x7c0, needed: 3 };
    assert_eq!(v7(&odd(0x7c0)), error);
    assert!(error.to_string().contains("a power of two"), "{error}");
    assert!(pmsav7::Unit::new(8).plan(&odd(0xe0)).is_ok(), "seven of eight eighths");
    assert!(pmsav8::Unit::new(8).plan(&odd(0x7c0)).is_ok());
    assert!(pmp::Unit::<8>::rv32().plan(&odd(0x7c0)).is_ok());
    let split = [Range::new(RAM, 0x100, Rights::DATA).single(), Range::new(RAM + 0x40, 0x40, Rights::CONSTANTS)];
    assert_eq!(v8(&split), Error::NotSingle { range: 0, start: RAM, len: 0x100, needed: 2 });
}

#[test]
fn single_ranges_with_the_same_rights_have_a_region_each() {
    let window = |at| Range::new(RAM + at, 0x100, Rights::CONSTANTS).single();
    let ranges = [Range::new(RAM, 0x1000, Rights::DATA), window(0x100), window(0x200)];
    let plan = pmsav7::Unit::new(8).plan(&ranges).unwrap();
    assert_eq!((plan.region_of(1), plan.region_of(2), plan.regions().len(), plan.left()), (Some(1), Some(2), 3, 5));
    let plan = pmsav8::Unit::new(8).plan(&ranges).unwrap();
    assert_eq!((plan.region_of(1), plan.region_of(2), plan.regions().len(), plan.left()), (Some(1), Some(2), 4, 4));
    let plan = pmp::Unit::<8>::rv32().plan(&ranges).unwrap();
    assert_eq!((plan.regions().len(), plan.left()), (3, 5));
    assert_ne!(plan.region_of(1), plan.region_of(2));
    let hidden = [window(0x100), Range::new(RAM, 0x1000, Rights::DATA)];
    assert_eq!(pmsav7::Unit::new(8).plan(&hidden).unwrap().region_of(0), None);
}

/// Each rule, from each unit that has it.
#[test]
fn rights_that_a_unit_does_not_have_are_answered_with_its_rule() {
    use Protection::{None, Read, ReadWrite};
    let ask = |unprivileged, privileged, execute, memory| {
        [Range::new(RAM, 0x100, Rights { unprivileged, privileged, execute }).memory(memory)]
    };
    let data = |unprivileged, privileged| ask(unprivileged, privileged, Execute::Never, Memory::Normal);
    let rule = |rule| Error::Inexpressible { range: 0, rule };

    let device = ask(Read, Privileged::AtLeast(Read), Execute::Readers, Memory::Device);
    assert_eq!((v7(&device), v8(&device)), (rule(Rule::ExecutableDevice), rule(Rule::ExecutableDevice)));
    let less = data(ReadWrite, Privileged::Exactly(Read));
    assert_eq!((v7(&less), v8(&less)), (rule(Rule::PrivilegedHasMore), rule(Rule::PrivilegedHasMore)));
    for privileged in [Privileged::Exactly(ReadWrite), Privileged::AtLeast(ReadWrite)] {
        let watched = data(Read, privileged);
        assert_eq!(v8(&watched), rule(Rule::NoPrivilegedWriteOnly));
        assert!(pmsav7::Unit::new(8).plan(&watched).is_ok() && pmp::Unit::<8>::rv32().plan(&watched).is_ok());
    }
    let empty = data(None, Privileged::Exactly(None));
    assert_eq!((v8(&empty), riscv(&empty)), (rule(Rule::NoEmptyRegion), rule(Rule::NeedsLock)));
    assert!(pmsav7::Unit::new(8).plan(&empty).is_ok());
    let plan = pmp::Unit::<8>::rv32().locks(Locks::Allowed).plan(&empty).unwrap();
    assert_eq!(plan.regions()[0].cfg, 0x98, "L and NAPOT");
    let own = data(None, Privileged::Exactly(Read));
    assert_eq!(pmp::Unit::<8>::rv32().locks(Locks::Allowed).plan(&own).unwrap_err(), rule(Rule::LockedIsSame));
}

/// As a board's firmware asks: what is documented as the values of each unit.
#[test]
fn a_firmware_gets_the_registers_that_the_manuals_give() {
    let ranges = |flash, ram| {
        [
            Range::new(flash, 0x10_0000, Rights::CODE),
            Range::new(ram, 0x2_0000, Rights::DATA),
            Range::new(ram + 0x4000, 0x1000, Rights::CONSTANTS).single(),
            Range::new(0x4000_4000, 0x1000, Rights::KERNEL).memory(Memory::Device),
        ]
    };
    let plan = pmsav7::Unit::new(8).plan(&ranges(0, RAM)).unwrap();
    let registers: Vec<_> = plan.regions().iter().map(|region| (region.rbar, region.rasr)).collect();
    assert_eq!(
        registers,
        [
            (0x0000_0000, 0x060b_0027),
            (0x2000_0000, 0x130b_0021),
            (0x2000_4000, 0x160b_0017),
            (0x4000_4000, 0x1105_0017)
        ]
    );
    let plan = pmsav8::Unit::new(16).plan(&ranges(0x1000_0000, 0x3800_0000)).unwrap();
    let registers: Vec<_> = plan.regions().iter().map(|region| (region.rbar, region.rlar)).collect();
    assert_eq!(
        registers,
        [
            (0x1000_0006, 0x100f_ffe1),
            (0x3800_0003, 0x3800_3fe1),
            (0x3800_4007, 0x3800_4fe1),
            (0x3800_5003, 0x3801_ffe1),
            (0x4000_4001, 0x4000_4fe5)
        ]
    );
    let plan = pmp::Unit::<16>::rv32().plan(&ranges(0x8000_0000, 0x8010_0000)).unwrap();
    let registers: Vec<_> = plan.regions().iter().map(|entry| (entry.cfg, entry.addr)).collect();
    assert_eq!(registers, [(0x19, 0x2004_11ff), (0x1d, 0x2001_ffff), (0x1b, 0x2004_3fff)]);
}
