//! From the kernel's stack to a partition's and back: by return, or by a leap out of the trap handler.

core::arch::global_asm!(
    ".section .text.board_enter,\"ax\",@progbits",
    ".balign 4",
    ".global board_enter",
    // a0: top of the partition's stack, a1: what to call, a2: its argument, a3: where the kernel's stack pointer is kept.
    "board_enter:",
    "addi sp, sp, -64",
    "sw ra, 0(sp)",
    "sw s0, 4(sp)",
    "sw s1, 8(sp)",
    "sw s2, 12(sp)",
    "sw s3, 16(sp)",
    "sw s4, 20(sp)",
    "sw s5, 24(sp)",
    "sw s6, 28(sp)",
    "sw s7, 32(sp)",
    "sw s8, 36(sp)",
    "sw s9, 40(sp)",
    "sw s10, 44(sp)",
    "sw s11, 48(sp)",
    "sw sp, 0(a3)",
    "mv s0, a3",
    "mv sp, a0",
    "mv a0, a2",
    "jalr a1",
    "lw sp, 0(s0)",
    "li a0, 0",
    "board_left:",
    "lw ra, 0(sp)",
    "lw s0, 4(sp)",
    "lw s1, 8(sp)",
    "lw s2, 12(sp)",
    "lw s3, 16(sp)",
    "lw s4, 20(sp)",
    "lw s5, 24(sp)",
    "lw s6, 28(sp)",
    "lw s7, 32(sp)",
    "lw s8, 36(sp)",
    "lw s9, 40(sp)",
    "lw s10, 44(sp)",
    "lw s11, 48(sp)",
    "addi sp, sp, 64",
    "ret",
    // From the trap handler. a0: the kernel's stack pointer, as board_enter kept it.
    ".global board_leap",
    "board_leap:",
    "mv sp, a0",
    "la t0, board_trap_stack_top",
    "csrw mscratch, t0",
    "la t0, board_left",
    "csrw mepc, t0",
    "li t0, 0x1800",
    "csrs mstatus, t0",
    "li a0, 1",
    "mret",
);

unsafe extern "C" {
    /// Calls `callee(argument)` on another stack. 0 when it returned, 1 after a leap.
    pub(crate) fn board_enter(
        stack_top: usize,
        callee: extern "C" fn(*mut u8),
        argument: *mut u8,
        kernel_stack_pointer: *mut usize,
    ) -> usize;
    /// Ends what [`board_enter`] called. From the trap handler only.
    pub(super) fn board_leap(kernel_stack_pointer: usize) -> !;
}
