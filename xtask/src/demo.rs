//! `cargo xtask demo`: real programs on both backends, with one result.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use crate::compose;
use crate::guests::{self, Profile, Target};
use crate::host::{self, Tool};
use crate::setup;
use crate::shell::{self, Shell};
use crate::steps::{self, Needed, Outcome, Step, Tally};
use crate::text;
use crate::wc::{Census, Total};

const STEPS: &[Step] = &[
    Step { name: "setup", summary: "targets are installed", run: set_up, needed: Needed::ByAll },
    Step { name: "build", summary: "memctl and the example guests", run: build, needed: Needed::ByAll },
    Step {
        name: "file-scan",
        summary: "count words of mapped files on both backends, as wc does",
        run: file_scan,
        needed: Needed::ByNone,
    },
    Step {
        name: "pipeline",
        summary: "two components share frames through one object, in one store",
        run: pipeline,
        needed: Needed::ByNone,
    },
    Step {
        name: "two-stores",
        summary: "the same pipeline as two stores of one domain",
        run: two_stores,
        needed: Needed::ByNone,
    },
    Step {
        name: "frames",
        summary: "four components hand frames on in a shared heap, against lists",
        run: frames,
        needed: Needed::ByNone,
    },
];

/// The backends, as memctl calls them.
const BACKENDS: [&str; 2] = ["alias", "copy"];

/// The examples' packages, and the names of what they are built to.
const FILE_SCAN: (&str, &str) = ("example-file-scan", "file-scan");
const CONSUMER: (&str, &str) = ("example-pipeline-consumer", "pipeline-consumer");
const FRAMES: [&str; 2] = ["example-frames-stages", "example-frames-lists"];
const PRODUCER: (&str, &str) = ("example-pipeline-producer", "example_pipeline_producer");

pub(crate) fn run(shell: &Shell) -> Result<()> {
    steps::run(shell, &STEPS.iter().collect::<Vec<_>>())
}

fn set_up(shell: &Shell, _: &mut Tally) -> Result<Outcome> {
    setup::run(shell)?;
    Ok(Outcome::Done)
}

fn build(shell: &Shell, _: &mut Tally) -> Result<Outcome> {
    guests::build(
        shell,
        &[FILE_SCAN.0, CONSUMER.0, PRODUCER.0, FRAMES[0], FRAMES[1]],
        Target::WasiP2,
        Profile::Release,
    )?;
    host::build(shell, &[Tool::Memctl, Tool::PipelineHost, Tool::FramesHost, Tool::Compose])?;
    Ok(Outcome::Done)
}

fn file_scan(shell: &Shell, _: &mut Tally) -> Result<Outcome> {
    let text = text::collect(shell, &place(shell).join("text"))?;
    println!("{} files of text, {} MiB, in {}", text.files.len(), text.bytes >> 20, text.place.display());
    let guest = guest(shell, FILE_SCAN);
    let dir = format!("{}::/text:ro", text.place.display());
    shell::run(memctl(shell, &["compare", "--dir", &dir]).arg(&guest).arg("/text"))?;

    let expected = Census::by_wc(shell, &text.place, &text.files)?;
    for backend in BACKENDS {
        let mut scan = memctl(shell, &["run", "--backend", backend, "--dir", &dir]);
        let output = shell::read(scan.arg(&guest).arg("/text"))?;
        let counted = Census::parse(&output, Total::Last)?.without_prefix("/text/");
        println!("{backend}: equal to wc for {} files and in total", counted.check_equal(&expected)?);
    }
    Ok(Outcome::Done)
}

fn pipeline(shell: &Shell, _: &mut Tally) -> Result<Outcome> {
    let composed = composed_pipeline(shell)?;
    shell::run(memctl(shell, &["compare"]).arg(&composed))?;
    Ok(Outcome::Done)
}

fn two_stores(shell: &Shell, _: &mut Tally) -> Result<Outcome> {
    let expected = shell::read(memctl(shell, &["run"]).arg(composed_pipeline(shell)?))?;
    for backend in BACKENDS {
        let mut host = shell.program(Tool::PipelineHost.built(shell), ["--backend", backend]);
        let output = shell::read(host.arg(guest(shell, PRODUCER)).arg(guest(shell, CONSUMER)))?;
        check_same(&format!("two stores on {backend}"), &output, &expected)?;
        println!(
            "{backend}: two stores print what the composed component does, {} lines",
            output.split(|b| *b == b'\n').count() - 1
        );
    }
    Ok(Outcome::Done)
}

fn frames(shell: &Shell, _: &mut Tally) -> Result<Outcome> {
    let folder = guest(shell, FILE_SCAN).with_file_name("");
    shell::run(shell.program(Tool::FramesHost.built(shell), [""; 0]).arg(folder).arg("64"))?;
    Ok(Outcome::Done)
}

fn check_same(what: &str, output: &[u8], expected: &[u8]) -> Result<()> {
    let mut lines = output.split(|byte| *byte == b'\n').zip(expected.split(|byte| *byte == b'\n')).enumerate();
    if let Some((number, (found, wanted))) = lines.find(|(_, (found, wanted))| found != wanted) {
        bail!(
            "{what}: line {} is {:?} instead of {:?}",
            number + 1,
            found.escape_ascii().to_string(),
            wanted.escape_ascii().to_string()
        );
    }
    if output.len() != expected.len() {
        bail!("{what}: {} bytes instead of {}", output.len(), expected.len());
    }
    Ok(())
}

fn composed_pipeline(shell: &Shell) -> Result<PathBuf> {
    let composed = place(shell).join("pipeline.wasm");
    std::fs::create_dir_all(place(shell))?;
    compose::run(shell, &guest(shell, PRODUCER), &guest(shell, CONSUMER), &composed)?;
    Ok(composed)
}

/// Where the demo keeps its files.
fn place(shell: &Shell) -> PathBuf {
    shell.target().join("demo")
}

fn guest(shell: &Shell, (_, name): (&str, &str)) -> PathBuf {
    guests::built(shell, name, Target::WasiP2, Profile::Release)
}

fn memctl(shell: &Shell, args: &[&str]) -> Command {
    shell.program(Tool::Memctl.built(shell), args)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_shown_by_its_line() {
        assert!(check_same("x", b"a\nb\n", b"a\nb\n").is_ok());
        let error = check_same("x", b"a\nc\n", b"a\nb\n").unwrap_err().to_string();
        assert!(error.contains("line 2"), "{error}");
        assert!(check_same("x", b"a\n", b"a\nb\n").is_err());
    }
}
