//! Panics end the bare firmware.

use core::panic::PanicInfo;

use crate::console::say;
use crate::machine::Exit;
use crate::sys::machine::console;

#[panic_handler]
fn panic(panic: &PanicInfo<'_>) -> ! {
    match panic.location() {
        Some(at) => say!("panic in {}:{}: {}", at.file(), at.line(), panic.message()),
        None => say!("panic: {}", panic.message()),
    }
    console::exit(Exit::Failure)
}
