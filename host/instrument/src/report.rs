//! What was done to a module.

use memctl_core::Bounds;
use memctl_dwarf::DebugInfo;

/// The instrumented program, and what was done to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The program.
    pub wasm: Vec<u8>,
    /// What was done.
    pub report: Report,
}

/// What was done, module by module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// One entry for each core module, in the order in which they lie in the file.
    pub modules: Vec<ModuleReport>,
}

/// What was done to a module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModuleReport {
    /// Its name, if its name section has one.
    pub name: Option<String>,
    /// Its memories, imported ones included, without the shields.
    pub memories: Vec<MemoryReport>,
    /// Whether the table in the shield is checked.
    pub table: bool,
    /// Checks of instructions that load, atomic waits included.
    pub loads: Checks,
    /// Checks of instructions that store, atomic read-modify-writes included.
    pub stores: Checks,
    /// Checks of `memory.fill`, `memory.copy` and `memory.init`.
    pub bulk: Checks,
    /// Size before, in bytes.
    pub bytes_before: u64,
    /// Size after, in bytes.
    pub bytes_after: u64,
    /// Custom sections that were left out because they speak of places in the code that are elsewhere now.
    pub left_out: Vec<String>,
    /// What became of debug information.
    pub debug: DebugInfo,
}

/// A memory and what is declared for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryReport {
    /// Whether another module defines it.
    pub imported: bool,
    /// The declared bounds that are checked, rounded.
    pub bounds: Bounds,
}

/// How many checks there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checks {
    /// Instructions that are checked.
    pub put_in: u64,
    /// Instructions that aren't, because what they may touch is known to be allowed: an earlier check says so, or their static offset.
    pub left_out: u64,
}
