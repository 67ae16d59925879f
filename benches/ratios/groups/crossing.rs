//! A host call by a guest that shares something, against one by a guest that has nothing to do with a domain.

use anyhow::Result;
use memctl_wasmtime::Mode;

use super::{MIB, Setup, wire};
use crate::measure::{Thing, in_turn};
use crate::row::{Aim, Row};
use crate::world::{Crossings, Guest, World};

/// The same guest three times, each in a store of its own.
struct Guests {
    bare: Guest,
    attached: Guest,
    sharing: Guest,
}

pub(crate) fn rows(setup: &Setup) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (mode, name) in [(Mode::Copy, "copy"), (Mode::Alias, "alias")] {
        let world = World::new(mode, MIB)?;
        let mut guests = Guests {
            bare: world.guest(&setup.guest, Crossings::Unseen, None)?,
            attached: world.guest(&setup.guest, Crossings::Seen, None)?,
            sharing: world.guest(&setup.guest, Crossings::Seen, None)?,
        };
        guests.sharing.run(|runs, store| runs.call_keep(store, wire(MIB), true))?;
        let mut things = [
            Thing::new("host call, no domain", |guests: &mut Guests, times| {
                guests.bare.run(|runs, store| runs.call_cross(store, times))
            }),
            Thing::new("host call, attached", |guests: &mut Guests, times| {
                guests.attached.run(|runs, store| runs.call_cross(store, times))
            }),
            Thing::new("host call, automatic mapping of 1 MiB", |guests: &mut Guests, times| {
                guests.sharing.run(|runs, store| runs.call_cross(store, times))
            }),
        ];
        let costs = in_turn(&mut guests, &mut things, setup.effort)?;
        let [bare, attached, sharing] = &costs[..] else { unreachable!("as many as things") };
        rows.push(Row::extra(
            (format!("a host call with an automatic mapping on {name}"), "a host call in a store without a domain"),
            Aim::AtMost(100.0),
            sharing,
            bare,
        ));
        rows.push(Row::extra(
            (format!("a host call in an attached store on {name}"), "the same"),
            Aim::None,
            attached,
            bare,
        ));
    }
    Ok(rows)
}
