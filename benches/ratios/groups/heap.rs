//! Shared heaps: a block from one guest to another, against as a list; and a block allocated and freed, against the best that a host does.

use anyhow::{Context, Result};
use memctl_wasmtime::{Domain, HeapOptions, Mode, Source};
use offset_allocator::Allocator;

use super::{KIB, MIB, Setup, wire};
use crate::measure::{Cost, Thing, in_turn};
use crate::row::{Aim, Row, Unit};
use crate::world::{self, Crossings, Guest, World};

/// Blocks that are under way between the two guests.
const UNDER_WAY: u32 = 16;
const SIZES: [(usize, &str); 5] =
    [(4 * KIB, "4 KiB"), (64 * KIB, "64 KiB"), (MIB, "1 MiB"), (16 * MIB, "16 MiB"), (64 * MIB, "64 MiB")];

/// Two guests in stores of their own, which hand blocks to each other, and two components composed in one store, which pass lists.
struct Pair {
    one: Guest,
    other: Guest,
    composed: Guest,
}

impl Pair {
    fn new(setup: &Setup, mode: Mode, len: usize) -> Result<Self> {
        let heap = Source::anonymous(u64::from(UNDER_WAY) * len as u64);
        let builder = Domain::builder().mode(mode).heap("heap", heap, HeapOptions::default());
        let world = World::with(builder, len)?;
        let pipeline = world::pipeline(setup.guest.clone())?;
        let mut pair = Self {
            one: world.guest(&setup.guest, Crossings::Seen, None)?,
            other: world.guest(&setup.guest, Crossings::Seen, None)?,
            composed: world.guest(&pipeline, Crossings::Seen, None)?,
        };
        pair.composed.run(|runs, store| runs.call_keep(store, wire(len), false))?;
        for guest in [&mut pair.one, &mut pair.other] {
            guest.run(|runs, store| runs.call_attach_heap(store, false))?;
        }
        pair.one.run(|runs, store| runs.call_supply(store, len as u64, UNDER_WAY))?;
        Ok(pair)
    }

    /// At least `times` hand-overs, half of them in each direction.
    fn hand_over(&mut self, times: u32) -> Result<()> {
        for _ in 0..times.div_ceil(2 * UNDER_WAY) {
            self.one.run(|runs, store| runs.call_forward(store, 0, 1, UNDER_WAY))?;
            self.other.run(|runs, store| runs.call_forward(store, 1, 0, UNDER_WAY))?;
        }
        Ok(())
    }
}

/// How many hand-overs are measured at once.
const ROUND: u32 = 2 * UNDER_WAY;

pub(crate) fn rows(setup: &Setup) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (mode, name) in [(Mode::Alias, "alias"), (Mode::Copy, "copy")] {
        let mut costs: Vec<Cost> = Vec::new();
        for (len, size) in SIZES {
            if mode == Mode::Copy && len > MIB {
                continue;
            }
            let mut pair = Pair::new(setup, mode, len)?;
            let mut things = [
                Thing::new("32 hand-overs", |pair: &mut Pair, times| pair.hand_over(times.saturating_mul(ROUND))),
                Thing::new("list<u8>", |pair: &mut Pair, times| {
                    pair.composed.run(|runs, store| runs.call_pass_list(store, false, times)).map(drop)
                }),
            ];
            let measured = in_turn(&mut pair, &mut things, setup.effort)?;
            let aim = if mode == Mode::Alias && len == MIB { Aim::AtLeast(100.0) } else { Aim::None };
            rows.push(Row::new(
                (format!("{size} as a list<u8>"), format!("a block sent and received on {name}")),
                (Unit::Ratio, aim),
                &[&measured[1], &measured[0]],
                |costs| costs[0] / (costs[1] / f64::from(ROUND)),
            ));
            costs.extend(measured.into_iter().take(1));
        }
        if let (Mode::Alias, [first, .., last]) = (mode, &costs[..]) {
            rows.push(Row::ratio(("64 MiB sent and received", "4 KiB"), Aim::AtMost(1.2), last, first));
        }
    }
    rows.push(allocating(setup)?);
    rows.push(density(setup)?);
    Ok(rows)
}

/// A block of 256 bytes.
fn allocating(setup: &Setup) -> Result<Row> {
    const LEN: u32 = 256;
    let builder = Domain::builder().heap("heap", Source::anonymous(MIB as u64), HeapOptions::default());
    let mut guest = World::with(builder, MIB)?.guest(&setup.guest, Crossings::Seen, None)?;
    guest.run(|runs, store| runs.call_attach_heap(store, false))?;
    let mut native = Allocator::<u32>::new(wire(MIB) / 16);
    let mut things = [
        Thing::new("alloc and free of 256 bytes", |guest: &mut Guest, times| {
            guest.run(|runs, store| runs.call_allocate(store, LEN.into(), times))
        }),
        Thing::new("a host call, attached to a heap", |guest: &mut Guest, times| {
            guest.run(|runs, store| runs.call_cross(store, times))
        }),
        Thing::new("offset-allocator, the same without zeroing", |_: &mut Guest, times| {
            for _ in 0..times {
                let block = native.allocate(std::hint::black_box(LEN / 16)).expect("there is room");
                native.free(std::hint::black_box(block));
            }
            Ok(())
        }),
    ];
    let costs = in_turn(&mut guest, &mut things, setup.effort)?;
    Ok(Row::new(
        ("a block of 256 zero bytes allocated and freed", "offset-allocator and two host calls"),
        (Unit::Ratio, Aim::AtMost(1.3)),
        &[&costs[0], &costs[1], &costs[2]],
        |costs| costs[0] / (2.0 * costs[1] + costs[2]),
    ))
}

/// Guests that look at all of one heap.
const VIEWERS: u32 = 1000;
const HEAP: u64 = 64 << 20;

fn density(setup: &Setup) -> Result<Row> {
    let alone = viewers(setup, false)?;
    let viewing = viewers(setup, true)?;
    #[expect(clippy::cast_precision_loss, reason = "bytes far below 2^53")]
    let ratio = viewing.saturating_sub(HEAP) as f64 / alone as f64;
    let what =
        format!("memory of {VIEWERS} guests that read a heap of 64 MiB, but for it ({} MiB)", (viewing - HEAP) >> 20);
    Ok(Row::new(
        (what, format!("{VIEWERS} guests without it ({} MiB)", alone >> 20)),
        (Unit::Ratio, Aim::AtMost(1.05)),
        &[],
        |_| ratio,
    ))
}

/// What so many guests take, those pages that several of them have counted once.
fn viewers(setup: &Setup, view: bool) -> Result<u64> {
    let builder = Domain::builder().heap("heap", Source::anonymous(HEAP), HeapOptions::default());
    let world = World::with(builder, MIB)?;
    let before = proportional()?;
    let component = world.compile(&setup.guest)?;
    let mut guests = Vec::new();
    for _ in 0..VIEWERS {
        let mut guest = world.instance(&component)?;
        if view {
            guest.run(|runs, store| runs.call_attach_heap(store, true))?;
            guest.run(|runs, store| runs.call_look(store))?;
        } else {
            guest.run(|runs, store| runs.call_cross(store, 1))?;
        }
        guests.push(guest);
    }
    Ok(proportional()?.saturating_sub(before))
}

/// The process's memory in bytes, where a page that is mapped so many times counts as often as it is there: once (`proc_pid_smaps_rollup(5)`, Pss).
fn proportional() -> Result<u64> {
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup")?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:")).context("the kernel counts Pss")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse::<u64>()? << 10)
}
