//! What `memctl plan` says: tables for people, JSON for programs.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use serde::Serialize;

use super::demand::Demand;
use super::map::{Map, Use};
use super::needs::{Firmware, Partition};
use super::regions::Held;
use super::rules::Kept;
use crate::boards::{Bank, Board, Kind, Protection, System};
use crate::size::Size;

/// A plan for programs on a board.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) board: String,
    pub(super) fits: bool,
    pub(super) firmware: Option<Firmware>,
    pub(super) programs: Vec<Planned>,
    #[serde(flatten)]
    pub(super) map: Map,
    pub(super) protection: Vec<Held>,
    pub(super) rules: Vec<Kept>,
}

/// A program in a plan.
#[derive(Debug, Serialize)]
pub(super) struct Planned {
    #[serde(flatten)]
    pub(super) demand: Demand,
    pub(super) partition: Partition,
}

impl Use {
    fn words(&self) -> String {
        match self {
            Self::Firmware => "firmware (estimate)".to_owned(),
            Self::Image(name) => format!("image of {name}"),
            Self::Kernel => "kernel: stack, statics, tables (estimate)".to_owned(),
            Self::Shared => "statics of kernel and partitions".to_owned(),
            Self::Object(name) => format!("object {name}"),
            Self::Heap(name) => format!("heap {name}"),
            Self::Partition(name) => format!("partition of {name}"),
        }
    }
}

/// An empty table whose columns from `numbers` are numbers.
fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(header);
    table
}

fn to_the_right(table: &mut Table, columns: &[usize]) {
    for column in columns {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

impl Report {
    /// All of it for people.
    pub(super) fn to_text(&self, board: &Board) -> String {
        let mut text = format!("{}: {}, {}\n", board.name, board.title, unit(&board.protection));
        if board.system == System::Firmware {
            text += &format!("\nMemory map\n{}\n", self.places());
        } else {
            text += "\nLinux places everything: programs run as they are, with memctl run\n";
        }
        text += &format!("\nPrograms\n{}\n", self.programs());
        text += &format!("\nMemory\n{}\n", self.banks());
        for held in &self.protection {
            text += &format!("\n{}", regions(held));
        }
        text += &format!("\nWhat keeps which rule\n{}\n", self.rules());
        text + &self.verdict()
    }

    fn places(&self) -> Table {
        let mut table = table(["address", "bytes", "memory", "what"]);
        for placed in &self.map.placed {
            let address = format!("{:#010x}", placed.start);
            table.add_row([address, placed.bytes.to_string(), placed.bank.clone(), placed.what.words()]);
        }
        to_the_right(&mut table, &[1]);
        table
    }

    fn programs(&self) -> Table {
        let mut table =
            table(["program", "component", "image", "memories", "tables", "stacks", "runtime (estimate)", "RAM"]);
        for Planned { demand, partition } in &self.programs {
            table.add_row([
                demand.name.clone(),
                demand.component_bytes.to_string(),
                demand.image_bytes.map_or_else(|| "none".to_owned(), |bytes| bytes.to_string()),
                partition.memories.to_string(),
                partition.tables.to_string(),
                (partition.stack + partition.interpreter).to_string(),
                partition.runtime.to_string(),
                partition.bytes().to_string(),
            ]);
        }
        to_the_right(&mut table, &[1, 2, 3, 4, 5, 6, 7]);
        table
    }

    fn banks(&self) -> Table {
        let mut table = table(["memory", "kind", "used", "of", "left"]);
        for bank in &self.map.banks {
            table.add_row([
                bank.bank.clone(),
                bank.kind.to_owned(),
                Size(bank.used).to_string(),
                Size(bank.bytes).to_string(),
                Size(bank.left).to_string(),
            ]);
        }
        to_the_right(&mut table, &[2, 3, 4]);
        table
    }

    fn rules(&self) -> Table {
        let mut table = table(["rule", "kept by", "how"]);
        for kept in &self.rules {
            table.add_row([kept.rule.clone(), kept.by.name().to_owned(), kept.how.clone()]);
        }
        table
    }

    fn verdict(&self) -> String {
        let mut text = String::new();
        for Planned { demand, .. } in &self.programs {
            let left = self.map.banks.iter().filter(|bank| bank.kind == "ram").map(|bank| bank.left).max().unwrap_or(0);
            match demand.growth() {
                Some(growth) if growth <= left => {}
                Some(growth) => {
                    let (growth, left) = (Size(growth), Size(left));
                    text += &format!("note: {}'s memories may grow by {growth}, and {left} are left\n", demand.name);
                }
                None => {
                    text += &format!("note: {}'s memories have no maximum: they grow while there is RAM\n", demand.name)
                }
            }
        }
        for Planned { demand, .. } in self.programs.iter().filter(|planned| !planned.demand.missing.is_empty()) {
            let missing = demand.missing.join(", ");
            text += &format!("does not fit: {} imports what the firmware lacks: {missing}\n", demand.name);
        }
        for misfit in &self.map.misfits {
            let what = misfit.what.words();
            text += &format!(
                "does not fit: {what}, {} bytes: {} more of {} are needed\n",
                misfit.bytes, misfit.missing, misfit.memory
            );
        }
        for held in self.protection.iter().filter(|held| held.refused.is_some()) {
            text += &format!(
                "does not fit: regions for {}: {}\n",
                held.program,
                held.refused.as_deref().unwrap_or_default()
            );
        }
        text + if self.fits { "fits" } else { "does not fit" }
    }
}

fn regions(held: &Held) -> String {
    let Held { program, left, watched, slack, .. } = held;
    let part = Size(held.part);
    if held.refused.is_some() {
        return String::new();
    }
    let mut table = table(["region", "what", "rights", "registers"]);
    for region in &held.regions {
        let [(first, one), (second, other)] = region.registers;
        let registers = format!("{first} {one:#010x} {second} {other:#010x}");
        table.add_row([region.number.to_string(), region.what.clone(), region.rights.to_owned(), registers]);
    }
    let objects = match held.left_with_objects {
        Some(objects) if objects < *left => format!(", {objects} with all objects in RAM shown in place"),
        Some(_) => String::new(),
        None => ", not enough to show all objects in RAM in place".to_owned(),
    };
    let slack = if *slack == 0 { String::new() } else { format!("; {slack} bytes more than asked for are open") };
    let used = held.regions.len();
    format!(
        "Regions while {program} runs\n{table}\n{used} used, {left} left{objects}; {watched} parts of windows, {part} each, can be watched{slack}\n"
    )
}

/// What a board has for protection, in words.
pub(super) fn unit(protection: &Protection) -> String {
    match protection {
        Protection::Pmsav7 { regions } => format!("PMSAv7 with {regions} regions"),
        Protection::Pmsav8 { regions } => format!("PMSAv8 with {regions} regions"),
        Protection::Pmp { entries, grain } => format!("PMP with {entries} entries of {grain} bytes or more"),
        Protection::Mmu { granule } => format!("MMU with host pages of {granule} bytes"),
        Protection::None { reason } => format!("no protection: {reason}"),
    }
}

/// All boards in a table.
pub(super) fn list(boards: &[Board]) -> Table {
    let mut table = table(["board", "processor", "flash", "RAM", "protection", "address translation", "runs"]);
    for board in boards {
        let total = |kind| Size(board.banks(kind).map(|Bank { length, .. }| length.0).sum()).to_string();
        let translation = board.translation.as_ref();
        table.add_row([
            board.name.clone(),
            board.cpu.clone(),
            total(Kind::Flash),
            total(Kind::Ram),
            unit(&board.protection),
            translation.map_or_else(|| "none".to_owned(), |translation| translation.name.clone()),
            match board.system {
                System::Firmware => format!("images for {}", board.pulley()),
                System::Linux => "memctl run".to_owned(),
            },
        ]);
    }
    to_the_right(&mut table, &[2, 3]);
    table
}
