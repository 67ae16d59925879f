//! The board's firmware: guests of `wasi:memory-control` on a microcontroller.
#![no_std]
#![no_main]
#![cfg_attr(not(feature = "partitions"), expect(dead_code, reason = "the bare firmware is a part of the whole"))]

extern crate alloc;

#[cfg(not(feature = "partitions"))]
mod bare;
mod console;
#[cfg(feature = "partitions")]
mod device;
mod engine;
#[cfg(feature = "partitions")]
mod fault;
#[cfg(feature = "memory-control")]
mod functions;
#[cfg(feature = "partitions")]
mod layout;
mod machine;
#[cfg_attr(not(feature = "partitions"), path = "panic_bare.rs")]
mod panic;
#[cfg(feature = "partitions")]
mod probe;
mod report;
#[cfg(feature = "partitions")]
mod scenes;
#[cfg(feature = "partitions")]
mod shown;
mod sys;
#[cfg(feature = "partitions")]
mod tenant;
#[cfg(feature = "partitions")]
mod tracking;
mod wasi;

#[cfg(not(feature = "partitions"))]
use bare as scenes;
use console::say;
use machine::Exit;
use sys::place;

/// All that the firmware does, from boot to exit.
fn main() -> Exit {
    say!("{} boots, {} bytes of RAM given out", sys::machine::core_name(), place::ram_used().len());
    report::end(scenes::run())
}
