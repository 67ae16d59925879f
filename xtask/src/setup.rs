//! The parts of the toolchain that rust-toolchain.toml names.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::shell::{self, Shell};

/// Installs missing targets and components; does nothing, and needs no network, if none is missing.
pub(crate) fn run(shell: &Shell) -> Result<()> {
    let file = fs::read_to_string(shell.root().join("rust-toolchain.toml"))?;
    let wanted = Toolchain::parse(&file)?;
    let sysroot = shell::read(&mut shell.program("rustc", ["--print", "sysroot"]))?;
    let sysroot = String::from_utf8(sysroot)?;
    let installed = Path::new(sysroot.trim()).join("lib/rustlib");
    let missing_targets: Vec<_> =
        wanted.targets.iter().filter(|target| !installed.join(target).join("lib").is_dir()).collect();
    let missing_components: Vec<_> = wanted.components.iter().filter(|component| !works(shell, component)).collect();
    for (kind, missing) in [("target", missing_targets), ("component", missing_components)] {
        if missing.is_empty() {
            continue;
        }
        if !rustup_works(shell) {
            let names = missing.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(" ");
            bail!(
                "the toolchain lacks the {kind}s {names}, and there is no rustup to fetch them; \
                 install rustup from https://rustup.rs, or the {kind}s by your system's means"
            );
        }
        let args = [kind, "add", "--toolchain", &wanted.channel];
        let mut command = shell.program("rustup", args.into_iter().chain(missing.iter().map(|name| name.as_str())));
        fetch(&mut command, &format!("the {kind}s"))?;
    }
    println!("toolchain {} has {}", wanted.channel, [wanted.components, wanted.targets].concat().join(", "));
    Ok(())
}

/// Installs another toolchain, or components that it lacks; needs no network if all is there.
pub(crate) fn nightly(shell: &Shell, channel: &str, components: &[&str]) -> Result<()> {
    if !rustup_works(shell) {
        bail!(
            "this needs Rust's {channel} toolchain, and there is no rustup to fetch it; install rustup from https://rustup.rs, \
             then: rustup toolchain install {channel} --profile minimal --component miri,rust-src"
        );
    }
    let listed = shell.program("rustup", ["component", "list", "--installed", "--toolchain", channel]).output()?;
    let listed = listed.status.success().then(|| String::from_utf8_lossy(&listed.stdout).into_owned());
    let mut command = match &listed {
        // The newest that has them all: a day's nightly may lack some.
        None => shell.program("rustup", ["toolchain", "install", channel, "--profile", "minimal", "--no-self-update"]),
        Some(_) => shell.program("rustup", ["component", "add", "--toolchain", channel]),
    };
    // An installed component is listed with the machine's name behind its own.
    let installed = |name: &str| listed.iter().any(|listed| listed.lines().any(|line| line.starts_with(name)));
    let missing: Vec<_> = components.iter().filter(|name| !installed(name)).copied().collect();
    match (&listed, missing.is_empty()) {
        (Some(_), true) => return Ok(()),
        (Some(_), false) => _ = command.args(&missing),
        (None, _) => missing.iter().for_each(|name| _ = command.args(["--component", name])),
    }
    fetch(&mut command, &format!("the {channel} toolchain"))
}

/// Runs a command of rustup that needs the network.
fn fetch(command: &mut Command, what: &str) -> Result<()> {
    twice(|| shell::run(command))
        .with_context(|| format!("rustup can't fetch {what}; is https://static.rust-lang.org within reach?"))
}

/// Does it once more if it fails, because networks fail for a moment.
pub(crate) fn twice(mut fetch: impl FnMut() -> Result<()>) -> Result<()> {
    fetch().or_else(|error| {
        eprintln!("{error:#}; trying once more");
        fetch()
    })
}

/// Whether cargo has the command that comes with a component.
fn works(shell: &Shell, component: &str) -> bool {
    let command = match component {
        "rustfmt" => "fmt",
        other => other,
    };
    shell.cargo([command, "--version"]).output().is_ok_and(|output| output.status.success())
}

fn rustup_works(shell: &Shell) -> bool {
    shell.program("rustup", ["--version"]).output().is_ok_and(|output| output.status.success())
}

#[derive(Debug, PartialEq, Eq)]
struct Toolchain {
    channel: String,
    components: Vec<String>,
    targets: Vec<String>,
}

impl Toolchain {
    /// Reads the few lines that rust-toolchain.toml consists of: `key = "text"` and `key = ["text", ...]`.
    fn parse(file: &str) -> Result<Self> {
        let texts = |key: &str| {
            let value = file
                .lines()
                .filter_map(|line| line.split_once('='))
                .find(|(name, _)| name.trim() == key)
                .map(|(_, value)| value)
                .with_context(|| format!("rust-toolchain.toml has no line for {key}"))?;
            // Between quotes is every second part.
            Ok::<_, anyhow::Error>(value.split('"').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>())
        };
        let channel = texts("channel")?.pop().context("rust-toolchain.toml names no channel")?;
        Ok(Self { channel, components: texts("components")?, targets: texts("targets")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_projects_own_file_is_understood() {
        let toolchain = Toolchain::parse(include_str!("../../rust-toolchain.toml")).unwrap();
        assert!(toolchain.channel.starts_with("1."), "{toolchain:?}");
        assert!(toolchain.components.contains(&"clippy".to_owned()), "{toolchain:?}");
        assert!(toolchain.targets.contains(&"wasm32-wasip2".to_owned()), "{toolchain:?}");
    }

    #[test]
    fn a_file_without_targets_is_refused() {
        assert!(Toolchain::parse("[toolchain]\nchannel = \"1.95.0\"\ncomponents = []\n").is_err());
    }
}
