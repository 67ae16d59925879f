//! C, compiled to WebAssembly by what this machine has.
//!
//! ```no_run
//! use memctl_cc::{Program, Toolchain};
//!
//! fn main() -> anyhow::Result<()> {
//!     let module = Program::new()
//!         .source("hello.c")
//!         .mman() // sys/mman.h and its functions, from shims/mman
//!         .build(&Toolchain::find()?, "hello.wasm".as_ref())?;
//!     println!("{}", module.display());
//!     Ok(())
//! }
//! ```

mod clang;
mod program;
mod toolchain;
mod zig;

pub use clang::Clang;
pub use program::Program;
pub use toolchain::Toolchain;
pub use zig::{ZIGLANG, Zig};

use std::path::{Path, PathBuf};

/// The repository.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// Where builds go: `$CARGO_TARGET_DIR` or `target`.
#[must_use]
pub fn target() -> PathBuf {
    let root = root();
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir))
}
