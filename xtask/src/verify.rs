//! `cargo xtask verify`: memory and thread errors, looked for by tools that the tests can't do without help.

use std::process::Command;

use anyhow::{Result, bail};

use crate::host;
use crate::setup;
use crate::shell::{self, Shell};
use crate::steps::{self, Needed, Outcome, Step, Tally};

const STEPS: &[Step] = &[
    Step {
        name: "miri",
        summary: "core, copy and the guest SDK's unsafe code, run by an interpreter that knows what is undefined",
        run: miri,
        needed: Needed::ByNone,
    },
    Step {
        name: "miri-contract",
        summary: "all the contract's tests but heaps', interpreted: half an hour",
        run: miri_contract,
        needed: Needed::ByNone,
    },
    Step { name: "loom", summary: "every interleaving of the lock-free protocols", run: loom, needed: Needed::ByNone },
    Step { name: "asan", summary: "alias under AddressSanitizer and LeakSanitizer", run: asan, needed: Needed::ByNone },
    Step { name: "tsan", summary: "alias under ThreadSanitizer", run: tsan, needed: Needed::ByNone },
];

/// The toolchain that has Miri, the sanitizers, and the standard library's sources.
const NIGHTLY: &str = "nightly";

/// What Miri interprets. Core and copy forbid unsafe code: of the contract's tests random programs come with the rest, and [`CONTRACT`] is a check of its own, for its time.
/// The SDK's other tests run the compiler.
const INTERPRETED: [&[&str]; 4] = [
    &["-p", "memctl-copy", "--lib", "--tests"],
    &["-p", "memctl-core", "--lib"],
    &["-p", "memctl-core", "--test", "contract", "--", "lockstep::", "--skip", "heaps::"],
    &["-p", "memctl-guest", "--lib"],
];

/// Heaps' tests would take longer than all the others together.
const CONTRACT: &[&str] = &["-p", "memctl-core", "--test", "contract", "--", "--skip", "heaps::"];

/// The sanitizers would take SIGSEGV and SIGBUS for a crash, which this crate handles itself and its tests raise.
const HANDS_OFF: &str = "handle_segv=0:handle_sigbus=0:allow_user_segv_handler=1";

/// Tests that don't run under ThreadSanitizer, and why.
const NOT_UNDER_TSAN: [(&str, &str); 1] = [(
    "mappings::with_room_for_few_mappings_a_reservation_is_there_or_nothing_of_it",
    "it counts the address space, and ThreadSanitizer's runtime takes some for every new lock",
)];

/// Runs the named steps, or all.
pub(crate) fn run(shell: &Shell, only: &[String]) -> Result<()> {
    if let Some(unknown) = only.iter().find(|name| !STEPS.iter().any(|step| step.name == **name)) {
        let known: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        bail!("{unknown}: no such check; there are {}", known.join(", "));
    }
    let chosen: Vec<_> =
        STEPS.iter().filter(|step| only.is_empty() || only.iter().any(|name| name == step.name)).collect();
    steps::run(shell, &chosen)
}

fn miri(shell: &Shell, tally: &mut Tally) -> Result<Outcome> {
    setup::nightly(shell, NIGHTLY, &["miri", "rust-src"])?;
    INTERPRETED.iter().try_for_each(|what| interpret(shell, tally, what))?;
    Ok(Outcome::Done)
}

fn miri_contract(shell: &Shell, tally: &mut Tally) -> Result<Outcome> {
    setup::nightly(shell, NIGHTLY, &["miri", "rust-src"])?;
    interpret(shell, tally, CONTRACT)?;
    Ok(Outcome::Done)
}

/// Runs tests under Miri.
fn interpret(shell: &Shell, tally: &mut Tally, what: &[&str]) -> Result<()> {
    let mut command = nightly(shell, &["miri", "test", "--no-fail-fast"]);
    command.args(what).env("MIRIFLAGS", "-Zmiri-strict-provenance");
    shell::run_watched(&mut command, |line| tally.note(line))
}

/// With the project's own toolchain: loom is a library.
fn loom(shell: &Shell, tally: &mut Tally) -> Result<Outcome> {
    let place = shell.root().join("tests/loom");
    let target = shell.target().join("loom");
    for args in [&["fmt", "--check"][..], &["clippy", "--", "-D", "warnings"], &["run"]] {
        let mut command = shell.cargo(args);
        command.current_dir(&place).env("CARGO_TARGET_DIR", &target);
        shell::run_watched(&mut command, |line| tally.note(line))?;
    }
    Ok(Outcome::Done)
}

fn asan(shell: &Shell, tally: &mut Tally) -> Result<Outcome> {
    setup::nightly(shell, NIGHTLY, &[])?;
    let mut command = sanitized(shell, "address", &[])?;
    command.env("ASAN_OPTIONS", format!("{HANDS_OFF}:detect_leaks=1"));
    shell::run_watched(&mut command, |line| tally.note(line))?;
    Ok(Outcome::Done)
}

/// The standard library is built too, because ThreadSanitizer must see what its locks do.
fn tsan(shell: &Shell, tally: &mut Tally) -> Result<Outcome> {
    setup::nightly(shell, NIGHTLY, &["rust-src"])?;
    let mut command = sanitized(shell, "thread", &["-Zbuild-std"])?;
    command.env("TSAN_OPTIONS", HANDS_OFF).arg("--");
    for (test, why) in NOT_UNDER_TSAN {
        println!("not under ThreadSanitizer: {test}: {why}");
        command.args(["--skip", test]);
    }
    shell::run_watched(&mut command, |line| tally.note(line))?;
    Ok(Outcome::Done)
}

/// The tests of memctl-alias under a sanitizer. A target that is named keeps the flags away from build scripts.
fn sanitized(shell: &Shell, sanitizer: &str, more: &[&str]) -> Result<Command> {
    let triple = host::triple(shell)?;
    let mut command = nightly(shell, &["test", "-p", "memctl-alias", "--lib", "--tests", "--no-fail-fast"]);
    command.args(["--target", &triple]).args(more);
    command.arg("--target-dir").arg(shell.target().join(sanitizer));
    command.env("RUSTFLAGS", format!("-Zsanitizer={sanitizer}"));
    Ok(command)
}

/// `cargo` of the nightly toolchain.
fn nightly(shell: &Shell, args: &[&str]) -> Command {
    let mut command = shell.program("rustup", ["run", NIGHTLY, "cargo"]);
    command.args(args);
    command
}
