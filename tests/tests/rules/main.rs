//! The contract's rules as programs see them, the same on every backend.

mod ends;
mod files;
mod handles;
mod leases;
mod private;
mod tails;
mod turns;
