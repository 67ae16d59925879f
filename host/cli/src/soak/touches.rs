//! What a guest does with the bytes of its windows.

use memctl_wasmtime::Access;

use super::guest::{Layout, Stop};
use super::player::{Player, Turn, Way, Window, address, broken};
use super::scene::Thing;
use super::stamps;
use super::tally::Operation;

/// The longest run of bytes that is filled or copied.
const LONGEST: u64 = 5000;

impl Player<'_> {
    /// Touches a window, where it may.
    pub(crate) fn touch(&mut self, turn: &mut Turn<'_>) -> Result<(), Stop> {
        let open = |index: usize| {
            self.windows[index].as_ref().is_some_and(|window| window.way != Way::Leased || window.held.is_some())
        };
        let Some(index) = turn.random.index(Layout::WINDOWS, open) else {
            // There is always the guest's own memory.
            self.count(turn, Operation::Touch);
            let (stage, granule) = (address(self.scene.layout.stage()), address(self.granule()));
            return Ok(self.guest.call::<_, ()>("fill", (stage, granule, 7))?);
        };
        let Some(window) = self.windows[index].clone() else { return Ok(()) };
        self.count(turn, Operation::Touch);
        match (window.thing, window.way, window.held) {
            (Thing::Stamped, Way::Leased, Some(held)) => {
                self.look_under_lease(turn, index)?;
                if held.access == Access::Write { self.stamp_under_lease(turn, index) } else { Ok(()) }
            }
            (Thing::Automatic, Way::Automatic, _) => self.touch_automatic(turn, &window),
            (thing, Way::Private, _) if thing.holds_stamps() => self.touch_snapshot(turn, index, &window),
            _ => self.touch_anything(turn, &window),
        }
    }

    fn touch_automatic(&mut self, turn: &mut Turn<'_>, window: &Window) -> Result<(), Stop> {
        let granules = window.len / self.granule();
        let all = |stamp| stamps::sum((0..granules).map(|_| stamp));
        let before = self.automatic.stamp.get();
        if self.look(turn, "an automatic window", (window.start, window.len), stamps::SHARED)? != all(before) {
            return broken(format!("an automatic window does not show the stamp {before:#x} that was left last"));
        }
        let stamp = stamps::new(turn.random, stamps::SHARED);
        self.automatic.next.set(Some(stamp));
        self.stamp(turn, window.start, window.len, stamp)?;
        self.automatic.next.set(None);
        self.automatic.stamp.set(stamp);
        Ok(())
    }

    fn touch_snapshot(&mut self, turn: &mut Turn<'_>, index: usize, window: &Window) -> Result<(), Stop> {
        let Some((seen, tag)) = window.snapshot else { return Ok(()) };
        if self.look(turn, "a snapshot", (window.start, window.len), tag)? != seen {
            return broken(format!("the snapshot at {:#x} has changed", window.start));
        }
        if turn.random.once_in(2) {
            let stamp = stamps::new(turn.random, stamps::PRIVATE);
            self.stamp(turn, window.start, window.len, stamp)?;
            let sum = stamps::sum((0..window.len / self.granule()).map(|_| stamp));
            if let Some(window) = &mut self.windows[index] {
                window.snapshot = Some((sum, stamps::PRIVATE));
            }
        }
        Ok(())
    }

    /// Loads and stores where nobody looks. A file may be cut off under it at any time.
    fn touch_anything(&mut self, turn: &mut Turn<'_>, window: &Window) -> Result<(), Stop> {
        let (start, len, access) = match window.held {
            Some(held) => (held.start, held.len, held.access),
            None => (window.start, window.len, Access::Write),
        };
        let from = turn.random.below(len);
        let (at, count) = (address(start + from), address((1 + turn.random.below(LONGEST)).min(len - from)));
        let stage = address(self.scene.layout.stage());
        let count_here = count.min(address(self.granule()));
        let guest = &mut self.guest;
        let reads = turn.random.below(3);
        match (access, turn.random.below(7)) {
            (Access::Write, 0) => guest.call::<_, ()>("store", (at, 1))?,
            (Access::Write, 1) => guest.call::<_, ()>("fill", (at, count, 2))?,
            (Access::Write, 2) => guest.call::<_, ()>("copy", (at, stage, count_here))?,
            (Access::Write, 3) => guest.call::<_, ()>("poke", (at, 3))?,
            _ if reads == 0 => drop(guest.call::<_, i32>("load", at)?),
            _ if reads == 1 => guest.call::<_, ()>("copy", (stage, at, count_here))?,
            _ => drop(guest.call::<_, i32>("peek", at)?),
        }
        Ok(())
    }
}
