//! Traps: from the vector to a verdict.
//!
//! The privileged architecture (20211203), 3.1.15 (mcause).

use core::arch::asm;

use crate::fault::{Access, By, Fault, Verdict, judge};
use crate::machine::Exit;
use crate::sys::machine::privilege::{self, Gate};
use crate::sys::machine::{console, switch};
use crate::sys::partition;

core::arch::global_asm!(
    ".section .text.board_trap,\"ax\",@progbits",
    ".balign 4",
    ".global board_trap",
    "board_trap:",
    "csrrw sp, mscratch, sp",
    "addi sp, sp, -64",
    "sw ra, 0(sp)",
    "sw t0, 4(sp)",
    "sw t1, 8(sp)",
    "sw t2, 12(sp)",
    "sw a0, 16(sp)",
    "sw a1, 20(sp)",
    "sw a2, 24(sp)",
    "sw a3, 28(sp)",
    "sw a4, 32(sp)",
    "sw a5, 36(sp)",
    "sw a6, 40(sp)",
    "sw a7, 44(sp)",
    "sw t3, 48(sp)",
    "sw t4, 52(sp)",
    "sw t5, 56(sp)",
    "sw t6, 60(sp)",
    "mv a0, sp",
    "call board_on_trap",
    "csrw mepc, a0",
    "lw ra, 0(sp)",
    "lw t0, 4(sp)",
    "lw t1, 8(sp)",
    "lw t2, 12(sp)",
    "lw a0, 16(sp)",
    "lw a1, 20(sp)",
    "lw a2, 24(sp)",
    "lw a3, 28(sp)",
    "lw a4, 32(sp)",
    "lw a5, 36(sp)",
    "lw a6, 40(sp)",
    "lw a7, 44(sp)",
    "lw t3, 48(sp)",
    "lw t4, 52(sp)",
    "lw t5, 56(sp)",
    "lw t6, 60(sp)",
    "addi sp, sp, 64",
    "csrrw sp, mscratch, sp",
    "mret",
);

macro_rules! read {
    ($csr:literal) => {{
        let value: usize;
        // SAFETY: reading this register changes nothing.
        unsafe { asm!(concat!("csrr {0}, ", $csr), out(reg) value, options(nomem, nostack)) };
        value
    }};
}

/// Where a0 is among the saved registers.
const A0: usize = 4;

/// MPP in mstatus: the mode that was interrupted.
const MPP: usize = 0x1800;

/// Where to go on. `saved` is ra and the caller-saved registers of who was interrupted.
#[unsafe(no_mangle)]
extern "C" fn board_on_trap(saved: *mut usize) -> usize {
    let (cause, pc, value, status) = (read!("mcause"), read!("mepc"), read!("mtval"), read!("mstatus"));
    let by = if status & MPP == 0 { By::Unprivileged } else { By::Privileged };
    let access = match cause {
        1 => Access::Execute,
        5 => Access::Load,
        7 => Access::Store,
        8 | 11 => match Gate::of(pc) {
            Some(Gate::Raise) => {
                // SAFETY: the gate was used: machine mode goes on.
                unsafe { asm!("csrs mstatus, {0}", in(reg) MPP, options(nomem, nostack)) };
                // SAFETY: the trap's entry saved a0 there, and the gate is a function that answers in it.
                unsafe { saved.wrapping_add(A0).write(if by == By::Unprivileged { privilege::LOWERED } else { 0 }) };
                return pc + 4;
            }
            Some(Gate::Abandon) if partition::runs() => leap(),
            _ => Access::Gate,
        },
        other => Access::Other(u32::try_from(other).unwrap_or(u32::MAX)),
    };
    let address = match access {
        Access::Load | Access::Store | Access::Execute => Some(value),
        _ => None,
    };
    match judge(Fault { access, address, pc, by }) {
        Verdict::Retry => pc,
        Verdict::Skip if matches!(access, Access::Execute) => {
            // SAFETY: the trap's entry saved ra first.
            unsafe { saved.read() }
        }
        Verdict::Skip => {
            // SAFETY: the instruction was fetched from there.
            let half = unsafe { (pc as *const u16).read() };
            pc + if half & 0b11 == 0b11 { 4 } else { 2 }
        }
        Verdict::GiveUp => leap(),
        Verdict::End => console::exit(Exit::Failure),
    }
}

fn leap() -> ! {
    // SAFETY: the trap handler runs, and a partition, so the pointer is what `board_enter` kept of it.
    unsafe { switch::board_leap(partition::kernel_stack_pointer()) }
}
