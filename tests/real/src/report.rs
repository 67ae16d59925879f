//! What a run of the programs found, as a table and as JSON.

use std::fmt;

use serde_json::{Value, json};

use crate::{Place, Programs};

/// Times and comparisons of one database.
#[derive(Debug)]
pub struct Report {
    title: String,
    origin: String,
    toolchain: String,
    places: Vec<Place>,
    rows: Vec<Row>,
    checks: Vec<Check>,
}

/// A command of the driver, in one way of using the database.
#[derive(Debug)]
struct Row {
    mode: &'static str,
    command: String,
    // One for each place.
    seconds: Vec<Option<f64>>,
}

/// Something that is or is not as it should be.
#[derive(Debug)]
pub(crate) struct Check {
    pub(crate) claim: String,
    /// Why not.
    pub(crate) error: Option<String>,
    pub(crate) details: Vec<String>,
}

impl Report {
    pub(crate) fn new(programs: &Programs, places: &[Place]) -> Self {
        Self {
            title: programs.database.to_string(),
            origin: programs.origin.clone(),
            toolchain: programs.toolchain.clone(),
            places: places.to_vec(),
            rows: Vec::new(),
            checks: Vec::new(),
        }
    }

    pub(crate) fn row(&mut self, mode: &'static str, command: String, seconds: Vec<Option<f64>>) {
        self.rows.push(Row { mode, command, seconds });
    }

    pub(crate) fn check(&mut self, check: Check) {
        self.checks.push(check);
    }

    /// How many things are as they should be, and how many are not.
    #[must_use]
    pub fn tally(&self) -> (usize, usize) {
        let failed = self.checks.iter().filter(|check| check.error.is_some()).count();
        (self.checks.len() - failed, failed)
    }

    /// All of it.
    #[must_use]
    pub fn json(&self) -> Value {
        let names: Vec<_> = self.places.iter().map(|place| place.name()).collect();
        let rows = self.rows.iter().map(|row| {
            let seconds: serde_json::Map<_, _> =
                names.iter().zip(&row.seconds).map(|(name, seconds)| ((*name).to_owned(), json!(seconds))).collect();
            json!({ "mode": row.mode, "command": row.command, "seconds": seconds })
        });
        let checks = self.checks.iter().map(
            |check| json!({ "claim": check.claim, "ok": check.error.is_none(), "error": check.error, "details": check.details }),
        );
        json!({
            "program": self.title,
            "sources": self.origin,
            "compiler": self.toolchain,
            "rows": rows.collect::<Vec<_>>(),
            "checks": checks.collect::<Vec<_>>(),
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} from {}; guests compiled by {}", self.title, self.origin, self.toolchain)?;
        let width = self.rows.iter().map(|row| row.command.len()).max().unwrap_or(0);
        write!(f, "\n  {:width$}", "seconds")?;
        for place in &self.places {
            write!(f, "  {:>18}", place.name())?;
        }
        writeln!(f)?;
        let mut mode = "";
        for row in &self.rows {
            if row.mode != mode {
                mode = row.mode;
                writeln!(f, "{mode}")?;
            }
            write!(f, "  {:width$}", row.command)?;
            for seconds in &row.seconds {
                match seconds {
                    Some(seconds) => write!(f, "  {seconds:>18.2}")?,
                    None => write!(f, "  {:>18}", "-")?,
                }
            }
            writeln!(f)?;
        }
        writeln!(f)?;
        for check in &self.checks {
            writeln!(f, "{:6}  {}", if check.error.is_none() { "ok" } else { "FAILED" }, check.claim)?;
            for detail in check.error.iter().chain(&check.details) {
                for line in detail.lines() {
                    writeln!(f, "          {line}")?;
                }
            }
        }
        Ok(())
    }
}
