//! The regions that hold a program in its partition, as the firmware asks `memctl_mpu` for them.

use memctl_mpu::{Error, MOST_RANGES, Plan, Range, Rights, pmp, pmsav7, pmsav8};
use serde::Serialize;

use super::map::{Map, Placed, Use};
use crate::boards::{Board, Kind, Protection, Word};

/// How large a part of a window is that is watched by itself, unless the unit knows only larger ones.
const PART: u64 = 1 << 10;

/// A program's regions, or why there are none.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Held {
    pub(super) program: String,
    pub(super) regions: Vec<Region>,
    pub(super) left: usize,
    /// Parts of a window that could be watched besides: read-only until the first store.
    pub(super) watched: usize,
    /// How large each is.
    pub(super) part: u64,
    /// How many regions are left if all objects in RAM are shown in place, if they can be.
    pub(super) left_with_objects: Option<usize>,
    /// Bytes that the regions open and nobody asked for.
    pub(super) slack: u64,
    /// Which rule of the unit can't be kept.
    pub(super) refused: Option<String>,
}

/// A region.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Region {
    pub(super) number: usize,
    pub(super) what: String,
    pub(super) rights: &'static str,
    /// Names and values.
    pub(super) registers: [(&'static str, u64); 2],
}

/// A range and what people call it.
#[derive(Clone)]
struct Asked {
    what: String,
    range: Range,
}

/// What the three units' plans have in common.
struct Planned {
    regions: Vec<(usize, [(&'static str, u64); 2])>,
    left: usize,
    slack: u64,
}

/// The regions of each program that has a place; none if the board has no unit whose regions are planned.
pub(super) fn held(board: &Board, map: &Map, programs: &[String]) -> Vec<Held> {
    if matches!(board.protection, Protection::Mmu { .. } | Protection::None { .. }) {
        return Vec::new();
    }
    let partitions = programs.iter().filter_map(|name| Some((name, map.find(&Use::Partition(name.clone()))?)));
    partitions.map(|(name, partition)| hold(board, map, name, partition)).collect()
}

fn hold(board: &Board, map: &Map, program: &str, partition: &Placed) -> Held {
    let mut asked = Vec::new();
    for bank in board.banks(Kind::Flash) {
        let holds_code = map.placed.iter().any(|placed| {
            placed.bank == bank.name && matches!(placed.what, Use::Firmware | Use::Image(_) | Use::Object(_))
        });
        if holds_code {
            let what = format!("{}: code, images, objects", bank.name);
            asked.push(Asked { what, range: Range::new(bank.origin, bank.length.0, Rights::CODE) });
        }
    }
    let data = |placed: &Placed| Range::new(placed.start, placed.bytes, Rights::DATA);
    if let Some(shared) = map.find(&Use::Shared) {
        asked.push(Asked { what: "shared statics".to_owned(), range: data(shared) });
    }
    asked.push(Asked { what: format!("partition of {program}"), range: data(partition) });
    let part = match board.protection {
        Protection::Pmp { grain, .. } => grain.max(PART),
        _ => PART,
    };
    let planned = match plan(board, &asked) {
        Ok(planned) => planned,
        Err(error) => {
            let refused = Some(explained(&error, &asked));
            let program = program.to_owned();
            return Held {
                program,
                regions: Vec::new(),
                left: 0,
                watched: 0,
                part,
                left_with_objects: None,
                slack: 0,
                refused,
            };
        }
    };
    let in_ram = |placed: &&Placed| {
        let object = matches!(placed.what, Use::Object(_) | Use::Heap(_));
        object && board.banks(Kind::Ram).any(|bank| bank.name == placed.bank)
    };
    let mut with_objects = asked.clone();
    with_objects
        .extend(map.placed.iter().filter(in_ram).map(|placed| Asked { what: String::new(), range: data(placed) }));
    let region = |(number, (range, registers)): (usize, &(usize, _))| {
        let of = asked.get(*range);
        let what = of.map_or_else(|| "bytes that nobody may touch".to_owned(), |asked| asked.what.clone());
        Region { number, what, rights: of.map_or("none", |asked| words(asked.range.rights)), registers: *registers }
    };
    Held {
        program: program.to_owned(),
        regions: planned.regions.iter().enumerate().map(region).collect(),
        left: planned.left,
        watched: watched(board, &asked, partition, part),
        part,
        left_with_objects: plan(board, &with_objects).ok().map(|planned| planned.left),
        slack: planned.slack,
        refused: None,
    }
}

/// How many parts of a window in the middle of the partition can be watched.
fn watched(board: &Board, asked: &[Asked], partition: &Placed, part: u64) -> usize {
    let middle = (partition.start + partition.bytes / 2).next_multiple_of(part);
    let starts = (0..).map(|number| middle + number * part);
    let mut asked = asked.to_vec();
    let mut parts = 0;
    for start in starts.take_while(|start| start + part <= partition.start + partition.bytes) {
        asked.push(Asked { what: String::new(), range: Range::new(start, part, Rights::CONSTANTS).single() });
        if asked.len() > MOST_RANGES || plan(board, &asked).is_err() {
            break;
        }
        parts += 1;
    }
    parts
}

fn plan(board: &Board, asked: &[Asked]) -> Result<Planned, Error> {
    let ranges: Vec<Range> = asked.iter().map(|asked| asked.range).collect();
    match board.protection {
        Protection::Pmsav7 { regions } => {
            let unit = pmsav7::Unit::new(regions);
            let slack = unit.slack_of(&ranges)?.bytes();
            Ok(planned(&unit.plan(&ranges)?, slack, |region| {
                [("RBAR", region.rbar.into()), ("RASR", region.rasr.into())]
            }))
        }
        Protection::Pmsav8 { regions } => {
            let unit = pmsav8::Unit::new(regions);
            let slack = unit.slack_of(&ranges)?.bytes();
            Ok(planned(&unit.plan(&ranges)?, slack, |region| {
                [("RBAR", region.rbar.into()), ("RLAR", region.rlar.into())]
            }))
        }
        Protection::Pmp { entries, grain } => {
            let width = match board.word {
                Word::Bits32 => pmp::Unit::<64>::rv32(),
                Word::Bits64 => pmp::Unit::<64>::rv64(),
            };
            let unit = width.grain(grain).entries(entries);
            let slack = unit.slack_of(&ranges)?.bytes();
            Ok(planned(&unit.plan(&ranges)?, slack, |entry| [("pmpcfg", entry.cfg.into()), ("pmpaddr", entry.addr)]))
        }
        Protection::Mmu { .. } | Protection::None { .. } => Ok(Planned { regions: Vec::new(), left: 0, slack: 0 }),
    }
}

fn planned<R: Copy, const N: usize>(
    plan: &Plan<R, N>,
    slack: u64,
    registers: impl Fn(&R) -> [(&'static str, u64); 2],
) -> Planned {
    let regions = plan.ranges().zip(plan.regions()).map(|(range, region)| (range, registers(region))).collect();
    Planned { regions, left: plan.left(), slack }
}

fn words(rights: Rights) -> &'static str {
    if rights == Rights::CODE { "read, execute" } else { "read-write" }
}

/// The planner's reason, with names for its numbers.
fn explained(error: &Error, asked: &[Asked]) -> String {
    let names: Vec<_> = asked.iter().enumerate().map(|(number, asked)| format!("{number} is {}", asked.what)).collect();
    format!("{error} (range {})", names.join(", "))
}
