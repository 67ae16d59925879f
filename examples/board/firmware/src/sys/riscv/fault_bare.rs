//! Any trap ends the bare firmware, with a line.

use crate::console::say;
use crate::machine::Exit;
use crate::sys::machine::console;

core::arch::global_asm!(
    ".section .text.board_trap,\"ax\",@progbits",
    ".balign 4",
    ".global board_trap",
    "board_trap:",
    "csrrw sp, mscratch, sp",
    "csrr a0, mcause",
    "csrr a1, mepc",
    "csrr a2, mtval",
    "call board_on_trap",
);

#[unsafe(no_mangle)]
extern "C" fn board_on_trap(cause: u32, pc: u32, value: u32) -> ! {
    say!("trap: cause {cause} at {pc:#x}, value {value:#x}");
    console::exit(Exit::Failure)
}
