//! What protection costs: by host pages, and by checks in the guest's code.

use anyhow::{Context, Result};
use memctl_instrument::{Options, Table, instrument};
use memctl_wasmtime::{Bounds, Domain, Mode};
use wasmtime::Config;

use super::{MIB, Setup};
use crate::measure::{Cost, Thing, in_turn};
use crate::row::{Aim, Row, Unit};
use crate::text;
use crate::world::{Command, Crossings, Guest, Kernel, Scan, World, file_scan_wasm, sealed_wasm};

/// Below the benchmark's stack, which begins at 1 MiB and stays there.
const BOUNDS: Bounds = Bounds { no_access: 64 << 10, read_only: 512 << 10 };

/// What checks a program has.
const KINDS: [(&str, Option<Table>); 3] = [
    ("plain", None),
    ("checked against a constant", Some(Table::Never)),
    ("checked against a table", Some(Table::Always)),
];

const KERNELS: [(&str, Kernel); 4] = [
    ("lists", Kernel::Lists),
    ("matrices", Kernel::Matrices),
    ("states", Kernel::States),
    ("checksum", Kernel::Checksum),
];

pub(crate) fn rows(setup: &Setup) -> Result<Vec<Row>> {
    let mut rows = sealed(setup)?;
    let (kernels, mut all) = checked(setup, "Cranelift", |_| {})?;
    rows.extend(kernels);
    let (programs, costs) = programs(setup)?;
    rows.extend(programs);
    all.extend(costs);
    for (kind, aim) in [(1, Aim::AtMost(1.15)), (2, Aim::None)] {
        rows.push(mean((format!("all eight on Cranelift, {}: geometric mean", KINDS[kind].0), aim), kind, &all));
    }
    let pulley = checked(setup, "Pulley", |config| {
        config.target("pulley64").expect("a target of this build").signals_based_traps(false);
    });
    rows.extend(pulley?.0);
    rows.extend(sizes(setup)?);
    Ok(rows)
}

/// The program as it is, or with checks.
fn built(wasm: &[u8], bounds: Option<Bounds>, kind: Option<Table>) -> Result<Vec<u8>> {
    let Some(table) = kind else { return Ok(wasm.to_vec()) };
    let bounds = bounds.filter(|_| table == Table::Never);
    Ok(instrument(wasm, &Options { table, bounds, ..Options::default() })?.wasm)
}

/// The same loops in a sealed and in an unsealed memory.
fn sealed(setup: &Setup) -> Result<Vec<Row>> {
    let world = World::new(Mode::Alias, MIB)?;
    let mut guests = [0, 1].map(|_| world.guest(&setup.guest, Crossings::Seen, None));
    if let Ok(guest) = &mut guests[1] {
        guest.run(|runs, store| runs.call_seal(store, BOUNDS.no_access, BOUNDS.read_only))?;
    }
    let [plain, sealed] = guests;
    let mut guests = [plain?, sealed?];
    let mut rows = Vec::new();
    for (name, kernel) in KERNELS {
        let mut things = [("unsealed", 0), ("sealed", 1)].map(|(state, guest)| {
            Thing::new(state, move |guests: &mut [Guest; 2], times| {
                guests[guest].run(|runs, store| runs.call_mark(store, kernel, times)).map(drop)
            })
        });
        let costs = in_turn(&mut guests, &mut things, setup.effort)?;
        let what = format!("{name} in a memory sealed by host pages");
        rows.push(Row::ratio((what, "unsealed"), Aim::AtMost(1.02), &costs[1], &costs[0]));
    }
    Ok(rows)
}

/// The loops in instrumented guests.
fn checked(setup: &Setup, engine: &str, configure: fn(&mut Config)) -> Result<(Vec<Row>, Vec<Vec<Cost>>)> {
    let world = World::with_config(Domain::builder().mode(Mode::Copy), MIB, configure)?;
    let mut guests = Vec::new();
    for (_, kind) in KINDS {
        let mut guest = world.guest(&built(&setup.guest, Some(BOUNDS), kind)?, Crossings::Seen, None)?;
        if kind == Some(Table::Always) {
            guest.run(|runs, store| runs.call_seal(store, BOUNDS.no_access, BOUNDS.read_only))?;
        }
        guests.push(guest);
    }
    let mut by_kernel = Vec::new();
    for (_, kernel) in KERNELS {
        let mut things = [0, 1, 2].map(|guest| {
            Thing::new(KINDS[guest].0, move |guests: &mut Vec<Guest>, times| {
                guests[guest].run(|runs, store| runs.call_mark(store, kernel, times)).map(drop)
            })
        });
        by_kernel.push(in_turn(&mut guests, &mut things, setup.effort)?);
    }
    let mut rows = Vec::new();
    for (kind, (name, _)) in KINDS.iter().enumerate().skip(1) {
        for ((kernel, _), costs) in KERNELS.iter().zip(&by_kernel) {
            rows.push(Row::ratio(
                (format!("{kernel} on {engine}, {name}"), "plain"),
                Aim::None,
                &costs[kind],
                &costs[0],
            ));
        }
        rows.push(mean((format!("all four on {engine}, {name}: geometric mean"), Aim::None), kind, &by_kernel));
    }
    Ok((rows, by_kernel))
}

/// The geometric mean of what each thing costs as a multiple of the first.
fn mean((what, aim): (String, Aim), kind: usize, by_thing: &[Vec<Cost>]) -> Row {
    let costs: Vec<&Cost> = by_thing.iter().flat_map(|costs| [&costs[kind], &costs[0]]).collect();
    Row::new((what, "plain"), (Unit::Ratio, aim), &costs, |costs| {
        #[expect(clippy::cast_precision_loss, reason = "a handful of things")]
        let things = (costs.len() / 2) as f64;
        let logarithms: f64 = costs.chunks(2).map(|pair| (pair[0] / pair[1]).ln()).sum();
        (logarithms / things).exp()
    })
}

/// Whole programs, from instantiation to exit, and the scans of a text.
fn programs(setup: &Setup) -> Result<(Vec<Row>, Vec<Vec<Cost>>)> {
    let folder = tempfile::tempdir()?;
    text::write(&folder.path().join("text"), 8 * MIB, MIB)?;
    std::fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md"), folder.path().join("README.md"))?;
    let world = World::new(Mode::Copy, MIB)?;
    let mut by_program = Vec::new();

    let sealed = sealed_wasm()?;
    let bounds = memctl_instrument::rodata(&sealed).context("the example's constants can be found")?;
    let file_scan = file_scan_wasm()?;
    let all: [(&str, &[u8], Bounds, &[&str]); 2] = [
        ("example-sealed of README.md", &sealed, bounds, &["example-sealed", "--unsealed", "/README.md"]),
        ("file-scan --read of 8 MiB", &file_scan, BOUNDS, &["file-scan", "--read", "/text"]),
    ];
    for (name, wasm, bounds, arguments) in all {
        let mut commands = Vec::new();
        for (_, kind) in KINDS {
            commands.push(world.command(&built(wasm, Some(bounds), kind)?)?);
        }
        let (world, folder) = (&world, folder.path());
        let mut things = [0, 1, 2].map(|command| {
            Thing::new(KINDS[command].0, move |commands: &mut Vec<Command>, times| {
                (0..times).try_for_each(|_| commands[command].run(world, folder, arguments))
            })
        });
        by_program.push((name, in_turn(&mut commands, &mut things, setup.effort.long())?));
    }

    let mut guests = Vec::new();
    for (_, kind) in KINDS {
        let wasm = built(&setup.guest, Some(BOUNDS), kind)?;
        let mut guest = world.guest(&wasm, Crossings::Seen, Some(folder.path()))?;
        guest.run(|runs, store| runs.call_load(store, "/text"))?;
        guests.push(guest);
    }
    for (name, scan) in [("lines of 8 MiB", Scan::Lines), ("wc of 8 MiB", Scan::Wc)] {
        let mut things = [0, 1, 2].map(|guest| {
            Thing::new(KINDS[guest].0, move |guests: &mut Vec<Guest>, times| {
                (0..times)
                    .try_for_each(|_| guests[guest].run(|runs, store| runs.call_scan_loaded(store, scan)).map(drop))
            })
        });
        by_program.push((name, in_turn(&mut guests, &mut things, setup.effort.long())?));
    }

    let mut rows = Vec::new();
    let costs: Vec<Vec<Cost>> = by_program.iter().map(|(_, costs)| costs.clone()).collect();
    for (kind, (kind_name, _)) in KINDS.iter().enumerate().skip(1) {
        for (name, costs) in &by_program {
            let what = format!("{name}, {kind_name}");
            rows.push(Row::ratio((what, "plain"), Aim::None, &costs[kind], &costs[0]));
        }
        rows.push(mean((format!("these programs, {kind_name}: geometric mean"), Aim::None), kind, &costs));
    }
    Ok((rows, costs))
}

/// Lengths of instrumented programs.
fn sizes(setup: &Setup) -> Result<Vec<Row>> {
    let sealed = sealed_wasm()?;
    let bounds = memctl_instrument::rodata(&sealed).context("the example's constants can be found")?;
    let programs = [
        ("bench-guest", setup.guest.clone(), BOUNDS),
        ("file-scan", file_scan_wasm()?, BOUNDS),
        ("example-sealed", sealed, bounds),
    ];
    let mut rows = Vec::new();
    for (name, wasm, bounds) in programs {
        for (kind_name, kind) in &KINDS[1..] {
            #[expect(clippy::cast_precision_loss, reason = "lengths of programs")]
            let ratio = built(&wasm, Some(bounds), *kind)?.len() as f64 / wasm.len() as f64;
            let aim = if *kind == Some(Table::Never) { Aim::AtMost(1.25) } else { Aim::None };
            let what = format!("size of {name}, {kind_name}");
            rows.push(Row::new((what, "plain"), (Unit::Ratio, aim), &[], |_| ratio));
        }
    }
    Ok(rows)
}
