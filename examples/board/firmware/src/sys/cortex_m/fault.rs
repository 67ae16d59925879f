//! Faults and supervisor calls: from the vector to a verdict.
//!
//! Armv7-M ARM B1.5.6 (stacking), B3.2.15 (CFSR).

use crate::fault::{Access, By, Fault, Verdict, judge};
use crate::machine::{Exit, Level};
use crate::sys::machine::privilege::{self, Gate};
use crate::sys::machine::{console, switch};
use crate::sys::partition;

core::arch::global_asm!(
    ".macro to_rust name, callee",
    ".section .text.\\name,\"ax\",%progbits",
    ".global \\name",
    ".type \\name,%function",
    ".thumb_func",
    "\\name:",
    "tst lr, #4",
    "ite eq",
    "mrseq r0, msp",
    "mrsne r0, psp",
    "mov r1, lr",
    "b \\callee",
    ".endm",
    "to_rust board_fault, board_on_fault",
    "to_rust board_svcall, board_on_svcall",
    ".purgem to_rust",
);

const CFSR: *mut u32 = 0xE000_ED28 as *mut u32;
const MMFAR: *const u32 = 0xE000_ED34 as *const u32;
const BFAR: *const u32 = 0xE000_ED38 as *const u32;

/// Where the program counter is in a stacked frame, in words, and where the link register.
const PC: usize = 6;
const LR: usize = 5;

/// Bits of CFSR: of MemManage the lowest octet, then BusFault's.
mod cfsr {
    pub(super) const IACCVIOL: u32 = 1;
    pub(super) const DACCVIOL: u32 = 1 << 1;
    pub(super) const MSTKERR: u32 = 1 << 4;
    pub(super) const MMARVALID: u32 = 1 << 7;
    pub(super) const PRECISERR: u32 = 1 << 9;
    pub(super) const STKERR: u32 = 1 << 12;
    pub(super) const BFARVALID: u32 = 1 << 15;
    /// Armv8-M: a stack pointer below its limit.
    pub(super) const STKOF: u32 = 1 << 20;
}

/// Reads and clears what the last fault was.
fn status() -> (u32, Option<usize>) {
    // SAFETY: CFSR is there on every core.
    let status = unsafe { CFSR.read_volatile() };
    let address = if status & cfsr::MMARVALID != 0 {
        // SAFETY: MMFAR, valid as CFSR says.
        Some(unsafe { MMFAR.read_volatile() } as usize)
    } else if status & cfsr::BFARVALID != 0 {
        // SAFETY: BFAR, valid as CFSR says.
        Some(unsafe { BFAR.read_volatile() } as usize)
    } else {
        None
    };
    // SAFETY: a bit written as one is cleared.
    unsafe { CFSR.write_volatile(status) };
    (status, address)
}

#[unsafe(no_mangle)]
extern "C" fn board_on_fault(frame: *mut u32, exc_return: u32) {
    let (status, address) = status();
    let stacked = status & (cfsr::MSTKERR | cfsr::STKERR | cfsr::STKOF) == 0;
    let (access, address) = if !stacked {
        (Access::Stack, Some(frame.addr()))
    } else if status & cfsr::IACCVIOL != 0 {
        (Access::Execute, Some(word(frame, PC)))
    } else if status & (cfsr::DACCVIOL | cfsr::PRECISERR) != 0 {
        (Access::Touch, address)
    } else {
        (Access::Other(status), address)
    };
    let by = match (exc_return & 0b1000 != 0, privilege::of_thread()) {
        (false, _) => By::Handler,
        (true, Level::Raised) => By::Privileged,
        (true, Level::Lowered) => By::Unprivileged,
    };
    let pc = if stacked { word(frame, PC) } else { 0 };
    match judge(Fault { access, address, pc, by }) {
        Verdict::Retry => {}
        Verdict::Skip => skip(frame, access),
        Verdict::GiveUp => leap(),
        Verdict::End => console::exit(Exit::Failure),
    }
}

#[unsafe(no_mangle)]
extern "C" fn board_on_svcall(frame: *mut u32, exc_return: u32) {
    let pc = word(frame, PC);
    // Only thread mode comes here: a handler's svc would be a HardFault.
    let lowered = privilege::of_thread() == Level::Lowered;
    let by = if lowered { By::Unprivileged } else { By::Privileged };
    match Gate::of(pc) {
        Some(Gate::Raise) => {
            privilege::grant_to_thread();
            // SAFETY: as for `word`; r0 is the first, and the gate is a function that answers in it.
            unsafe { frame.write(if lowered { privilege::LOWERED } else { 0 }) };
        }
        Some(Gate::Abandon) if partition::runs() && exc_return & 0b100 != 0 => leap(),
        _ => match judge(Fault { access: Access::Gate, address: None, pc, by }) {
            Verdict::GiveUp => leap(),
            _ => console::exit(Exit::Failure),
        },
    }
}

fn leap() -> ! {
    // SAFETY: a handler runs, and a partition, so the pointer is what `board_enter` kept of it.
    unsafe { switch::board_leap(partition::kernel_stack_pointer()) }
}

/// A word of a frame.
fn word(frame: *const u32, at: usize) -> usize {
    // SAFETY: the caller saw that the core stacked the frame, which has eight words.
    unsafe { frame.wrapping_add(at).read() as usize }
}

/// Moves the frame's program counter past what faulted: for a data access the instruction, for a fetch the call that led there.
fn skip(frame: *mut u32, access: Access) {
    let next = if matches!(access, Access::Execute) {
        word(frame, LR) & !1
    } else {
        let pc = word(frame, PC);
        // SAFETY: the instruction was fetched from there.
        let half = unsafe { (pc as *const u16).read() };
        // A5.1: these lead a 32-bit instruction.
        pc + if half >> 11 >= 0b11101 { 4 } else { 2 }
    };
    // SAFETY: as for `word`.
    unsafe { frame.wrapping_add(PC).write(u32::try_from(next).unwrap_or(0)) };
}
