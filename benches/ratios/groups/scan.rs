//! A file of 64 MiB, scanned once.

use anyhow::{Result, ensure};
use memctl_wasmtime::Mode;

use super::{KIB, MIB, Setup, wire};
use crate::measure::{Thing, in_turn};
use crate::row::{Aim, Row};
use crate::text;
use crate::world::{Crossings, Guest, Scan, World, file_scan_wasm};

/// As much as GNU wc reads at a time.
const BUFFER: usize = 256 * KIB;
/// What the processor maps with one entry, if the file's pages lie together in memory: large folios.
const LARGE: usize = 2 * MIB;

pub(crate) fn rows(setup: &Setup) -> Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let mut rows = Vec::new();
    for (write, pages) in [(64 * MIB, "large folios"), (8 * KIB, "single pages")] {
        text::write(&folder.path().join("text"), 64 * MIB, write)?;
        let world = World::new(Mode::Auto, MIB)?;
        let mut guest = world.guest(&setup.guest, Crossings::Seen, Some(folder.path()))?;
        guest.run(|runs, store| runs.call_load(store, "/text"))?;
        for (scan, name) in [(Scan::Lines, "lines"), (Scan::Wc, "wc")] {
            rows.extend(of_kind(setup, &mut guest, (scan, name), pages)?);
        }
        drop(guest);
        rows.push(program(setup, &world, folder.path(), pages)?);
    }
    Ok(rows)
}

/// One way to scan, from everywhere.
fn of_kind(setup: &Setup, guest: &mut Guest, (scan, name): (Scan, &str), pages: &str) -> Result<Vec<Row>> {
    let mapped = |name, window: usize, align: usize, populate| {
        Thing::new(name, move |guest: &mut Guest, times| {
            let (window, align) = (wire(window), wire(align));
            (0..times).try_for_each(|_| {
                guest.run(|runs, store| runs.call_scan_mapped(store, "/text", window, align, populate, scan)).map(drop)
            })
        })
    };
    let read = guest.run(|runs, store| runs.call_scan_read(store, "/text", wire(BUFFER), scan))?;
    let resident = guest.run(|runs, store| runs.call_scan_loaded(store, scan))?;
    ensure!(read == resident, "what is read is what was loaded");
    let mut things = [
        mapped("mapped at once, aligned to 2 MiB, populated", 64 * MIB, LARGE, true),
        mapped("mapped at once, aligned to 2 MiB, on demand", 64 * MIB, LARGE, false),
        mapped("mapped at once, aligned to 4 KiB, populated", 64 * MIB, 4 * KIB, true),
        mapped("mapped at once, aligned to 4 KiB, on demand", 64 * MIB, 4 * KIB, false),
        mapped("mapped 4 MiB at a time, aligned to 2 MiB, populated", 4 * MIB, LARGE, true),
        mapped("mapped 1 MiB at a time, populated", MIB, 4 * KIB, true),
        mapped("mapped 1 MiB at a time, on demand", MIB, 4 * KIB, false),
        Thing::new("read through WASI", |guest: &mut Guest, times| {
            (0..times).try_for_each(|_| {
                guest.run(|runs, store| runs.call_scan_read(store, "/text", wire(BUFFER), scan)).map(drop)
            })
        }),
        Thing::new("in guest memory already", |guest: &mut Guest, times| {
            (0..times).try_for_each(|_| guest.run(|runs, store| runs.call_scan_loaded(store, scan)).map(drop))
        }),
    ];
    let costs = in_turn(guest, &mut things, setup.effort.long())?;
    let [best, others @ .., read, resident] = &costs[..] else { unreachable!("as many as things") };
    let what = |from: &str| format!("{name} of 64 MiB, {pages}: {from}");
    let mut rows = vec![
        Row::ratio((what(read.name), best.name), Aim::AtLeast(2.5), read, best),
        Row::ratio((what(best.name), resident.name), Aim::AtMost(1.15), best, resident),
    ];
    for other in others {
        rows.push(Row::ratio((what(other.name), resident.name), Aim::None, other, resident));
    }
    Ok(rows)
}

/// The whole program, from instantiation to exit.
fn program(setup: &Setup, world: &World, folder: &std::path::Path, pages: &str) -> Result<Row> {
    let file_scan = world.command(&file_scan_wasm()?)?;
    let run = |name, arguments: &'static [&'static str]| {
        let file_scan = &file_scan;
        Thing::new(name, move |world: &mut &World, times| {
            (0..times).try_for_each(|_| file_scan.run(world, folder, arguments))
        })
    };
    let mut things =
        [run("file-scan --read", &["file-scan", "--read", "/text"]), run("file-scan", &["file-scan", "/text"])];
    let costs = in_turn(&mut { world }, &mut things, setup.effort.long())?;
    let what = format!("file-scan --read of 64 MiB, {pages}: the program");
    Ok(Row::ratio((what, "file-scan"), Aim::None, &costs[0], &costs[1]))
}
