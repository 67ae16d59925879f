//! From reset to `main`: statics, stack, trap vector.
//!
//! The privileged architecture (20211203), 3.1.7 for mtvec and 3.1.13 for mscratch.

core::arch::global_asm!(
    ".section .vectors,\"ax\",@progbits",
    ".global Reset",
    "Reset:",
    "la sp, _kernel_stack_start",
    "la t0, board_trap",
    "csrw mtvec, t0",
    "la t0, board_trap_stack_top",
    "csrw mscratch, t0",
    "la a0, _zero_start",
    "la a1, _zero_end",
    "1: bgeu a0, a1, 2f",
    "sw zero, 0(a0)",
    "addi a0, a0, 4",
    "j 1b",
    "2: la a0, _kernel_data_start",
    "la a1, _kernel_data_end",
    "la a2, _kernel_data_load",
    "call board_copy_words",
    "la a0, _shared_start",
    "la a1, _shared_data_end",
    "la a2, _shared_data_load",
    "call board_copy_words",
    "call board_main",
    "unimp",
    "board_copy_words:",
    "1: bgeu a0, a1, 2f",
    "lw t0, 0(a2)",
    "sw t0, 0(a0)",
    "addi a0, a0, 4",
    "addi a2, a2, 4",
    "j 1b",
    "2: ret",
    // Traps have a stack of their own, so that one on an overflown stack can still be told.
    ".section .bss.memctl_trap_stack,\"aw\",@nobits",
    ".balign 16",
    ".space 2048",
    "board_trap_stack_top:",
);

/// What must be on before any other code: nothing here.
pub(crate) fn prepare() {}
