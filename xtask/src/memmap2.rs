//! The shim for memmap2, and programs that use it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

use crate::guests::Target;
use crate::host::{self, Tool};
use crate::shell::{self, Shell};
use crate::steps::{Outcome, Tally};
use crate::text;

/// Workspaces of their own.
pub(crate) const MANIFESTS: [&str; 2] = [SHIM, EXAMPLES];
const SHIM: &str = "shims/memmap2/Cargo.toml";
const EXAMPLES: &str = "examples/memmap2/Cargo.toml";

/// How guests run that must see the same, as flags of memctl.
const RUNS: [&str; 5] = [
    "--backend alias",
    "--backend copy",
    "--backend copy --instrument",
    "--backend alias --instrument",
    "--backend copy --advisory-protection",
];

/// The examples, and what they are given beside the folder that they may write to.
const PROGRAMS: [(&str, &[&str]); 2] = [("words", &["/text/all.txt"]), ("tensors", &[])];

/// No lint warns in the shim.
pub(crate) fn clippy(shell: &Shell, triple: Option<&str>) -> Result<()> {
    let mut command =
        shell.cargo(["clippy", "--workspace", "--all-features", "--all-targets", "--manifest-path", SHIM]);
    match triple {
        Some(triple) => command.args(["--target", triple, "--target-dir"]).arg(shell.guest_target()),
        None => command.arg("--target-dir").arg(shell.target()),
    };
    shell::run(command.args(["--", "-D", "warnings"]))
}

/// The shim's tests, for this machine and in guests.
pub(crate) fn test(shell: &Shell, tally: &mut Tally) -> Result<Outcome> {
    host::build(shell, &[Tool::Memctl])?;
    let test = || shell.cargo(["test", "--workspace", "--all-features", "--manifest-path", SHIM, "--target-dir"]);
    shell::run_watched(test().arg(shell.target()), |line| tally.note(line))?;
    for target in [Target::WasiP2, Target::WasiP1] {
        let mut runs = RUNS.iter();
        // Preview 1 differs by its libc only.
        if target == Target::WasiP1 {
            runs = RUNS[..2].iter();
        }
        for flags in runs {
            let scratch = emptied(&place(shell).join("scratch"))?;
            let runner =
                format!("{} run {flags} --dir {}::/scratch --", Tool::Memctl.built(shell).display(), scratch.display());
            let variable = format!("CARGO_TARGET_{}_RUNNER", target.triple().replace('-', "_").to_uppercase());
            let mut command = test();
            command.arg(shell.guest_target()).args(["-p", "memmap2", "--target", target.triple()]);
            shell::run_watched(command.env(variable, runner), |line| tally.note(line))?;
        }
    }
    Ok(Outcome::Done)
}

/// The examples print the same natively and on every backend.
pub(crate) fn programs(shell: &Shell, _: &mut Tally) -> Result<Outcome> {
    host::build(shell, &[Tool::Memctl])?;
    let build = || shell.cargo(["build", "--manifest-path", EXAMPLES, "--target-dir"]);
    shell::run(build().arg(shell.target()))?;
    shell::run(build().arg(shell.guest_target()).args(["--target", Target::WasiP2.triple()]))?;
    // Here, and not with the rest: candle takes its time.
    let mut clippy = shell.cargo(["clippy", "--workspace", "--manifest-path", EXAMPLES, "--target-dir"]);
    clippy.arg(shell.guest_target()).args(["--target", Target::WasiP2.triple(), "--", "-D", "warnings"]);
    shell::run(&mut clippy)?;
    let text = text::collect(shell, &place(shell).join("text"))?;
    for (name, arguments) in PROGRAMS {
        let here: Vec<_> = arguments.iter().map(|path| path.replace("/text", &text.place.to_string_lossy())).collect();
        let native = shell.target().join("debug").join(name);
        let expected = shell::read(shell.program(native, here).arg(emptied(&place(shell).join("native"))?))?;
        print!("{}", String::from_utf8_lossy(&expected));

        let work = emptied(&place(shell).join("work"))?;
        let guest = shell.guest_target().join(Target::WasiP2.triple()).join("debug").join(name).with_extension("wasm");
        let memctl = |flags: &[&str]| -> Command {
            let mut command = shell.program(Tool::Memctl.built(shell), flags);
            command.arg("--dir").arg(format!("{}::/text:ro", text.place.display()));
            command.arg("--dir").arg(format!("{}::/work", work.display()));
            command.arg(&guest).args(arguments).arg("/work");
            command
        };
        shell::run(&mut memctl(&["compare"]))?;
        shell::run(&mut memctl(&["compare", "--instrument"]))?;
        let found = shell::read(&mut memctl(&["run"]))?;
        ensure!(found == expected, "{name} prints {} as a guest", String::from_utf8_lossy(&found));
        println!("{name}: a guest on either backend prints what the program of this machine does\n");
    }
    Ok(Outcome::Done)
}

/// Where files go.
fn place(shell: &Shell) -> PathBuf {
    shell.target().join("memmap2")
}

fn emptied(folder: &Path) -> Result<PathBuf> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    Ok(folder.to_owned())
}
