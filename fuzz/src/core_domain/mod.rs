//! Programs over the rules: guests that map, lease, store, end and lie, on a backend of byte vectors.
//!
//! Nothing here but `memctl-core`'s public interface. What is checked after every step is in `check.rs`; what bytes must be, in
//! `books.rs`; that a refused call changes nothing at all, in `world.rs`.

mod books;
mod check;
mod known;
mod program;
mod ram;
mod steps;
mod world;

pub use program::Program;
use steps::Given;
use world::World;

/// The granule in bytes: small, so that programs get to edges.
const GRANULE: u64 = 32;
/// Each guest's memory, in bytes.
const MEMORY: u64 = 8 * GRANULE;
/// No program does more than this: longer ones find nothing more, and take longer.
const STEPS: usize = 256;

/// Runs the program.
///
/// # Panics
/// If the domain breaks a promise.
pub fn run(program: &Program) {
    let (mut world, mut given) = (World::new(program), Given::default());
    for op in program.ops.iter().take(STEPS) {
        world.step(&mut given, op);
        world.check();
    }
    world.finish(&given);
}

/// A number of bytes as an index. All that are used so were checked against a memory or an object.
fn at(bytes: u64) -> usize {
    usize::try_from(bytes).expect("small")
}
