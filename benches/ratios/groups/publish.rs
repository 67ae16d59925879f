//! Leases on `copy`: what moves is the window, once.

use anyhow::{Result, ensure};
use memctl_wasmtime::Mode;

use super::{MIB, Setup, wire};
use crate::measure::{Thing, in_turn};
use crate::row::{Aim, Row};
use crate::world::{Crossings, Guest, World};

pub(crate) fn rows(setup: &Setup) -> Result<Vec<Row>> {
    let world = World::new(Mode::Copy, MIB)?;
    let mut guest = world.guest(&setup.guest, Crossings::Seen, None)?;
    guest.run(|runs, store| runs.call_keep(store, wire(MIB), false))?;
    let (from, mut to) = (vec![1_u8; MIB], vec![2_u8; MIB]);
    let mut things = [
        Thing::new("acquire to write + store + release", |guest: &mut Guest, times| {
            guest.run(|runs, store| runs.call_lease_to_write(store, times))
        }),
        Thing::new("acquire to read + release", |guest: &mut Guest, times| {
            guest.run(|runs, store| runs.call_lease_to_read(store, times))
        }),
        Thing::new("memcpy of 1 MiB", |_: &mut Guest, times| {
            for _ in 0..times {
                std::hint::black_box(&mut to).copy_from_slice(std::hint::black_box(&from));
            }
            Ok(())
        }),
        Thing::new("host call", |guest: &mut Guest, times| guest.run(|runs, store| runs.call_cross(store, times))),
    ];
    let costs = in_turn(&mut guest, &mut things, setup.effort)?;
    let [write, read, memcpy, call] = &costs[..] else { unreachable!("as many as things") };

    let before = world.domain.stats().bytes_copied;
    guest.run(|runs, store| runs.call_lease_to_read(store, 100))?;
    ensure!(world.domain.stats().bytes_copied == before, "nothing changed, so nothing is refreshed");

    Ok(vec![
        Row::ratio(
            ("writing 1 MiB under a lease on copy: acquire, publish", "memcpy of 1 MiB"),
            Aim::AtMost(1.2),
            write,
            memcpy,
        ),
        Row::ratio(
            ("reading under a lease on copy, nothing changed: acquire + release", "a bare host call"),
            Aim::None,
            read,
            call,
        ),
    ])
}
