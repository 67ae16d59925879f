//! Mapping and unmapping on `alias`, against the system calls.

use anyhow::Result;
use memctl_wasmtime::Mode;

use super::{KIB, MIB, Setup, wire};
use crate::measure::{Thing, in_turn};
use crate::native::{Around, Window};
use crate::row::{Aim, Row, Unit};
use crate::world::{Crossings, Guest, World};

pub(crate) fn rows(setup: &Setup) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (len, name) in [(64 * KIB, "64 KiB"), (MIB, "1 MiB")] {
        rows.extend(of_len(setup, len, name)?);
    }
    Ok(rows)
}

fn of_len(setup: &Setup, len: usize, name: &str) -> Result<Vec<Row>> {
    let world = World::new(Mode::Alias, len)?;
    let mut guest = world.guest(&setup.guest, Crossings::Seen, None)?;
    let (mut alone, mut within) = (Window::new(len, Around::Nothing)?, Window::new(len, Around::Memory)?);
    let mut touched = Window::new(len, Around::Memory)?;
    let len = wire(len);
    let mut things = [
        Thing::new("host call", |guest: &mut Guest, times| guest.run(|runs, store| runs.call_cross(store, times))),
        Thing::new("map + unmap", move |guest: &mut Guest, times| {
            guest.run(|runs, store| runs.call_remap(store, len, false, times)).map(drop)
        }),
        Thing::new("map + read + unmap", move |guest: &mut Guest, times| {
            guest.run(|runs, store| runs.call_remap(store, len, true, times)).map(drop)
        }),
        Thing::new("map + unmap with the SDK", move |guest: &mut Guest, times| {
            guest.run(|runs, store| runs.call_remap_with_sdk(store, len, times))
        }),
        Thing::new("mmap + munmap", |_: &mut Guest, times| (0..times).try_for_each(|_| alone.map_and_unmap(false))),
        Thing::new("mmap + munmap within memory in use", |_: &mut Guest, times| {
            (0..times).try_for_each(|_| within.map_and_unmap(false))
        }),
        Thing::new("mmap + read + munmap within memory in use", |_: &mut Guest, times| {
            (0..times).try_for_each(|_| touched.map_and_unmap(true))
        }),
    ];
    let costs = in_turn(&mut guest, &mut things, setup.effort)?;
    let [call, bare, read, sdk, native, native_within, native_read] = &costs[..] else {
        unreachable!("as many as things")
    };
    let less_a_call = |costs: &[f64]| (costs[0] - costs[2]) / costs[1];
    let row = |what: String, against: &str, guest, native| {
        Row::new((what, against), (Unit::Ratio, Aim::AtMost(1.5)), &[guest, native, call], less_a_call)
    };
    Ok(vec![
        row(format!("map + unmap of {name}, less a host call"), native.name, bare, native),
        row(format!("map + unmap of {name}, less a host call"), native_within.name, bare, native_within),
        row(format!("map + read each page + unmap of {name}, less a host call"), native_read.name, read, native_read),
        Row::ratio((format!("map + unmap of {name} with the SDK"), native_within.name), Aim::None, sdk, native_within),
    ])
}
