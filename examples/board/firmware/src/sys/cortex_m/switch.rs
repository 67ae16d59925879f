//! From the kernel's stack to a partition's and back: by return, or by a leap out of a handler.
//!
//! The kernel runs on the main stack, a partition on the process stack (Armv7-M ARM B1.4.1). While a partition runs, the main stack holds
//! the kernel's registers at its top, and handlers run below them.

use core::arch::global_asm;

#[cfg(target_abi = "eabihf")]
macro_rules! floats {
    ($save_or_restore:literal) => {
        concat!($save_or_restore, " {{s16-s31}}")
    };
}
#[cfg(not(target_abi = "eabihf"))]
macro_rules! floats {
    ($save_or_restore:literal) => {
        ""
    };
}

global_asm!(
    ".section .text.board_enter,\"ax\",%progbits",
    ".global board_enter",
    ".type board_enter,%function",
    ".thumb_func",
    // r0: top of the partition's stack, r1: what to call, r2: its argument, r3: where the kernel's stack pointer is kept.
    "board_enter:",
    "push {{r3-r11, lr}}",
    floats!("vpush"),
    "mov r4, sp",
    "str r4, [r3]",
    "msr psp, r0",
    "mrs r0, control",
    "orr r0, r0, #2",
    "msr control, r0",
    "isb",
    "mov r0, r2",
    "blx r1",
    "mrs r0, control",
    "bic r0, r0, #2",
    "msr control, r0",
    "isb",
    "movs r0, #0",
    ".global board_left",
    ".type board_left,%function",
    ".thumb_func",
    "board_left:",
    floats!("vpop"),
    "pop {{r3-r11, pc}}",
    // From a handler. r0: the kernel's stack pointer, as board_enter kept it. A frame for board_left is laid below it and returned to:
    // thread mode, main stack, no floating-point frame (B1.5.8, EXC_RETURN).
    ".global board_leap",
    ".type board_leap,%function",
    ".thumb_func",
    "board_leap:",
    "sub r0, r0, #32",
    "mov sp, r0",
    "movs r1, #1",
    "str r1, [sp]",
    "ldr r1, =board_left",
    "bic r1, r1, #1",
    "str r1, [sp, #24]",
    "mov r1, #0x01000000",
    "str r1, [sp, #28]",
    "mrs r1, control",
    "bic r1, r1, #7",
    "msr control, r1",
    "isb",
    "ldr lr, =0xFFFFFFF9",
    "bx lr",
    ".ltorg",
);

unsafe extern "C" {
    /// Calls `callee(argument)` on another stack. 0 when it returned, 1 after a leap.
    pub(crate) fn board_enter(
        stack_top: usize,
        callee: extern "C" fn(*mut u8),
        argument: *mut u8,
        kernel_stack_pointer: *mut usize,
    ) -> usize;
    /// Ends what [`board_enter`] called. From a handler only.
    pub(super) fn board_leap(kernel_stack_pointer: usize) -> !;
}
