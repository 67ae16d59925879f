//! Privilege, given up and taken back: machine mode and user mode.
//!
//! The privileged architecture (20211203), 3.1.6.1 (MPP) and 3.3.1 (ecall).

use crate::machine::Level;

core::arch::global_asm!(
    ".section .text.board_raise,\"ax\",@progbits",
    ".balign 4",
    ".global board_raise",
    "board_raise:",
    "ecall",
    "ret",
    ".global board_abandon",
    "board_abandon:",
    "ecall",
    "unimp",
);

unsafe extern "C" {
    // Each is one instruction and a return; the handler does the rest.
    safe fn board_raise() -> usize;
    safe fn board_abandon() -> !;
}

/// Takes privilege, and says whether the caller lacked it.
pub(crate) fn raise() -> Level {
    // The handler answers in a0.
    if board_raise() == LOWERED { Level::Lowered } else { Level::Raised }
}

/// What the gate's handler answers to who lacked privilege.
pub(super) const LOWERED: usize = 1;

/// Gives privilege up until [`raise`]. For who has it.
pub(crate) fn lower() {
    if cfg!(feature = "regions-off") {
        return;
    }
    // SAFETY: mret goes on at the label, in user mode; the stack, statics and code in use are in the entries that hold.
    unsafe {
        core::arch::asm!(
            "la {0}, 2f",
            "csrw mepc, {0}",
            "li {0}, 0x1800",
            "csrc mstatus, {0}",
            "mret",
            "2:",
            out(reg) _,
            options(nostack),
        );
    }
}

/// Gives up the partition that runs.
pub(crate) fn abandon() -> ! {
    board_abandon()
}

/// Which gate an ecall came through.
pub(super) enum Gate {
    Raise,
    Abandon,
}

impl Gate {
    pub(super) fn of(pc: usize) -> Option<Self> {
        if pc == (board_raise as *const u8).addr() {
            Some(Self::Raise)
        } else if pc == (board_abandon as *const u8).addr() {
            Some(Self::Abandon)
        } else {
            None
        }
    }
}
