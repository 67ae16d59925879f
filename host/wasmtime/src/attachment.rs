//! What the host sees of a store: its crossings, and what its engine does when guest code touches a page that it may not.

use wasmtime::Engine;

/// What the host sees of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Attachment {
    /// Nothing.
    None,
    /// Crossings; the engine turns a fault of guest code into a trap.
    Trapping,
    /// Crossings; guest code is interpreted, so that its faults are contained like those of other host code, and trap it at the next crossing.
    Interpreting,
    /// Crossings; the engine doesn't handle signals: a fault of guest code would end the process.
    Signalless,
}

impl Attachment {
    /// What a store of `engine` is like once its crossings are seen.
    pub(crate) fn of(engine: &Engine) -> Self {
        if engine.is_pulley() {
            Self::Interpreting
        } else if engine.get_signals_based_traps() {
            Self::Trapping
        } else {
            Self::Signalless
        }
    }

    pub(crate) fn from_number(number: u8) -> Self {
        [Self::None, Self::Trapping, Self::Interpreting, Self::Signalless]
            .into_iter()
            .nth(number.into())
            .unwrap_or(Self::None)
    }

    /// Whether the host hears when control passes.
    pub(crate) fn sees_crossings(self) -> bool {
        self != Self::None
    }

    /// Whether windows can alias: a page of an object may go, and what its guest then does must not end the process.
    pub(crate) fn survives_faults(self) -> bool {
        matches!(self, Self::Trapping | Self::Interpreting)
    }

    /// Whether guest code that touches a protected page is trapped at once.
    pub(crate) fn traps(self) -> bool {
        self == Self::Trapping
    }
}
