//! What is said about runs: JSON objects and a table.

use std::time::Duration;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use serde_json::{Value, json};

use crate::diff::{ByteDifference, Difference, Found};
use crate::guest::{Ending, Turn};
use crate::host::Figures;
use crate::program::as_text;
use crate::size::Size;

/// One run, in all that is reported.
#[derive(Clone, Debug)]
pub struct RunReport {
    /// The backend's name.
    pub backend: &'static str,
    /// How each turn of each program ended. There is at least one.
    pub turns: Vec<Turn>,
    /// What it wrote to stdout.
    pub stdout: Vec<u8>,
    /// What it wrote to stderr.
    pub stderr: Vec<u8>,
    /// How long it ran, without compilation.
    pub time: Duration,
    /// What was mapped and copied.
    pub figures: Figures,
}

impl RunReport {
    /// How the run ended: as the first turn that failed, if one did.
    #[must_use]
    pub fn ending(&self) -> &Ending {
        const WELL: &Ending = &Ending::Exit(0);
        self.turns.iter().map(|turn| &turn.ending).find(|ending| *ending != WELL).unwrap_or(WELL)
    }

    /// The object that `--json` prints.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let (exit, trap) = ending_json(self.ending());
        let turns: Vec<_> = self.turns.iter().map(turn_json).collect();
        json!({
            "exit": exit,
            "trap": trap,
            "stdout": as_text(&self.stdout),
            "stderr": as_text(&self.stderr),
            "time_ns": u64::try_from(self.time.as_nanos()).unwrap_or(u64::MAX),
            "backend": self.backend,
            "bytes_mapped": self.figures.bytes_mapped,
            "bytes_copied": self.figures.bytes_copied,
            "mappings": self.figures.mappings,
            "aliased": self.figures.aliased,
            "in_place": self.figures.in_place,
            "copied": self.figures.copied,
            "turns": turns,
        })
    }

    /// One line for people.
    #[must_use]
    pub fn summary(&self) -> String {
        let Figures { bytes_mapped, bytes_copied, mappings, aliased, in_place, copied } = self.figures;
        format!(
            "{} (backend {}; mappings made: {mappings}, of {}: {aliased} aliased, {in_place} in place, {copied} copied; {} copied; {})",
            ending_words(self.ending()),
            self.backend,
            Size(bytes_mapped),
            Size(bytes_copied),
            duration_words(self.time),
        )
    }
}

fn ending_json(ending: &Ending) -> (Value, Value) {
    match ending {
        Ending::Exit(code) => ((*code).into(), Value::Null),
        Ending::Trap { report, .. } => (Value::Null, report.as_str().into()),
    }
}

fn turn_json(Turn { program, number, ending }: &Turn) -> Value {
    let (exit, trap) = ending_json(ending);
    json!({ "program": program, "turn": number, "exit": exit, "trap": trap })
}

/// A comparison of several runs with the first of them.
#[derive(Clone, Debug)]
pub struct ComparisonReport {
    /// The runs, in their order.
    pub runs: Vec<RunReport>,
    /// What differs, with the name of the run that differs from the first.
    pub differences: Vec<(&'static str, Difference)>,
}

/// How many differing things are listed by name after the first.
const LISTED: usize = 5;

impl ComparisonReport {
    /// The object that `--json` prints.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let differences: Vec<_> = self.differences.iter().map(|(_, difference)| difference_json(difference)).collect();
        let runs: Vec<_> = self.runs.iter().map(RunReport::to_json).collect();
        json!({ "identical": differences.is_empty(), "differences": differences, "runs": runs })
    }

    /// A table with a row per run, and what differs first.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut table = Table::new();
        table.load_style(UTF8_FULL_CONDENSED);
        table.set_header(["backend", "exit", "stdout", "time", "mapped", "copied"]);
        for run in &self.runs {
            table.add_row([
                run.backend.to_owned(),
                match run.ending() {
                    ending @ Ending::Exit(_) => ending_words(ending),
                    // What it says stands below the table.
                    Ending::Trap { .. } => "trap".to_owned(),
                },
                format!("{} bytes", run.stdout.len()),
                duration_words(run.time),
                Size(run.figures.bytes_mapped).to_string(),
                Size(run.figures.bytes_copied).to_string(),
            ]);
        }
        for column in table.column_iter_mut().skip(2) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        format!("{table}\n{}", self.verdict())
    }

    fn verdict(&self) -> String {
        let Some(((right, first), others)) = self.differences.split_first() else {
            return "identical".to_owned();
        };
        let left = self.runs.first().map_or("", |run| run.backend);
        let mut text = difference_words(left, right, first);
        if !others.is_empty() {
            let names: Vec<_> = others.iter().map(|(_, other)| other.subject.as_str()).take(LISTED).collect();
            let more = others.len().saturating_sub(LISTED);
            text.push_str(&format!("\nalso different: {}", names.join(", ")));
            if more > 0 {
                text.push_str(&format!(" and {more} more"));
            }
        }
        text
    }
}

fn difference_words(left_name: &str, right_name: &str, Difference { subject, found }: &Difference) -> String {
    let width = left_name.len().max(right_name.len());
    let mut text = format!("first difference: {subject}");
    let (left, right) = match found {
        Found::Bytes(ByteDifference { offset, line, left, right, .. }) => {
            text.push_str(&format!(", byte {offset} (counted from 0), line {line}"));
            (left, right)
        }
        Found::Words { left, right } => (left, right),
    };
    text.push_str(&format!("\n  {left_name:width$} | {left}\n  {right_name:width$} | {right}"));
    if let Found::Bytes(ByteDifference { column, .. }) = found {
        text.push_str(&format!("\n  {:width$} | {:column$}^", "", ""));
    }
    text
}

fn difference_json(Difference { subject, found }: &Difference) -> Value {
    let (offset, line, left, right) = match found {
        Found::Bytes(ByteDifference { offset, line, left, right, .. }) => (Some(offset), Some(line), left, right),
        Found::Words { left, right } => (None, None, left, right),
    };
    json!({ "subject": subject, "offset": offset, "line": line, "detail": [left, right] })
}

/// How a program ended, in one line.
#[must_use]
pub fn ending_words(ending: &Ending) -> String {
    match ending {
        Ending::Exit(code) => format!("exit {code}"),
        Ending::Trap { cause, .. } => format!("trap: {cause}"),
    }
}

fn duration_words(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds >= 1.0 { format!("{seconds:.2} s") } else { format!("{:.2} ms", seconds * 1e3) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(backend: &'static str, ending: Ending) -> RunReport {
        RunReport {
            backend,
            turns: vec![Turn { program: "app.wasm".into(), number: 1, ending }],
            stdout: b"one\n\xff".to_vec(),
            stderr: vec![],
            time: Duration::from_micros(1500),
            figures: Figures { bytes_mapped: 4096, mappings: 1, in_place: 1, ..Figures::default() },
        }
    }

    fn report(differences: Vec<(&'static str, Difference)>) -> ComparisonReport {
        let trap = Ending::Trap { cause: "unreachable".into(), report: "long".into() };
        ComparisonReport { runs: vec![run("alias", Ending::Exit(0)), run("copy", trap)], differences }
    }

    #[test]
    fn a_run_has_every_documented_field() {
        let json = run("alias", Ending::Exit(3)).to_json();
        let expected = json!({
            "exit": 3, "trap": null, "stdout": "one\n\u{fffd}", "stderr": "", "time_ns": 1_500_000, "backend": "alias",
            "bytes_mapped": 4096, "bytes_copied": 0, "mappings": 1, "aliased": 0, "in_place": 1, "copied": 0,
            "turns": [{ "program": "app.wasm", "turn": 1, "exit": 3, "trap": null }],
        });
        assert_eq!(json, expected);
        let trapped = report(vec![]).to_json();
        assert_eq!((&trapped["runs"][1]["exit"], &trapped["runs"][1]["trap"]), (&Value::Null, &json!("long")));
    }

    #[test]
    fn equal_runs_are_identical() {
        let text = report(vec![]).to_text();
        assert!(text.ends_with("\nidentical"), "{text}");
        assert!(text.contains("┆ trap   ┆") && text.contains("1.50 ms") && text.contains("4.0 KiB"), "{text}");
        assert_eq!(report(vec![]).to_json()["identical"], true);
    }

    #[test]
    fn the_first_difference_is_pointed_at_and_the_others_are_named() {
        let bytes = ByteDifference { offset: 12, line: 2, left: "abc".into(), right: "abd".into(), column: 2 };
        let mut differences = vec![("copy", Difference { subject: "stdout".into(), found: Found::Bytes(bytes) })];
        for number in 0..7 {
            let found = Found::Words { left: "missing".into(), right: "a file".into() };
            differences.push(("copy", Difference { subject: format!("file /{number}"), found }));
        }
        let text = report(differences.clone()).to_text();
        let wanted = "\
first difference: stdout, byte 12 (counted from 0), line 2
  alias | abc
  copy  | abd
        |   ^
also different: file /0, file /1, file /2, file /3, file /4 and 2 more";
        assert!(text.ends_with(wanted), "{text}");
        let json = report(differences).to_json();
        assert_eq!(
            json["differences"][0],
            json!({"subject": "stdout", "offset": 12, "line": 2, "detail": ["abc", "abd"]})
        );
        assert_eq!(json["differences"][1]["offset"], Value::Null);
    }
}
