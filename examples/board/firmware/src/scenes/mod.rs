//! The scenes: what the firmware shows, each with a line that says what was seen.

mod bounds;
mod dirty;
mod isolation;

use wasmtime::Result;

use crate::console::say;
use crate::sys::machine::protection::IN_FORCE;

/// Plays all scenes.
///
/// # Errors
/// The first thing that was promised and not seen.
pub(crate) fn run() -> Result<()> {
    if IN_FORCE {
        bounds::play()?;
        dirty::play()?;
    } else {
        say!("regions are off: a guest's stray store is not caught, and windows are published whole");
    }
    isolation::play()
}
