//! Guests, built from source.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// How much the compiler optimizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// As `cargo build` does.
    Dev,
    /// As `cargo build --release` does.
    Release,
}

/// The component or module that package `package` builds for `target`, optimized, built at most once in a process. `file` is its name.
///
/// # Panics
/// If it can't be built; the compiler's messages go to standard error.
pub fn guest_wasm(package: &str, target: &str, file: &str) -> PathBuf {
    guest_wasm_in(Profile::Release, package, target, file)
}

/// As [`guest_wasm`], of a profile.
///
/// Guests have a target folder of their own, so that a test run by cargo needn't wait for that cargo's lock.
///
/// # Panics
/// If it can't be built; the compiler's messages go to standard error.
pub fn guest_wasm_in(profile: Profile, package: &str, target: &str, file: &str) -> PathBuf {
    static BUILT: Mutex<BTreeMap<PathBuf, ()>> = Mutex::new(BTreeMap::new());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let target_dir =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from).join("guests");
    let (folder, name) = match profile {
        Profile::Dev => ("debug", "dev"),
        Profile::Release => ("release", "release"),
    };
    let wasm = target_dir.join(target).join(folder).join(file);
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if built.insert(wasm.clone(), ()).is_none() {
        let status = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--profile", name, "--package", package, "--target", target, "--target-dir"])
            .arg(&target_dir)
            .current_dir(root)
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .status()
            .expect("cargo runs");
        assert!(status.success(), "cargo build --package {package} --target {target} failed: {status}");
    }
    wasm
}
