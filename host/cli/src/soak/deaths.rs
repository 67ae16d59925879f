//! How a guest of the soak ends, and whether it ended for the reason it should have.

use memctl_wasmtime::{Code, FaultKind, Violation};
use wasmtime::Trap;

use super::guest::{Layout, RESULT, Stop};
use super::player::{Player, Turn, Way, address, broken};
use super::scene::Kind;
use super::tally::{End, Operation};

/// Why the guest is about to be trapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Intent {
    Crash,
    BadHandle,
    BadPlace,
    Spin,
    /// It touches bytes of a leased window that it has no lease on.
    Outside {
        start: u64,
        len: u64,
    },
}

/// What is put where nobody may.
const GARBAGE: i32 = 0xde;

impl Player<'_> {
    /// Ends the guest in some way, whatever it holds.
    pub(crate) fn end(&mut self, turn: &mut Turn<'_>) -> Result<(), Stop> {
        let far = (Layout::LONGEST * self.granule()).cast_signed();
        match turn.random.below(16) {
            0..3 => Err(Stop::Ended(End::Dropped)),
            3..5 => self.end_context(turn),
            5..7 => self.fatal(turn, Intent::Crash, |player| player.guest.call("crash", ())),
            7 => self.fatal(turn, Intent::BadHandle, |player| player.guest.call("[resource-drop]mapping", 4711)),
            8 => self.fatal(turn, Intent::BadHandle, |player| player.guest.call("[resource-drop]lease", 0)),
            9 => self.fatal(turn, Intent::BadPlace, |player| {
                player.guest.call("[static]object.anonymous", (far, RESULT + 1))
            }),
            10 => self.fatal(turn, Intent::BadPlace, |player| player.guest.call("usage", -8)),
            11 => self.fatal(turn, Intent::Spin, |player| player.guest.spin()),
            _ => self.outside(turn),
        }
    }

    fn fatal(
        &mut self,
        turn: &mut Turn<'_>,
        intent: Intent,
        act: impl FnOnce(&mut Self) -> wasmtime::Result<()>,
    ) -> Result<(), Stop> {
        self.count(turn, Operation::Query);
        self.intent = Some(intent);
        act(self)?;
        broken(format!("{intent:?} did not trap the guest"))
    }

    /// Ends the context in the middle of a call: what the guest asks for afterwards is stale.
    fn end_context(&mut self, turn: &mut Turn<'_>) -> Result<(), Stop> {
        self.count(turn, Operation::Query);
        self.guest.call::<_, ()>("end", ())?;
        let answer = self.guest.open(super::stamps::STAMPED)?;
        let mut stale = self.check(turn, "open after the end", answer, &[Code::Stale])?.is_err();
        if let Some(window) = self.windows.iter().flatten().next().cloned() {
            let answer = self.part("[method]mapping.refresh", window.mapping, window.start, window.len)?;
            stale &= self.check(turn, "refresh after the end", answer, &[Code::Stale])?.is_err();
        }
        if stale {
            Err(Stop::Ended(End::Ended))
        } else {
            broken("a guest whose context was ended still has a part in it")
        }
    }

    /// Touches a granule of a leased window that the guest has no lease on. Where windows are copied that is not noticed, and nobody else sees it.
    fn outside(&mut self, turn: &mut Turn<'_>) -> Result<(), Stop> {
        let granule = self.granule();
        let mut granules = Vec::new();
        for (index, window) in self.windows.iter().enumerate() {
            let Some(window) = window.as_ref().filter(|window| window.way == Way::Leased) else { continue };
            let leased = window.held.map_or(0..0, |held| held.start / granule * granule..held.start + held.len);
            let all = (window.start..window.start + window.len).step_by(usize::try_from(granule).unwrap_or(usize::MAX));
            granules.extend(all.filter(|start| !leased.contains(start)).map(|start| (index, start)));
        }
        let chosen = turn.random.index(granules.len(), |_| true).and_then(|index| granules.get(index).copied());
        // Guests in turns are not kept to their leases: nothing would be touched at the same time.
        let (Some((index, start)), Kind::Parallel) = (chosen, self.scene.kind) else {
            return Err(Stop::Ended(End::Dropped));
        };
        self.count(turn, Operation::Touch);
        self.intent = Some(Intent::Outside { start, len: granule });
        let at = address(start + turn.random.below(granule / 8) * 8);
        let (from, to, len) = (address(self.scene.layout.stage()), address(start), address(granule));
        match turn.random.below(7) {
            0 => self.guest.call::<_, ()>("store", (at, GARBAGE))?,
            1 => self.guest.call::<_, ()>("fill", (to, len, GARBAGE))?,
            2 => self.guest.call::<_, ()>("copy", (to, from, len))?,
            3 => self.guest.call::<_, ()>("poke", (at, GARBAGE))?,
            4 => drop(self.guest.call::<_, i32>("load", at)?),
            5 => drop(self.guest.call::<_, i32>("peek", at)?),
            // Host code that puts a result there.
            _ => self.guest.call::<_, ()>("usage", to)?,
        }
        self.intent = None;
        if self.scene.guarded {
            return broken(format!(
                "a leased window was touched at {at:#x} outside its leases, and nobody was trapped"
            ));
        }
        // What it stored there is its own affair until it has a lease on it, and then it would be its to publish.
        self.drop_mapping(turn, index)
    }

    /// Why the guest was trapped.
    ///
    /// # Errors
    /// It should not have been.
    pub(crate) fn judge(&self, error: &wasmtime::Error) -> Result<End, String> {
        let (fault, trap) = (self.guest.context().last_fault(), error.downcast_ref::<Trap>());
        let violation = error.downcast_ref::<Violation>();
        let cause = match violation {
            Some(Violation::Fault(cause)) => Some(*cause),
            _ => fault,
        };
        let says = |words: &str| error.chain().any(|link| link.to_string().contains(words));
        match self.intent {
            Some(Intent::Crash) if trap == Some(&Trap::UnreachableCodeReached) => return Ok(End::Trapped),
            Some(Intent::BadHandle) if says("unknown handle") => return Ok(End::Trapped),
            Some(Intent::BadPlace) if says("not aligned") || says("not in the module's memory") => {
                return Ok(End::Trapped);
            }
            Some(Intent::Spin) if trap == Some(&Trap::Interrupt) => return Ok(End::Interrupted),
            Some(Intent::Outside { start, len }) => {
                let there = cause.filter(|cause| (start..start + len).contains(&cause.address));
                if self.scene.guarded && there.is_some_and(|cause| cause.kind == FaultKind::Protection) {
                    return Ok(End::Outside);
                }
            }
            _ => {}
        }
        let vanished = cause.is_some_and(|cause| cause.kind == FaultKind::Vanished);
        if self.shows_files && (vanished || matches!(violation, Some(Violation::Refresh(_)))) {
            return Ok(End::Vanished);
        }
        let chain: Vec<String> = error.chain().map(ToString::to_string).collect();
        Err(format!(
            "a guest was trapped that should not have been (intent: {:?}, its last fault: {fault:?}): {}; its windows: {:?}",
            self.intent,
            chain.join(": "),
            self.windows.iter().flatten().collect::<Vec<_>>()
        ))
    }
}
