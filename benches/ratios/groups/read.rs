//! Loads from a window, against loads from plain memory.

use anyhow::Result;
use memctl_wasmtime::Mode;

use super::{MIB, Setup, wire};
use crate::measure::{Thing, in_turn};
use crate::row::{Aim, Row};
use crate::world::{Crossings, Guest, World};

pub(crate) fn rows(setup: &Setup) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (mode, len, name) in [
        (Mode::Alias, MIB, "1 MiB on alias"),
        (Mode::Alias, 16 * MIB, "16 MiB on alias"),
        (Mode::Copy, MIB, "1 MiB on copy"),
    ] {
        let world = World::new(mode, len)?;
        let mut guest = world.guest(&setup.guest, Crossings::Seen, None)?;
        guest.run(|runs, store| runs.call_keep(store, wire(len), false))?;
        let mut things = [
            Thing::new("sum of a window", |guest: &mut Guest, times| {
                guest.run(|runs, store| runs.call_sum_window(store, times)).map(drop)
            }),
            Thing::new("sum of plain memory", |guest: &mut Guest, times| {
                guest.run(|runs, store| runs.call_sum_plain(store, times)).map(drop)
            }),
        ];
        let costs = in_turn(&mut guest, &mut things, setup.effort)?;
        let names = (format!("reading a window of {name}"), "reading plain guest memory");
        rows.push(Row::ratio(names, Aim::AtMost(1.03), &costs[0], &costs[1]));
    }
    Ok(rows)
}
