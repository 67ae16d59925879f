//! What is said about a soak.

use std::time::Duration;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use serde_json::{Map, Value, json};

use super::census::{Census, Leak};
use super::tally::{End, Operation, Tally};
use crate::size::Size;

/// A soak, when it is over.
#[derive(Clone, Debug)]
pub struct SoakReport {
    pub(super) backend: &'static str,
    pub(super) seed: u64,
    pub(super) threads: u32,
    pub(super) guests: u32,
    /// Without the warm-up, which isn't counted.
    pub(super) time: Duration,
    pub(super) tally: Tally,
    /// The promise that was broken.
    pub(super) failure: Option<String>,
    /// After the warm-up, and at the end; no guest is alive in either.
    pub(super) before: Census,
    pub(super) after: Census,
}

impl SoakReport {
    /// Operations, all of them.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.tally.total()
    }

    fn leaks(&self) -> Vec<Leak> {
        // A guest that is left after a broken promise is no news.
        if self.failure.is_some() { Vec::new() } else { self.before.leaks(&self.after) }
    }

    /// What is wrong, if anything is.
    #[must_use]
    pub fn complaint(&self) -> Option<String> {
        let seed = self.seed;
        if let Some(failure) = &self.failure {
            return Some(format!("broken: {failure} (seed {seed})"));
        }
        let leaks: Vec<_> = self.leaks().iter().map(|l| format!("{} {}, were {}", l.after, l.what, l.before)).collect();
        (!leaks.is_empty()).then(|| format!("leaked: {} (seed {seed})", leaks.join("; ")))
    }

    /// The object that `--json` prints.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let tally = &self.tally;
        let key = |name: String| name.to_lowercase();
        let operations: Map<_, _> = Operation::ALL
            .iter()
            .map(|operation| (key(format!("{operation:?}")), tally.operations[*operation as usize].into()))
            .collect();
        let ends: Map<_, _> =
            End::ALL.iter().map(|end| (key(format!("{end:?}")), tally.ends[*end as usize].into())).collect();
        let leaks: Vec<_> = self
            .leaks()
            .iter()
            .map(|leak| json!({ "what": leak.what, "before": leak.before, "after": leak.after }))
            .collect();
        json!({
            "backend": self.backend,
            "seed": self.seed,
            "threads": self.threads,
            "guests": self.guests,
            "time_ns": u64::try_from(self.time.as_nanos()).unwrap_or(u64::MAX),
            "operations": tally.total(),
            "by_operation": operations,
            "looks": tally.looks,
            "refused": tally.refused,
            "timed_out": tally.timed_out,
            "deadlocks": tally.deadlocks,
            "guests_ended": tally.guests(),
            "by_end": ends,
            "faults_survived": tally.faults(),
            "memory_growth": self.after.resident.saturating_sub(self.before.resident),
            "leaks": leaks,
            "broken": self.failure,
        })
    }

    /// A table, and whether all is well.
    #[must_use]
    pub fn to_text(&self) -> String {
        let tally = &self.tally;
        let mut table = Table::new();
        table.load_style(UTF8_FULL_CONDENSED);
        table.set_header(["what", "times"]);
        let mut row = |what: &str, times: u64| {
            table.add_row([what.to_owned(), times.to_string()]);
        };
        row("operations", tally.total());
        for operation in Operation::ALL {
            row(&format!("  {}", operation.words()), tally.operations[operation as usize]);
        }
        row("answered with an error code", tally.refused);
        row("  waits that ended with the time", tally.timed_out);
        row("  deadlocks found", tally.deadlocks);
        row("stamps checked", tally.looks);
        row("guests that ended", tally.guests());
        for end in End::ALL {
            row(&format!("  {}", end.words()), tally.ends[end as usize]);
        }
        row("faults survived", tally.faults());
        row("leaks", self.leaks().len() as u64);
        if let Some(column) = table.column_mut(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let seconds = self.time.as_secs_f64();
        let rate = tally.total() as f64 / seconds;
        let (before, after) = (Size(self.before.resident), Size(self.after.resident));
        format!(
            "{table}\nbackend {}, {} threads, seed {}: {seconds:.1} s, {rate:.0} operations/s, memory {before} before and {after} after",
            self.backend, self.threads, self.seed,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use memctl_wasmtime::Quotas;

    fn report() -> SoakReport {
        let census = Census {
            descriptors: 5,
            object_maps: 0,
            maps: 100,
            address_space: 1 << 30,
            resident: 1 << 20,
            usage: vec![Quotas::NONE],
        };
        let mut tally = Tally::default();
        tally.operations[Operation::Map as usize] = 40;
        tally.ends[End::Outside as usize] = 2;
        SoakReport {
            backend: "alias",
            seed: 7,
            threads: 2,
            guests: 8,
            time: Duration::from_secs(2),
            tally,
            failure: None,
            before: census.clone(),
            after: census,
        }
    }

    #[test]
    fn a_clean_soak_has_nothing_to_complain_of() {
        let report = report();
        assert_eq!(report.complaint(), None);
        let json = report.to_json();
        assert_eq!((&json["operations"], &json["by_operation"]["map"]), (&40.into(), &40.into()));
        assert_eq!((&json["faults_survived"], &json["by_end"]["outside"]), (&2.into(), &2.into()));
        assert_eq!((&json["leaks"], &json["broken"]), (&json!([]), &Value::Null));
        assert!(report.to_text().contains("20 operations/s"), "{}", report.to_text());
    }

    #[test]
    fn leaks_and_broken_promises_are_told_with_the_seed() {
        let mut leaked = report();
        leaked.after.descriptors = 6;
        assert_eq!(leaked.complaint().unwrap(), "leaked: 6 file descriptors, were 5 (seed 7)");
        assert_eq!(leaked.to_json()["leaks"][0], json!({"what": "file descriptors", "before": 5, "after": 6}));
        let broken = SoakReport { failure: Some("torn".to_owned()), ..leaked };
        assert_eq!(broken.complaint().unwrap(), "broken: torn (seed 7)");
        assert_eq!(broken.to_json()["broken"], "torn");
    }
}
