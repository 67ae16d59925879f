//! What firmware takes, against what it may take.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use serde_json::{Value, json};

use super::firmware::Sizes;
use super::machine::Machine;
use super::transcript::Transcript;

/// What all of a firmware may take, in bytes: the smallest boards that the SIG asks for. The linker refuses more.
const FLASH: u64 = 1 << 20;
const RAM: u64 = 512 << 10;

/// What memory control may add to wasmtime and a component, in bytes.
const OWN_FLASH: u64 = 40 << 10;

/// The name of the figure that says how many bytes of flash are images and objects.
const EMBEDDED: &str = "embedded";

/// A firmware, with what it measured, and the bare one's.
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
        sizes.flash.saturating_sub(transcript.figure(EMBEDDED).unwrap_or(0))
    }

    /// What is added to the bare firmware's code, in bytes, if that was built.
    fn added(&self) -> Option<u64> {
        let (sizes, transcript) = self.bare.as_ref()?;
        Some(Self::code(self.sizes, &self.transcript).saturating_sub(Self::code(*sizes, transcript)))
    }

    /// What is over its budget.
    pub(super) fn over(&self) -> Option<String> {
        let over = |what: &str, found: u64, most: u64| {
            (found > most).then(|| format!("{what}: {found} bytes, {} over the budget of {most}", found - most))
        };
        let own = self.added().and_then(|added| over("code added to the bare firmware", added, OWN_FLASH));
        own.or_else(|| over("flash", self.sizes.flash, FLASH)).or_else(|| over("RAM", self.sizes.ram, RAM))
    }

    fn rows(&self) -> Vec<(String, u64, Option<u64>)> {
        let mut rows = vec![
            ("flash".to_owned(), self.sizes.flash, Some(FLASH)),
            ("flash without images".to_owned(), Self::code(self.sizes, &self.transcript), None),
        ];
        if let Some((sizes, transcript)) = &self.bare {
            rows.push(("flash of the bare firmware".to_owned(), Self::code(*sizes, transcript), None));
        }
        rows.extend(self.added().map(|added| ("flash added to it".to_owned(), added, Some(OWN_FLASH))));
        rows.push(("RAM that the linker gave out".to_owned(), self.sizes.ram, Some(RAM)));
        let mut figures: Vec<_> = self.transcript.figures.iter().collect();
        figures.sort_by_key(|figure| figure.scene.is_some());
        rows.extend(figures.iter().map(|figure| {
            let scene = figure.scene.as_ref().map(|scene| format!("{scene}: ")).unwrap_or_default();
            (format!("{scene}{}", figure.name.replace('-', " ")), figure.number, None)
        }));
        rows
    }

    /// The object that `--json` prints.
    pub(super) fn json(&self) -> Value {
        let rows: Vec<_> = self
            .rows()
            .iter()
            .map(|(name, number, most)| json!({"name": name, "number": number, "most": most}))
            .collect();
        json!({"machine": self.machine.name(), "firmware": self.firmware, "figures": rows})
    }
}

/// A row per figure, a column per firmware of one machine.
pub(super) fn table(budgets: &[Budget]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    let machine = budgets.first().map_or("", |budget| budget.machine.name());
    let names = budgets.iter().map(|budget| budget.firmware.clone());
    table.set_header([machine.to_owned()].into_iter().chain(names).chain(["at most".to_owned()]));
    let columns: Vec<_> = budgets.iter().map(Budget::rows).collect();
    let mut seen: Vec<&str> = Vec::new();
    for (name, _, most) in columns.iter().flatten() {
        if seen.contains(&name.as_str()) {
            continue;
        }
        seen.push(name);
        let cells = columns.iter().map(|rows| {
            let row = rows.iter().find(|(other, ..)| other == name);
            row.map_or(String::new(), |(_, number, _)| number.to_string())
        });
        let most = most.map_or(String::new(), |most| most.to_string());
        table.add_row([name.clone()].into_iter().chain(cells).chain([most]));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(code: u64) -> Budget {
        let transcript = |embedded: u64| {
            let text = format!(
                "board: figure {EMBEDDED} {embedded}\nboard: scene s begins\nboard: figure turns 3\nboard: scene s ends\n"
            );
            Transcript::parse(&text).unwrap()
        };
        Budget {
            machine: Machine::An505,
            firmware: "whole".to_owned(),
            sizes: Sizes { flash: code + 1000, ram: 5000 },
            transcript: transcript(1000),
            bare: Some((Sizes { flash: 300_010, ram: 4000 }, transcript(10))),
        }
    }

    #[test]
    fn images_are_nobodys_code() {
        assert_eq!(budget(320_000).added(), Some(20_000));
        assert_eq!(budget(320_000).over(), None);
        let over = budget(300_000 + OWN_FLASH + 7).over().unwrap();
        assert!(over.contains("7 over"), "{over}");
        assert!(Budget { bare: None, ..budget(2 << 20) }.over().unwrap().starts_with("flash"));
    }

    #[test]
    fn the_table_has_a_row_per_figure() {
        let text = table(&[budget(320_000), budget(330_000)]).to_string();
        for words in ["flash added to it", "40960", "s: turns", "an505", "whole"] {
            assert!(text.contains(words), "{words}: {text}");
        }
        assert_eq!(text.matches("s: turns").count(), 1);
    }
}
