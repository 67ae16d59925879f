//! `cargo xtask board`: the same components on Linux and on microcontrollers that QEMU plays.

mod budget;
mod emulator;
mod firmware;
mod guests;
mod linux;
mod machine;
mod pattern;
mod scenes;
mod transcript;
mod verdict;
mod voice;

use anyhow::{Result, bail};
use clap::Args;
use serde_json::{Value, json};

use self::budget::Budget;
use self::firmware::{Firmware, Variant};
use self::guests::Built;
use self::linux::Printed;
use self::machine::Machine;
use self::scenes::Scenes;
use self::verdict::Verdict;
use self::voice::Voice;
use crate::host::{self, Tool};
use crate::setup;
use crate::shell::Shell;
use crate::steps::{Outcome, Tally};

pub(crate) use self::firmware::MANIFEST as FIRMWARE;
pub(crate) use self::guests::MANIFEST as GUESTS;

/// What is shown, and what must be seen.
const SCENES: &str = "examples/board/scenes.toml";

/// Features of the firmware that break it, each in a way that must be found.
const MUTATIONS: [(&str, &str); 3] = [
    ("mutate-publish", "what a guest wrote is not published"),
    ("mutate-regions", "two regions are swapped"),
    ("mutate-revocation", "the leases of a guest that is gone are not revoked"),
];

/// What to run.
#[derive(Args)]
pub(crate) struct Board {
    /// Only this machine; may be repeated.
    #[arg(long = "machine", value_enum, value_name = "MACHINE")]
    machines: Vec<Machine>,
    /// Break the firmware in three ways instead, and see that each is found. On an505, unless a machine is named.
    #[arg(long)]
    mutate: bool,
    /// Print JSON on stdout, and nothing else.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(shell: &Shell, board: &Board) -> Result<()> {
    let voice = if board.json { Voice::Quiet } else { Voice::Aloud };
    let machines = match (&board.machines[..], board.mutate) {
        ([], false) => &Machine::ALL,
        ([], true) => &[Machine::An505][..],
        (named, _) => named,
    };
    let stage = Stage::set(shell, voice, machines)?;
    let shown = if board.mutate { stage.mutations(machines)? } else { stage.machines(machines)? };
    if board.json {
        println!("{:#}", shown.json());
    } else {
        println!("{} passed, {} failed", shown.passed, shown.failed);
    }
    if shown.failed > 0 {
        bail!("{} things are not as they should be", shown.failed);
    }
    Ok(())
}

/// The step of `cargo xtask test`: every machine.
pub(crate) fn test(shell: &Shell, tally: &mut Tally) -> Result<Outcome> {
    step(shell, tally, &Machine::ALL, |stage| stage.machines(&Machine::ALL))
}

/// The step of `cargo xtask test` that breaks the firmware.
pub(crate) fn test_mutations(shell: &Shell, tally: &mut Tally) -> Result<Outcome> {
    step(shell, tally, &[Machine::An505], |stage| stage.mutations(&[Machine::An505]))
}

fn step(
    shell: &Shell,
    tally: &mut Tally,
    machines: &[Machine],
    play: impl Fn(&Stage<'_>) -> Result<Shown>,
) -> Result<Outcome> {
    if let Err(error) = emulator::set_up(shell, machines) {
        println!("\n*** NOT TESTED ON ANY BOARD: {error:#} ***\n");
        return Ok(Outcome::Skipped("there is no QEMU to play the boards"));
    }
    let shown = play(&Stage::set(shell, Voice::Aloud, machines)?)?;
    tally.passed += shown.passed;
    tally.failed += shown.failed;
    if shown.failed > 0 {
        bail!("{} things are not as they should be", shown.failed);
    }
    Ok(Outcome::Done)
}

/// All that is there before the first firmware.
struct Stage<'a> {
    shell: &'a Shell,
    voice: Voice,
    scenes: Scenes,
    guests: Built,
    printed: Printed,
}

/// What came of it.
#[derive(Default)]
struct Shown {
    passed: u64,
    failed: u64,
    budgets: Vec<Budget>,
    findings: Vec<Value>,
}

impl Shown {
    fn json(&self) -> Value {
        let budgets: Vec<_> = self.budgets.iter().map(Budget::json).collect();
        json!({"passed": self.passed, "failed": self.failed, "findings": self.findings, "budgets": budgets})
    }
}

impl<'a> Stage<'a> {
    fn set(shell: &'a Shell, voice: Voice, machines: &[Machine]) -> Result<Self> {
        emulator::set_up(shell, machines)?;
        match voice {
            Voice::Aloud => {
                setup::run(shell)?;
                host::build(shell, &[Tool::Memctl])?;
            }
            Voice::Quiet => host::build_quietly(shell, &[Tool::Memctl])?,
        }
        let scenes = Scenes::read(&shell.root().join(SCENES))?;
        let guests = guests::build(shell, voice, &scenes)?;
        let printed = linux::play(shell, voice, &scenes, &guests)?;
        Ok(Self { shell, voice, scenes, guests, printed })
    }

    /// Every firmware on every machine.
    fn machines(&self, machines: &[Machine]) -> Result<Shown> {
        let mut shown = Shown::default();
        for machine in machines.iter().copied() {
            let (bare, verdict) = self.play(machine, Variant::Bare)?;
            self.note(&mut shown, machine, Variant::Bare, &verdict);
            let bare = (bare.sizes, verdict.transcript);
            let (open, verdict) = self.play(machine, Variant::Open)?;
            self.note(&mut shown, machine, Variant::Open, &verdict);
            let open = self.budget(&mut shown, machine, Variant::Open, open, verdict, None);
            let (whole, verdict) = self.play(machine, Variant::Whole)?;
            self.note(&mut shown, machine, Variant::Whole, &verdict);
            let whole = self.budget(&mut shown, machine, Variant::Whole, whole, verdict, Some(bare));
            shown.budgets.extend([whole, open]);
        }
        self.voice.say(budget::table(&shown.budgets));
        Ok(shown)
    }

    /// Every broken firmware, each of which must fail.
    fn mutations(&self, machines: &[Machine]) -> Result<Shown> {
        let mut shown = Shown::default();
        for machine in machines.iter().copied() {
            for (feature, what) in MUTATIONS {
                let (_, verdict) = self.play(machine, Variant::Mutated(feature))?;
                let caught = verdict.wrong().next();
                let words = match caught {
                    Some((subject, wrong)) => {
                        format!("ok      {} {feature}: {what}; caught by {subject}: {wrong}", machine.name())
                    }
                    None => format!("FAILED  {} {feature}: {what}, and nothing noticed", machine.name()),
                };
                self.voice.say(words);
                *if caught.is_some() { &mut shown.passed } else { &mut shown.failed } += 1;
                let caught = caught.map(|(subject, wrong)| json!({"subject": subject, "wrong": wrong}));
                shown.findings.push(json!({"machine": machine.name(), "mutation": feature, "caught": caught}));
            }
        }
        Ok(shown)
    }

    /// Builds and runs one firmware.
    fn play(&self, machine: Machine, variant: Variant) -> Result<(Firmware, Verdict)> {
        let firmware = firmware::build(self.shell, self.voice, machine, variant, &self.guests.images)?;
        self.voice.say(format_args!("{} {}: running", machine.name(), variant.name()));
        let output = firmware.file.with_extension("txt");
        let ended = emulator::run(self.shell, machine, &firmware.file, &output)?;
        let verdict = Verdict::of(&ended, variant, &self.scenes, &self.printed);
        Ok((firmware, verdict))
    }

    /// Counts and says what was found.
    fn note(&self, shown: &mut Shown, machine: Machine, variant: Variant, verdict: &Verdict) {
        for finding in &verdict.findings {
            let word = if finding.wrong.is_none() { "ok    " } else { "FAILED" };
            let (machine, variant, subject) = (machine.name(), variant.name(), &finding.subject);
            let words = finding.wrong.as_ref().unwrap_or(&finding.claim);
            self.voice.say(format_args!("{word}  {machine} {variant} {subject}: {words}"));
            *if finding.wrong.is_none() { &mut shown.passed } else { &mut shown.failed } += 1;
            shown.findings.push(json!({
                "machine": machine, "firmware": variant, "subject": subject, "wrong": finding.wrong,
            }));
        }
    }

    fn budget(
        &self,
        shown: &mut Shown,
        machine: Machine,
        variant: Variant,
        firmware: Firmware,
        verdict: Verdict,
        bare: Option<(firmware::Sizes, transcript::Transcript)>,
    ) -> Budget {
        let budget = Budget { machine, variant, sizes: firmware.sizes, transcript: verdict.transcript, bare };
        match budget.over() {
            None => shown.passed += 1,
            Some(over) => {
                shown.failed += 1;
                self.voice.say(format_args!("FAILED  {} {} {over}", machine.name(), variant.name()));
                shown.findings.push(json!({
                    "machine": machine.name(), "firmware": variant.name(), "subject": "budget", "wrong": over,
                }));
            }
        }
        budget
    }
}
