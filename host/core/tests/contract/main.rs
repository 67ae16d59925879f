//! The contract, claim by claim, on a backend of plain vectors that copies, aliases, or does each for some memories.

mod bad_input;
mod begun;
mod common;
mod ends;
mod failures;
mod heaps;
mod leases;
mod lockstep;
mod overlaps;
mod parallel;
mod past_end;
mod program;
mod protection;
mod quotas;
mod snapshots;
mod stale;
mod steps;
mod sync;
mod tails;
mod turns;
mod upgrades;
mod waiting;
