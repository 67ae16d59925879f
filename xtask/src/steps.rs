//! Named steps, run one after another, and a table of how they went.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::shell::Shell;

/// One thing to do.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) run: fn(&Shell, &mut Tally) -> Result<Outcome>,
    /// What the later steps need, so that they don't start if this fails.
    pub(crate) needed: Needed,
}

/// Whether the rest makes sense without a step.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needed {
    ByAll,
    ByNone,
}

/// What became of a step that didn't fail.
pub(crate) enum Outcome {
    Done,
    /// Not done on this machine, and why.
    Skipped(&'static str),
}

/// Tests that ran, as their runners say in `test result:` lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Tally {
    /// Adds what a line says, if it is a runner's closing line.
    pub(crate) fn note(&mut self, line: &str) {
        let Some((_, counts)) = line.split_once("test result: ") else { return };
        let number = |unit: &str| {
            let (before, _) = counts.split_once(unit)?;
            before.trim_end().rsplit(' ').next()?.parse::<u64>().ok()
        };
        self.passed += number("passed").unwrap_or(0);
        self.failed += number("failed").unwrap_or(0);
    }
}

/// Runs the steps and prints the table. Its last line, `N passed, N failed`, counts tests, and steps that aren't tests as one each.
pub(crate) fn run(shell: &Shell, steps: &[&Step]) -> Result<()> {
    let mut tally = Tally::default();
    let mut rows = Vec::new();
    let mut failures = Vec::new();
    for step in steps {
        println!("\n== {}: {}", step.name, step.summary);
        let before = tally;
        let start = Instant::now();
        let result = (step.run)(shell, &mut tally);
        let time = start.elapsed();
        match &result {
            Ok(Outcome::Skipped(reason)) => println!("skipped: {reason}"),
            Ok(Outcome::Done) if tally == before => tally.passed += 1,
            Ok(Outcome::Done) => {}
            Err(error) => {
                println!("FAILED: {error:#}");
                if tally.failed == before.failed {
                    tally.failed += 1;
                }
            }
        }
        rows.push((step.name, word(&result), time));
        if let Err(error) = result {
            failures.push(format!("{}: {error:#}", step.name));
            if step.needed == Needed::ByAll {
                break;
            }
        }
    }
    println!("\n{}", table(&rows));
    for failure in &failures {
        println!("FAILED {failure}");
    }
    println!("{} passed, {} failed", tally.passed, tally.failed);
    // What failed is on the screen already.
    if !failures.is_empty() {
        std::process::exit(1);
    }
    Ok(())
}

fn word(result: &Result<Outcome>) -> &'static str {
    match result {
        Ok(Outcome::Done) => "ok",
        Ok(Outcome::Skipped(_)) => "skipped",
        Err(_) => "FAILED",
    }
}

fn table(rows: &[(&str, &str, Duration)]) -> String {
    let width = rows.iter().map(|(name, ..)| name.len()).max().unwrap_or(0);
    let mut text = String::new();
    let mut total = Duration::ZERO;
    for (name, word, time) in rows {
        total += *time;
        // Writing to a String doesn't fail.
        let _ = writeln!(text, "{name:width$}  {word:7}  {:>7.1} s", time.as_secs_f64());
    }
    let _ = write!(text, "{:width$}  {:7}  {:>7.1} s", "", "", total.as_secs_f64());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_added_up() {
        let mut tally = Tally::default();
        for line in [
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test tests::passed ... ok",
        ] {
            tally.note(line);
        }
        assert_eq!(tally, Tally { passed: 15, failed: 2 });
    }

    #[test]
    fn the_table_has_a_row_per_step_and_a_sum() {
        let rows = [("fmt", "ok", Duration::from_millis(1500)), ("clippy", "FAILED", Duration::from_secs(70))];
        assert_eq!(table(&rows), "fmt     ok           1.5 s\nclippy  FAILED      70.0 s\n                    71.5 s");
    }
}
