//! Gives the linker the board's memory, so that a firmware over its budget does not link, and the firmware its scenes.

#[path = "build/board.rs"]
mod board;
#[path = "build/scenes.rs"]
mod scenes;

use std::path::{Path, PathBuf};
use std::{env, fs};

use board::Board;

/// What `.cargo/config.toml` says. Without it LLVM puts statics of the kernel among those of guests, and the first partition that is left takes them along.
const APART: &str = "enable-global-merge=false";

fn main() {
    let target = env::var("TARGET").expect("cargo says the target");
    // RUSTFLAGS in the environment take the place of what the file says, and it counts only for who builds in its folder.
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    assert!(
        flags.contains(APART),
        "-Cllvm-args=-{APART} is missing: build in examples/board, and add it to RUSTFLAGS if you set those"
    );
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo says where"));
    let scripts = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo says where")).join("link");
    let board = Board::chosen(&target);
    fs::write(out.join("memory.x"), board.memory_x()).expect("memory.x can be written");
    let script = if target.starts_with("thumb") { "arm.ld" } else { "riscv.ld" };
    println!("cargo:rustc-link-search={}", out.display());
    println!("cargo:rustc-link-search={}", scripts.display());
    println!("cargo:rustc-link-arg=-T{script}");
    println!("cargo:rustc-link-arg=--nmagic");
    println!("cargo:rustc-link-arg=--gc-sections");
    println!("cargo:rerun-if-changed={}", scripts.display());

    println!("cargo:rustc-check-cfg=cfg(pmsav8)");
    if board.has_pmsav8() {
        println!("cargo:rustc-cfg=pmsav8");
    }

    // What `memctl compile` made.
    let images = env::var_os("MEMCTL_BOARD_IMAGES")
        .map_or_else(|| scripts.join("../../../../target/board/images"), PathBuf::from);
    println!("cargo:rerun-if-env-changed=MEMCTL_BOARD_IMAGES");
    println!("cargo:rerun-if-changed={}", images.display());
    println!("cargo:rustc-env=MEMCTL_BOARD_IMAGES={}", images.display());
    if env::var_os("CARGO_FEATURE_MEMORY_CONTROL").is_some() {
        scenes::write(&out, &images);
    }
}
