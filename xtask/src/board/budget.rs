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

/// What memory control may add to wasmtime and a component, in bytes. The flash that it is to add is missed, which is told with every run; it must not become more than it is.
const OWN_FLASH: Limit = Limit::MostAndAim { most: 144 << 10, aim: 40 << 10 };
const OWN_RAM: Limit = Limit::Most(4 << 10);

/// The name of the figure that says how many bytes of flash are images and objects.
const EMBEDDED: &str = "embedded";

/// Figures that together are the RAM that was in use at most: the kernel's and a guest's.
const IN_USE: [&str; 5] =
    ["stack-peak", "kernel-arena-peak", "ram-static", "partition-stack-peak", "partition-arena-peak"];

/// What memory control takes of the arena while a guest runs: its domain, its functions in the guest's linker without what goes with that, and what it keeps for the
/// guest, with the guest's object.
const OWN: [&str; 3] = ["domain", "linker", "run"];
const DROPPED: &str = "linker-dropped";

/// How much something may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    None,
    /// What is more is a failure.
    Most(u64),
    /// What is more is told.
    Aim(u64),
    /// Either, at two numbers.
    MostAndAim {
        most: u64,
        aim: u64,
    },
}

impl Limit {
    /// What is more is a failure.
    pub(super) fn most(self) -> Option<u64> {
        match self {
            Self::Most(most) | Self::MostAndAim { most, .. } => Some(most),
            Self::None | Self::Aim(_) => None,
        }
    }

    /// What is more is told.
    pub(super) fn aim(self) -> Option<u64> {
        match self {
            Self::Aim(aim) | Self::MostAndAim { aim, .. } => Some(aim),
            Self::None | Self::Most(_) => None,
        }
    }
}

/// One figure.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) number: u64,
    pub(super) limit: Limit,
}

/// A firmware's size, and what it printed.
pub(super) struct Measured {
    pub(super) sizes: Sizes,
    pub(super) transcript: Transcript,
}

impl Measured {
    /// Bytes of flash that are no image and no object.
    fn code(&self) -> u64 {
        self.sizes.flash.saturating_sub(self.figures(EMBEDDED).sum())
    }

    /// What was measured under a name.
    fn figures(&self, name: &str) -> impl Iterator<Item = u64> {
        self.transcript.figures.iter().filter(move |figure| figure.name == name).map(|figure| figure.number)
    }

    /// The sum of the largest of each name.
    fn largest(&self, names: &[&str]) -> u64 {
        names.iter().map(|name| self.figures(name).max().unwrap_or(0)).sum()
    }
}

/// Firmware without partitions, with one guest.
pub(super) struct Plain {
    /// Without memory control.
    pub(super) bare: Measured,
    /// With it.
    pub(super) added: Measured,
}

impl Plain {
    /// Bytes of RAM that memory control takes.
    fn ram(&self) -> u64 {
        let took = |firmware: &Measured| firmware.largest(&OWN) + firmware.largest(&["ram-static"]);
        let dropped = |firmware: &Measured| firmware.largest(&[DROPPED]);
        (took(&self.added) + dropped(&self.bare)).saturating_sub(took(&self.bare) + dropped(&self.added))
    }
}

/// A firmware, with what it measured, and if it has one guest, what to compare it with.
pub(super) struct Budget {
    pub(super) machine: Machine,
    /// What the firmware is called.
    pub(super) firmware: String,
    pub(super) measured: Measured,
    pub(super) plain: Option<Plain>,
}

impl Budget {
    /// What is over its budget.
    pub(super) fn over(&self) -> Option<String> {
        self.rows().iter().find_map(|Row { name, number, limit }| {
            let over = number.checked_sub(limit.most()?).filter(|over| *over > 0)?;
            Some(format!("{name}: {number} bytes, {over} over the budget of {}", number - over))
        })
    }

    /// What is aimed at and missed.
    pub(super) fn missed(&self) -> Vec<String> {
        let rows = self.rows();
        let missed = rows.iter().filter_map(|Row { name, number, limit }| {
            let over = number.checked_sub(limit.aim()?).filter(|over| *over > 0)?;
            Some(format!("{name}: {number} bytes, {over} more than is aimed at"))
        });
        missed.collect()
    }

    /// All figures but those of scenes.
    pub(super) fn rows(&self) -> Vec<Row> {
        let row = |name: &str, number, limit| Row { name: name.to_owned(), number, limit };
        let Measured { sizes, transcript } = &self.measured;
        let code = self.measured.code();
        let flash = if self.plain.is_some() { FLASH } else { Limit::None };
        let mut rows = vec![row("flash", sizes.flash, flash)];
        if let Some(plain) = &self.plain {
            let (bare, added) = (plain.bare.code(), plain.added.code());
            rows.extend([
                row("flash with one guest", sizes.flash, ONE_FLASH),
                row("flash without memory control and partitions, without its image", bare, Limit::None),
                row("flash that memory control adds to that", added.saturating_sub(bare), OWN_FLASH),
                row("flash that partitions add to that", code.saturating_sub(added), Limit::None),
                row("RAM in use with one guest", self.measured.largest(&IN_USE), ONE_RAM),
                row("RAM that memory control takes of that", plain.ram(), OWN_RAM),
            ]);
        }
        rows.extend([
            row("flash without images", code, Limit::None),
            row("flash of memctl's crates, by symbol", sizes.crates, Limit::None),
            row("RAM that the linker gave out", sizes.ram, RAM),
        ]);
        let figures = transcript.figures.iter().filter(|figure| figure.scene.is_none() && figure.name != EMBEDDED);
        rows.extend(figures.map(|figure| row(&figure.name.replace('-', " "), figure.number, Limit::None)));
        rows
    }

    /// The object that `--json` prints.
    pub(super) fn json(&self) -> Value {
        let rows: Vec<_> = self.rows().iter().map(Row::json).collect();
        let scenes = self.measured.transcript.figures.iter().filter_map(|Figure { scene, name, number }| {
            Some(json!({"scene": scene.as_ref()?, "name": name, "number": number}))
        });
        let scenes: Vec<_> = scenes.collect();
        json!({"machine": self.machine.name(), "firmware": self.firmware, "figures": rows, "scenes": scenes})
    }
}

impl Row {
    fn json(&self) -> Value {
        json!({"name": self.name, "number": self.number, "most": self.limit.most(), "aim": self.limit.aim()})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(flash: u64, text: &str) -> Measured {
        Measured { sizes: Sizes { flash, ram: 5000, crates: 0 }, transcript: Transcript::parse(text).unwrap() }
    }

    fn budget(code: u64) -> Budget {
        let one = format!(
            "board: figure {EMBEDDED} 1000\nboard: figure stack-peak 50\nboard: scene s begins\n\
             board: figure partition-arena-peak 7\nboard: scene s ends\n"
        );
        let plain = |embedded: u64, run: u64| {
            format!("board: figure {EMBEDDED} {embedded}\nboard: figure linker 30\nboard: figure run {run}\n")
        };
        Budget {
            machine: Machine::An505,
            firmware: "whole".to_owned(),
            measured: measured(code + 1000, &one),
            plain: Some(Plain {
                bare: measured(300_010, &plain(10, 200)),
                added: measured(300_010 + code / 10, &plain(10, 1200)),
            }),
        }
    }

    fn number(budget: &Budget, name: &str) -> u64 {
        budget.rows().iter().find(|row| row.name.starts_with(name)).unwrap().number
    }

    #[test]
    fn images_are_nobodys_code() {
        assert_eq!(number(&budget(400_000), "flash that memory control adds"), 40_000);
        assert_eq!(number(&budget(400_000), "flash that partitions add"), 60_000);
        assert_eq!(number(&budget(400_000), "flash with one"), 401_000);
    }

    #[test]
    fn ram_in_use_is_the_kernels_and_the_guests() {
        assert_eq!(number(&budget(0), "RAM in use"), 57);
        assert_eq!(number(&budget(0), "RAM that memory control takes"), 1000);
    }

    #[test]
    fn budgets_are_kept_and_aims_are_told() {
        assert_eq!((budget(409_600).over(), budget(409_600).missed()), (None, vec![]));
        let missed = budget(409_600 + 70).missed();
        assert!(missed.len() == 1 && missed[0].contains(" 7 more"), "{missed:?}");
        let over = budget((1 << 20) - 1000 + 3).over().unwrap();
        assert!(over.starts_with("flash:") && over.contains(" 3 over"), "{over}");
        for (flash, printed, row) in [
            (300_000, "board: figure domain 5000\n", "RAM that memory control takes"),
            (300_001 + (144 << 10), "", "flash that memory control adds"),
        ] {
            let mut greedy = budget(0);
            greedy.plain.as_mut().unwrap().added = measured(flash, printed);
            let over = greedy.over().unwrap();
            assert!(over.starts_with(row), "{over}");
        }
    }
}
