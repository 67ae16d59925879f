//! Gives the linker the machine's memory, so that a firmware over its budget does not link.
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Where the machines for a target have their memory: the linker script, and the origins of flash and RAM.
fn machine(target: &str) -> (&'static str, u32, u32) {
    match target {
        // mps2-an505: SSRAM1 as flash, SSRAM2 and 3 as RAM, by their secure aliases.
        "thumbv8m.main-none-eabi" => ("arm.ld", 0x1000_0000, 0x3800_0000),
        // mps2-an386 and mps2-an500: SSRAM1 as flash, SSRAM2 and 3 as RAM.
        "thumbv7em-none-eabihf" => ("arm.ld", 0x0000_0000, 0x2000_0000),
        // virt: all of it is RAM from here on; the second MiB plays RAM, the first one flash.
        "riscv32imac-unknown-none-elf" => ("riscv.ld", 0x8000_0000, 0x8010_0000),
        other => panic!("no machine for target {other}: see docs/board.md"),
    }
}

/// Bytes of flash and of RAM: the SIG's floor.
const FLASH: u32 = 1024 << 10;
const RAM: u32 = 512 << 10;

fn main() {
    let target = env::var("TARGET").expect("cargo says the target");
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo says where"));
    let scripts = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo says where")).join("link");
    let (script, flash, ram) = machine(&target);
    let memory = format!(
        "MEMORY {{\n  FLASH : ORIGIN = {flash:#x}, LENGTH = {FLASH:#x}\n  RAM : ORIGIN = {ram:#x}, LENGTH = {RAM:#x}\n}}\n\
         _flash_start = ORIGIN(FLASH);\n_flash_len = LENGTH(FLASH);\n_ram_start = ORIGIN(RAM);\n_ram_len = LENGTH(RAM);\n"
    );
    fs::write(out.join("memory.x"), memory).expect("memory.x can be written");
    println!("cargo:rustc-link-search={}", out.display());
    println!("cargo:rustc-link-search={}", scripts.display());
    println!("cargo:rustc-link-arg=-T{script}");
    println!("cargo:rustc-link-arg=--nmagic");
    println!("cargo:rustc-link-arg=--gc-sections");
    println!("cargo:rerun-if-changed={}", scripts.display());

    println!("cargo:rustc-check-cfg=cfg(pmsav8)");
    if target.starts_with("thumbv8m") {
        println!("cargo:rustc-cfg=pmsav8");
    }

    // The bare firmware's component, as `memctl compile` makes it.
    let images = env::var_os("MEMCTL_BOARD_IMAGES")
        .map_or_else(|| scripts.join("../../../../target/board/images"), PathBuf::from);
    println!("cargo:rerun-if-env-changed=MEMCTL_BOARD_IMAGES");
    println!("cargo:rerun-if-changed={}", images.display());
    println!("cargo:rustc-env=MEMCTL_BOARD_IMAGES={}", images.display());
}
