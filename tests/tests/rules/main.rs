//! The contract's rules as programs see them, the same on every backend.
#![expect(clippy::cast_possible_truncation, reason = "lengths in tests are small")]

mod ends;
mod files;
mod handles;
mod leases;
mod past_end;
mod private;
mod tails;
mod turns;
