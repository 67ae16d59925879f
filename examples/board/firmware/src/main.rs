//! The board's firmware: guests of `wasi:memory-control` on a microcontroller.
#![no_std]
#![no_main]

extern crate alloc;

#[cfg(not(feature = "partitions"))]
mod bare;
mod console;
mod engine;
#[cfg(feature = "partitions")]
mod fault;
#[cfg(feature = "partitions")]
mod layout;
mod machine;
#[cfg_attr(not(feature = "partitions"), path = "panic_bare.rs")]
mod panic;
#[cfg(feature = "partitions")]
mod probe;
#[cfg(feature = "partitions")]
mod scenes;
mod sys;
#[cfg(feature = "partitions")]
mod tracking;

#[cfg(not(feature = "partitions"))]
use bare as scenes;
use console::say;
use machine::Exit;
use sys::{arena, place, stack};

/// All that the firmware does, from boot to exit.
fn main() -> Exit {
    say!("{} boots, {} bytes of RAM given out", sys::machine::core_name(), place::ram_used().len());
    let outcome = scenes::run();
    if let Err(error) = &outcome {
        say!("failed: {error:#}");
    }
    say!("stack: {} of {} bytes used", stack::peak(place::kernel_stack()), place::kernel_stack().len());
    let fill = arena::kernel_fill();
    say!("kernel arena: {} of {} bytes used, {} left", fill.peak, fill.size, fill.now);
    if outcome.is_ok() { Exit::Success } else { Exit::Failure }
}
