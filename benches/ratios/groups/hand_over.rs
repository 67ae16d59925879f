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
        let (from, mut to) = (vec![1_u8; MIB], vec![2_u8; MIB]);
        let mut things = [
            Thing::new("hand-over and back, unread", |guest: &mut Guest, times| {
                guest.run(|runs, store| runs.call_hand_over(store, false, times)).map(drop)
            }),
            Thing::new("list<u8>, unread", |guest: &mut Guest, times| {
                guest.run(|runs, store| runs.call_pass_list(store, false, times)).map(drop)
            }),
            Thing::new("hand-over and back, summed", |guest: &mut Guest, times| {
                guest.run(|runs, store| runs.call_hand_over(store, true, times)).map(drop)
            }),
            Thing::new("list<u8>, summed", |guest: &mut Guest, times| {
                guest.run(|runs, store| runs.call_pass_list(store, true, times)).map(drop)
            }),
            Thing::new("memcpy", |_: &mut Guest, times| {
                for _ in 0..times {
                    std::hint::black_box(&mut to).copy_from_slice(std::hint::black_box(&from));
                }
                Ok(())
            }),
        ];
        let costs = in_turn(&mut guest, &mut things, setup.effort)?;
        let [object, list, object_read, list_read, memcpy] = &costs[..] else { unreachable!("as many as things") };
        let by_half = |costs: &[f64]| costs[0] / (costs[1] / 2.0);
        let once = format!("a hand-over on {name}: release + acquire");
        rows.extend([
            Row::new(("1 MiB as a list<u8>", once.clone()), (Unit::Ratio, aim), &[list, object], by_half),
            Row::ratio(
                ("1 MiB as a list<u8>", format!("hand-over and back on {name}: 4 calls")),
                Aim::None,
                list,
                object,
            ),
            Row::ratio(
                ("1 MiB as a list<u8>, summed", format!("hand-over and back on {name}, summed")),
                Aim::None,
                list_read,
                object_read,
            ),
            Row::new(("memcpy of 1 MiB", once), (Unit::Ratio, Aim::None), &[memcpy, object], by_half),
        ]);
    }
    Ok(rows)
}
