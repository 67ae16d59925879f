//! What a fault was, and what becomes of it.

use core::cell::Cell;

use critical_section::Mutex;

use crate::console::say;
use crate::sys::partition;
use crate::{probe, tracking};

/// What was tried.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Access {
    /// A load.
    #[cfg_attr(target_arch = "arm", expect(dead_code, reason = "Cortex-M does not tell loads from stores"))]
    Load,
    /// A store.
    #[cfg_attr(target_arch = "arm", expect(dead_code, reason = "Cortex-M does not tell loads from stores"))]
    Store,
    /// One of the two: Cortex-M does not say which.
    #[cfg_attr(target_arch = "riscv32", expect(dead_code, reason = "RISC-V does tell loads from stores"))]
    Touch,
    /// A fetch.
    Execute,
    /// Pushing a frame: the stack is full.
    #[cfg_attr(target_arch = "riscv32", expect(dead_code, reason = "traps have a stack of their own there"))]
    Stack,
    /// Raising privilege from elsewhere than the gate.
    Gate,
    /// Something else, with the machine's own word for it.
    Other(u32),
}

/// Who tried.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum By {
    /// A guest, or wasmtime for it.
    Unprivileged,
    /// The kernel, on its own behalf or in a host function.
    Privileged,
    /// A fault's own handling.
    Handler,
}

/// A fault.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    pub(crate) access: Access,
    pub(crate) address: Option<usize>,
    pub(crate) pc: usize,
    pub(crate) by: By,
}

/// What happens next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// The cause was removed: the same instruction again.
    Retry,
    /// The access was a trial: on with the next instruction.
    Skip,
    /// The partition is lost, everything else goes on.
    GiveUp,
    /// The firmware is.
    End,
}

/// Why the last partition was given up.
static LAST: Mutex<Cell<Option<Fault>>> = Mutex::new(Cell::new(None));

/// Takes what the last partition was given up for. None: it gave itself up, by a panic.
pub(crate) fn take_last() -> Option<Fault> {
    critical_section::with(|cs| LAST.borrow(cs).take())
}

/// Decides. Called by the fault's handler.
pub(crate) fn judge(fault: Fault) -> Verdict {
    if fault.by != By::Handler {
        if probe::expected(&fault) {
            return Verdict::Skip;
        }
        if tracking::lift(&fault) {
            return Verdict::Retry;
        }
        // Host code that runs for a guest may have been led astray by it; but not while it changes what all share.
        if partition::runs() && (fault.by == By::Unprivileged || !partition::kernel_is_busy()) {
            critical_section::with(|cs| LAST.borrow(cs).set(Some(fault)));
            return Verdict::GiveUp;
        }
    }
    say!("a fault ends the firmware: {:?} of {:x?} at {:#x}, {:?}", fault.access, fault.address, fault.pc, fault.by);
    Verdict::End
}
