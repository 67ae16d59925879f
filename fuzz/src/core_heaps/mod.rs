//! Programs over shared heaps: guests that allocate, hand on, scribble, forge, wait and end, where windows alias, where they copy and where one does
//! each. After every step all must have what the naive model of `memctl-model` has.

mod ops;
mod world;

use arbitrary::Unstructured;
use memctl_model::{Disagreement, HeapLockstep, HeapOp};

use world::World;

/// No program does more than this.
const STEPS: usize = 200;

/// Runs the program that the bytes are.
///
/// # Panics
/// If the domain breaks a promise.
pub fn run(bytes: &[u8]) {
    let mut u = Unstructured::new(bytes);
    let parallel = u.arbitrary::<u8>().unwrap_or(0) & 1 == 1;
    let mut ops = Vec::new();
    while !u.is_empty() && ops.len() < STEPS {
        ops.push(ops::op(&mut u).expect("any bytes are a program"));
    }
    if let Err(disagreement) = play(parallel, &ops) {
        panic!("{disagreement}");
    }
}

fn play(parallel: bool, ops: &[HeapOp]) -> Result<u64, Disagreement> {
    let worlds = [[false; 3], [true; 3], [true, false, false]].map(|aliases| World::new(aliases, parallel));
    let mut lockstep = HeapLockstep::new(worlds.into(), world::setting(parallel));
    ops.iter().try_for_each(|op| lockstep.run(op))?;
    lockstep.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::noise;

    #[test]
    fn programs_of_random_bytes_allocate_and_hand_on() {
        let (mut allocate, mut hand) = (0, 0);
        for seed in 0..100 {
            let bytes = noise(seed, 600);
            run(&bytes);
            let mut u = Unstructured::new(&bytes);
            let mut lockstep = HeapLockstep::new(vec![World::new([true; 3], false)], world::setting(false));
            while !u.is_empty() {
                lockstep.run(&ops::op(&mut u).expect("any bytes are a program")).expect("they agree");
            }
            allocate += lockstep.worlds[0].allocated();
            hand += lockstep.worlds[0].handed;
        }
        assert!(allocate > 300, "only {allocate} blocks in 100 programs");
        assert!(hand > 50, "only {hand} blocks were handed on in 100 programs");
    }
}
