//! Programs in C, natively and as guests.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};

use memctl_cc::{Program, Toolchain, root};
use tempfile::TempDir;

/// The flags of `memctl run` for hosts on which memory can be protected.
pub(crate) const PROTECTING: [&[&str]; 2] = [&["--backend", "alias"], &["--backend", "copy", "--instrument"]];

/// The flags for one where it can't be.
pub(crate) const BARE: &[&str] = &["--backend", "copy"];

/// A file of `shims/mman/tests`.
pub(crate) fn source(name: &str) -> PathBuf {
    root().join("shims/mman/tests").join(name)
}

/// A program of these files, with the shim.
pub(crate) fn program(sources: &[&str]) -> Program {
    sources.iter().fold(Program::new().flag("-Wall").flag("-Wextra").flag("-Werror"), |program, name| {
        program.source(source(name))
    })
}

/// The program as a module, by every toolchain of this machine; each is built once in a process.
pub(crate) fn guests(sources: &[&str]) -> Vec<PathBuf> {
    static BUILT: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    // One has to be there: the error says how to get it.
    Toolchain::find().unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mman");
    let mut build = |toolchain: Toolchain| {
        let output = folder.join(format!("{}-{toolchain}.wasm", sources[0]));
        if built.insert(output.clone()) {
            program(sources).mman().build(&toolchain, &output).unwrap();
        }
        output
    };
    Toolchain::all().into_iter().map(&mut build).collect()
}

/// The program for this machine.
pub(crate) fn native(sources: &[&str], place: &TempDir) -> PathBuf {
    program(sources).build_native(&place.path().join("native")).unwrap()
}

/// What a program that ended left behind.
pub(crate) struct Ended {
    /// Its exit code.
    pub(crate) code: Option<i32>,
    /// What it printed.
    pub(crate) stdout: String,
    /// What it complained about.
    pub(crate) stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("it prints UTF-8");
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

/// Runs a native program in a new folder, which is its first argument.
pub(crate) fn run_native(program: &Path, args: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let ended: Ended =
        Command::new(program).arg(folder.path()).args(args).stdin(Stdio::null()).output().unwrap().into();
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    ended.stdout
}

/// Runs a guest with a new folder as /work, and a second one as /tmp.
pub(crate) fn run(flags: &[&str], guest: &Path, args: &[&str]) -> Ended {
    let (work, tmp) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let dirs = [format!("--dir={}::/work", work.path().display()), format!("--dir={}::/tmp", tmp.path().display())];
    let dirs: Vec<_> = dirs.iter().map(String::as_str).collect();
    run_without_folders(&[flags, &dirs].concat(), guest, args)
}

/// Runs a guest with these flags only.
pub(crate) fn run_without_folders(flags: &[&str], guest: &Path, args: &[&str]) -> Ended {
    let mut memctl = Command::new(env!("CARGO_BIN_EXE_memctl"));
    memctl.arg("run").args(flags).arg(guest).args(args).stdin(Stdio::null()).env_remove("MEMCTL_LOG");
    memctl.output().expect("memctl starts").into()
}

/// Fails at the first line in which a guest says something else.
#[track_caller]
pub(crate) fn assert_same(expected: &str, said: &Ended, who: &str) {
    for (number, (expected, said)) in expected.lines().zip(said.stdout.lines()).enumerate() {
        assert_eq!(expected, said, "{who}, line {}", number + 1);
    }
    assert_eq!(said.code, Some(0), "{who}: {}", said.stderr);
    assert_eq!(expected.lines().count(), said.stdout.lines().count(), "{who}");
}
