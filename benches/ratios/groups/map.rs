//! Mapping and unmapping on `alias`, against the system calls.

use anyhow::Result;
use memctl_wasmtime::Mode;

use super::{KIB, MIB, Setup, wire};
use crate::measure::{Thing, in_turn};
use crate::native::Window;
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
    let (mut untouched, mut touched) = (Window::new(len)?, Window::new(len)?);
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
        Thing::new("mmap + munmap", |_: &mut Guest, times| (0..times).try_for_each(|_| untouched.map_and_unmap(false))),
        Thing::new("mmap + read + munmap", |_: &mut Guest, times| {
            (0..times).try_for_each(|_| touched.map_and_unmap(true))
        }),
    ];
    let costs = in_turn(&mut guest, &mut things, setup.effort)?;
    let [call, bare, read, sdk, native, native_read] = &costs[..] else { unreachable!("as many as things") };
    let less_a_call = |costs: &[f64]| (costs[0] - costs[2]) / costs[1];
    Ok(vec![
        Row::new(
            (format!("map + unmap of {name}, less a host call"), "native mmap + munmap"),
            (Unit::Ratio, Aim::AtMost(1.5)),
            &[bare, native, call],
            less_a_call,
        ),
        Row::new(
            (format!("the same, each page read between"), "the same, each page read between"),
            (Unit::Ratio, Aim::AtMost(1.5)),
            &[read, native_read, call],
            less_a_call,
        ),
        Row::ratio(("the same through the SDK", "native mmap + munmap"), Aim::None, sdk, native),
    ])
}
