//! The protection unit does what was asked of the planner: at each bound, one byte before and one after.

use wasmtime::{Error, Result, ensure};

use crate::console::say;
use crate::probe;
use crate::sys::machine::protection::available;
use crate::sys::pool::Pool;

/// Plays the scene.
///
/// # Errors
/// An access passed, or faulted, that should not have.
pub(crate) fn play() -> Result<()> {
    let pool = Pool::take().ok_or_else(|| Error::msg("the pool is taken"))?;
    let mut partition = pool.cut::<()>(48 << 10, 16 << 10).map_err(Error::msg)?;
    let window = partition.bytes().end - (8 << 10)..partition.bytes().end - (4 << 10);
    partition.layout().watch(&window).map_err(Error::msg)?;
    let (ranges, count) = partition.layout().ranges();
    let regions = partition.region_count();
    let tally = partition
        .turn(|_| probe::bounds(&ranges[..count]))
        .map_err(|given_up| Error::msg(alloc::format!("a trial was not passed over: {given_up:x?}")))?;
    say!("probe: {count} ranges in {regions} of {} regions", available());
    say!("probe: {} probes, {} as planned", tally.probes, tally.as_planned);
    ensure!(tally.probes == tally.as_planned, "the protection unit does not do what was asked");
    Ok(())
}
