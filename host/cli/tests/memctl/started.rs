//! memctl as a user starts it, with the guest of tests/guests/command.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

/// Both backends, as memctl calls them.
pub(crate) const BACKENDS: [&str; 2] = ["alias", "copy"];

/// The guest as a component (WASI 0.2) and as a core module (preview 1), freshly built.
pub(crate) static GUESTS: LazyLock<[PathBuf; 2]> =
    LazyLock::new(|| ["wasm32-wasip2", "wasm32-wasip1"].map(|target| build("guest-command", target)));

fn build(package: &str, target: &str) -> PathBuf {
    // Apart from cargo's own directory, whose lock the cargo that runs these tests may hold.
    let target_dir = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("guests");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--package", package, "--target", target, "--target-dir"])
        .arg(&target_dir)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .expect("cargo starts");
    assert!(status.success(), "{package} doesn't build for {target}; `cargo xtask setup` installs the target");
    target_dir.join(target).join("debug").join(format!("{package}.wasm"))
}

/// What a memctl that ended left behind.
pub(crate) struct Ended {
    /// Its exit code.
    pub(crate) code: Option<i32>,
    /// What it printed.
    pub(crate) stdout: String,
    /// What it complained about.
    pub(crate) stderr: String,
}

/// memctl with these arguments, in which `GUEST` stands for `guest`, started in `place`.
pub(crate) fn command(place: &Path, guest: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_memctl"));
    command.current_dir(place).stdin(Stdio::null()).env_remove("MEMCTL_LOG");
    for arg in args {
        if *arg == "GUEST" {
            command.arg(guest);
        } else {
            command.arg(arg);
        }
    }
    command
}

/// Runs memctl to its end.
pub(crate) fn memctl(place: &Path, guest: &Path, args: &[&str]) -> Ended {
    let Output { status, stdout, stderr } = command(place, guest, args).output().expect("memctl starts");
    let text = |bytes| String::from_utf8(bytes).expect("memctl prints UTF-8");
    Ended { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

/// The first `len` bytes of what the guest writes.
pub(crate) fn pattern(len: usize) -> Vec<u8> {
    b"abcdefghijklmnopqrstuvwxyz\n".iter().copied().cycle().take(len).collect()
}
