//! The scenes: what the firmware shows, each with a line that says what was seen.

mod isolation;

use wasmtime::Result;

/// Plays all scenes.
///
/// # Errors
/// The first thing that was promised and not seen.
pub(crate) fn run() -> Result<()> {
    isolation::play()
}
