//! Privilege, given up and taken back. Thread mode alone: handlers are privileged always.
//!
//! Armv7-M ARM B1.4.4 (CONTROL). Whoever can reach the gate can raise: regions keep guests' mistakes in, and a guest has no way to branch
//! to an address; the gate's check keeps an `svc` elsewhere in flash from being one.

use core::arch::global_asm;

use crate::machine::Level;

global_asm!(
    ".section .text.board_raise,\"ax\",%progbits",
    ".global board_raise",
    ".global board_raised",
    ".type board_raise,%function",
    ".thumb_func",
    "board_raise:",
    "svc #0",
    ".type board_raised,%function",
    ".thumb_func",
    "board_raised:",
    "bx lr",
    ".global board_abandon",
    ".type board_abandon,%function",
    ".thumb_func",
    "board_abandon:",
    "svc #1",
    ".global board_abandoned",
    ".type board_abandoned,%function",
    ".thumb_func",
    "board_abandoned:",
    "udf #0",
);

unsafe extern "C" {
    // Each is one instruction and a return; the handler does the rest.
    safe fn board_raise() -> u32;
    safe fn board_abandon() -> !;
    safe static board_raised: u8;
    safe static board_abandoned: u8;
}

/// Takes privilege, and says whether the caller lacked it.
pub(crate) fn raise() -> Level {
    // The handler answers in r0.
    if board_raise() == LOWERED { Level::Lowered } else { Level::Raised }
}

/// What the gate's handler answers to who lacked privilege.
pub(super) const LOWERED: u32 = 1;

/// Gives privilege up until [`raise`].
pub(crate) fn lower() {
    if cfg!(feature = "regions-off") {
        return;
    }
    // SAFETY: from here on this thread reaches what the regions let it; the stack, statics and code in use are in them. Who calls
    // this has privilege; if not, the write is ignored.
    unsafe {
        core::arch::asm!("mrs {0}, control", "orr {0}, {0}, #1", "msr control, {0}", "isb", out(reg) _, options(nostack));
    }
}

/// Gives up the partition that runs.
pub(crate) fn abandon() -> ! {
    board_abandon()
}

/// Which gate a supervisor call came through, by where it returns to.
pub(super) enum Gate {
    Raise,
    Abandon,
}

impl Gate {
    pub(super) fn of(return_address: usize) -> Option<Self> {
        // The symbols are functions: bit 0 says Thumb.
        let here = |symbol: *const u8| symbol.addr() & !1 == return_address & !1;
        if here(&raw const board_raised) {
            Some(Self::Raise)
        } else if here(&raw const board_abandoned) {
            Some(Self::Abandon)
        } else {
            None
        }
    }
}

/// What thread mode has.
pub(super) fn of_thread() -> Level {
    if cortex_m::register::control::read().npriv().is_privileged() { Level::Raised } else { Level::Lowered }
}

/// Gives thread mode privilege. From a handler.
pub(super) fn grant_to_thread() {
    let mut control = cortex_m::register::control::read();
    control.set_npriv(cortex_m::register::control::Npriv::Privileged);
    // SAFETY: called by the supervisor call's handler after it saw that the gate was used.
    unsafe { cortex_m::register::control::write(control) };
}
