//! Boards: their memory, their protection unit, and the files that say so.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::size::Size;

/// The boards that memctl knows of itself.
const KNOWN: &str = include_str!("../boards.toml");

/// A board.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Board {
    /// What `--board` takes.
    pub name: String,
    /// What it takes too.
    #[serde(default)]
    pub other_names: Vec<String>,
    /// Its name for people.
    pub title: String,
    /// Its processor, or the one that is meant.
    pub cpu: String,
    /// The compiler's target of its firmware.
    pub target: Option<String>,
    /// How wide addresses are.
    pub word: Word,
    /// What runs there.
    pub system: System,
    /// Its memory, in the order in which it is filled.
    pub memory: Vec<Bank>,
    /// What protects memory there.
    pub protection: Protection,
    /// What maps addresses to others there.
    pub translation: Option<Translation>,
    /// Where all this stands.
    #[serde(default)]
    pub sources: Vec<String>,
}

/// How wide a board's addresses are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u32")]
pub enum Word {
    /// 32 bits.
    Bits32,
    /// 64 bits.
    Bits64,
}

/// What runs on a board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum System {
    /// Firmware with memctl in it, which runs precompiled images.
    Firmware,
    /// Linux, where `memctl run` is used.
    Linux,
}

/// A stretch of memory.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bank {
    /// What the manual calls it.
    pub name: String,
    /// What it is good for.
    pub kind: Kind,
    /// The address of its first byte.
    pub origin: u64,
    /// In bytes.
    pub length: Size,
}

/// What memory is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Code and images are executed and read in place.
    Flash,
    /// All that changes.
    Ram,
}

/// What protects memory.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "unit", rename_all = "lowercase", deny_unknown_fields)]
pub enum Protection {
    /// The MPU of Cortex-M0+, M3, M4 and M7.
    Pmsav7 {
        /// How many it has.
        regions: u8,
    },
    /// The MPU of Cortex-M23, M33 and later.
    Pmsav8 {
        /// How many it has.
        regions: u8,
    },
    /// RISC-V's physical memory protection.
    Pmp {
        /// How many it has.
        entries: u8,
        /// What bounds are multiples of, in bytes.
        grain: u64,
    },
    /// An MMU, in the hands of an operating system.
    Mmu {
        /// The host page, in bytes.
        granule: u64,
    },
    /// Nothing that is of use.
    None {
        /// Why not.
        reason: String,
    },
}

/// What maps addresses to others.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Translation {
    /// What it is called, and what it is limited to.
    pub name: String,
    /// In bytes.
    pub granules: Vec<u64>,
}

impl TryFrom<u32> for Word {
    type Error = String;

    fn try_from(bits: u32) -> Result<Self, String> {
        match bits {
            32 => Ok(Self::Bits32),
            64 => Ok(Self::Bits64),
            _ => Err(format!("a word is 32 or 64 bits, not {bits}")),
        }
    }
}

impl Board {
    /// The target of images for its interpreter, as wasmtime calls it.
    #[must_use]
    pub fn pulley(&self) -> &'static str {
        match self.word {
            Word::Bits32 => "pulley32",
            Word::Bits64 => "pulley64",
        }
    }

    /// Its memory of one kind, in the order in which it is filled.
    pub fn banks(&self, kind: Kind) -> impl Iterator<Item = &Bank> {
        self.memory.iter().filter(move |bank| bank.kind == kind)
    }

    fn is_called(&self, name: &str) -> bool {
        self.name == name || self.other_names.iter().any(|other| other == name)
    }

    fn check(&self) -> Result<()> {
        let name = &self.name;
        for bank in &self.memory {
            let limit = match self.word {
                Word::Bits32 => 1 << 32,
                Word::Bits64 => u64::MAX,
            };
            if bank.length.0 == 0 || bank.origin.checked_add(bank.length.0).is_none_or(|end| end > limit) {
                bail!("board {name}: {} has no bytes, or some past the end of its addresses", bank.name);
            }
        }
        for (number, bank) in self.memory.iter().enumerate() {
            let end = |bank: &Bank| bank.origin + bank.length.0;
            let other = self.memory[..number].iter().find(|other| bank.origin < end(other) && other.origin < end(bank));
            if let Some(other) = other {
                bail!("board {name}: {} and {} overlap", other.name, bank.name);
            }
        }
        if self.banks(Kind::Ram).next().is_none() {
            bail!("board {name} has no memory of kind ram");
        }
        match self.protection {
            Protection::Pmsav7 { regions } | Protection::Pmsav8 { regions } if regions > 16 => {
                bail!("board {name}: {regions} regions; an MPU of Cortex-M has 16 at most")
            }
            Protection::Pmp { entries, .. } if entries > 64 => {
                bail!("board {name}: {entries} PMP entries; there are 64 at most")
            }
            Protection::Pmp { grain, .. } if !grain.is_power_of_two() || grain < 4 => {
                bail!("board {name}: a grain of {grain} bytes; it is a power of two, at least 4")
            }
            Protection::Mmu { granule } if !granule.is_power_of_two() => {
                bail!("board {name}: a granule of {granule} bytes; it is a power of two")
            }
            _ => Ok(()),
        }
    }
}

/// All boards that are known.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Boards {
    board: Vec<Board>,
}

impl Boards {
    /// The boards that memctl knows, and those in `file`, if there is one; these take the place of others with their name.
    ///
    /// # Errors
    /// The file can't be read, or says something that no board can be.
    pub fn load(file: Option<&Path>) -> Result<Self> {
        let mut boards = Self::parse(KNOWN).context("boards.toml, as built into memctl")?;
        if let Some(path) = file {
            let shown = path.display();
            let text = fs::read_to_string(path).with_context(|| format!("{shown}: can't read the boards"))?;
            let more = Self::parse(&text).with_context(|| format!("{shown}: not a list of boards"))?;
            boards.board.retain(|known| !more.board.iter().any(|new| known.name == new.name));
            // In front, so that a name in the file is found before another board's other name.
            boards.board.splice(0..0, more.board);
        }
        Ok(boards)
    }

    fn parse(text: &str) -> Result<Self> {
        let boards: Self = toml::from_str(text)?;
        for board in &boards.board {
            board.check()?;
        }
        Ok(boards)
    }

    /// The board that is called `name`.
    ///
    /// # Errors
    /// There is none; the error lists those that there are.
    pub fn find(&self, name: &str) -> Result<&Board> {
        let called = self.board.iter().find(|board| board.name == name);
        called.or_else(|| self.board.iter().find(|board| board.is_called(name))).with_context(|| {
            let names: Vec<_> = self.board.iter().map(|board| board.name.as_str()).collect();
            format!("no board is called {name}; there are {}. --boards FILE adds others", names.join(", "))
        })
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[Board] {
        &self.board
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_board_of_the_list_is_found_by_each_of_its_names() {
        let boards = Boards::load(None).unwrap();
        for board in boards.all() {
            for name in [&board.name].into_iter().chain(&board.other_names) {
                assert_eq!(boards.find(name).unwrap().name, board.name);
            }
            assert!(!board.sources.is_empty(), "{}: where does it stand?", board.name);
        }
    }

    #[test]
    fn an_unknown_board_is_answered_with_those_that_there_are() {
        let error = Boards::load(None).unwrap().find("an506").unwrap_err().to_string();
        assert!(error.contains("an505") && error.contains("--boards"), "{error}");
    }

    const MINE: &str = r#"
        [[board]]
        name = "an505"
        title = "Mine"
        cpu = "Cortex-M33"
        word = 32
        system = "firmware"
        memory = [{ name = "RAM", kind = "ram", origin = 0x20000000, length = "128KiB" }]
        protection = { unit = "pmsav8", regions = 8 }
    "#;

    #[test]
    fn a_file_adds_boards_and_replaces_those_of_the_same_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mine.toml");
        fs::write(&path, MINE).unwrap();
        let boards = Boards::load(Some(&path)).unwrap();
        assert_eq!(boards.find("an505").unwrap().title, "Mine");
        assert_eq!(boards.all().len(), Boards::load(None).unwrap().all().len());
    }

    #[test]
    fn a_wrong_file_says_what_is_wrong() {
        for (right, wrong, says) in [
            ("word = 32", "word = 16", "32 or 64"),
            ("regions = 8", "regions = 17", "16 at most"),
            ("128KiB", "128KB", "not a unit"),
            ("0x20000000", "0xffffffff", "past the end"),
            ("\"ram\"", "\"flash\"", "no memory of kind ram"),
            (
                "memory = [",
                "memory = [{ name = \"ROM\", kind = \"flash\", origin = 0x1fffffff, length = \"2b\" },",
                "ROM and RAM overlap",
            ),
            ("cpu =", "cpus =", "cpus"),
            ("\"pmsav8\"", "\"pmsav9\"", "pmsav9"),
        ] {
            let error = format!("{:#}", Boards::parse(&MINE.replace(right, wrong)).unwrap_err());
            assert!(error.contains(says), "{wrong}: {error}");
        }
    }
}
