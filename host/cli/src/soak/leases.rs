//! What a guest does with leases, and what it does under them.

use memctl_wasmtime::{Access, Code};

use super::guest::{Answer, Layout, Payload, RESULT, Stop};
use super::player::{Held, Player, Turn, Way, address, broken, number};
use super::random::Random;
use super::scene::{Kind, Thing};
use super::stamps;
use super::tally::Operation;

/// "As long as it takes."
const FOREVER: i64 = -1;

impl Player<'_> {
    /// How long to wait, in nanoseconds. Guests in turns never wait for long: a guest that is not inside can't give anything back.
    fn timeout(&self, random: &mut Random) -> i64 {
        match self.scene.kind {
            Kind::Parallel => random.pick([0, 20_000, 1_000_000, FOREVER, FOREVER, FOREVER]),
            Kind::Turns => random.pick([0, 1_000, 50_000]),
        }
    }

    fn with_lease(&self, random: &mut Random, fits: impl Fn(&Held) -> bool) -> Option<(usize, Held)> {
        let held = |index: usize| self.windows[index].as_ref().and_then(|window| window.held);
        let index = random.index(Layout::WINDOWS, |index| held(index).is_some_and(|held| fits(&held)))?;
        held(index).map(|held| (index, held))
    }

    pub(crate) fn acquire(&mut self, turn: &mut Turn<'_>) -> Result<(), Stop> {
        let free = |index: usize| {
            self.windows[index].as_ref().is_some_and(|window| window.held.is_none() && window.way == Way::Leased)
        };
        let Some(index) = turn.random.index(Layout::WINDOWS, free) else { return self.touch(turn) };
        let Some(window) = self.windows[index].clone() else { return Ok(()) };
        let (start, len) = self.some_part(turn.random, window.thing, window.start, window.len);
        let access = turn.random.pick([Access::Read, Access::Write]);
        let kind = i32::from(access == Access::Write);
        let (s, l) = (start.cast_signed(), len.cast_signed());
        let mut possible = vec![Code::Busy, Code::Quota];
        if window.thing == Thing::File {
            possible.push(Code::Io);
        }
        let answer = if turn.random.once_in(2) {
            self.count(turn, Operation::Acquire);
            let params = (window.mapping, 0, 0, s, l, kind, RESULT);
            let answer = self.guest.ask("[method]mapping.acquire", params, Payload::Handle)?;
            self.check(turn, "acquire", answer, &possible)?
        } else {
            self.count(turn, Operation::Wait);
            let timeout = self.timeout(turn.random);
            possible.push(Code::Deadlock);
            if timeout != FOREVER {
                possible.push(Code::TimedOut);
            }
            let params = (window.mapping, 0, 0, s, l, kind, timeout, RESULT);
            let answer = self.guest.ask("[method]mapping.acquire-within", params, Payload::Handle)?;
            self.check(turn, "acquire-within", answer, &possible)?
        };
        let Ok(lease) = answer else { return Ok(()) };
        self.set_held(index, Some(Held { lease: number(lease), start, len, access, seen: None }));
        self.look_under_lease(turn, index)?;
        if access == Access::Write { self.stamp_under_lease(turn, index) } else { Ok(()) }
    }

    /// A part of a window: whole granules of what holds stamps, any bytes of anything else.
    fn some_part(&self, random: &mut Random, thing: Thing, start: u64, len: u64) -> (u64, u64) {
        let unit = if thing.holds_stamps() { self.granule() } else { 1 };
        let units = len / unit;
        let first = random.below(units);
        let count = 1 + random.below((units - first).min(if unit == 1 { u64::MAX } else { 4 }));
        (start + first * unit, count * unit)
    }

    fn set_held(&mut self, index: usize, held: Option<Held>) {
        if let Some(window) = &mut self.windows[index] {
            window.held = held;
        }
    }

    /// Looks at what is leased: it is what was seen before under the same lease, if it was seen.
    pub(crate) fn look_under_lease(&mut self, turn: &mut Turn<'_>, index: usize) -> Result<(), Stop> {
        let Some(window) = &self.windows[index] else { return Ok(()) };
        let (Some(held), true) = (window.held, window.thing.holds_stamps()) else { return Ok(()) };
        let seen = self.look(turn, "a leased part", (held.start, held.len), stamps::SHARED)?;
        if held.seen.is_some_and(|before| before != seen) {
            let access = held.access;
            return broken(format!("what is leased to {access:?} at {:#x} was changed by somebody else", held.start));
        }
        self.set_held(index, Some(Held { seen: Some(seen), ..held }));
        Ok(())
    }

    /// Puts a new stamp in all that is leased to write.
    pub(crate) fn stamp_under_lease(&mut self, turn: &mut Turn<'_>, index: usize) -> Result<(), Stop> {
        let Some(window) = &self.windows[index] else { return Ok(()) };
        let (Some(held), true) = (window.held, window.thing.holds_stamps()) else { return Ok(()) };
        let stamp = stamps::new(turn.random, stamps::SHARED);
        self.stamp(turn, held.start, held.len, stamp)?;
        let seen = stamps::sum((0..held.len / self.granule()).map(|_| stamp));
        self.set_held(index, Some(Held { seen: Some(seen), ..held }));
        Ok(())
    }

    pub(crate) fn stamp(&mut self, turn: &mut Turn<'_>, start: u64, len: u64, stamp: u64) -> Result<(), Stop> {
        let (at, bytes, stamp) = (address(start), address(len), stamp.cast_signed());
        if turn.random.once_in(2) {
            self.guest.call::<_, ()>("stamp", (at, bytes, stamp))?;
        } else {
            self.guest.call::<_, ()>("stamp-by-copy", (at, bytes, address(self.granule()), stamp))?;
        }
        Ok(())
    }

    /// Upgrades or downgrades.
    pub(crate) fn convert(&mut self, turn: &mut Turn<'_>) -> Result<(), Stop> {
        let Some((index, held)) = self.with_lease(turn.random, |_| true) else { return self.acquire(turn) };
        self.count(turn, Operation::Convert);
        let medium = self.windows[index].as_ref().is_some_and(|window| window.thing == Thing::File);
        self.look_under_lease(turn, index)?;
        let (access, answer) = if held.access == Access::Read {
            let timeout = self.timeout(turn.random);
            let (s, l) = (held.start.cast_signed(), held.len.cast_signed());
            let params = (held.lease, 0, 0, s, l, timeout, RESULT);
            let answer = self.guest.ask("[method]lease.upgrade", params, Payload::None)?;
            // Guests wait within their quota, too.
            let mut possible = vec![Code::Deadlock, Code::Quota];
            if timeout != FOREVER {
                possible.push(Code::TimedOut);
            }
            (Access::Write, self.check(turn, "upgrade", answer, &possible)?)
        } else {
            let answer = self.part("[method]lease.downgrade", held.lease, held.start, held.len)?;
            let possible: &[Code] = if medium { &[Code::Io] } else { &[] };
            (Access::Read, self.check(turn, "downgrade", answer, possible)?)
        };
        let held = self.windows[index].as_mut().and_then(|window| window.held.as_mut());
        if let Some(held) = held.filter(|_| answer.is_ok() || access == Access::Read) {
            held.access = access;
        }
        self.look_under_lease(turn, index)?;
        if answer.is_ok() && access == Access::Write { self.stamp_under_lease(turn, index) } else { Ok(()) }
    }

    pub(crate) fn release(&mut self, turn: &mut Turn<'_>) -> Result<(), Stop> {
        let Some((index, _)) = self.with_lease(turn.random, |_| true) else { return self.acquire(turn) };
        self.release_of(turn, index)
    }

    fn release_of(&mut self, turn: &mut Turn<'_>, index: usize) -> Result<(), Stop> {
        self.look_under_lease(turn, index)?;
        let Some(held) = self.windows[index].as_mut().and_then(|window| window.held.take()) else { return Ok(()) };
        match turn.random.below(8) {
            0 => {
                self.count(turn, Operation::Release);
                Ok(self.guest.call::<_, ()>("[resource-drop]lease", held.lease)?)
            }
            1 => {
                let wrong = Held { len: held.len + 1, ..held };
                match self.give_back(turn, wrong, &[Code::Bounds])? {
                    Ok(_) => broken("a lease was released for a part that it isn't for"),
                    Err(_) => Ok(()),
                }
            }
            _ => {
                let medium = self.windows[index].as_ref().is_some_and(|window| window.thing == Thing::File);
                let possible: &[Code] = if medium { &[Code::Io] } else { &[] };
                self.give_back(turn, held, possible).map(drop)
            }
        }
    }

    pub(crate) fn give_back(&mut self, turn: &mut Turn<'_>, held: Held, possible: &[Code]) -> Result<Answer, Stop> {
        self.count(turn, Operation::Release);
        let answer = self.part("[static]lease.release", held.lease, held.start, held.len)?;
        if answer.is_ok() && possible == [Code::Stale] {
            return broken("a lease outlived its mapping");
        }
        self.check(turn, "release", answer, possible)
    }

    /// Gives all leases back.
    pub(crate) fn tidy(&mut self, turn: &mut Turn<'_>) -> Result<(), Stop> {
        (0..Layout::WINDOWS).try_for_each(|index| self.release_of(turn, index))
    }
}
