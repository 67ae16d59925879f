//! Any fault ends the bare firmware, with a line.

use crate::console::say;
use crate::machine::Exit;
use crate::sys::machine::console;

core::arch::global_asm!(
    ".section .text.board_fault,\"ax\",%progbits",
    ".global board_fault",
    ".global board_svcall",
    ".type board_fault,%function",
    ".type board_svcall,%function",
    ".thumb_func",
    "board_svcall:",
    ".thumb_func",
    "board_fault:",
    "mov r0, lr",
    "b board_on_fault",
);

#[unsafe(no_mangle)]
extern "C" fn board_on_fault(exc_return: u32) -> ! {
    // SAFETY: CFSR is there on every core; reading changes nothing.
    let status = unsafe { (0xE000_ED28 as *const u32).read_volatile() };
    // SAFETY: as CFSR, MMFAR.
    let address = unsafe { (0xE000_ED34 as *const u32).read_volatile() };
    say!("fault: CFSR {status:#x}, MMFAR {address:#x}, EXC_RETURN {exc_return:#x}");
    console::exit(Exit::Failure)
}
