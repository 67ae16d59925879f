//! Panics: the partition that runs is given up; else the firmware ends.

use core::panic::PanicInfo;

use crate::console::say;
use crate::machine::Exit;
use crate::sys::machine::{console, privilege};
use crate::sys::partition;

#[panic_handler]
fn panic(panic: &PanicInfo<'_>) -> ! {
    privilege::raise();
    say!("{panic}");
    if partition::runs() && !partition::kernel_is_busy() {
        privilege::abandon();
    }
    console::exit(Exit::Failure)
}
