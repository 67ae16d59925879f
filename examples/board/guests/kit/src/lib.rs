//! What the guests for boards share: lines on stdout, an allocator that fits, and the export of `wasi:cli/run`.
//!
//! ```ignore
//! #![no_std]
//!
//! board_guest::command!(run);
//!
//! /// Called once in each turn.
//! fn run() -> memctl_guest::Result<()> {
//!     board_guest::say!("hello ", 3_u64, " times");
//!     Ok(())
//! }
//! ```

#![no_std]

pub mod generated;
mod line;
mod sys;

pub use generated::{export, exports::wasi::cli::run::Guest};
pub use line::{Line, Part};
pub use sys::Kept;

/// Prints a line of texts, bytes and numbers, by one call to the host: `say!("it has ", len, " bytes")`.
#[macro_export]
macro_rules! say {
    ($($part:expr),+ $(,)?) => {{
        let mut line = $crate::Line::new();
        $($crate::Part::add_to($part, &mut line);)+
        line.print()
    }};
}

/// Makes a command of a function, which is called once in each turn. Its error is printed, and fails the turn.
#[macro_export]
macro_rules! command {
    ($run:path) => {
        struct Command;

        impl $crate::Guest for Command {
            fn run() -> Result<(), ()> {
                $run().map_err(|error| $crate::say!("failed: ", error))
            }
        }

        $crate::export!(Command with_types_in $crate::generated);
    };
}

#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn panicked(_: &core::panic::PanicInfo<'_>) -> ! {
    // What it would say takes as much room as all else that these guests say. A host with a backtrace shows where.
    core::arch::wasm32::unreachable()
}
