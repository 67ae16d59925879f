//! The console and the exit: a 16550 and the test device of QEMU's virt machine. Both are M-mode's alone.

use crate::machine::Exit;

/// A device that no guest may touch: the UART, by its transmit register.
pub(crate) const DEVICE: usize = 0x1000_0000;
const UART: *mut u8 = DEVICE as *mut u8;
/// The test device: a word written ends QEMU.
const FINISHER: *mut u32 = 0x10_0000 as *mut u32;

/// Writes bytes.
pub(crate) fn write(bytes: &[u8]) {
    for &byte in bytes {
        // SAFETY: the machine has a 16550 there, whose transmit register takes a byte at a time; QEMU's never is busy.
        unsafe { UART.write_volatile(byte) };
    }
}

/// Ends QEMU.
pub(crate) fn exit(how: Exit) -> ! {
    let word = match how {
        Exit::Success => 0x5555,
        Exit::Failure => 0x1_3333,
    };
    // SAFETY: the machine has its test device there; this ends it.
    unsafe { FINISHER.write_volatile(word) };
    loop {
        core::hint::spin_loop();
    }
}
