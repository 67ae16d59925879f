//! Single accesses that may fault, and then are passed over.
//!
//! Under `probe` the fault's handler goes on behind a load or a store, and with the caller of a fetch.

use core::arch::asm;
use core::ptr;

use crate::machine::Level;
use crate::sys::machine::privilege;
use crate::tracking;

/// Does something at a level, and comes back to privilege.
fn at(level: Level, access: impl FnOnce()) {
    if level == Level::Lowered {
        privilege::lower();
    }
    access();
    let _level = privilege::raise();
}

/// Loads a byte.
pub(crate) fn load(address: usize, level: Level) {
    at(level, || {
        // SAFETY: the register is dropped; if the load faults, the handler goes on behind it.
        #[cfg(target_arch = "arm")]
        unsafe {
            asm!("ldrb {0}, [{0}]", inout(reg) address => _, options(nostack));
        }
        // SAFETY: as above.
        #[cfg(target_arch = "riscv32")]
        unsafe {
            asm!("lbu {0}, 0({0})", inout(reg) address => _, options(nostack));
        }
    });
}

/// Stores the byte that is there already.
pub(crate) fn store(address: usize, level: Level) {
    // SAFETY: the caller tries memory that is there; with privilege it can be read.
    let byte = u32::from(unsafe { ptr::with_exposed_provenance::<u8>(address).read_volatile() });
    at(level, || {
        // SAFETY: memory stays as it is; if the store faults, the handler goes on behind it.
        #[cfg(target_arch = "arm")]
        unsafe {
            asm!("strb {1}, [{0}]", in(reg) address, in(reg) byte, options(nostack));
        }
        // SAFETY: as above.
        #[cfg(target_arch = "riscv32")]
        unsafe {
            asm!("sb {1}, 0({0})", in(reg) address, in(reg) byte, options(nostack));
        }
    });
}

/// The instruction that returns, and on Cortex-M another one behind it.
#[cfg(target_arch = "arm")]
const RETURN: u32 = 0x4770_4770;
#[cfg(target_arch = "riscv32")]
const RETURN: u32 = 0x0000_8067;

/// Calls a return instruction that is put at an address for so long. The address is a multiple of 4.
pub(crate) fn fetch(address: usize, level: Level) {
    let word: *mut u32 = ptr::with_exposed_provenance_mut(address);
    if address == returns() {
        return at(level, || call(address));
    }
    // SAFETY: the caller tries RAM that is there; nobody else runs.
    let before = unsafe { word.read_volatile() };
    let put = |value: u32| {
        // SAFETY: as above; what was there is put back below, and nothing that runs until then uses it.
        tracking::without_regions(|| unsafe { word.write_volatile(value) });
    };
    put(RETURN);
    at(level, || call(address));
    put(before);
}

fn call(address: usize) {
    // SAFETY: there is a return instruction; if the fetch faults, the handler goes on with the return address.
    #[cfg(target_arch = "arm")]
    unsafe {
        asm!("blx {0}", in(reg) address | 1, out("lr") _);
    }
    // SAFETY: as above.
    #[cfg(target_arch = "riscv32")]
    unsafe {
        asm!("fence.i", "jalr ra, 0({0})", in(reg) address, out("ra") _);
    }
}

/// The address of a return instruction in flash.
pub(crate) fn returns() -> usize {
    extern "C" fn nothing() {}
    (nothing as *const u8).addr() & !1
}

/// Calls the kernel, here and not at its gate.
pub(crate) fn call_the_kernel(level: Level) {
    at(level, || {
        // SAFETY: the handler gives up the partition that does this, or ends the firmware.
        #[cfg(target_arch = "arm")]
        unsafe {
            asm!("svc #0", options(nostack));
        }
        // SAFETY: as above.
        #[cfg(target_arch = "riscv32")]
        unsafe {
            asm!("ecall", options(nostack));
        }
    });
}
