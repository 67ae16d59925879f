//! `memctl soak`: a short one on each backend, and one with something to complain of.

use std::path::Path;

use crate::started::{BACKENDS, Ended, memctl};
use serde_json::{Value, json};
use tempfile::tempdir;

fn soak(args: &[&str]) -> Ended {
    let place = tempdir().unwrap();
    memctl(place.path(), Path::new("none"), &[&["soak"], args].concat())
}

fn report(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {}", ended.stderr))
}

#[test]
fn two_seconds_on_each_backend_break_nothing_and_leak_nothing() {
    for backend in BACKENDS {
        let ended = soak(&["--seconds", "2", "--threads", "2", "--json", "--backend", backend]);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{backend}");
        let report = report(&ended);
        assert_eq!(
            (&report["backend"], &report["broken"], &report["leaks"]),
            (&json!(backend), &Value::Null, &json!([]))
        );
        let count = |name: &str| report[name].as_u64().unwrap_or(0);
        // A machine with nothing else to do is a hundred times as fast.
        assert!(count("operations") > 2000, "{report}");
        assert!(count("guests_ended") > 16 && count("looks") > 500 && count("refused") > 100, "{report}");
        assert_eq!(count("faults_survived") > 0, backend == "alias", "{report}");
    }
}

#[test]
fn a_guest_that_is_kept_is_told() {
    for backend in BACKENDS {
        let ended = soak(&["--seconds", "0", "--seed", "7", "--json", "--backend", backend, "--forget-a-guest"]);
        assert_eq!(ended.code, Some(1), "{}", ended.stdout);
        assert!(ended.stderr.contains("leaked: ") && ended.stderr.contains("(seed 7)"), "{}", ended.stderr);
        let leaks = report(&ended)["leaks"].as_array().cloned().unwrap_or_default();
        let leak = |what: &str| leaks.iter().any(|leak| leak["what"] == what);
        assert!(leak("bytes of address space") && leak("object handles"), "{leaks:?}");
    }
}

#[test]
fn the_table_names_what_was_done() {
    let ended = soak(&["--seconds", "1", "--guests", "4", "--threads", "1", "--seed", "99"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    for words in ["operations", "acquire-within", "dropped with all they held", "faults survived", "seed 99"] {
        assert!(ended.stdout.contains(words), "{words}: {}", ended.stdout);
    }
}

#[test]
fn a_wrong_number_of_threads_is_explained() {
    let ended = soak(&["--threads", "0"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("--threads") && ended.stderr.contains("1..=64"), "{}", ended.stderr);
}
