//! Leases that host pages enforce, against leases that the table alone keeps, and against the calls.

use anyhow::Result;
use memctl_wasmtime::{Domain, Mode};

use super::{MIB, Setup, wire};
use crate::measure::{Thing, in_turn};
use crate::row::{Aim, Row};
use crate::world::{Crossings, Guest, World};

/// A guest of a domain whose guests run one at a time, and one of a parallel domain.
struct Guests {
    single: Guest,
    parallel: Guest,
}

pub(crate) fn rows(setup: &Setup) -> Result<Vec<Row>> {
    let single = World::new(Mode::Alias, MIB)?;
    let parallel = World::with(Domain::builder().mode(Mode::Alias).parallel(), MIB)?;
    let guest = |world: &World| -> Result<Guest> {
        let mut guest = world.guest(&setup.guest, Crossings::Seen, None)?;
        guest.run(|runs, store| runs.call_keep(store, wire(MIB), false))?;
        Ok(guest)
    };
    let mut guests = Guests { single: guest(&single)?, parallel: guest(&parallel)? };
    let mut things = [
        Thing::new("acquire to write + store + release", |guests: &mut Guests, times| {
            guests.single.run(|runs, store| runs.call_lease_to_write(store, times))
        }),
        Thing::new("the same in a parallel domain", |guests: &mut Guests, times| {
            guests.parallel.run(|runs, store| runs.call_lease_to_write(store, times))
        }),
        Thing::new("host call", |guests: &mut Guests, times| {
            guests.single.run(|runs, store| runs.call_cross(store, times))
        }),
    ];
    let costs = in_turn(&mut guests, &mut things, setup.effort)?;
    let [table, pages, call] = &costs[..] else { unreachable!("as many as things") };
    Ok(vec![
        Row::ratio(("a lease on 1 MiB on alias: acquire, store, release", "a bare host call"), Aim::None, table, call),
        Row::ratio(("the same, enforced by host pages (parallel, audit)", "not enforced"), Aim::None, pages, table),
    ])
}
