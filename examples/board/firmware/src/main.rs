//! The board's firmware: guests of `wasi:memory-control` on a microcontroller.
#![no_std]
#![no_main]

extern crate alloc;

mod bare;
mod console;
mod machine;
mod sys;

use console::say;
use machine::Exit;
use sys::{arena, place, stack};

/// All that the firmware does, from boot to exit.
fn main() -> Exit {
    say!("{} boots, {} bytes of RAM given out", sys::machine::core_name(), place::ram_used().len());
    let outcome = bare::run();
    if let Err(error) = &outcome {
        say!("failed: {error:#}");
    }
    say!("stack: {} of {} bytes used", stack::peak(place::kernel_stack()), place::kernel_stack().len());
    let fill = arena::kernel_fill();
    say!("kernel arena: {} of {} bytes used, {} left", fill.peak, fill.size, fill.now);
    if outcome.is_ok() { Exit::Success } else { Exit::Failure }
}
