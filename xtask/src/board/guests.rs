//! The guests: from their sources to components, which Linux runs too, and images.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::machine::Machine;
use super::scenes::{Guest, Scenes};
use super::voice::Voice;
use crate::host::Tool;
use crate::shell::{self, Shell};

/// The guests' own workspace.
pub(crate) const MANIFEST: &str = "examples/board/guests/Cargo.toml";
const FOLDER: &str = "examples/board/guests";
const TARGET: &str = "wasm32-unknown-unknown";

/// Components in the text format that the firmware tries its machine layer with, and all that they import.
const TRIALS: &str = "examples/board/firmware/bare";
const TRIAL_INTERFACES: [&str; 1] = ["memctl:board/test"];

/// Where components and images are.
pub(super) struct Built {
    /// Components: `NAME.wasm`.
    components: PathBuf,
    /// Images: `NAME.cwasm`. All machines have the same.
    pub(super) images: PathBuf,
}

impl Built {
    /// The component of a guest.
    pub(super) fn component(&self, guest: &str) -> PathBuf {
        self.components.join(guest).with_extension("wasm")
    }
}

/// Builds all guests. memctl is built.
pub(super) fn build(shell: &Shell, voice: Voice, scenes: &Scenes) -> Result<Built> {
    let place = shell.target().join("board");
    let built = Built { components: place.join("guests"), images: place.join("images") };
    for folder in [&built.components, &built.images] {
        fs::create_dir_all(folder)?;
    }
    let target = place.join("cargo-guests");
    if !scenes.guests.is_empty() {
        // There, because its .cargo/config.toml says how large the memories are.
        let mut cargo = shell.cargo(["build", "--release", "--target", TARGET, "--target-dir"]);
        voice.run(cargo.arg(&target).current_dir(shell.root().join(FOLDER)))?;
    }
    let linked = target.join(TARGET).join("release");
    for guest in &scenes.guests {
        let making = Making { shell, voice, guest, built: &built };
        making.run(&linked).with_context(|| format!("guest {}", guest.name))?;
    }
    trials(shell, voice, &built).context(TRIALS)?;
    Ok(built)
}

/// Sees that no lint warns.
pub(super) fn clippy(shell: &Shell) -> Result<()> {
    let mut cargo = shell.cargo(["clippy", "--target", TARGET, "--target-dir"]);
    cargo.arg(shell.target().join("board/cargo-guests")).args(["--", "-D", "warnings"]);
    shell::run(cargo.current_dir(shell.root().join(FOLDER)))
}

/// One guest on its way.
struct Making<'a> {
    shell: &'a Shell,
    voice: Voice,
    guest: &'a Guest,
    built: &'a Built,
}

impl Making<'_> {
    fn run(&self, linked: &Path) -> Result<()> {
        let Guest { name, windows, window_bytes, declare, instrument, provides } = self.guest;
        let library = linked.join(format!("board_{name}.wasm"));
        let mut file = if library.exists() { library } else { linked.join(format!("board-{name}.wasm")) };
        if *windows > 0 {
            let size = window_bytes.map(|bytes| vec!["--size".to_owned(), bytes.to_string()]).unwrap_or_default();
            file =
                self.step("link-windows", &[vec!["--count".to_owned(), windows.to_string()], size].concat(), &file)?;
        }
        file = self.step("component", &[], &file)?;
        if let Some(flags) = declare {
            file = self.step("declare", flags, &file)?;
        }
        if let Some(flags) = instrument {
            file = self.step("instrument", flags, &file)?;
        }
        let component = self.built.component(name);
        fs::copy(&file, &component)?;
        compile(self.shell, self.voice, &component, &self.built.images, provides)
    }

    /// What `memctl NAME` makes of a file.
    fn step(&self, name: &str, flags: &[String], from: &Path) -> Result<PathBuf> {
        let to = self.built.components.join(format!("{}.{name}.wasm", self.guest.name));
        let mut memctl = self.shell.program(Tool::Memctl.built(self.shell), [name]);
        self.voice.swallow(memctl.args(flags).arg(from).arg("-o").arg(&to))?;
        Ok(to)
    }
}

/// Makes an image. Which of the machines it is for makes no difference: they have the same interpreter.
fn compile(shell: &Shell, voice: Voice, component: &Path, images: &Path, provides: &[String]) -> Result<()> {
    let mut memctl = shell.program(Tool::Memctl.built(shell), ["compile", "--board", Machine::An505.board()]);
    for interface in provides {
        memctl.args(["--provides", interface]);
    }
    let name = component.file_name().context("a component has a name")?;
    let image = images.join(name).with_extension("cwasm");
    memctl.arg("--imports").arg(image.with_extension("imports"));
    voice.swallow(memctl.arg(component).arg("-o").arg(image))
}

fn trials(shell: &Shell, voice: Voice, built: &Built) -> Result<()> {
    let provides = TRIAL_INTERFACES.map(str::to_owned);
    for entry in fs::read_dir(shell.root().join(TRIALS))? {
        let text = entry?.path();
        if text.extension().is_some_and(|extension| extension == "wat") {
            let name = text.file_stem().and_then(OsStr::to_str).context("a file has a name")?;
            let component = built.component(name);
            fs::write(&component, wat::parse_file(&text)?)?;
            compile(shell, voice, &component, &built.images, &provides)?;
        }
    }
    Ok(())
}
