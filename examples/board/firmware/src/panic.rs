//! Panics: the partition that runs is given up; else the firmware ends.

use core::panic::PanicInfo;

use crate::console::say;
use crate::machine::Exit;
use crate::sys::machine::{console, privilege};
use crate::sys::partition;

#[panic_handler]
fn panic(panic: &PanicInfo<'_>) -> ! {
    let _level = privilege::raise();
    match panic.location() {
        Some(at) => say!("panic in {}:{}: {}", at.file(), at.line(), panic.message()),
        None => say!("panic: {}", panic.message()),
    }
    if partition::runs() && !partition::kernel_is_busy() {
        privilege::abandon();
    }
    console::exit(Exit::Failure)
}
