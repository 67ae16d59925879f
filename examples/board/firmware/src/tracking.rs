//! Dirty tracking: a watched window is read-only; its first store faults, is noted, and goes on.

use core::cell::RefCell;
use core::ops::Range;

use critical_section::Mutex;
use memctl_mpu::Error;

use crate::fault::{Access, Fault};
use crate::layout::{Changed, Layout, MOST_PARTS, Part};
use crate::sys::machine::protection_off;

/// The layout in force, while a partition runs.
static IN_FORCE: Mutex<RefCell<Option<Layout>>> = Mutex::new(RefCell::new(None));

/// Gives the partition that runs these objects outside of it, and no others.
///
/// # Errors
/// The unit can't; then it has those that it had.
pub(crate) fn show(objects: &[Range<usize>]) -> Result<(), Error> {
    let show = |layout: &mut Layout| -> Result<(), Error> {
        if layout.show(objects)? == Changed::Yes {
            layout.load();
        }
        Ok(())
    };
    with(show).unwrap_or(Ok(()))
}

/// Puts a partition's layout in force, and takes it.
pub(crate) fn enforce(layout: Layout) {
    layout.load();
    critical_section::with(|cs| IN_FORCE.borrow_ref_mut(cs).replace(layout));
}

/// Gives the layout back, as it became. It stays in force.
pub(crate) fn release() -> Option<Layout> {
    critical_section::with(|cs| IN_FORCE.borrow_ref_mut(cs).take())
}

/// Does something with the layout in force.
fn with<R>(change: impl FnOnce(&mut Layout) -> R) -> Option<R> {
    critical_section::with(|cs| IN_FORCE.borrow_ref_mut(cs).as_mut().map(change))
}

/// Does something with privilege that regions would refuse it.
pub(crate) fn without_regions(change: impl FnOnce()) {
    protection_off();
    change();
    with(|layout| layout.load());
}

/// The parts watched of the partition that runs, and which of them stores were seen in.
pub(crate) fn parts() -> ([Part; MOST_PARTS], usize) {
    with(|layout| {
        let mut parts = [Part { start: 0, len: 0, dirty: false }; MOST_PARTS];
        parts[..layout.parts().len()].copy_from_slice(layout.parts());
        (parts, layout.parts().len())
    })
    .unwrap_or(([Part { start: 0, len: 0, dirty: false }; MOST_PARTS], 0))
}

/// Watches all parts anew: what was stored so far was published.
pub(crate) fn clean() {
    with(Layout::clean);
}

/// Lets a store to a watched part pass. False when the fault is another.
pub(crate) fn lift(fault: &Fault) -> bool {
    // Loads are allowed there, so what touched it was a store.
    match (fault.access, fault.address) {
        (Access::Store | Access::Touch, Some(address)) => with(|layout| layout.lift(address)).unwrap_or(false),
        _ => false,
    }
}
