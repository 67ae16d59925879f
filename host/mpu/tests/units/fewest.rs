//! No other registers would do with fewer regions: every case of a small address space, against a search of all registers. And in each
//! of these cases every byte that could differ from its neighbours is as it was asked.

use memctl_mpu::{Range, Rights, pmp, pmsav7, pmsav8};

use crate::model::{self, Act, Who};
use crate::request::{Machine, holds_at};

/// That the first and the last byte of each granule around `BASE` is as it was asked.
fn holds_everywhere(ranges: &[Range], granule: u64, machine: Machine, allows: &dyn Fn(u64, Who, Act) -> bool) {
    for number in 0..18 {
        let first = BASE - granule + number * granule;
        for at in [first, first + granule - 1] {
            holds_at(ranges, &[], machine, at, allows);
        }
    }
}

fn holds_on_pmsav7(ranges: &[Range], regions: &[pmsav7::Region]) {
    let registers: Vec<_> = regions.iter().map(|region| (region.rbar, region.rasr)).collect();
    holds_everywhere(ranges, 32, Machine::Arm, &|at, who, act| {
        model::pmsav7(&registers, u32::try_from(at).unwrap(), who, act)
    });
}

/// The consecutive ranges of `map`, which has a letter a granule: 0 for nothing.
fn asked(map: &[u8], base: u64, granule: u64, rights: &[Rights]) -> Vec<Range> {
    let mut ranges = Vec::new();
    let mut at = 0;
    while at < map.len() {
        let len = map[at..].iter().take_while(|letter| **letter == map[at]).count();
        if map[at] > 0 {
            let start = base + at as u64 * granule;
            ranges.push(Range::new(start, len as u64 * granule, rights[usize::from(map[at]) - 1]));
        }
        at += len;
    }
    ranges
}

/// All maps of `len` granules with `letters` letters.
fn maps(len: u32, letters: usize) -> impl Iterator<Item = Vec<u8>> {
    (0..letters.pow(len)).map(move |mut number| {
        let letter = |_| {
            let letter = u8::try_from(number % letters).unwrap();
            number /= letters;
            letter
        };
        (0..len).map(letter).collect()
    })
}

const BASE: u64 = 0x2000_0000;

/// The granules of each region that a PMSAv7 has in `len` granules.
fn pmsav7_regions(len: u32) -> Vec<u32> {
    let mut regions = Vec::new();
    let mut size = 1;
    while size <= len {
        for start in (0..len).step_by(size as usize) {
            if size < 8 {
                regions.push(((1 << size) - 1) << start);
                continue;
            }
            let eighth = size / 8;
            for enabled in 1..256_u32 {
                let on = (0..8).filter(|bit| enabled >> bit & 1 == 1);
                regions.push(on.map(|bit| ((1 << eighth) - 1) << (start + bit * eighth)).sum());
            }
        }
        size *= 2;
    }
    regions
}

#[test]
fn pmsav7_covers_bytes_of_one_protection_with_the_fewest_regions() {
    let len = 16;
    let regions = pmsav7_regions(len);
    let mut fewest = vec![u8::MAX; 1 << len];
    fewest[0] = 0;
    let mut reached = vec![0_u32];
    while let Some(first) = reached.first() {
        let count = fewest[*first as usize] + 1;
        let mut next = Vec::new();
        for map in &reached {
            for region in &regions {
                let more = map | region;
                if fewest[more as usize] == u8::MAX {
                    fewest[more as usize] = count;
                    next.push(more);
                }
            }
        }
        reached = next;
    }
    for map in maps(len, 2) {
        let ranges = asked(&map, BASE, 32, &[Rights::DATA]);
        let bits = map.iter().rev().fold(0, |bits, letter| bits << 1 | usize::from(*letter));
        let plan = pmsav7::Unit::new(16).plan(&ranges).unwrap();
        assert_eq!(plan.regions().len(), usize::from(fewest[bits]), "{map:?}");
        holds_on_pmsav7(&ranges, plan.regions());
    }
}

#[test]
fn two_layers_on_pmsav7_take_three_regions_only_where_two_do_not_do() {
    let regions = pmsav7_regions(16);
    // What the region with the lower number leaves of its own, and the other.
    let mut pairs = std::collections::HashSet::new();
    for below in &regions {
        for above in &regions {
            pairs.insert((below & !above, *above));
        }
    }
    for (start, len) in (0..16).flat_map(|start| (1..=16 - start).map(move |len| (start, len))) {
        for (inner, inner_len) in (0..16).flat_map(|start| (1..=16 - start).map(move |len| (start, len))) {
            let bits = |start: u64, len: u64| ((1_u32 << len) - 1) << start;
            let ranges = [
                Range::new(BASE + start * 32, len * 32, Rights::DATA),
                Range::new(BASE + inner * 32, inner_len * 32, Rights::CONSTANTS),
            ];
            let plan = pmsav7::Unit::new(16).plan(&ranges).unwrap();
            holds_on_pmsav7(&ranges, plan.regions());
            let needed = plan.regions().len();
            let above = bits(inner, inner_len);
            let below = bits(start, len) & !above;
            let two = pairs.contains(&(below, above)) || pairs.contains(&(above, below));
            assert!(needed <= 2 || !two, "{start} {len} {inner} {inner_len}: {needed} regions, and two would do");
        }
    }
}

#[test]
fn pmsav8_has_a_region_for_each_stretch_of_one_protection() {
    for map in maps(8, 3) {
        let ranges = asked(&map, BASE, 32, &[Rights::DATA, Rights::CONSTANTS]);
        let plan = pmsav8::Unit::new(16).plan(&ranges).unwrap();
        assert_eq!(plan.regions().len(), ranges.len(), "{map:?}");
        let registers: Vec<_> = plan.regions().iter().map(|region| (region.rbar, region.rlar)).collect();
        holds_everywhere(&ranges, 32, Machine::Arm, &|at, who, act| {
            model::pmsav8(&registers, u32::try_from(at).unwrap(), who, act)
        });
    }
}

#[test]
fn pmp_takes_the_fewest_entries_for_three_ranges_and_at_most_one_more_for_others() {
    // Letters: 0 not decided, 1 and 2 rights, 3 nothing. Entries fill what isn't decided yet.
    let len = 8_u32;
    let mut fewest = std::collections::HashMap::new();
    // Decided bytes, and the granule that the last entry's address names: 9 where there is none.
    let start = (vec![0_u8; 8], 9_u32);
    let mut seen = std::collections::HashSet::from([start.clone()]);
    let mut reached = vec![start];
    let mut count = 0;
    while !reached.is_empty() {
        let mut next = Vec::new();
        for (map, bound) in &reached {
            let plain: Vec<u8> = map.iter().map(|letter| letter % 3).collect();
            fewest.entry(plain).or_insert(count);
            let fill = |from: u32, to: u32, letter: u8| -> Vec<u8> {
                let inside = |at: usize| from as usize <= at && at < to as usize;
                map.iter().enumerate().map(|(at, old)| if *old == 0 && inside(at) { letter } else { *old }).collect()
            };
            let mut push = |map: Vec<u8>, bound: u32| {
                if seen.insert((map.clone(), bound)) {
                    next.push((map, bound));
                }
            };
            for end in 0..=len {
                push(map.clone(), end);
                for letter in 1..=3 {
                    if *bound < end {
                        push(fill(*bound, end, letter), end);
                    }
                }
            }
            // A NAPOT entry's address names the last granule but its upper half: that is where a TOR entry after it would start.
            for size in [1, 2, 4, 8] {
                for from in (0..len).step_by(size as usize) {
                    for letter in 1..=3 {
                        push(fill(from, from + size, letter), from + (size / 2).max(1) - 1);
                    }
                }
            }
        }
        reached = next;
        count += 1;
    }
    let mut over = 0;
    for map in maps(len, 3) {
        let ranges = asked(&map, BASE, 4, &[Rights::DATA, Rights::CONSTANTS]);
        let plan = pmp::Unit::<64>::rv32().plan(&ranges).unwrap();
        let more = plan.regions().len() - fewest[&map];
        assert!(
            more == 0 || more == 1 && ranges.len() > 3,
            "{map:?}: {} entries, {more} too many",
            plan.regions().len()
        );
        over += more;
        let registers: Vec<_> = plan.regions().iter().map(|entry| (entry.cfg, entry.addr)).collect();
        holds_everywhere(&ranges, 4, Machine::Riscv, &|at, who, act| model::pmp(&registers, 4, at, who, act));
    }
    // What the documentation of pmp::Unit::plan says.
    assert_eq!((over, fewest.len()), (26, 6561));
}
