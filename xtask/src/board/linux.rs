//! What the same components print on Linux.

use std::collections::BTreeMap;
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use super::guests::Built;
use super::scenes::{Linux, Scene, Scenes};
use super::voice::Voice;
use crate::host::Tool;
use crate::shell::{self, Shell};

/// The guests' output, scene by scene.
pub(super) type Printed = BTreeMap<String, String>;

/// Plays the scenes that Linux can show, where an MMU aliases.
pub(super) fn play(shell: &Shell, voice: Voice, scenes: &Scenes, guests: &Built) -> Result<Printed> {
    let chosen = scenes.scenes.iter().filter(|scene| scene.linux == Linux::Equal);
    chosen
        .map(|scene| {
            let printed = one(shell, voice, scene, guests).with_context(|| format!("scene {} on Linux", scene.name))?;
            Ok((scene.name.clone(), printed))
        })
        .collect()
}

fn one(shell: &Shell, voice: Voice, scene: &Scene, guests: &Built) -> Result<String> {
    let mut memctl = shell.program(Tool::Memctl.built(shell), ["run", "--backend", "alias"]);
    memctl.args(scene.flags(&shell.root().join("examples/board")));
    let (first, others) = scene.guests.split_first().context("a scene has a guest")?;
    for other in others {
        memctl.arg("--beside").arg(guests.component(other));
    }
    memctl.arg(guests.component(first)).stderr(Stdio::piped());
    voice.say(format_args!("$ {}", shell::words(&memctl)));
    let output = memctl.output().context("can't start memctl")?;
    if output.status.code() != Some(scene.exit) {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        bail!("{} instead of exit status: {}\n{said}", output.status, scene.exit);
    }
    String::from_utf8(output.stdout).context("the guests print UTF-8")
}
