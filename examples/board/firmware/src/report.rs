//! Figures for whoever runs the firmware: `board: figure NAME NUMBER`, in bytes.

use crate::console::say;
use crate::machine::Exit;
use crate::sys::{arena, place, stack};

/// Prints a figure.
pub(crate) fn figure(name: &str, bytes: usize) {
    say!("figure {name} {bytes}");
}

/// Prints what the whole run took, and whether it ended well.
pub(crate) fn end(outcome: wasmtime::Result<()>) -> Exit {
    let stack_peak = stack::peak(place::kernel_stack());
    let arena = arena::kernel_fill();
    figure("stack", place::kernel_stack().len());
    figure("stack-peak", stack_peak);
    figure("kernel-arena", arena.size);
    figure("kernel-arena-peak", arena.peak);
    figure("kernel-arena-left", arena.now);
    figure("ram-static", place::kernel_statics().len() + place::shared_statics().len() - arena.size);
    figure("strays", arena::strays());
    let outcome = outcome.and_then(|()| {
        wasmtime::ensure!(stack_peak < place::kernel_stack().len(), "the kernel's stack overflowed");
        wasmtime::ensure!(arena::strays() == 0, "blocks were freed while their partition did not run");
        Ok(())
    });
    match outcome {
        Ok(()) => {
            say!("done");
            Exit::Success
        }
        Err(error) => {
            say!("failed: {error:#}");
            Exit::Failure
        }
    }
}
