//! `cargo xtask board`: the same components on Linux and on microcontrollers that QEMU plays.

mod budget;
mod emulator;
mod firmware;
mod guests;
mod linux;
mod machine;
mod pattern;
mod scenes;
mod tables;
mod transcript;
mod verdict;
mod voice;

use std::cell::RefCell;
use std::collections::BTreeMap;

use anyhow::{Result, bail};
use clap::Args;
use serde_json::{Value, json};

use self::budget::{Budget, Measured, Plain};
use self::firmware::{Firmware, Recipe, Variant};
use self::guests::Built;
use self::linux::Printed;
use self::machine::Machine;
use self::scenes::{Mutation, Scene, Scenes};
use self::verdict::{Finding, Verdict};
use self::voice::Voice;
use crate::host::{self, Tool};
use crate::setup;
use crate::shell::Shell;
use crate::steps::{Outcome, Tally};

pub(crate) use self::firmware::MANIFEST as FIRMWARE;
pub(crate) use self::guests::MANIFEST as GUESTS;

/// What is shown, and what must be seen.
const SCENES: &str = "examples/board/scenes.toml";

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

/// The step of `cargo xtask test`: no lint warns, in guests and in firmware.
pub(crate) fn clippy(shell: &Shell, _: &mut Tally) -> Result<Outcome> {
    setup::run(shell)?;
    host::build(shell, &[Tool::Memctl])?;
    let scenes = Scenes::read(&shell.root().join(SCENES))?;
    let guests = guests::build(shell, Voice::Aloud, &scenes)?;
    guests::clippy(shell)?;
    // Two machines have a target in common.
    for machine in [Machine::An505, Machine::An386, Machine::Rv32] {
        for variant in [Variant::Whole, Variant::Open, Variant::Bare, Variant::Added] {
            let recipe = Recipe { machine, variant, scenes: &[], images: &guests.images };
            firmware::clippy(shell, &recipe)?;
        }
    }
    Ok(Outcome::Done)
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
    /// What is built already, by the names of files.
    built: RefCell<BTreeMap<String, Firmware>>,
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
    /// Counts and says one finding.
    fn count(&mut self, voice: Voice, machine: Machine, firmware: &str, finding: &Finding) {
        let Finding { subject, claim, wrong } = finding;
        let (word, counter) = if wrong.is_none() { ("ok    ", &mut self.passed) } else { ("FAILED", &mut self.failed) };
        *counter += 1;
        let machine = machine.name();
        voice.say(format_args!("{word}  {machine} {firmware}: {subject}: {}", wrong.as_ref().unwrap_or(claim)));
        self.findings.push(json!({"machine": machine, "firmware": firmware, "subject": subject, "wrong": wrong}));
    }

    /// Counts whether a firmware keeps to its budget.
    fn weigh(&mut self, voice: Voice, budget: &Budget) {
        let claim = "flash and RAM are within their budgets".to_owned();
        let finding = Finding { subject: "budget".to_owned(), claim, wrong: budget.over() };
        self.count(voice, budget.machine, &budget.firmware, &finding);
        for missed in budget.missed() {
            voice.say(format_args!("aim     {} {}: {missed}", budget.machine.name(), budget.firmware));
        }
    }

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
        Ok(Self { shell, voice, scenes, guests, printed, built: RefCell::default() })
    }

    /// Every firmware on every machine.
    fn machines(&self, machines: &[Machine]) -> Result<Shown> {
        let mut shown = Shown::default();
        for machine in machines.iter().copied() {
            let mut budgets = Vec::new();
            let without: Vec<_> = self.scenes.shown(Variant::Bare).collect();
            let bare = self.show(&mut shown, self.recipe(machine, Variant::Bare, &without))?;
            let with: Vec<_> = self.scenes.shown(Variant::Added).collect();
            let added = self.show(&mut shown, self.recipe(machine, Variant::Added, &with))?;
            let mut one = self.show(&mut shown, self.recipe(machine, Variant::Whole, &with))?;
            one.plain = Some(Plain { bare: bare.measured, added: added.measured });
            shown.weigh(self.voice, &one);
            budgets.push(one);
            for variant in [Variant::Whole, Variant::Open] {
                let all: Vec<_> = self.scenes.shown(variant).collect();
                budgets.push(self.show(&mut shown, self.recipe(machine, variant, &all))?);
            }
            self.voice.say(tables::firmwares(&budgets));
            self.voice.say(tables::scenes(&budgets));
            shown.budgets.extend(budgets);
        }
        Ok(shown)
    }

    /// Every broken firmware, each of which must be found out.
    fn mutations(&self, machines: &[Machine]) -> Result<Shown> {
        let mut shown = Shown::default();
        for machine in machines.iter().copied() {
            for mutation in &self.scenes.mutations {
                let Mutation { feature, about, .. } = mutation;
                let caught = self.caught(machine, mutation)?;
                let (word, counter, words) = match &caught {
                    Some((subject, wrong)) => ("ok    ", &mut shown.passed, format!("noticed by {subject}: {wrong}")),
                    None => ("FAILED", &mut shown.failed, "nothing noticed".to_owned()),
                };
                *counter += 1;
                self.voice.say(format_args!("{word}  {} {feature}: {about}: {words}", machine.name()));
                let caught = caught.map(|(subject, wrong)| json!({"subject": subject, "wrong": wrong}));
                shown.findings.push(json!({"machine": machine.name(), "mutation": feature, "noticed": caught}));
            }
        }
        Ok(shown)
    }

    /// What notices a mutation, and how. Without it the same firmware has to be right.
    fn caught(&self, machine: Machine, mutation: &Mutation) -> Result<Option<(String, String)>> {
        let scenes = self.scenes.noticing(mutation);
        let (_, right) = self.play(&self.recipe(machine, Variant::Whole, &scenes))?;
        if let Some((subject, wrong)) = right.wrong().next() {
            bail!("the firmware is broken without {}: {subject}: {wrong}", mutation.feature);
        }
        let (_, verdict) = self.play(&self.recipe(machine, Variant::Mutated(&mutation.feature), &scenes))?;
        Ok(verdict.wrong().next().map(|(subject, wrong)| (subject.to_owned(), wrong.to_owned())))
    }

    fn recipe<'s>(&'s self, machine: Machine, variant: Variant<'s>, scenes: &'s [&'s Scene]) -> Recipe<'s> {
        Recipe { machine, variant, scenes, images: &self.guests.images }
    }

    /// Builds and runs one firmware.
    fn play(&self, recipe: &Recipe<'_>) -> Result<(Firmware, Verdict)> {
        let known = self.built.borrow().get(&recipe.file()).cloned();
        let firmware = match known {
            Some(firmware) => firmware,
            None => firmware::build(self.shell, self.voice, recipe)?,
        };
        self.built.borrow_mut().insert(recipe.file(), firmware.clone());
        let (machine, name) = (recipe.machine.name(), recipe.name());
        self.voice.say(format_args!("{machine} {name}: running"));
        let output = firmware.file.with_file_name(format!("{machine}-{}.txt", name.replace(' ', "-")));
        let ended = emulator::run(self.shell, recipe.machine, &firmware.file, &output)?;
        let verdict = Verdict::of(&ended, recipe, &self.scenes.firmware, &self.printed);
        Ok((firmware, verdict))
    }

    /// Builds and runs one firmware, counts and says what was found.
    fn show(&self, shown: &mut Shown, recipe: Recipe<'_>) -> Result<Budget> {
        let (firmware, verdict) = self.play(&recipe)?;
        let (machine, name) = (recipe.machine, recipe.name());
        for finding in &verdict.findings {
            shown.count(self.voice, machine, &name, finding);
        }
        let measured = Measured { sizes: firmware.sizes, transcript: verdict.transcript };
        Ok(Budget { machine, firmware: name, measured, plain: None })
    }
}
