//! Core modules: the functions under their canonical-ABI names, results in memory, and traps where the canonical ABI traps.

mod calls;
mod command;
mod module;
mod preview1;
