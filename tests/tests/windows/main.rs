//! Windows that are extra memories: what they show, what is refused, and what can't get in or out.
#![expect(clippy::cast_possible_truncation, reason = "lengths in tests are small")]

mod bound;
mod core_modules;
mod far;
mod forged;
mod isolation;
mod neighbours;
mod protection;
mod refusals;
mod scene;
mod sdk;
