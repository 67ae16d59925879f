//! `cargo xtask fuzz`: random programs, calls and modules, for a time; or all that are kept, once.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::setup;
use crate::shell::{self, Shell};

/// A fuzz target of `fuzz/Cargo.toml`.
struct Target {
    name: &'static str,
    /// What cargo-fuzz builds it with.
    build: &'static [&'static str],
    /// The longest input in bytes, for libFuzzer.
    longest: &'static str,
}

/// AddressSanitizer watches over what is only rules. Where wasmtime runs there is none: wasmtime would take several times as long to
/// build, and faults are part of what is tried there.
const TARGETS: &[Target] = &[
    Target { name: "core_domain", build: &["--sanitizer", "address"], longest: "-max_len=512" },
    Target { name: "core_heaps", build: &["--sanitizer", "address"], longest: "-max_len=1024" },
    Target { name: "core_linker", build: &["--sanitizer", "none", "--features", "wasm"], longest: "-max_len=1024" },
    Target { name: "hostile_wasm", build: &["--sanitizer", "none", "--features", "wasm"], longest: "-max_len=1024" },
    Target { name: "instrument", build: &["--sanitizer", "none", "--features", "wasm"], longest: "-max_len=2048" },
];

/// The package, which is a workspace of its own.
pub(crate) const MANIFEST: &str = "fuzz/Cargo.toml";

/// Fuzzes the target called `only`, or all one after another, for so many seconds each.
pub(crate) fn run(shell: &Shell, seconds: u32, only: Option<&str>) -> Result<()> {
    let targets = chosen(only)?;
    install(shell)?;
    let mut table = format!("{:14}{:8}{:>12}{:>10}{:>10}{:>10}\n", "", "", "executions", "a second", "inputs", "edges");
    let mut failed = 0;
    for target in &targets {
        let log = shell.target().join("fuzz").join(target.name).with_extension("log");
        let result = fuzz(shell, target, seconds, &log);
        let text = fs::read(&log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let word = if result.is_ok() { "ok" } else { "FAILED" };
        let Progress { executions, rate, inputs, edges } =
            text.lines().filter_map(Progress::read).next_back().unwrap_or_default();
        let row = format!("{:14}{word:8}{executions:>12}{rate:>10}{inputs:>10}{edges:>10}", target.name);
        println!("{row}");
        table += &row;
        table += "\n";
        if let Err(error) = result {
            failed += 1;
            let from = text.lines().count().saturating_sub(40);
            text.lines().skip(from).for_each(|line| println!("  {line}"));
            println!("FAILED {}: {error:#}; all of it is in {}", target.name, log.display());
        }
    }
    println!("\n{table}\n{} passed, {failed} failed", targets.len() - failed);
    // What failed is on the screen already.
    if failed > 0 {
        std::process::exit(1);
    }
    Ok(())
}

/// Runs every input that is kept once, with no more than the project's own compiler.
pub(crate) fn replay(shell: &Shell, only: Option<&str>) -> Result<()> {
    let wasm = chosen(only)?.iter().any(|target| target.build.contains(&"wasm"));
    let mut command = tests(shell);
    if wasm {
        command.args(["--features", "wasm"]);
    }
    shell::run(command.args(only))
}

/// `cargo test` of the package, without libFuzzer.
pub(crate) fn tests(shell: &Shell) -> Command {
    let mut command = shell.cargo(["test", "--manifest-path", MANIFEST, "--no-default-features"]);
    command.arg("--target-dir").arg(shell.target().join("fuzz"));
    command
}

fn chosen(only: Option<&str>) -> Result<Vec<&'static Target>> {
    let targets: Vec<_> = TARGETS.iter().filter(|target| only.is_none_or(|name| name == target.name)).collect();
    if targets.is_empty() {
        let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
        bail!("--target {}: no such target; there are {}", only.unwrap_or_default(), names.join(", "));
    }
    Ok(targets)
}

/// cargo-fuzz, and the nightly compiler that it needs.
fn install(shell: &Shell) -> Result<()> {
    let works = |mut command: Command| command.output().is_ok_and(|output| output.status.success());
    setup::nightly(shell, "nightly", &[])?;
    if !works(shell.cargo(["fuzz", "--version"])) {
        setup::twice(|| shell::run(&mut shell.cargo(["install", "cargo-fuzz", "--locked"])))
            .context("cargo can't install cargo-fuzz")?;
    }
    Ok(())
}

fn fuzz(shell: &Shell, target: &Target, seconds: u32, log: &PathBuf) -> Result<()> {
    // New inputs go to the first folder. The second, which is kept, stays as it is.
    let found = shell.target().join("fuzz").join("corpus").join(target.name);
    fs::create_dir_all(&found)?;
    let kept = shell.root().join("fuzz/corpus").join(target.name);
    let mut command = shell.program("rustup", ["run", "nightly", "cargo", "fuzz", "run"]);
    command.args(["--release", "--codegen-units", "16"]).args(target.build);
    command.arg(target.name).arg(found).arg(kept).arg("--");
    command.arg(format!("-max_total_time={seconds}"));
    // From the start as long as they may be: short programs do nothing.
    command.args(["-len_control=0", "-timeout=60", target.longest]);
    let file = fs::File::create(log).with_context(|| format!("can't write {}", log.display()))?;
    shell::run(command.stdout(file.try_clone()?).stderr(file))
}

/// How far libFuzzer got, as its lines say: `#43425 DONE cov: 16705 ft: 22137 corp: 440/6691b lim: 43 exec/s: 1670 rss: 62Mb`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Progress {
    executions: u64,
    rate: u64,
    inputs: u64,
    edges: u64,
}

impl Progress {
    fn read(line: &str) -> Option<Self> {
        let words: Vec<_> = line.strip_prefix('#')?.split_whitespace().collect();
        let after = |name: &str| {
            let at = words.iter().position(|word| *word == name)?;
            words.get(at + 1)?.split('/').next()?.parse().ok()
        };
        Some(Self {
            executions: words.first()?.parse().ok()?,
            rate: after("exec/s:")?,
            inputs: after("corp:")?,
            edges: after("cov:")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libfuzzers_lines_are_understood() {
        let line = "#43425\tDONE   cov: 16705 ft: 22137 corp: 440/6691b lim: 43 exec/s: 1670 rss: 62Mb";
        assert_eq!(Progress::read(line), Some(Progress { executions: 43425, rate: 1670, inputs: 440, edges: 16705 }));
        assert_eq!(Progress::read("INFO: seed corpus: files: 40"), None);
        assert_eq!(Progress::read("#2\tINITED exec/s: 0 rss: 41Mb"), None);
    }

    #[test]
    fn the_package_has_every_target() {
        let manifest = include_str!("../../fuzz/Cargo.toml");
        for target in TARGETS {
            assert!(manifest.contains(&format!("name = \"{}\"", target.name)));
        }
        assert_eq!(manifest.matches("[[bin]]").count(), TARGETS.len());
        assert!(chosen(Some("nothing")).is_err());
    }
}
