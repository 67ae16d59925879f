//! The board that the firmware is for: its memory and its protection unit, from `host/cli/boards.toml`, which `memctl plan` and `memctl compile` read too.
//!
//! It is the board called `$MEMCTL_BOARD`; unless that is set, the first one whose firmware is compiled for the target. `$MEMCTL_BOARDS` is a file
//! with more of them.

use std::path::{Path, PathBuf};
use std::{env, fs};

use serde::Deserialize;

/// What the build needs of the file.
#[derive(Deserialize)]
struct Boards {
    board: Vec<Board>,
}

/// A board.
#[derive(Deserialize)]
pub(crate) struct Board {
    name: String,
    #[serde(default)]
    other_names: Vec<String>,
    target: Option<String>,
    system: String,
    memory: Vec<Bank>,
    protection: Protection,
}

#[derive(Deserialize)]
struct Bank {
    kind: String,
    origin: u64,
    length: String,
}

#[derive(Deserialize)]
struct Protection {
    unit: String,
}

impl Board {
    /// Finds it.
    pub(crate) fn chosen(target: &str) -> Self {
        for name in ["MEMCTL_BOARD", "MEMCTL_BOARDS"] {
            println!("cargo:rerun-if-env-changed={name}");
        }
        let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where the package is"));
        let more = env::var_os("MEMCTL_BOARDS").map(PathBuf::from);
        let mut boards: Vec<Self> = more.iter().flat_map(|file| read(file)).collect();
        boards.extend(read(&here.join("../../../host/cli/boards.toml")));
        let name = env::var("MEMCTL_BOARD").ok();
        let found = boards.into_iter().find(|board| match &name {
            Some(name) => board.name == *name || board.other_names.contains(name),
            None => board.system == "firmware" && board.target.as_deref() == Some(target),
        });
        let Some(board) = found else {
            panic!("no board for {}: docs/board.md says how to add one", name.as_deref().unwrap_or(target));
        };
        if board.target.as_deref() != Some(target) {
            let wanted = board.target.as_deref().unwrap_or("no target");
            panic!("firmware of {} is for {wanted}, not for {target}: --target {wanted}", board.name);
        }
        board
    }

    /// The regions that the linker fills, and their bounds as symbols.
    pub(crate) fn memory_x(&self) -> String {
        let [flash, ram] = ["flash", "ram"].map(|kind| {
            let bank = self.memory.iter().find(|bank| bank.kind == kind);
            bank.unwrap_or_else(|| panic!("board {} has no memory of kind {kind}", self.name)).bounds()
        });
        let (flash, ram) = larger(flash, ram);
        format!(
            "MEMORY {{\n  FLASH : ORIGIN = {:#x}, LENGTH = {:#x}\n  RAM : ORIGIN = {:#x}, LENGTH = {:#x}\n}}\n\
             _flash_start = ORIGIN(FLASH);\n_flash_len = LENGTH(FLASH);\n_ram_start = ORIGIN(RAM);\n_ram_len = LENGTH(RAM);\n",
            flash.0, flash.1, ram.0, ram.1
        )
    }

    /// Whether its MPU is that of Armv8-M, whose registers differ from the one before.
    pub(crate) fn has_pmsav8(&self) -> bool {
        self.protection.unit == "pmsav8"
    }
}

/// Flash of `$MEMCTL_BOARD_FLASH`, if that is set: for firmware with more guests than the smallest board has to have room for. RAM makes room, where it lies behind.
fn larger(flash: (u64, u64), ram: (u64, u64)) -> ((u64, u64), (u64, u64)) {
    println!("cargo:rerun-if-env-changed=MEMCTL_BOARD_FLASH");
    let Ok(length) = env::var("MEMCTL_BOARD_FLASH") else { return (flash, ram) };
    let flash = (flash.0, bytes(&length));
    let behind = (flash.0..flash.0 + flash.1).contains(&ram.0);
    (flash, if behind { (flash.0 + flash.1, ram.1) } else { ram })
}

impl Bank {
    /// Its first address, and its length in bytes.
    fn bounds(&self) -> (u64, u64) {
        (self.origin, bytes(&self.length))
    }
}

/// What a length like `512KiB` is in bytes.
fn bytes(length: &str) -> u64 {
    let end = length.find(|c: char| !c.is_ascii_digit()).unwrap_or(length.len());
    let (number, unit) = length.split_at(end);
    let shift = match unit {
        "" => 0,
        "KiB" => 10,
        "MiB" => 20,
        other => panic!("a length in {other}; it is in KiB or MiB"),
    };
    let number: u64 = number.parse().expect("a length begins with its number");
    number << shift
}

fn read(file: &Path) -> Vec<Board> {
    println!("cargo:rerun-if-changed={}", file.display());
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let boards: Boards = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    boards.board
}
