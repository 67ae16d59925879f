//! A file of 64 MiB, scanned once.

use anyhow::Result;
use memctl_wasmtime::Mode;

use super::{KIB, MIB, Setup, wire};
use crate::measure::{Thing, in_turn};
use crate::row::{Aim, Row};
use crate::text;
use crate::world::{Crossings, Guest, World, file_scan_wasm};

/// As much as std reads at a time, and GNU wc.
const BUFFER: usize = 256 * KIB;

pub(crate) fn rows(setup: &Setup) -> Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    text::write(&folder.path().join("text"), 64 * MIB)?;
    let world = World::new(Mode::Auto, MIB)?;
    let mut guest = world.guest(&setup.guest, Crossings::Seen, Some(folder.path()))?;
    guest.run(|runs, store| runs.call_load(store, "/text"))?;

    let mapped = |name, window: usize, populate| {
        Thing::new(name, move |guest: &mut Guest, times| {
            (0..times).try_for_each(|_| {
                guest.run(|runs, store| runs.call_scan_mapped(store, "/text", wire(window), populate)).map(drop)
            })
        })
    };
    let file_scan = world.command(&file_scan_wasm()?)?;
    let program = |name, arguments: &'static [&'static str]| {
        let (file_scan, world, folder) = (&file_scan, &world, folder.path());
        Thing::new(name, move |_: &mut Guest, times| {
            (0..times).try_for_each(|_| file_scan.run(world, folder, arguments))
        })
    };
    let mut things = [
        mapped("lines, mapped, one window, populated", 64 * MIB, true),
        mapped("lines, mapped, one window, on demand", 64 * MIB, false),
        mapped("lines, mapped, windows of 16 MiB, populated", 16 * MIB, true),
        mapped("lines, mapped, windows of 4 MiB, populated", 4 * MIB, true),
        mapped("lines, mapped, windows of 1 MiB, populated", MIB, true),
        mapped("lines, mapped, windows of 256 KiB, populated", 256 * KIB, true),
        Thing::new("lines, WASI reads", |guest: &mut Guest, times| {
            (0..times)
                .try_for_each(|_| guest.run(|runs, store| runs.call_scan_read(store, "/text", wire(BUFFER))).map(drop))
        }),
        Thing::new("lines, resident", |guest: &mut Guest, times| {
            (0..times).try_for_each(|_| guest.run(|runs, store| runs.call_scan_loaded(store)).map(drop))
        }),
        program("file-scan", &["file-scan", "/text"]),
        program("file-scan --read", &["file-scan", "--read", "/text"]),
    ];
    let costs = in_turn(&mut guest, &mut things, setup.effort.long())?;
    let [one, demand, w16, w4, w1, w256, read, resident, program, program_read] = &costs[..] else {
        unreachable!("as many as things")
    };
    let mut rows = vec![
        Row::ratio(("lines of 64 MiB with WASI reads", "mapped"), Aim::AtLeast(2.5), read, w1),
        Row::ratio(("lines of 64 MiB mapped", "bytes that are in guest memory"), Aim::AtMost(1.15), w1, resident),
        Row::ratio(("file-scan --read, the program", "file-scan"), Aim::None, program_read, program),
    ];
    for cost in [one, demand, w16, w4, w256] {
        rows.push(Row::ratio((cost.name, resident.name), Aim::None, cost, resident));
    }
    Ok(rows)
}
