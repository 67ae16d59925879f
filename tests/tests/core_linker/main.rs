//! Core modules: the functions under their canonical-ABI names, results in memory, and traps where the canonical ABI traps.
#![expect(clippy::cast_possible_truncation, reason = "lengths in tests are small")]

mod calls;
mod command;
mod handles;
mod module;
mod preview1;
