//! `cargo xtask test`: all that must hold.

use anyhow::{Result, bail};

use crate::board;
use crate::cc;
use crate::fuzz;
use crate::guests::{self, Profile, Target};
use crate::host::{self, Tool};
use crate::memmap2;
use crate::real;
use crate::setup;
use crate::shell::{self, Shell};
use crate::steps::{self, Needed, Outcome, Step, Tally};

const STEPS: &[Step] = &[
    Step {
        name: "setup",
        summary: "targets, components and a C compiler are installed",
        run: set_up,
        needed: Needed::ByAll,
    },
    Step { name: "fmt", summary: "the code is formatted", run: fmt, needed: Needed::ByNone },
    Step { name: "clippy", summary: "no lint warns, on the host", run: clippy, needed: Needed::ByNone },
    Step { name: "clippy-wasm", summary: "no lint warns, in guests", run: clippy_wasm, needed: Needed::ByNone },
    Step { name: "deny", summary: "licences and advisories of the dependencies", run: deny, needed: Needed::ByNone },
    Step { name: "no-std", summary: "what has to compile without std", run: no_std, needed: Needed::ByNone },
    Step {
        name: "guests",
        summary: "guest programs for WASI 0.2 and preview 1",
        run: build_guests,
        needed: Needed::ByNone,
    },
    Step { name: "test", summary: "tests and doc tests on the host", run: test, needed: Needed::ByNone },
    Step { name: "fuzz-corpus", summary: "kept inputs of the rules' fuzz target", run: corpus, needed: Needed::ByNone },
    Step { name: "guest-test", summary: "a guest's tests under memctl run", run: guest_test, needed: Needed::ByNone },
    Step {
        name: "memmap2",
        summary: "tests of the shim for memmap2, here and in guests",
        run: memmap2::test,
        needed: Needed::ByNone,
    },
    Step { name: "doc", summary: "the documentation", run: doc, needed: Needed::ByNone },
];

/// Steps that take minutes: with `--long`, as CI does, or by name.
const LONG: &[Step] = &[
    Step {
        name: "real",
        summary: "LMDB and SQLite as guests, compared with native, and in crashes",
        run: real::test,
        needed: Needed::ByNone,
    },
    Step {
        name: "memmap2-programs",
        summary: "fst and candle over the shim, natively and on every backend",
        run: memmap2::programs,
        needed: Needed::ByNone,
    },
    Step {
        name: "board-clippy",
        summary: "no lint warns, in firmware and in its guests",
        run: board::clippy,
        needed: Needed::ByNone,
    },
    Step {
        name: "board",
        summary: "components on microcontrollers that QEMU plays, compared with Linux, and their budgets",
        run: board::test,
        needed: Needed::ByNone,
    },
    Step {
        name: "board-mutations",
        summary: "firmware that is broken on purpose is found out",
        run: board::test_mutations,
        needed: Needed::ByNone,
    },
];

/// Prints the steps.
pub(crate) fn list() {
    for step in STEPS {
        println!("{:16} {}", step.name, step.summary);
    }
    for step in LONG {
        println!("{:16} {} (with --long)", step.name, step.summary);
    }
}

/// Which steps to run.
pub(crate) struct Choice<'a> {
    /// Those named here; all, if none is.
    pub(crate) only: &'a [String],
    /// The ones that take minutes too.
    pub(crate) long: bool,
}

/// Runs the chosen steps.
pub(crate) fn run(shell: &Shell, choice: &Choice<'_>) -> Result<()> {
    let all = || STEPS.iter().chain(LONG);
    if let Some(unknown) = choice.only.iter().find(|name| !all().any(|step| step.name == **name)) {
        bail!("--only {unknown}: no such step; `cargo xtask test --list` shows them");
    }
    let named = |step: &Step| choice.only.iter().any(|name| name == step.name);
    let chosen: Vec<_> = if !choice.only.is_empty() {
        all().filter(|step| named(step)).collect()
    } else if choice.long {
        all().collect()
    } else {
        STEPS.iter().collect()
    };
    steps::run(shell, &chosen)
}

fn set_up(shell: &Shell, _: &mut Tally) -> Result<Outcome> {
    setup::run(shell)?;
    cc::set_up(shell)?;
    Ok(Outcome::Done)
}

fn fmt(shell: &Shell, _: &mut Tally) -> Result<Outcome> {
    cargo(shell, &["fmt", "--all", "--check"])?;
    for manifest in memmap2::MANIFESTS.into_iter().chain([board::FIRMWARE, board::GUESTS]) {
        cargo(shell, &["fmt", "--all", "--manifest-path", manifest, "--check"])?;
    }
    cargo(shell, &["fmt", "--manifest-path", fuzz::MANIFEST, "--check"])
}

fn clippy(shell: &Shell, _: &mut Tally) -> Result<Outcome> {
    shell::run(host::workspace(shell, "clippy").args(["--all-targets", "--", "-D", "warnings"]))?;
    memmap2::clippy(shell, None)?;
    Ok(Outcome::Done)
}

fn clippy_wasm(shell: &Shell, _: &mut Tally) -> Result<Outcome> {
    let mut command = shell.cargo(["clippy", "--target", Target::WasiP2.triple()]);
    command.arg("--target-dir").arg(shell.guest_target());
    for package in guests::ALL {
        command.args(["-p", package]);
    }
    shell::run(command.args(["--", "-D", "warnings"]))?;
    memmap2::clippy(shell, Some(Target::WasiP2.triple()))?;
    Ok(Outcome::Done)
}

fn deny(shell: &Shell, _: &mut Tally) -> Result<Outcome> {
    let there = shell.cargo(["deny", "--version"]).output().is_ok_and(|output| output.status.success());
    if !there {
        return Ok(Outcome::Skipped("cargo-deny is not on the PATH (`cargo install cargo-deny` takes minutes)"));
    }
    cargo(shell, &["deny", "check", "licenses", "bans", "sources"])?;
    // The advisories are somewhere else, and out of reach is not the same as bad.
    if let Err(error) = shell::run(&mut shell.cargo(["deny", "fetch", "db"])) {
        println!("advisories not checked: {error:#}");
        return Ok(Outcome::Done);
    }
    cargo(shell, &["deny", "check", "--disable-fetch", "advisories"])
}

fn no_std(shell: &Shell, _: &mut Tally) -> Result<Outcome> {
    cargo(
        shell,
        &["check", "-p", "memctl-core", "-p", "memctl-copy", "-p", "memctl-mpu", "--target", "thumbv8m.main-none-eabi"],
    )?;
    let mut command = shell.cargo(["check", "-p", "memctl-guest", "--no-default-features"]);
    command.args(["--target", Target::WasiP2.triple()]).arg("--target-dir").arg(shell.guest_target());
    shell::run(&mut command)?;
    Ok(Outcome::Done)
}

fn build_guests(shell: &Shell, _: &mut Tally) -> Result<Outcome> {
    guests::build(shell, &guests::ALL, Target::WasiP2, Profile::Dev)?;
    guests::build(shell, &["guest-command"], Target::WasiP1, Profile::Dev)?;
    Ok(Outcome::Done)
}

fn test(shell: &Shell, tally: &mut Tally) -> Result<Outcome> {
    let mut command = host::workspace(shell, "test");
    shell::run_watched(command.arg("--no-fail-fast"), |line| tally.note(line))?;
    Ok(Outcome::Done)
}

fn corpus(shell: &Shell, tally: &mut Tally) -> Result<Outcome> {
    shell::run_watched(&mut fuzz::tests(shell), |line| tally.note(line))?;
    Ok(Outcome::Done)
}

fn guest_test(shell: &Shell, tally: &mut Tally) -> Result<Outcome> {
    host::build(shell, &[Tool::Memctl])?;
    let memctl = Tool::Memctl.built(shell);
    let mut command = shell.cargo(["test", "-p", "guest-command", "--target", Target::WasiP2.triple()]);
    command.arg("--target-dir").arg(shell.guest_target());
    command.env("CARGO_TARGET_WASM32_WASIP2_RUNNER", format!("{} run --", memctl.display()));
    shell::run_watched(&mut command, |line| tally.note(line))?;
    Ok(Outcome::Done)
}

fn doc(shell: &Shell, _: &mut Tally) -> Result<Outcome> {
    let mut command = host::workspace(shell, "doc");
    shell::run(command.arg("--no-deps").env("RUSTDOCFLAGS", "-D warnings"))?;
    Ok(Outcome::Done)
}

fn cargo(shell: &Shell, args: &[&str]) -> Result<Outcome> {
    shell::run(&mut shell.cargo(args))?;
    Ok(Outcome::Done)
}
