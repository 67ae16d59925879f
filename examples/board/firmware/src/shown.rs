//! Objects outside of the partition that windows of the guest are put onto: its regions follow them.

use core::cell::RefCell;
use core::ops::Range;

use critical_section::Mutex;
use memctl_wasmtime::Membership;
use wasmtime::{Error, Result};

use crate::layout::MOST_SHOWN;
use crate::sys::place;
use crate::tracking;

/// The guest that runs, and where its partition is.
type Running = Option<(Membership, Range<usize>)>;
static RUNNING: Mutex<RefCell<Running>> = Mutex::new(RefCell::new(None));

/// A guest's turn begins.
pub(crate) fn begin(membership: Membership, partition: Range<usize>) {
    critical_section::with(|cs| RUNNING.borrow_ref_mut(cs).replace((membership, partition)));
}

/// It ended.
pub(crate) fn end() -> Option<Membership> {
    critical_section::with(|cs| RUNNING.borrow_ref_mut(cs).take()).map(|(membership, _)| membership)
}

/// Control goes to the guest's code: it reaches what its windows show, and nothing that they don't show any more.
///
/// # Errors
/// The unit has no regions left, or can't draw their bounds.
pub(crate) fn bring_up_to_date() -> Result<()> {
    let mut shown: [Range<usize>; MOST_SHOWN] = [const { 0..0 }; MOST_SHOWN];
    let mut count = 0;
    // Not under the lock, which keeps the gate to privilege shut.
    let running = critical_section::with(|cs| RUNNING.borrow_ref_mut(cs).take());
    if let Some((membership, partition)) = &running {
        let flash = place::flash();
        // Flash is everybody's to read, and nobody's to write.
        membership.in_place(partition, |range| {
            if !flash.contains(&range.start) {
                if let Some(place) = shown.get_mut(count) {
                    *place = range;
                }
                count += 1;
            }
        });
    }
    critical_section::with(|cs| *RUNNING.borrow_ref_mut(cs) = running);
    let shown =
        shown.get(..count).ok_or_else(|| Error::msg("more windows are in place than the firmware has regions for"))?;
    tracking::show(shown).map_err(Error::msg)
}
