//! Windows that are extra memories: loads, copies and binding, against the same in the guest's own memory.

use anyhow::Result;
use memctl_tests::{Linking, with_windows};
use memctl_wasmtime::Mode;
use memctl_window::Windows;

use super::{KIB, MIB, Setup, wire};
use crate::measure::{Effort, Thing, in_turn};
use crate::row::{Aim, Row};
use crate::world::{Loops, World};

/// Bytes that are summed and copied: they fit the caches, so that what is measured is what the code does.
const LEN: usize = 64 * KIB;

pub(crate) fn rows(setup: &Setup) -> Result<Vec<Row>> {
    // The numbers of the program: see tests/guests/windows.
    let windows = Windows::new().memory32(2, 32 << 20).memory64(1, 64 << 20);
    let linked = with_windows("guest-windows", &windows, Linking::Static);
    let beside = with_windows("guest-windows", &windows, Linking::Library);
    let mut rows = accesses(setup.effort, &linked, &beside)?;
    for (mode, name) in [(Mode::Alias, "alias"), (Mode::Copy, "copy")] {
        for (len, size) in [(64 * KIB, "64 KiB"), (MIB, "1 MiB"), (16 * MIB, "16 MiB")] {
            rows.push(rebinding(setup.effort, &linked, (mode, name), (len, size))?);
        }
    }
    Ok(rows)
}

fn loops(mode: Mode, len: usize, wasm: &[u8]) -> Result<Loops> {
    let mut loops = World::new(mode, 2 * len)?.loops(wasm)?;
    loops.prepare(wire(len))?;
    Ok(loops)
}

fn accesses(effort: Effort, linked: &[u8], beside: &[u8]) -> Result<Vec<Row>> {
    let mut both = [loops(Mode::Alias, LEN, linked)?, loops(Mode::Alias, LEN, beside)?];
    let sum = |name: &'static str, which: usize, export: &'static str| {
        Thing::new(name, move |both: &mut [Loops; 2], times| both[which].sum(export, times).map(drop))
    };
    let copy = |name: &'static str, which: usize, export: &'static str| {
        Thing::new(name, move |both: &mut [Loops; 2], times| both[which].run(export, times))
    };
    let mut things = [
        sum("loads of plain memory", 0, "sum-plain"),
        sum("loads of a window, four words a round", 0, "sum-unrolled"),
        sum("loads of a window, word by word", 0, "sum-window"),
        sum("loads of a window with 64-bit addresses", 0, "sum-window64"),
        sum("checked loads of a window", 0, "sum-checked"),
        sum("loads of a window, linked as a library", 1, "sum-window"),
        copy("memcpy of 64 KiB", 0, "copy-plain"),
        copy("copy out of a window", 0, "copy-out"),
        copy("copy into a window", 0, "copy-in"),
        copy("copy out of a window, linked as a library", 1, "copy-out"),
    ];
    let costs = in_turn(&mut both, &mut things, effort)?;
    let [plain, unrolled, narrow, wide, checked, library, memcpy, out, into, library_out] = &costs[..] else {
        unreachable!("as many as things")
    };
    Ok(vec![
        // The compiler does plain loads four words a round.
        Row::ratio((unrolled.name, plain.name), Aim::AtMost(1.05), unrolled, plain),
        Row::ratio((narrow.name, plain.name), Aim::None, narrow, plain),
        Row::ratio((wide.name, plain.name), Aim::None, wide, plain),
        Row::ratio((checked.name, plain.name), Aim::None, checked, plain),
        Row::ratio((library.name, plain.name), Aim::None, library, plain),
        Row::ratio((out.name, memcpy.name), Aim::AtMost(1.1), out, memcpy),
        Row::ratio((into.name, memcpy.name), Aim::AtMost(1.1), into, memcpy),
        Row::ratio((library_out.name, memcpy.name), Aim::None, library_out, memcpy),
    ])
}

fn rebinding(effort: Effort, wasm: &[u8], (mode, name): (Mode, &str), (len, size): (usize, &str)) -> Result<Row> {
    let mut loops = loops(mode, len, wasm)?;
    let mut things = [
        Thing::new("rebind", |loops: &mut Loops, times| loops.run("rebind", times)),
        Thing::new("memcpy", |loops: &mut Loops, times| loops.run("copy-plain", times)),
    ];
    let costs = in_turn(&mut loops, &mut things, effort)?;
    Ok(Row::ratio((format!("rebind of {size} on {name}"), "memcpy of as much"), Aim::None, &costs[0], &costs[1]))
}
