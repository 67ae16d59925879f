//! Words that both architectures' machine layers share.

/// How the firmware ends, as the exit code of QEMU.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exit {
    /// All that was promised was seen.
    Success,
    /// Something was not; a line above says what.
    Failure,
}

/// Whether code has privilege.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Level {
    /// A guest's code, or wasmtime's for it.
    Lowered,
    /// The kernel's.
    Raised,
}
