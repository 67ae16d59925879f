//! One guest with all that it holds, and what it does next.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use memctl_wasmtime::{Access, Code};

use super::deaths::Intent;
use super::guest::{Answer, Guest, Layout, Payload, RESULT, Stop};
use super::random::Random;
use super::scene::{Kind, Scene, Thing};
use super::stamps;
use super::tally::{Operation, Pulse, Tally};

/// The numbers of `types.coherence`, and private.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Automatic,
    Leased,
    Aliasing,
    Private,
}

/// A live mapping.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    pub(crate) mapping: i32,
    pub(crate) thing: Thing,
    pub(crate) way: Way,
    pub(crate) start: u64,
    pub(crate) len: u64,
    pub(crate) held: Option<Held>,
    /// What a snapshot shows, and the tag of its stamps.
    pub(crate) snapshot: Option<(u64, u64)>,
}

/// A live lease.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) lease: i32,
    pub(crate) start: u64,
    pub(crate) len: u64,
    pub(crate) access: Access,
    /// What the leased granules show, if they hold stamps.
    pub(crate) seen: Option<u64>,
}

/// An object of the guest's own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Own {
    pub(crate) handle: Option<i32>,
    pub(crate) size: u64,
}

/// The stamp of an automatic object: what it is, or while a guest stamps it, what it may be too.
#[derive(Debug, Default)]
pub(crate) struct Automatic {
    pub(crate) stamp: Cell<u64>,
    pub(crate) next: Cell<Option<u64>>,
}

/// A guest, and what is known of it.
pub(crate) struct Player<'a> {
    pub(crate) scene: &'a Scene,
    pub(crate) guest: Guest,
    pub(crate) windows: [Option<Window>; Layout::WINDOWS],
    pub(crate) handles: BTreeMap<Thing, i32>,
    pub(crate) own: Option<Own>,
    pub(crate) automatic: Rc<Automatic>,
    /// It has or had a window on a file.
    pub(crate) shows_files: bool,
    pub(crate) intent: Option<Intent>,
    pulse: &'a Pulse,
}

/// What a step draws on and counts in.
pub(crate) struct Turn<'t> {
    pub(crate) random: &'t mut Random,
    pub(crate) tally: &'t mut Tally,
}

/// A claim about an answer.
pub(crate) fn broken<T>(what: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Broken(what.into()))
}

impl<'a> Player<'a> {
    pub(crate) fn start(scene: &'a Scene, automatic: &Rc<Automatic>, pulse: &'a Pulse) -> anyhow::Result<Self> {
        Ok(Self {
            scene,
            guest: scene.guest()?,
            windows: Default::default(),
            handles: BTreeMap::new(),
            own: None,
            automatic: automatic.clone(),
            shows_files: false,
            intent: None,
            pulse,
        })
    }

    /// Does something.
    pub(crate) fn step(&mut self, turn: &mut Turn<'_>) -> Result<(), Stop> {
        if turn.random.once_in(160) {
            return self.end(turn);
        }
        match turn.random.below(64) {
            0..7 => self.map(turn),
            7..10 => self.unmap(turn),
            10..22 => self.acquire(turn),
            22..28 => self.convert(turn),
            28..36 => self.release(turn),
            36..48 => self.touch(turn),
            48..53 => self.sync(turn),
            53..57 => self.objects(turn),
            57..60 => self.cross(turn),
            60..63 => self.query(turn),
            _ => self.map_nonsense(turn),
        }
    }

    pub(crate) fn count(&self, turn: &mut Turn<'_>, operation: Operation) {
        turn.tally.operations[operation as usize] += 1;
        self.pulse.beat(operation);
    }

    /// Checks that a refusal is one of those that the interface names for the call here.
    pub(crate) fn check(
        &self,
        turn: &mut Turn<'_>,
        call: &str,
        answer: Answer,
        possible: &[Code],
    ) -> Result<Answer, Stop> {
        if let Err(code) = answer {
            turn.tally.refused += 1;
            match code {
                Code::TimedOut => turn.tally.timed_out += 1,
                Code::Deadlock => turn.tally.deadlocks += 1,
                _ => {}
            }
            if !possible.contains(&code) {
                return broken(format!("{call} was answered with {code:?}, which can't be; possible: {possible:?}"));
            }
        }
        Ok(answer)
    }

    pub(crate) fn granule(&self) -> u64 {
        self.scene.layout.granule
    }

    /// Looks at granules that hold stamps of this tag; `what` they are, if they don't.
    pub(crate) fn look(
        &mut self,
        turn: &mut Turn<'_>,
        what: &str,
        (start, len): (u64, u64),
        tag: u64,
    ) -> Result<u64, Stop> {
        turn.tally.looks += 1;
        let granule = address(self.granule());
        let seen: i64 = self.guest.call("look", (address(start), address(len), granule, tag.cast_signed()))?;
        let wrong = match seen {
            -1 => "a write was torn",
            -2 => "nobody may have written that there",
            seen => return Ok(seen.cast_unsigned()),
        };
        broken(format!("{what}, {len:#x} bytes at {start:#x}: {wrong}: {}", self.words(start, len).join(", ")))
    }

    /// What is in some bytes of the guest's: each word that differs from the one before, with its address.
    fn words(&self, start: u64, len: u64) -> Vec<String> {
        let mut before = None;
        let mut found = Vec::new();
        for at in (start..start + len).step_by(8) {
            let word = u64::from_le_bytes(self.guest.bytes(usize::try_from(at).unwrap_or(0)));
            if before.replace(word) != Some(word) {
                found.push(format!("{word:#x} at {at:#x}"));
            }
        }
        found
    }

    fn map(&mut self, turn: &mut Turn<'_>) -> Result<(), Stop> {
        let Some(index) = turn.random.index(Layout::WINDOWS, |index| self.windows[index].is_none()) else {
            return self.touch(turn);
        };
        let (thing, way) = self.scene.kind.mapping(turn.random);
        let Some(handle) = self.handle(turn, thing)? else { return Ok(()) };
        let (start, granule) = (self.scene.layout.window(index), self.granule());
        let size = thing.granules();
        let (offset, len) = if thing == Thing::Automatic {
            (0, size * granule)
        } else {
            let offset = turn.random.below(size);
            (offset * granule, (1 + turn.random.below(Layout::LONGEST.min(size - offset))) * granule)
        };
        self.count(turn, Operation::Map);
        self.shows_files |= thing == Thing::File;
        let coherence = if way == Way::Private { turn.random.pick([0, 1, 2]) } else { way as i32 };
        let (sharing, flags) = (i32::from(way == Way::Private), i32::from(turn.random.once_in(4)));
        let (s, l, o) = (start.cast_signed(), len.cast_signed(), offset.cast_signed());
        let params = (0, 0, s, l, handle, o, 2, sharing, coherence, flags, RESULT);
        let answer = self.guest.ask("[static]mapping.map", params, Payload::Handle)?;
        let possible = [Code::Bounds, Code::Overlap, Code::Busy, Code::Quota, Code::Unsupported, Code::Io];
        let Ok(mapping) = self.check(turn, "map", answer, &possible)? else { return Ok(()) };
        if self.scene.kind == Kind::Parallel && matches!(way, Way::Automatic | Way::Aliasing) {
            return broken(format!("guests that run at the same time were given an {way:?} mapping"));
        }
        let mapping = number(mapping);
        self.windows[index] = Some(Window { mapping, thing, way, start, len, held: None, snapshot: None });
        if way == Way::Private && thing.holds_stamps() {
            let seen = self.look(turn, "a new snapshot", (start, len), stamps::SHARED)?;
            if let Some(window) = &mut self.windows[index] {
                window.snapshot = Some((seen, stamps::SHARED));
            }
        }
        Ok(())
    }

    /// Asks for what nobody can have.
    fn map_nonsense(&mut self, turn: &mut Turn<'_>) -> Result<(), Stop> {
        let Some(handle) = self.handle(turn, Thing::Stamped)? else { return Ok(()) };
        self.count(turn, Operation::Map);
        let granule = self.granule().cast_signed();
        let (start, len, offset) = turn.random.pick([
            (-granule, 2 * granule, 0),
            (1 << 40, granule, 0),
            (1, granule, 0),
            (0, 1, 0),
            (0, 0, 0),
            (0, granule, 1),
            (0, granule, 1 << 40),
            (0, i64::MAX - granule + 1, 0),
            (0, -granule, granule),
        ]);
        let params = (0, 0, start, len, handle, offset, 2, 0, 1, 0, RESULT);
        let answer = self.guest.ask("[static]mapping.map", params, Payload::Handle)?;
        let possible = [Code::Alignment, Code::Bounds, Code::Quota];
        match self.check(turn, "map of nonsense", answer, &possible)? {
            Ok(_) => broken(format!("a window of {len:#x} bytes at {start:#x} on offset {offset:#x} was given")),
            Err(_) => Ok(()),
        }
    }

    fn unmap(&mut self, turn: &mut Turn<'_>) -> Result<(), Stop> {
        let Some(index) = turn.random.index(Layout::WINDOWS, |index| self.windows[index].is_some()) else {
            return self.map(turn);
        };
        let Some(window) = self.windows[index].clone() else { return Ok(()) };
        if turn.random.once_in(3) {
            return self.drop_mapping(turn, index);
        }
        self.count(turn, Operation::Unmap);
        let answer = self.part("[method]mapping.unmap", window.mapping, window.start, window.len)?;
        let possible: &[Code] = if window.held.is_some() { &[Code::Busy] } else { &[Code::Io] };
        let answer = self.check(turn, "unmap", answer, possible)?;
        match (answer, window.held) {
            (Ok(_), Some(_)) => return broken("a mapping with a lease was unmapped"),
            (Err(Code::Busy), _) => return Ok(()),
            (Err(_), _) if window.thing != Thing::File => return broken("unmap failed without a medium"),
            _ => {}
        }
        self.windows[index] = None;
        if turn.random.once_in(2) {
            let answer = self.part("[method]mapping.publish", window.mapping, window.start, window.len)?;
            if self.check(turn, "publish", answer, &[Code::Stale])?.is_ok() {
                return broken("a mapping that was unmapped was published");
            }
        }
        self.guest.call::<_, ()>("[resource-drop]mapping", window.mapping)?;
        self.check_gone(turn, &window)
    }

    /// Drops a mapping with all leases on it.
    pub(crate) fn drop_mapping(&mut self, turn: &mut Turn<'_>, index: usize) -> Result<(), Stop> {
        let Some(window) = self.windows[index].take() else { return Ok(()) };
        self.count(turn, Operation::Unmap);
        self.guest.call::<_, ()>("[resource-drop]mapping", window.mapping)?;
        if let Some(held) = window.held {
            // It was revoked with the mapping.
            self.give_back(turn, held, &[Code::Stale]).map(drop)?;
        }
        self.check_gone(turn, &window)
    }

    /// A window is ordinary zeroed memory when its mapping is gone.
    fn check_gone(&mut self, turn: &mut Turn<'_>, window: &Window) -> Result<(), Stop> {
        let zeros = stamps::sum((0..window.len / self.granule()).map(|_| 0));
        if self.look(turn, "a window that was unmapped", (window.start, window.len), stamps::SHARED)? != zeros {
            return broken("a window was not zeroed memory after it was unmapped");
        }
        self.forget_own();
        Ok(())
    }

    /// Publishes, refreshes or syncs.
    fn sync(&mut self, turn: &mut Turn<'_>) -> Result<(), Stop> {
        let Some(index) = turn.random.index(Layout::WINDOWS, |index| self.windows[index].is_some()) else {
            return self.map(turn);
        };
        let Some(window) = self.windows[index].clone() else { return Ok(()) };
        self.count(turn, Operation::Move);
        let call = turn.random.pick([
            "[method]mapping.publish",
            "[method]mapping.publish",
            "[method]mapping.refresh",
            "[method]mapping.refresh",
            "[method]mapping.sync",
        ]);
        let granule = self.granule();
        if turn.random.once_in(8) {
            let answer = self.part(call, window.mapping, window.start + granule, window.len)?;
            return match self.check(turn, call, answer, &[Code::Bounds])? {
                Ok(_) => broken("a part outside of the window was taken for one inside"),
                Err(_) => Ok(()),
            };
        }
        let written = window.held.filter(|held| held.access == Access::Write);
        let (start, len) = match written {
            Some(held) if turn.random.once_in(2) => (held.start, held.len),
            _ => (window.start, window.len),
        };
        let answer = self.part(call, window.mapping, start, len)?;
        let leased = window.way == Way::Leased;
        let under_lease = written.is_some_and(|held| (held.start, held.len) == (start, len));
        let mut possible = vec![Code::Io];
        if !under_lease && window.way != Way::Private {
            possible.push(Code::Busy);
        }
        if leased && !under_lease && call.ends_with("publish") {
            possible.push(Code::Access);
            if answer.is_ok() {
                return broken("a leased window was published without a lease to write it");
            }
        }
        if window.thing != Thing::File && answer == Err(Code::Io) {
            return broken(format!("{call} failed without a medium"));
        }
        self.check(turn, call, answer, &possible).map(drop)
    }

    /// Looks at what the guest is told of itself, or grows its memory.
    fn query(&mut self, turn: &mut Turn<'_>) -> Result<(), Stop> {
        self.count(turn, Operation::Query);
        if turn.random.once_in(8) {
            let _pages_before: i32 = self.guest.call("grow", ())?;
            return Ok(());
        }
        let live = || self.windows.iter().flatten();
        let objects = self.handles.len() as u64 + u64::from(self.own.is_some_and(|own| own.handle.is_some()));
        let held = [
            objects,
            self.own.map_or(0, |own| own.size),
            live().count() as u64,
            live().map(|window| window.len).sum(),
            live().filter(|window| window.held.is_some()).count() as u64,
            0,
        ];
        let (used, limits) = (self.guest.quotas("usage")?, self.guest.quotas("limits")?);
        if used != held {
            return broken(format!("usage says {used:?} to a guest that holds {held:?}"));
        }
        if used.iter().zip(limits).any(|(used, limit)| *used > limit) {
            return broken(format!("usage {used:?} is above the limits {limits:?}"));
        }
        Ok(())
    }

    /// A call with a handle and a part of a window.
    pub(crate) fn part(&mut self, call: &str, handle: i32, start: u64, len: u64) -> Result<Answer, Stop> {
        self.guest.ask(call, (handle, 0, 0, start.cast_signed(), len.cast_signed(), RESULT), Payload::None)
    }
}

/// An address or a length in the guest's memory.
pub(crate) fn address(at: u64) -> i32 {
    number(at)
}

/// A number that came as 32 bits, or fits.
pub(crate) fn number(number: u64) -> i32 {
    u32::try_from(number).expect("a guest's memory has less than 4 GiB").cast_signed()
}
