//! Figures as people read them.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};

use super::budget::{Budget, Row};

/// A row per figure, a column per firmware of one machine.
pub(super) fn firmwares(budgets: &[Budget]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    let machine = budgets.first().map_or("", |budget| budget.machine.name());
    let names = budgets.iter().map(|budget| budget.firmware.clone());
    table.set_header([machine.to_owned()].into_iter().chain(names).chain(["at most".to_owned()]));
    let columns: Vec<_> = budgets.iter().map(Budget::rows).collect();
    let mut seen: Vec<&str> = Vec::new();
    for Row { name, limit, .. } in columns.iter().flatten() {
        if seen.contains(&name.as_str()) {
            continue;
        }
        seen.push(name);
        let cells = columns.iter().map(|rows| {
            let row = rows.iter().find(|row| row.name == *name);
            row.map_or(String::new(), |row| row.number.to_string())
        });
        let most = limit.most().map(|most| most.to_string());
        let aim = limit.aim().map(|aim| format!("aim {aim}"));
        let limit = most.into_iter().chain(aim).collect::<Vec<_>>().join(", ");
        table.add_row([name.clone()].into_iter().chain(cells).chain([limit]));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// A row per scene, a column per figure that scenes have. A scene with several guests has several numbers.
pub(super) fn scenes(budgets: &[Budget]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    let figures =
        || budgets.iter().flat_map(|budget| budget.measured.transcript.figures.iter().map(move |f| (budget, f)));
    let mut names: Vec<&str> = Vec::new();
    let mut scenes: Vec<(&str, &str)> = Vec::new();
    for (budget, figure) in figures() {
        let Some(scene) = &figure.scene else { continue };
        if !names.contains(&figure.name.as_str()) {
            names.push(&figure.name);
        }
        // One may be in several firmwares.
        let row = (budget.firmware.as_str(), scene.as_str());
        if !scenes.contains(&row) {
            scenes.push(row);
        }
    }
    let heads = names.iter().map(|name| name.replace('-', " "));
    table.set_header(["firmware".to_owned(), "scene".to_owned()].into_iter().chain(heads));
    for (firmware, scene) in scenes {
        let cells = names.iter().map(|name| {
            let of_scene = figures().filter(|(budget, figure)| {
                budget.firmware == firmware && figure.scene.as_deref() == Some(scene) && figure.name == *name
            });
            of_scene.map(|(_, figure)| figure.number.to_string()).collect::<Vec<_>>().join(", ")
        });
        table.add_row([firmware.to_owned(), scene.to_owned()].into_iter().chain(cells));
    }
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::budget::Measured;
    use crate::board::firmware::Sizes;
    use crate::board::machine::Machine;
    use crate::board::transcript::Transcript;

    #[test]
    fn a_figure_has_one_row_and_a_scenes_figures_have_their_own_table() {
        let text = "board: figure stack 5\nboard: scene s begins\nboard: figure arena 3\nboard: figure arena 4\nboard: scene s ends\n";
        let budget = |firmware: &str| Budget {
            machine: Machine::An505,
            firmware: firmware.to_owned(),
            measured: Measured {
                sizes: Sizes { flash: 1, ram: 2, crates: 3 },
                transcript: Transcript::parse(text).unwrap(),
            },
            plain: None,
        };
        let budgets = [budget("one"), budget("two")];
        let text = firmwares(&budgets).to_string();
        assert!(["an505", "one", "two", "524288"].iter().all(|word| text.contains(word)), "{text}");
        assert!(text.matches("stack").count() == 1 && !text.contains("arena"), "{text}");
        assert!(scenes(&budgets).to_string().contains("3, 4"), "{}", scenes(&budgets));
    }
}
