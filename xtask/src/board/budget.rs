//! What firmware takes, against what it may take.

use serde_json::{Value, json};

use super::firmware::Sizes;
use super::machine::Machine;
use super::transcript::{Figure, Transcript};

/// What a firmware may take, in bytes: the smallest boards that the SIG asks for. The linker refuses more. One with more guests than such a board has
/// room for gets more flash.
const FLASH: Limit = Limit::Most(1 << 20);
const RAM: Limit = Limit::Most(512 << 10);

/// What a firmware with one guest of 16 KiB is to take, in bytes.
const ONE_FLASH: Limit = Limit::Aim(448 << 10);
const ONE_RAM: Limit = Limit::Aim(128 << 10);

/// What memory control may add to wasmtime and a component, in bytes, at most. It adds seven times that: told with every run as what is aimed at, to become a limit
/// once it can be kept.
const OWN_FLASH: Limit = Limit::Aim(40 << 10);

/// The name of the figure that says how many bytes of flash are images and objects.
const EMBEDDED: &str = "embedded";

/// Figures that together are the RAM that was in use at most: the kernel's and a guest's.
const IN_USE: [&str; 5] =
    ["stack-peak", "kernel-arena-peak", "ram-static", "partition-stack-peak", "partition-arena-peak"];

/// How much something may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    None,
    /// What is more is a failure.
    Most(u64),
    /// What is more is told.
    Aim(u64),
}

/// One figure.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) number: u64,
    pub(super) limit: Limit,
}

/// A firmware, with what it measured, and the bare one's if it is to be compared with that: it has one guest then.
pub(super) struct Budget {
    pub(super) machine: Machine,
    /// What the firmware is called.
    pub(super) firmware: String,
    pub(super) sizes: Sizes,
    pub(super) transcript: Transcript,
    pub(super) bare: Option<(Sizes, Transcript)>,
}

impl Budget {
    /// Bytes of flash that are no image and no object.
    fn code(sizes: Sizes, transcript: &Transcript) -> u64 {
        let embedded = transcript.figures.iter().filter(|figure| figure.name == EMBEDDED);
        sizes.flash.saturating_sub(embedded.map(|figure| figure.number).sum())
    }

    /// Bytes of RAM in use at most, with the only guest of the only scene.
    fn in_use(&self) -> u64 {
        let largest = |name: &str| {
            let of_name = self.transcript.figures.iter().filter(|figure| figure.name == name);
            of_name.map(|figure| figure.number).max().unwrap_or(0)
        };
        IN_USE.map(largest).iter().sum()
    }

    /// What is over its budget.
    pub(super) fn over(&self) -> Option<String> {
        self.rows().iter().find_map(|Row { name, number, limit }| match limit {
            Limit::Most(most) if number > most => {
                Some(format!("{name}: {number} bytes, {} over the budget of {most}", number - most))
            }
            _ => None,
        })
    }

    /// What is aimed at and missed.
    pub(super) fn missed(&self) -> Vec<String> {
        let rows = self.rows();
        let missed = rows.iter().filter_map(|Row { name, number, limit }| match limit {
            Limit::Aim(aim) if number > aim => {
                Some(format!("{name}: {number} bytes, {} more than is aimed at", number - aim))
            }
            _ => None,
        });
        missed.collect()
    }

    /// All figures but those of scenes.
    pub(super) fn rows(&self) -> Vec<Row> {
        let row = |name: &str, number, limit| Row { name: name.to_owned(), number, limit };
        let code = Self::code(self.sizes, &self.transcript);
        let flash = if self.bare.is_some() { FLASH } else { Limit::None };
        let mut rows = vec![row("flash", self.sizes.flash, flash)];
        if let Some((sizes, transcript)) = &self.bare {
            let bare = Self::code(*sizes, transcript);
            rows.extend([
                row("flash with one guest", self.sizes.flash, ONE_FLASH),
                row("flash of the bare firmware, without its image", bare, Limit::None),
                row("flash added to that, without images", code.saturating_sub(bare), OWN_FLASH),
                row("RAM in use with one guest", self.in_use(), ONE_RAM),
            ]);
        }
        rows.extend([
            row("flash without images", code, Limit::None),
            row("flash of memctl's crates, by symbol", self.sizes.crates, Limit::None),
            row("RAM that the linker gave out", self.sizes.ram, RAM),
        ]);
        let figures = self.transcript.figures.iter().filter(|figure| figure.scene.is_none() && figure.name != EMBEDDED);
        rows.extend(figures.map(|figure| row(&figure.name.replace('-', " "), figure.number, Limit::None)));
        rows
    }

    /// The object that `--json` prints.
    pub(super) fn json(&self) -> Value {
        let rows: Vec<_> = self.rows().iter().map(Row::json).collect();
        let scenes = self.transcript.figures.iter().filter_map(|Figure { scene, name, number }| {
            Some(json!({"scene": scene.as_ref()?, "name": name, "number": number}))
        });
        let scenes: Vec<_> = scenes.collect();
        json!({"machine": self.machine.name(), "firmware": self.firmware, "figures": rows, "scenes": scenes})
    }
}

impl Row {
    fn json(&self) -> Value {
        let (most, aim) = match self.limit {
            Limit::None => (None, None),
            Limit::Most(most) => (Some(most), None),
            Limit::Aim(aim) => (None, Some(aim)),
        };
        json!({"name": self.name, "number": self.number, "most": most, "aim": aim})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(code: u64) -> Budget {
        let transcript = |embedded: u64| {
            let text = format!(
                "board: figure {EMBEDDED} {embedded}\nboard: figure stack-peak 50\nboard: scene s begins\n\
                 board: figure partition-arena-peak 7\nboard: scene s ends\n"
            );
            Transcript::parse(&text).unwrap()
        };
        Budget {
            machine: Machine::An505,
            firmware: "whole".to_owned(),
            sizes: Sizes { flash: code + 1000, ram: 5000, crates: 0 },
            transcript: transcript(1000),
            bare: Some((Sizes { flash: 300_010, ram: 4000, crates: 0 }, transcript(10))),
        }
    }

    fn number(budget: &Budget, name: &str) -> u64 {
        budget.rows().iter().find(|row| row.name.starts_with(name)).unwrap().number
    }

    #[test]
    fn images_are_nobodys_code() {
        assert_eq!(number(&budget(320_000), "flash added"), 20_000);
        assert_eq!(number(&budget(320_000), "flash with one"), 321_000);
    }

    #[test]
    fn ram_in_use_is_the_kernels_and_the_guests() {
        assert_eq!(number(&budget(0), "RAM in use"), 57);
    }

    #[test]
    fn budgets_are_kept_and_aims_are_told() {
        assert_eq!((budget(320_000).over(), budget(320_000).missed()), (None, vec![]));
        let missed = budget(300_000 + (40 << 10) + 7).missed();
        assert!(missed.len() == 1 && missed[0].contains(" 7 more"), "{missed:?}");
        let over = budget((1 << 20) - 1000 + 3).over().unwrap();
        assert!(over.starts_with("flash:") && over.contains(" 3 over"), "{over}");
    }
}
