//! The threads of the soak.

use std::rc::Rc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use memctl_wasmtime::{Access, Error};

use super::guest::Stop;
use super::player::{Automatic, Player, Turn};
use super::random::Random;
use super::scene::{Alarm, Cut, Kind, Scene, Thing};
use super::stamps;
use super::tally::{End, Halt, Operation, Pulse, Tally};

/// Plays the guests of one thread until it is told to halt, and drops them.
///
/// # Errors
/// What promise was broken.
pub(crate) fn play(
    scene: &Scene,
    guests: u32,
    mut random: Random,
    pulse: &Pulse,
    halt: &Halt,
) -> Result<Tally, String> {
    let mut tally = Tally::default();
    let automatic = Rc::new(stamped(scene, &mut random)?);
    let start = || Player::start(scene, &automatic, pulse).map_err(|error| format!("a guest can't start: {error:#}"));
    let mut players = (0..guests).map(|_| start()).collect::<Result<Vec<_>, _>>()?;
    while !halt.is_called() {
        let index = random.index(players.len(), |_| true).unwrap_or(0);
        if random.once_in(4) {
            scene.cut_file(&mut random);
        }
        let ended = session(&mut players[index], &mut random, &mut tally)?;
        if let Some(end) = ended {
            tally.ends[end as usize] += 1;
            drop(players.swap_remove(index));
            players.push(start()?);
        }
        if scene.kind.has_automatic() {
            settle(scene, &automatic)?;
        }
    }
    tally.ends[End::Dropped as usize] += players.len() as u64;
    Ok(tally)
}

/// Some steps of one guest; how it ended, if it did.
fn session(player: &mut Player<'_>, random: &mut Random, tally: &mut Tally) -> Result<Option<End>, String> {
    let steps = 1 + random.below(80);
    let mut turn = Turn { random, tally };
    let played = (0..steps).try_for_each(|_| player.step(&mut turn)).and_then(|()| {
        // Guests on other threads wait for as long as it takes: who isn't playing holds nothing.
        if player.scene.kind == Kind::Parallel { player.tidy(&mut turn) } else { Ok(()) }
    });
    match played {
        Ok(()) if turn.random.once_in(64) => Ok(Some(End::Dropped)),
        Ok(()) => Ok(None),
        Err(Stop::Ended(end)) => Ok(Some(end)),
        Err(Stop::Trapped(error)) => player.judge(&error).map(Some),
        Err(Stop::Broken(what)) => Err(what),
    }
}

/// The automatic object, if the scene has one, with a first stamp.
fn stamped(scene: &Scene, random: &mut Random) -> Result<Automatic, String> {
    let automatic = Automatic::default();
    if scene.kind.has_automatic() {
        let stamp = stamps::new(random, stamps::SHARED);
        let bytes = stamp.to_le_bytes().repeat(automatic_len(scene) / 8);
        let written = scene.domain.write_object(stamps::AUTOMATIC, 0, &bytes);
        written.map_err(|error| format!("the automatic object can't be written: {error}"))?;
        automatic.stamp.set(stamp);
    }
    Ok(automatic)
}

fn automatic_len(scene: &Scene) -> usize {
    usize::try_from(Thing::Automatic.granules() * scene.layout.granule).unwrap_or(usize::MAX)
}

/// Looks at the automatic object from outside: it holds what the guests left, those that ended included.
fn settle(scene: &Scene, automatic: &Automatic) -> Result<(), String> {
    let mut bytes = vec![0; automatic_len(scene)];
    let read = scene.domain.read_object(stamps::AUTOMATIC, 0, &mut bytes);
    read.map_err(|error| format!("the automatic object can't be read: {error}"))?;
    let found = bytes.first_chunk().map_or(0, |word| u64::from_le_bytes(*word));
    if bytes.chunks(8).any(|word| word != found.to_le_bytes()) {
        return Err("the automatic object holds more than one stamp: a write was torn".to_owned());
    }
    let (stamp, next) = (automatic.stamp.get(), automatic.next.take());
    if found != stamp && Some(found) != next {
        return Err(format!("the automatic object holds {found:#x}, and the guests left {stamp:#x}"));
    }
    automatic.stamp.set(found);
    Ok(())
}

/// Leases as host code does, among the guests, until it is told to halt.
///
/// # Errors
/// What promise was broken.
pub(crate) fn lease(scene: &Scene, mut random: Random, pulse: &Pulse, halt: &Halt) -> Result<Tally, String> {
    let mut tally = Tally::default();
    let mut device = scene.domain.device();
    while !halt.is_called() {
        if random.once_in(64) {
            device = scene.domain.device();
        }
        tally.operations[Operation::Device as usize] += 1;
        pulse.beat(Operation::Device);
        let answer =
            if random.once_in(8) { read_all(scene) } else { lease_once(scene, &device, &mut random, &mut tally) };
        match answer {
            Ok(()) => {}
            Err(Broken::Promise(what)) => return Err(format!("host code: {what}")),
            Err(Broken::Refused(error)) => {
                tally.refused += 1;
                match error {
                    Error::TimedOut { .. } => tally.timed_out += 1,
                    Error::Deadlock { .. } => tally.deadlocks += 1,
                    Error::Busy { .. } | Error::Quota { .. } => {}
                    error => return Err(format!("host code was answered with what can't be: {error}")),
                }
            }
        }
    }
    Ok(tally)
}

/// Why host code didn't get what it wanted.
enum Broken {
    Promise(String),
    Refused(Error),
}

impl From<String> for Broken {
    fn from(what: String) -> Self {
        Self::Promise(what)
    }
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

fn read_all(scene: &Scene) -> Result<(), Broken> {
    let len = Thing::Stamped.granules() * scene.layout.granule;
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
    scene.domain.read_object(stamps::STAMPED, 0, &mut bytes)?;
    stamps::look(&bytes, scene.layout.granule)?;
    Ok(())
}

fn lease_once(
    scene: &Scene,
    device: &memctl_wasmtime::Device,
    random: &mut Random,
    tally: &mut Tally,
) -> Result<(), Broken> {
    let granule = scene.layout.granule;
    let first = random.below(Thing::Stamped.granules());
    let count = 1 + random.below((Thing::Stamped.granules() - first).min(4));
    let range = first * granule..(first + count) * granule;
    let access = random.pick([Access::Read, Access::Write]);
    let mut lease = match random.below(4) {
        0 => device.lease(stamps::STAMPED, range.clone(), access)?,
        1 => device.lease_blocking(stamps::STAMPED, range.clone(), access, Duration::from_micros(50))?,
        _ => device.lease_blocking(stamps::STAMPED, range.clone(), access, Duration::MAX)?,
    };
    let mut bytes = vec![0; usize::try_from(count * granule).unwrap_or(0)];
    lease.read(range.start, &mut bytes)?;
    let mut seen = stamps::look(&bytes, granule)?;
    tally.looks += 1;
    if access == Access::Write || (random.once_in(4) && lease.upgrade().is_ok()) {
        let stamp = stamps::new(random, stamps::SHARED);
        lease.write(range.start, &stamp.to_le_bytes().repeat(bytes.len() / 8))?;
        seen = stamps::sum((0..count).map(|_| stamp));
        if random.once_in(2) {
            lease.downgrade()?;
        }
    }
    lease.read(range.start, &mut bytes)?;
    if stamps::look(&bytes, granule)? != seen {
        return Err(Broken::Promise(format!(
            "bytes {range:?}, which it has a lease on, were changed by somebody else"
        )));
    }
    if random.once_in(2) {
        lease.release()?;
    }
    Ok(())
}

/// Interrupts guests that spin.
pub(crate) fn interrupt(alarms: &Receiver<Alarm>) {
    while let Ok(Alarm::Ring(engine)) = alarms.recv() {
        engine.increment_epoch();
    }
}

/// Cuts files off and makes them longer again.
pub(crate) fn cut(cuts: &Receiver<Cut>) {
    for Cut { file, lengths } in cuts {
        for len in lengths {
            // A full disk makes for fewer faults.
            let _set = file.set_len(len);
        }
    }
}
