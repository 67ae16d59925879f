//! Panics end the bare firmware.

use core::panic::PanicInfo;

use crate::console::say;
use crate::machine::Exit;
use crate::sys::machine::console;

#[panic_handler]
fn panic(panic: &PanicInfo<'_>) -> ! {
    say!("{panic}");
    console::exit(Exit::Failure)
}
