//! From reset to `main`: vectors, statics, stack.
//!
//! By hand, and not by cortex-m-rt, because statics lie in two places (the kernel's and those that partitions share, see
//! `link/sections.ld`) and because the fault and SVC entries need the stacked frame in any case.
//!
//! Armv7-M ARM (DDI 0403E) B1.5.3 for the vector table, B1.5.5 for reset.

core::arch::global_asm!(
    ".section .vectors,\"a\",%progbits",
    ".word _kernel_stack_start",
    ".word Reset",
    ".word board_fault", // NMI
    ".word board_fault", // HardFault
    ".word board_fault", // MemManage
    ".word board_fault", // BusFault
    ".word board_fault", // UsageFault
    ".word board_fault", // SecureFault
    ".word 0, 0, 0",
    ".word board_svcall",   // SVCall
    ".word board_fault, 0", // DebugMonitor
    ".word board_fault",    // PendSV
    ".word board_fault",    // SysTick
    ".rept 96",
    ".word board_fault", // a device's interrupt: none is enabled
    ".endr",
    // `bl` and `b` reach all of flash; the labels are this file's or the linker script's.
    ".section .text.Reset,\"ax\",%progbits",
    ".global Reset",
    ".type Reset,%function",
    ".thumb_func",
    "Reset:",
    "ldr r0, =_zero_start",
    "ldr r1, =_zero_end",
    "movs r2, #0",
    "1: cmp r0, r1",
    "bhs 2f",
    "str r2, [r0], #4",
    "b 1b",
    "2: ldr r0, =_kernel_data_start",
    "ldr r1, =_kernel_data_end",
    "ldr r2, =_kernel_data_load",
    "bl board_copy_words",
    "ldr r0, =_shared_start",
    "ldr r1, =_shared_data_end",
    "ldr r2, =_shared_data_load",
    "bl board_copy_words",
    "bl board_main",
    "udf #0",
    ".type board_copy_words,%function",
    ".thumb_func",
    "board_copy_words:",
    "1: cmp r0, r1",
    "bhs 2f",
    "ldr r3, [r2], #4",
    "str r3, [r0], #4",
    "b 1b",
    "2: bx lr",
    ".ltorg",
);

/// What must be on before any other code: the FPU where code uses it, and each fault's own handler.
pub(crate) fn prepare() {
    const CPACR: *mut u32 = 0xE000_ED88 as *mut u32;
    const FPCCR: *mut u32 = 0xE000_EF34 as *mut u32;
    const SHCSR: *mut u32 = 0xE000_ED24 as *mut u32;
    const FAULTS: u32 = 0b111 << 16;
    if cfg!(target_abi = "eabihf") {
        // SAFETY: CPACR is at this address on every core with an FPU (B3.2.20); full access to CP10 and CP11.
        unsafe { CPACR.write_volatile(0xF << 20) };
        cortex_m::asm::dsb();
        cortex_m::asm::isb();
        // SAFETY: FPCCR (B3.2.21). ASPEN alone: floating-point registers are stacked at once, so that a fault is the access's own
        // and never one of a stacking that was put off.
        unsafe { FPCCR.write_volatile(1 << 31) };
    }
    // SAFETY: SHCSR (B3.2.13) is there on every core; this enables MemManage, BusFault and UsageFault.
    unsafe { SHCSR.write_volatile(FAULTS) };
}
