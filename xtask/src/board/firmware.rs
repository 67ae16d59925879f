//! The firmware: which ones there are, how they are built, and how large they are.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use object::elf::SHF_WRITE;
use object::{Object as _, ObjectSection as _, ObjectSymbol as _, SectionFlags, SectionKind};

use super::machine::Machine;
use super::scenes::Scene;
use super::voice::Voice;
use crate::shell::{self, Shell};

/// The firmware's own workspace.
pub(crate) const MANIFEST: &str = "examples/board/Cargo.toml";
const FOLDER: &str = "examples/board";
const PACKAGE: &str = "memctl-board-firmware";
/// The flash of a firmware with all scenes, whose images take 600 KiB. The budget is for one with a guest or two.
const ALL_SCENES: &str = "2MiB";
const PROGRAM: &str = "memctl-board";

/// Which firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variant<'a> {
    /// The one that shows everything.
    Whole,
    /// The same without regions.
    Open,
    /// Without memory control and without partitions: wasmtime and one guest, to measure the rest against.
    Bare,
    /// The bare one with memory control: what that adds is the difference.
    Added,
    /// The whole one, with something left out that must be missed.
    Mutated(&'a str),
}

impl<'a> Variant<'a> {
    /// What it is called, in files and reports.
    pub(super) fn name(self) -> &'a str {
        match self {
            Self::Whole => "whole",
            Self::Open => "open",
            Self::Bare => "bare",
            Self::Added => "added",
            Self::Mutated(feature) => feature,
        }
    }

    fn flags(self) -> Vec<&'a str> {
        match self {
            Self::Whole => vec![],
            Self::Open => vec!["--features", "regions-off"],
            Self::Bare => vec!["--no-default-features"],
            Self::Added => vec!["--no-default-features", "--features", "memory-control"],
            Self::Mutated(feature) => vec!["--features", feature],
        }
    }
}

/// What a firmware is built of.
#[derive(Clone, Copy)]
pub(super) struct Recipe<'a> {
    pub(super) machine: Machine,
    pub(super) variant: Variant<'a>,
    /// Names of the scenes in it.
    pub(super) scenes: &'a [&'a Scene],
    /// The folder of all images.
    pub(super) images: &'a Path,
}

impl Recipe<'_> {
    /// What it is called, in files and reports.
    pub(super) fn name(&self) -> String {
        match (self.variant, self.scenes) {
            (Variant::Bare | Variant::Added, _) | (_, []) => self.variant.name().to_owned(),
            (_, [only]) => format!("{} {}", self.variant.name(), only.name),
            (_, [first, .., last]) => format!("{} {} to {}", self.variant.name(), first.name, last.name),
        }
    }

    /// What its file is called. It is the same where the same firmware runs on two machines.
    pub(super) fn file(&self) -> String {
        format!("{}-{}", self.machine.firmware(), self.name().replace(' ', "-"))
    }
}

/// A firmware that is built.
#[derive(Clone)]
pub(super) struct Firmware {
    pub(super) file: PathBuf,
    pub(super) sizes: Sizes,
}

/// What a firmware takes before it runs, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sizes {
    /// Code, constants, and what variables begin as.
    pub(super) flash: u64,
    /// Variables, with the arenas and stacks among them, and the gaps between them.
    pub(super) ram: u64,
    /// What is in flash of the crates that others use too, as far as symbols tell: what was inlined elsewhere is elsewhere.
    pub(super) crates: u64,
}

/// The crates of memory control that firmware uses, as symbols spell them. The firmware itself is not one of them.
const CRATES: [&str; 4] = ["memctl_core", "memctl_copy", "memctl_wasmtime", "memctl_mpu"];

/// `cargo NAME` for a firmware.
fn command(shell: &Shell, name: &str, recipe: &Recipe<'_>) -> Command {
    let Recipe { machine, variant, scenes, images } = *recipe;
    let mut cargo = shell.cargo([name, "-p", PACKAGE, "--target", machine.target()]);
    cargo.args(variant.flags()).arg("--target-dir").arg(shell.target().join("board/cargo-firmware"));
    let names: Vec<_> = scenes.iter().map(|scene| scene.name.as_str()).collect();
    cargo.env("MEMCTL_BOARD_IMAGES", images).env("MEMCTL_BOARD_SCENES", names.join(","));
    if names.len() > 1 {
        cargo.env("MEMCTL_BOARD_FLASH", ALL_SCENES);
    }
    cargo.env("MEMCTL_BOARD", machine.firmware()).current_dir(shell.root().join(FOLDER));
    cargo
}

/// Sees that no lint warns.
pub(super) fn clippy(shell: &Shell, recipe: &Recipe<'_>) -> Result<()> {
    shell::run(command(shell, "clippy", recipe).args(["--", "-D", "warnings"]))
}

/// Builds a firmware.
pub(super) fn build(shell: &Shell, voice: Voice, recipe: &Recipe<'_>) -> Result<Firmware> {
    let place = shell.target().join("board");
    let target = place.join("cargo-firmware");
    let mut cargo = command(shell, "build", recipe);
    cargo.arg("--release");
    voice.run(&mut cargo)?;
    // The next one takes its place.
    let built = target.join(recipe.machine.target()).join("release").join(PROGRAM);
    let file = place.join(format!("{}.elf", recipe.file()));
    fs::copy(&built, &file).with_context(|| built.display().to_string())?;
    let sizes = sizes(&fs::read(&file)?)?;
    Ok(Firmware { file, sizes })
}

/// What lies in flash and in RAM, by the sections of an ELF file.
fn sizes(elf: &[u8]) -> Result<Sizes> {
    let elf = object::File::parse(elf)?;
    let mut flash = 0;
    let (mut first, mut end) = (u64::MAX, 0);
    for section in elf.sections() {
        let SectionFlags::Elf { sh_flags, .. } = section.flags() else { continue };
        if sh_flags & u64::from(object::elf::SHF_ALLOC) == 0 {
            continue;
        }
        if section.kind() != SectionKind::UninitializedData {
            flash += section.size();
        }
        if sh_flags & u64::from(SHF_WRITE) != 0 && section.size() > 0 {
            first = first.min(section.address());
            end = end.max(section.address() + section.size());
        }
    }
    let ours = elf.symbols().filter(|symbol| symbol.is_definition() && symbol.address() < first);
    let ours = ours.filter(|symbol| symbol.name().is_ok_and(|name| CRATES.iter().any(|krate| name.contains(krate))));
    let crates = ours.map(|symbol| symbol.size()).sum();
    Ok(Sizes { flash, ram: end.saturating_sub(first), crates })
}
