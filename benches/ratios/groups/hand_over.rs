//! 1 MiB from one component to another that it is composed with: in an object, against as a list.

use anyhow::Result;
use memctl_wasmtime::Mode;

use super::{MIB, Setup, wire};
use crate::measure::{Thing, in_turn};
use crate::row::{Aim, Row, Unit};
use crate::world::{self, Crossings, Guest, World};

pub(crate) fn rows(setup: &Setup) -> Result<Vec<Row>> {
    let pipeline = world::pipeline(setup.guest.clone())?;
    let mut rows = Vec::new();
    for (mode, name, aim) in [(Mode::Alias, "alias", Aim::AtLeast(50.0)), (Mode::Copy, "copy", Aim::None)] {
        let world = World::new(mode, MIB)?;
        let mut guest = world.guest(&pipeline, Crossings::Seen, None)?;
        guest.run(|runs, store| runs.call_keep(store, wire(MIB), false))?;
        guest.sink(|sink, store| sink.call_prepare(store))?;
        let mut things = [
            Thing::new("a frame in an object: 2 leases, unread", |guest: &mut Guest, times| {
                guest.run(|runs, store| runs.call_hand_over(store, false, times)).map(drop)
            }),
            Thing::new("a frame as a list, unread", |guest: &mut Guest, times| {
                guest.run(|runs, store| runs.call_pass_list(store, false, times)).map(drop)
            }),
            Thing::new("a frame in an object: 2 leases, read", |guest: &mut Guest, times| {
                guest.run(|runs, store| runs.call_hand_over(store, true, times)).map(drop)
            }),
            Thing::new("a frame as a list, read", |guest: &mut Guest, times| {
                guest.run(|runs, store| runs.call_pass_list(store, true, times)).map(drop)
            }),
        ];
        let costs = in_turn(&mut guest, &mut things, setup.effort)?;
        let [object, list, object_read, list_read] = &costs[..] else { unreachable!("as many as things") };
        rows.push(Row::new(
            (format!("1 MiB as a list<u8>"), format!("handed over in an object on {name}: release + acquire")),
            (Unit::Ratio, aim),
            &[list, object],
            |costs| costs[0] / (costs[1] / 2.0),
        ));
        rows.push(Row::ratio(
            ("the same", "there and back: two leases acquired and released"),
            Aim::None,
            list,
            object,
        ));
        rows.push(Row::ratio(("the same, each frame summed", "the same"), Aim::None, list_read, object_read));
    }
    Ok(rows)
}
