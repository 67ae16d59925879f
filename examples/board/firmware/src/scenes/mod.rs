//! The scenes: what the firmware shows, each with a line that says what was seen.

mod bounds;
mod dirty;
mod guests;
mod isolation;
mod list;

use memctl_wasmtime::HostWork;
use wasmtime::Result;

use self::list::Regions;

use crate::console::say;
use crate::report::figure;
use crate::sys::machine::protection::IN_FORCE;
use crate::sys::partition;
use crate::tracking;

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
    isolation::play()?;
    HostWork { begin: partition::kernel_begins, end: partition::kernel_ends }.install();
    if IN_FORCE {
        tracking::install();
    }
    figure("embedded", list::EMBEDDED);
    for scene in list::SCENES {
        if IN_FORCE || scene.regions == Regions::Any {
            guests::play(scene)?;
        }
    }
    Ok(())
}
