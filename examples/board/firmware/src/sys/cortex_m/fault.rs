//! Faults and supervisor calls: from the vector to Rust.

use crate::machine::Exit;
use crate::console::say;
use crate::sys::machine::console;

core::arch::global_asm!(
    ".section .text.board_fault,\"ax\",%progbits",
    ".global board_fault",
    ".type board_fault,%function",
    ".thumb_func",
    "board_fault:",
    ".global board_svcall",
    ".type board_svcall,%function",
    ".thumb_func",
    "board_svcall:",
    "tst lr, #4",
    "ite eq",
    "mrseq r0, msp",
    "mrsne r0, psp",
    "mov r1, lr",
    "b board_on_fault",
);

#[unsafe(no_mangle)]
extern "C" fn board_on_fault(frame: *const u32, _exc_return: u32) {
    // SAFETY: CFSR.
    let cfsr = unsafe { (0xE000_ED28 as *const u32).read_volatile() };
    // SAFETY: MMFAR.
    let mmfar = unsafe { (0xE000_ED34 as *const u32).read_volatile() };
    // SAFETY: the stacked pc.
    let pc = unsafe { frame.add(6).read() };
    say!("fault: cfsr {cfsr:#x} mmfar {mmfar:#x} pc {pc:#x}");
    console::exit(Exit::Failure)
}
