//! `memctl soak`: many guests on several threads do anything that guests can do, and end in any way that guests can end. What was promised is
//! checked all the while, and what is left at the end is counted.
//!
//! `player` is one guest, `scene` a domain, `workers` are the threads; `census` counts leaks.

mod census;
mod deaths;
mod guest;
mod leases;
mod objects;
mod player;
mod random;
mod report;
mod scene;
mod stamps;
mod tally;
mod touches;
mod workers;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::num::NonZero;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel, sync_channel};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use anyhow::Result;
use memctl_wasmtime::Mode;

use crate::args::{BackendChoice, SoakArgs};
use crate::progress::Progress;
use crate::run::print;
use census::Census;
use random::Random;
pub use report::SoakReport;
use scene::{Helpers, Kind, Scene};
use tally::{Halt, Pulse, Tally};

/// How long a thread may be at one operation. They take microseconds, on a machine with other work milliseconds.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often the threads are looked after.
const TICK: Duration = Duration::from_millis(100);
/// Cuts of files that wait to be made.
const CUTS: usize = 4;

/// Soaks, prints, and gives back the code to exit with: 1 if a promise was broken, or something leaked.
///
/// # Errors
/// It could not be started.
pub fn run(args: &SoakArgs) -> Result<i32> {
    let report = soak(args)?;
    if args.json {
        print(&report.to_json())?;
    } else {
        print(&report.to_text())?;
    }
    if let Some(complaint) = report.complaint() {
        eprintln!("memctl: {complaint}");
        return Ok(1);
    }
    Ok(0)
}

/// Soaks.
///
/// # Errors
/// It could not be started. Broken promises are in the report.
pub fn soak(args: &SoakArgs) -> Result<SoakReport> {
    // Of 32 bits, since people type them.
    let seed = args.seed.unwrap_or_else(|| RandomState::new().build_hasher().finish() >> 32);
    let processors = || thread::available_parallelism().map_or(2, NonZero::get).min(64);
    let threads = args.threads.map_or_else(|| u32::try_from(processors()), Ok)?;
    let time = Duration::from_secs(args.seconds);
    let ((alarm, alarms), (cuts, to_cut)) = (channel(), sync_channel(CUTS));
    let helping = [thread::spawn(move || workers::interrupt(&alarms)), thread::spawn(move || workers::cut(&to_cut))];

    let soak = Soak::new(args, threads, Helpers { alarm, cuts })?;
    let mut random = Random::new(seed);
    // The first round brings the process to its size: threads' stacks, the allocator's arenas, tables that are kept.
    let warm_up = soak.round((time / 10).clamp(Duration::from_millis(200), Duration::from_secs(5)), &mut random, seed);
    let before = Census::take(soak.domains())?;
    let start = Instant::now();
    let played = match warm_up {
        Ok(_) => soak.round(time, &mut random, seed),
        failed => failed,
    };
    if args.forget_a_guest {
        let mut kept = soak.scenes[0].guest()?;
        // With a handle, so that it shows in the usage too.
        let _handle = kept.open(stamps::STAMPED);
        std::mem::forget(kept);
    }
    let took = start.elapsed();
    let after = Census::take(soak.domains())?;
    soak.dismiss_helpers();
    drop(soak);
    for helper in helping {
        // They wait for nothing now, and panicked only if memctl is wrong.
        drop(helper.join());
    }
    let (tally, failure) = match played {
        Ok(tally) => (tally, None),
        Err(what) => (Tally::default(), Some(what)),
    };
    let backend = args.backend.name();
    Ok(SoakReport { backend, seed, threads, guests: args.guests, time: took, tally, failure, before, after })
}

/// The domains, and how many guests play in each.
struct Soak {
    scenes: Vec<Scene>,
    threads: u32,
    /// For each thread.
    guests: u32,
}

/// A thread: which scene it plays in, and as what.
#[derive(Clone, Copy)]
enum Part {
    Guests,
    Host,
}

impl Soak {
    /// One domain whose guests run at the same time, and for each thread one whose guests take turns.
    fn new(args: &SoakArgs, threads: u32, helpers: Helpers) -> Result<Self> {
        let mode = match args.backend {
            BackendChoice::Auto => Mode::Auto,
            BackendChoice::Alias => Mode::Alias,
            BackendChoice::Copy => Mode::Copy,
        };
        let _progress = Progress::spinner("compiling the guests of the soak");
        let guests = (args.guests / (2 * threads)).max(2);
        let mut scenes = vec![Scene::new(Kind::Parallel, mode, guests * threads, helpers.clone())?];
        for _ in 0..threads {
            scenes.push(Scene::new(Kind::Turns, mode, guests, helpers.clone())?);
        }
        Ok(Self { scenes, threads, guests })
    }

    /// A guest that is kept has an alarm too, so that dropping them all would not do.
    fn dismiss_helpers(&self) {
        self.scenes.iter().for_each(Scene::dismiss_alarm);
    }

    fn domains(&self) -> impl Iterator<Item = &memctl_wasmtime::Domain> {
        self.scenes.iter().map(|scene| &scene.domain)
    }

    /// The threads by name.
    fn cast(&self) -> Vec<(Pulse, &Scene, Part)> {
        let (together, in_turns) = self.scenes.split_at(1);
        let mut cast = Vec::new();
        for scene in together {
            for thread in 0..self.threads {
                cast.push((Pulse::new(format!("parallel guests, thread {thread}")), scene, Part::Guests));
            }
            cast.push((Pulse::new("host code with leases".to_owned()), scene, Part::Host));
        }
        for (thread, scene) in in_turns.iter().enumerate() {
            cast.push((Pulse::new(format!("guests in turns, thread {thread}")), scene, Part::Guests));
        }
        cast
    }

    /// Plays for some time; all guests have ended afterwards.
    ///
    /// # Errors
    /// What promise was broken first.
    fn round(&self, time: Duration, random: &mut Random, seed: u64) -> Result<Tally, String> {
        let (cast, halt) = (self.cast(), Halt::default());
        let (ended, ends) = channel();
        thread::scope(|scope| {
            let mut threads = Vec::new();
            for (pulse, scene, part) in &cast {
                let (random, halt, ended) = (Random::new(random.next()), &halt, ended.clone());
                threads.push(scope.spawn(move || {
                    let _tells = Tells { halt, _ended: ended };
                    let played = match part {
                        Part::Guests => workers::play(scene, self.guests, random, pulse, halt),
                        Part::Host => workers::lease(scene, random, pulse, halt),
                    };
                    if played.is_err() {
                        halt.call();
                    }
                    played
                }));
            }
            drop(ended);
            let pulses: Vec<_> = cast.iter().map(|(pulse, ..)| pulse).collect();
            watch(&pulses, &ends, &halt, time, seed);
            join(threads)
        })
    }
}

/// Tells the others that a thread has ended; if it panicked, they end too.
struct Tells<'a> {
    halt: &'a Halt,
    // Dropped with the last thread, it wakes whoever watches.
    _ended: Sender<()>,
}

impl Drop for Tells<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.halt.call();
        }
    }
}

/// Looks after the threads until all of them have ended. One that hangs ends the process: nothing else would.
fn watch(pulses: &[&Pulse], ends: &Receiver<()>, halt: &Halt, time: Duration, seed: u64) {
    let progress = Progress::spinner("soaking");
    let start = Instant::now();
    let mut last: Vec<(u64, Instant)> = pulses.iter().map(|_| (0, start)).collect();
    while ends.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
        if start.elapsed() >= time {
            halt.call();
        }
        let mut total = 0;
        for (pulse, (seen, since)) in pulses.iter().zip(&mut last) {
            let now = pulse.operations();
            total += now;
            if now != *seen {
                (*seen, *since) = (now, Instant::now());
            } else if since.elapsed() >= PATIENCE {
                drop(progress);
                eprintln!(
                    "memctl: hung: \"{}\" has been at \"{}\" for {} s (seed {seed})",
                    pulse.name,
                    pulse.doing(),
                    PATIENCE.as_secs()
                );
                std::process::exit(1);
            }
        }
        progress.say(format!("soaking: {total} operations"));
    }
}

/// What all threads did.
///
/// # Errors
/// What promise was broken.
fn join(threads: Vec<ScopedJoinHandle<'_, Result<Tally, String>>>) -> Result<Tally, String> {
    let mut sum = Tally::default();
    let mut failed = None;
    for thread in threads {
        match thread.join() {
            Ok(Ok(tally)) => sum.add(&tally),
            Ok(Err(what)) => failed = failed.or(Some(what)),
            Err(_) => failed = Some("a thread panicked".to_owned()),
        }
    }
    failed.map_or(Ok(sum), Err)
}
