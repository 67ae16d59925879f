//! What was done to a module.

use memctl_dwarf::DebugInfo;

/// A module with windows, and what was done to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Linked {
    /// The module.
    pub wasm: Vec<u8>,
    /// What was done.
    pub report: Report,
}

/// What was done to a module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The windows, in the order of their numbers.
    pub windows: Vec<WindowReport>,
    /// Functions that it imported and that are replaced, as `module name`. None: only the host will use the windows.
    pub functions: Vec<String>,
    /// Calls that became plain instructions.
    pub inlined: u64,
    /// Calls that stayed calls: the window's number is known at run time only, or the function is `compare`.
    pub calls: u64,
    /// Numbers in calls that name no window: the call traps.
    pub no_windows: Vec<u32>,
    /// Size before, in bytes.
    pub bytes_before: u64,
    /// Size after, in bytes.
    pub bytes_after: u64,
    /// Custom sections that were left out because they speak of places in the code that are elsewhere now.
    pub left_out: Vec<String>,
    /// What became of debug information.
    pub debug: DebugInfo,
}

/// A window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowReport {
    /// The number by which guest and host know it.
    pub number: u32,
    /// Its number among the module's memories.
    pub memory: u32,
    /// Whether its addresses have 64 bits.
    pub memory64: bool,
    /// Its size in bytes.
    pub bytes: u64,
}
