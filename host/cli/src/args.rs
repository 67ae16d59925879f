//! The command line, as clap reads it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::compile::CompileArgs;
use crate::component::ComponentArgs;
use crate::declare::DeclareArgs;
use crate::help::{COMPARE_HELP, EXAMPLES, RUN_HELP, SOAK_HELP};
use crate::instrument::InstrumentArgs;
use crate::plan::PlanArgs;
use crate::size::Size;
use crate::spec::{DirSpec, EnvSpec, FeedSpec, HeapSpec, ObjectSpec, QuotaSpec};
use crate::windows::LinkArgs;

/// Run WebAssembly programs that map memory, and check that they behave the same on every kind of memory hardware.
#[derive(Debug, Parser)]
#[command(name = "memctl", version, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What memctl can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a program.
    #[command(after_help = RUN_HELP)]
    Run(RunArgs),
    /// Run a program once per backend, and show the first difference in what it did.
    #[command(after_help = COMPARE_HELP)]
    Compare(CompareArgs),
    /// Try this machine: guests that do anything they can, hostile ones among them, on several threads.
    #[command(after_help = SOAK_HELP)]
    Soak(SoakArgs),
    /// Put checks into a program, for hosts that have no MMU to protect memory with.
    #[command(after_help = crate::instrument::HELP)]
    Instrument(InstrumentArgs),
    /// Say in a program which part of its memory is to be protected: the null page and constants.
    #[command(after_help = crate::declare::HELP)]
    Declare(DeclareArgs),
    /// Make a component of a core module, from C for instance.
    #[command(after_help = crate::component::HELP)]
    Component(ComponentArgs),
    /// Put windows into a core module: extra memories in which the host shows objects.
    #[command(after_help = crate::windows::HELP)]
    LinkWindows(LinkArgs),
    /// Compile a program into an image that firmware on a board runs in place.
    #[command(after_help = crate::compile::HELP)]
    Compile(CompileArgs),
    /// Say whether programs fit a board, where everything goes there, and what keeps them apart.
    #[command(after_help = crate::plan::HELP)]
    Plan(PlanArgs),
}

/// Flags and arguments of `memctl run`.
#[derive(Args, Debug)]
pub struct RunArgs {
    /// How windows show objects.
    #[arg(long, value_enum, default_value_t, help_heading = "Memory control")]
    pub backend: BackendChoice,
    /// Trap the program where it touches a leased window outside the guards of its leases, as if another guest or a board's
    /// copy were there. Windows alias, at full speed.
    #[arg(long, help_heading = "Memory control")]
    pub audit: bool,
    /// Run the program with checks put in, as `memctl instrument` does: protection that needs no MMU.
    #[arg(long, help_heading = "Memory control")]
    pub instrument: bool,
    /// The rest, which `memctl compare` has too.
    #[command(flatten)]
    pub guest: GuestArgs,
}

/// Flags and arguments of `memctl compare`.
#[derive(Args, Debug)]
pub struct CompareArgs {
    /// Run the program as it is on `alias`, and with checks put in, as `memctl instrument` does, on `copy`.
    #[arg(long, help_heading = "Memory control")]
    pub instrument: bool,
    /// All of it is shared with `memctl run`.
    #[command(flatten)]
    pub guest: GuestArgs,
}

/// Flags of `memctl soak`.
#[derive(Args, Clone, Debug)]
pub struct SoakArgs {
    /// Guests that are alive at the same time, at least 4 for each thread.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub guests: u32,
    /// Threads for guests that run at the same time, and as many for guests that take turns; the number of processors unless said
    /// otherwise.
    #[arg(long, value_name = "M", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub threads: Option<u32>,
    /// How long, without the warm-up.
    #[arg(long, value_name = "S", default_value_t = 10)]
    pub seconds: u64,
    /// Repeat what the guests did before; a new seed is drawn unless one is given.
    #[arg(long, value_name = "X")]
    pub seed: Option<u64>,
    /// How windows show objects.
    #[arg(long, value_enum, default_value_t)]
    pub backend: BackendChoice,
    /// Print a JSON report on stdout instead of a table; see below.
    #[arg(long)]
    pub json: bool,
    /// Keep one guest for good, to see that it is told.
    #[arg(long, hide = true)]
    pub forget_a_guest: bool,
}

/// How windows show objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum BackendChoice {
    /// `alias` where it works, `copy` elsewhere.
    #[default]
    Auto,
    /// Show the object's own memory, with the help of an MMU.
    Alias,
    /// Move bytes between object and window, as hosts without an MMU do.
    Copy,
}

impl BackendChoice {
    /// The name that the user types.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Alias => "alias",
            Self::Copy => "copy",
        }
    }
}

/// How the engine lays out and guards memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum EngineChoice {
    /// As on a server: with address space to spare, guard pages and signals.
    #[default]
    Server,
    /// As on a board: no reservation, no guard, no signals. Windows that are extra memories show objects in place.
    Board,
}

/// The program and what it gets.
#[derive(Args, Clone, Debug)]
pub struct GuestArgs {
    /// Let the program use directory HOST under the name GUEST; :ro for reading only. HOST alone is HOST::HOST.
    #[arg(long = "dir", value_name = "HOST::GUEST[:ro]")]
    pub dirs: Vec<DirSpec>,
    /// Set an environment variable; NAME alone passes on its value from here.
    #[arg(long = "env", value_name = "NAME=VALUE")]
    pub env: Vec<EnvSpec>,
    /// Publish an object as NAME: SIZE zero bytes (4096, 64KiB, 16MiB, 1GiB), or the bytes of file PATH (./4096 if
    /// it looks like a size), which the program can change unless it is :ro.
    #[arg(long = "object", value_name = "NAME=SIZE|NAME=PATH[:ro]", help_heading = "Memory control")]
    pub objects: Vec<ObjectSpec>,
    /// Publish a shared heap of SIZE bytes as NAME, which grows to MAX if it has no room. What it holds at the end is not compared.
    #[arg(long = "heap", value_name = "NAME=SIZE[..MAX]", help_heading = "Memory control")]
    pub heaps: Vec<HeapSpec>,
    /// Let a device write into the object NAME, in turn with the programs: before each round of turns, under a lease, the next bytes of file PATH, as many as the
    /// object has, until the file ends. What it has no room for while somebody holds a lease there is lost.
    #[arg(long = "feed", value_name = "NAME=PATH", help_heading = "Memory control")]
    pub feeds: Vec<FeedSpec>,
    /// Change a limit: objects, object-bytes, mappings, mapped-bytes, leases, waiters, protected-ranges, blocks or block-bytes.
    #[arg(long = "quota", value_name = "KEY=VALUE", help_heading = "Memory control")]
    pub quotas: Vec<QuotaSpec>,
    /// Answer calls that protect memory as if it were protected also where neither an MMU nor --instrument sees to that: nothing holds the program to it
    /// there, and it runs at full speed. Without this such calls are refused.
    #[arg(long, help_heading = "Memory control")]
    pub advisory_protection: bool,
    /// How the engine lays out and guards memory where windows are copied: `board` needs `--backend copy`.
    #[arg(long, value_enum, default_value_t, help_heading = "Memory control")]
    pub engine: EngineChoice,
    /// What windows and offsets are multiples of where windows are copied, as on a board with so small a granule: a power of two, the host page
    /// unless said otherwise. Needs `--backend copy`.
    #[arg(long, value_name = "BYTES", help_heading = "Memory control")]
    pub granule: Option<Size>,
    /// Call the program so many times, in one instance: a turn each. What it keeps in its memory is there in the next turn; what traps or asks to exit
    /// begins anew.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..), help_heading = "Turns")]
    pub turns: u32,
    /// Let another program take turns with the first, in a store of its own: it gets the same directories, variables, objects and heaps, and no arguments. Given several
    /// times, all take turns in that order, round after round.
    #[arg(long, value_name = "OTHER.wasm", help_heading = "Turns")]
    pub beside: Vec<PathBuf>,
    /// Say on stderr what the host does; MEMCTL_LOG takes finer filters, such as memctl=trace.
    #[arg(long)]
    pub verbose: bool,
    /// Print a JSON report on stdout instead of the program's output; see below.
    #[arg(long)]
    pub json: bool,
    /// A command component (wasi:cli/run) or a WASI preview 1 command module, and its arguments.
    #[arg(value_name = "APP.wasm [ARGS]", required = true, num_args = 1.., trailing_var_arg = true)]
    program: Vec<OsString>,
}

impl GuestArgs {
    /// The programs' files, in the order in which they take turns.
    pub fn apps(&self) -> impl Iterator<Item = &Path> {
        // clap has checked that there is at least one value.
        self.program.first().map(Path::new).into_iter().chain(self.beside.iter().map(PathBuf::as_path))
    }

    /// What each program sees as its arguments: the name of its file first, without directories.
    ///
    /// # Errors
    /// An argument is not UTF-8, which WASI asks for.
    pub fn argvs(&self) -> Result<Vec<Vec<String>>> {
        let name = |app: &Path| app.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut argvs: Vec<_> = self.apps().map(|app| vec![name(app)]).collect();
        if let Some(argv) = argvs.first_mut() {
            for arg in self.program.iter().skip(1) {
                let arg = arg.to_str().with_context(|| {
                    format!("argument {} of the program is not UTF-8, as WASI needs", arg.display())
                })?;
                argv.push(arg.to_owned());
            }
        }
        Ok(argvs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    fn run(line: &[&str]) -> RunArgs {
        match Cli::try_parse_from([&["memctl", "run"], line].concat()).unwrap().command {
            Command::Run(args) => args,
            _ => unreachable!("the line says run"),
        }
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_after_the_program_are_its_own() {
        let args = run(&["--backend", "copy", "dir/app.wasm", "--backend", "-x", "--", "y"]);
        assert_eq!(args.backend, BackendChoice::Copy);
        assert_eq!(args.guest.apps().collect::<Vec<_>>(), [Path::new("dir/app.wasm")]);
        assert_eq!(args.guest.argvs().unwrap(), [["app.wasm", "--backend", "-x", "--", "y"]]);
    }

    #[test]
    fn two_dashes_may_come_before_the_program() {
        let args = run(&["--env", "A=b", "--", "app.wasm", "--json", "--", "z"]);
        assert!(!args.guest.json);
        assert_eq!(args.guest.argvs().unwrap(), [["app.wasm", "--json", "--", "z"]]);
    }

    #[test]
    fn programs_take_turns_in_the_order_in_which_they_are_named_and_the_first_has_the_arguments() {
        let args = run(&["--turns", "3", "--beside", "dir/b.wasm", "--beside=c.wasm", "a.wasm", "x"]);
        assert_eq!(args.guest.turns, 3);
        assert_eq!(args.guest.apps().collect::<Vec<_>>(), ["a.wasm", "dir/b.wasm", "c.wasm"].map(Path::new));
        assert_eq!(args.guest.argvs().unwrap(), [&["a.wasm", "x"][..], &["b.wasm"], &["c.wasm"]]);
    }

    #[test]
    fn a_wrong_flag_is_not_taken_for_a_program() {
        for line in [&["memctl", "run", "--bakend=copy", "app.wasm"][..], &["memctl", "run", "-x", "app.wasm"]] {
            assert_eq!(Cli::try_parse_from(line).unwrap_err().kind(), ErrorKind::UnknownArgument);
        }
        assert_eq!(Cli::try_parse_from(["memctl", "run"]).unwrap_err().kind(), ErrorKind::MissingRequiredArgument);
    }

    #[test]
    fn an_error_names_its_flag_and_the_form() {
        let error = Cli::try_parse_from(["memctl", "run", "--dir", "::x", "app.wasm"]).unwrap_err().to_string();
        assert!(error.contains("--dir") && error.contains("HOST::GUEST[:ro]"), "{error}");
    }
}
