//! Programs over the rules: guests that map, lease, store, end and lie, on a backend of byte vectors.
//!
//! Nothing here but `memctl-core`'s public interface. What is checked after every step is in `check.rs`; what bytes must be, in
//! `books.rs`; who may have which lease, and who waits for whom, in `claims.rs`; that a refused call changes nothing at all, in `world.rs`.

mod books;
mod bytes;
mod check;
mod claims;
mod known;
mod program;
pub(crate) mod ram;
mod steps;
mod waits;
mod words;
mod world;

use program::Op;
pub use program::Program;
use steps::Given;
use words::Manner;
use world::World;

/// The granule in bytes: small, so that programs get to edges.
pub(crate) const GRANULE: u64 = 32;
/// Each guest's memory, in bytes.
pub(crate) const MEMORY: u64 = 8 * GRANULE;
/// No program does more than this: longer ones find nothing more, and take longer.
const STEPS: usize = 256;

/// Runs the program.
///
/// # Panics
/// If the domain breaks a promise.
pub fn run(program: &Program) {
    let (mut world, mut given) = (World::new(program), Given::default());
    play(program, &mut world, &mut given);
    world.finish(&given);
}

fn play(program: &Program, world: &mut World, given: &mut Given) {
    for op in &program.ops {
        let left_out = match op {
            Op::FailIn(_) => !program.may_fail(),
            Op::Store(.., Manner::Careless) => !program.may_be_careless(),
            _ => false,
        };
        if !left_out {
            world.step(given, op);
            world.check();
        }
    }
}

/// A number of bytes as an index. All that are used so were checked against a memory or an object.
pub(crate) fn at(bytes: u64) -> usize {
    usize::try_from(bytes).expect("small")
}

#[cfg(test)]
mod tests {
    use arbitrary::{Arbitrary, Unstructured};

    use super::*;
    use crate::noise::noise;

    #[test]
    fn programs_of_random_bytes_map_and_lease() {
        let (mut maps, mut leases, mut waits) = (0, 0, 0);
        for seed in 0..200 {
            let program =
                Program::arbitrary(&mut Unstructured::new(&noise(seed, 300))).expect("any bytes are a program");
            let (mut world, mut given) = (World::new(&program), Given::default());
            play(&program, &mut world, &mut given);
            maps += usize::from(given.maps() > 0);
            leases += usize::from(given.leases() > 0);
            waits += usize::from(given.waits() > 0);
            world.finish(&given);
        }
        assert!(maps > 100, "only {maps} of 200 programs map anything");
        assert!(leases > 40, "only {leases} of 200 programs lease anything");
        assert!(waits > 5, "only {waits} of 200 programs wait for anything");
    }
}
