//! A naive model of shared heaps, and random programs for worlds to be compared with it on: lists of blocks, each with its bytes.
//!
//! Where a block is placed is the allocator's affair: the model only says whether it may be there.

mod apply;
mod check;
mod lockstep;
mod model;
mod program;
mod step;

pub use lockstep::{HeapLockstep, HeapWorld};
pub use model::{HeapModel, HeapSetting, LENS, Meanwhile};
pub use program::{HeapOp, heap_campaign};
pub use step::{Field, HeapAnswer, HeapStep, Verb};

/// The chain's number; the heaps in it are 0 and 1.
pub const CHAIN: usize = 2;

/// What the heaps and the chain are published as. Blocks of the second heap go to the guest called [`HEIR`], those of the first are freed.
pub const HEAPS: [&str; 3] = ["first", "second", "both"];

/// What guest 1 is called.
pub const HEIR: &str = "heir";

/// How many queues each of them has.
pub const QUEUES: u32 = 2;
