//! Dirty tracking: a watched window is read-only; its first store faults, is noted, and goes on.

use core::cell::RefCell;
use core::ops::Range;

use critical_section::Mutex;
use memctl_mpu::Error;
use memctl_wasmtime::DirtyTracking;

use crate::fault::{Access, Fault};
use crate::layout::{Changed, Layout, MOST_PARTS, Part};
use crate::sys::machine::protection::BINDS_PRIVILEGED;
use crate::sys::machine::protection_off;

/// The layout in force, while a partition runs.
static IN_FORCE: Mutex<RefCell<Option<Layout>>> = Mutex::new(RefCell::new(None));

/// Parts of windows whose partitions don't run, and whether stores were seen there.
static RESTING: Mutex<RefCell<Parts>> = Mutex::new(RefCell::new(Parts::NONE));

/// The most parts of all partitions together.
const MOST_RESTING: usize = 4 * MOST_PARTS;

/// The length of a part whose window went.
const GONE: usize = 0;

/// Some parts.
#[derive(Clone, Copy)]
struct Parts {
    parts: [Part; MOST_RESTING],
    count: usize,
}

impl Parts {
    const NONE: Self = Self { parts: [Part { start: 0, len: 0, dirty: false }; MOST_RESTING], count: 0 };

    fn of(layout: &Layout) -> Self {
        let mut parts = Self::NONE;
        layout.parts().iter().for_each(|part| parts.add(*part));
        parts
    }

    fn all(&self) -> &[Part] {
        &self.parts[..self.count]
    }

    /// One that finds no room is forgotten, and taken for dirty.
    fn add(&mut self, part: Part) {
        if let Some(place) = self.parts.get_mut(self.count) {
            *place = part;
            self.count += 1;
        }
    }

    fn retain(&mut self, keep: impl Fn(&Part) -> bool) {
        let before = *self;
        self.count = 0;
        before.all().iter().filter(|part| keep(part)).for_each(|part| self.add(*part));
    }
}

/// Has memory control publish what was stored to only.
pub(crate) fn install() {
    DirtyTracking { in_step, dirty, forget }.install();
}

/// Windows smaller than this are published whole: a fault costs more.
const SMALLEST_WINDOW: usize = 2048;

/// A window, or a part of one, agrees with its object: stores are seen from now on.
fn in_step(window: Range<usize>) {
    let running = with(|layout| {
        if !layout.holds(window.start) {
            return false;
        }
        if layout.parts().iter().any(|part| part.meets(&window)) {
            let dirty = |part: &Part| part.dirty && !part.lies_in(&window);
            layout.mark(dirty);
        } else if layout.parts().is_empty() && window.len() >= SMALLEST_WINDOW {
            // One window of each partition is watched. If the unit has no regions for it, it is published whole.
            if layout.watch(&window).is_ok() {
                layout.load();
            }
        }
        true
    });
    if running != Some(true) {
        critical_section::with(|cs| {
            let mut resting = RESTING.borrow_ref_mut(cs);
            let count = resting.count;
            resting.parts[..count].iter_mut().filter(|part| part.lies_in(&window)).for_each(|part| part.dirty = false);
        });
    }
}

/// Tells what of a window may have been stored to since it agreed with its object.
fn dirty(window: Range<usize>, tell: &mut dyn FnMut(Range<usize>)) {
    // By value: whoever is told may ask for privilege, to which the gate is shut under the lock.
    let running = with(|layout| layout.holds(window.start).then(|| Parts::of(layout))).flatten();
    let mut known = running.unwrap_or_else(|| critical_section::with(|cs| *RESTING.borrow_ref(cs)));
    known.retain(|part| part.meets(&window));
    let count = known.count;
    known.parts[..count].sort_unstable_by_key(|part| part.start);
    let mut from = window.start;
    for part in known.all().iter().filter(|part| !part.dirty) {
        if from < part.start {
            tell(from..part.start);
        }
        from = part.start + part.len;
    }
    if from < window.end {
        tell(from..window.end);
    }
}

/// These bytes are no window any more.
fn forget(window: Range<usize>) {
    let running = with(|layout| {
        let here = layout.holds(window.start);
        if here && layout.parts().iter().any(|part| part.meets(&window)) && layout.unwatch().is_ok() {
            layout.load();
        }
        here
    });
    if running != Some(true) {
        critical_section::with(|cs| {
            let mut resting = RESTING.borrow_ref_mut(cs);
            let count = resting.count;
            resting.parts[..count].iter_mut().filter(|part| part.meets(&window)).for_each(|part| part.len = GONE);
        });
    }
}

/// Host code ran for the guest, and may have stored in its windows: where regions don't bind the host, all of them are taken for dirty.
pub(crate) fn host_may_have_stored() {
    if !BINDS_PRIVILEGED {
        with(|layout| layout.mark(|_| true));
    }
}

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
pub(crate) fn enforce(mut layout: Layout) {
    critical_section::with(|cs| {
        let mut resting = RESTING.borrow_ref_mut(cs);
        let rested = |part: &Part| resting.all().iter().find(|known| known.start == part.start);
        if layout.parts().iter().any(|part| rested(part).is_some_and(|known| known.len == GONE)) {
            // If the unit can't, a region stays that costs a fault and no more: all of it is published.
            let _stays = layout.unwatch();
        } else {
            layout.mark(|part| rested(part).map_or(part.dirty, |known| known.dirty));
        }
        resting.retain(|part| !layout.holds(part.start));
    });
    layout.load();
    critical_section::with(|cs| IN_FORCE.borrow_ref_mut(cs).replace(layout));
}

/// Gives the layout back, as it became. It stays in force.
pub(crate) fn release() -> Option<Layout> {
    let layout = critical_section::with(|cs| IN_FORCE.borrow_ref_mut(cs).take())?;
    critical_section::with(|cs| {
        let mut resting = RESTING.borrow_ref_mut(cs);
        layout.parts().iter().for_each(|part| resting.add(*part));
    });
    Some(layout)
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
