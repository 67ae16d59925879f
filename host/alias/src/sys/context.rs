//! What the interrupted code was doing, out of the machine context that the kernel hands to a handler.

use std::ffi::c_void;

/// The faulting instruction.
pub(super) struct Access {
    /// Its address.
    pub(super) pc: usize,
    /// Whether it stored, where the processor says so.
    pub(super) write: Option<bool>,
}

/// Reads the context of a SIGSEGV or SIGBUS handler.
///
/// `REG_ERR` holds the page fault's error code, bit 1 of which is set for a write: Intel SDM volume 3, 4.7.
///
/// # Safety
/// `context` is the third argument of a running `SA_SIGINFO` handler.
#[cfg(target_arch = "x86_64")]
pub(super) unsafe fn access(context: *const c_void) -> Access {
    // SAFETY: the caller's promise; the kernel passes a valid `ucontext_t` (sigaction(2)).
    let registers = unsafe { &(*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
    Access {
        pc: usize::try_from(registers[libc::REG_RIP as usize]).unwrap_or(0),
        write: Some(registers[libc::REG_ERR as usize] & 2 != 0),
    }
}

/// Reads the context of a SIGSEGV or SIGBUS handler.
///
/// Behind the registers lie 4096 bytes of records, each a magic number, a size in bytes and a body; that with `ESR_MAGIC` holds the exception syndrome
/// (Linux `arch/arm64/include/uapi/asm/sigcontext.h`), and its bit 6, `WnR`, is set for a write by a data abort (Arm ARM, `ESR_EL1`).
///
/// # Safety
/// `context` is the third argument of a running `SA_SIGINFO` handler.
#[cfg(target_arch = "aarch64")]
pub(super) unsafe fn access(context: *const c_void) -> Access {
    const RECORDS: usize = 4096;
    const ESR_MAGIC: u32 = 0x4553_5201;
    const DATA_ABORT_LOWER_LEVEL: u64 = 0x24;
    // SAFETY: the caller's promise; the kernel passes a valid `ucontext_t` (sigaction(2)).
    let machine = unsafe { &(*context.cast::<libc::ucontext_t>()).uc_mcontext };
    let records = (&raw const *machine).wrapping_add(1).cast::<u8>().wrapping_sub(RECORDS);
    // SAFETY: the records are the last 4096 bytes of the machine context.
    let records = unsafe { std::slice::from_raw_parts(records, RECORDS) };
    let word = |at: usize| records.get(at..at + 4).and_then(|word| word.try_into().ok()).map(u32::from_ne_bytes);
    let mut write = None;
    let mut at = 0;
    while let (Some(magic), Some(size @ 8..)) = (word(at), word(at + 4)) {
        if magic == ESR_MAGIC {
            let syndrome =
                records.get(at + 8..at + 16).and_then(|word| word.try_into().ok()).map_or(0, u64::from_ne_bytes);
            if syndrome >> 26 & 0x3f == DATA_ABORT_LOWER_LEVEL {
                write = Some(syndrome & 1 << 6 != 0);
            }
            break;
        }
        at += size as usize;
    }
    Access { pc: usize::try_from(machine.pc).unwrap_or(0), write }
}
