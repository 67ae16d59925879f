//! `--turns` and `--beside`: programs that take turns in one domain.

use std::fs;
use std::path::Path;

use crate::started::{BACKENDS, Ended, memctl};

/// A command that prints its name and how often it was called in this instance, and then does `then`.
fn counter(name: char, then: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "\10\00\00\00\03\00\00\00")
            (data (i32.const 16) "{name}0\n")
            (func (export "_start")
                (i32.store8 (i32.const 17) (i32.add (i32.load8_u (i32.const 17)) (i32.const 1)))
                (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
                (if (i32.eq (i32.load8_u (i32.const 17)) (i32.const 50)) (then {then}))))"#
    );
    wat::parse_str(text).expect("a module")
}

/// `a` traps when it is called a second time, `b` exits, and `c` goes on.
fn written(place: &Path) {
    for (name, then) in [('a', "unreachable"), ('b', "(call $exit (i32.const 1))"), ('c', "")] {
        fs::write(place.join(format!("{name}.wasm")), counter(name, then)).expect("written");
    }
}

fn ran(place: &Path, args: &[&str]) -> Ended {
    memctl(place, Path::new(""), args)
}

#[test]
fn programs_take_turns_and_one_that_ends_begins_anew() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path());
    for backend in BACKENDS {
        let flags = ["run", "--backend", backend, "--turns", "4", "--beside", "b.wasm", "--beside", "c.wasm", "a.wasm"];
        let ended = ran(dir.path(), &flags);
        assert_eq!(ended.stdout, "a1\nb1\nc1\na2\nb2\nc2\na1\nb1\nc3\na2\nb2\nc4\n", "on {backend}");
        assert_eq!(ended.code, Some(134), "as the first that failed: {}", ended.stderr);
        for words in
            ["a.wasm trapped in turn 2: ", "a.wasm trapped in turn 4: ", "b.wasm failed in turn 2, with exit code 1"]
        {
            assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
        }
        assert!(!ended.stderr.contains("c.wasm"), "{}", ended.stderr);
    }
}

#[test]
fn json_tells_of_every_turn() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path());
    let ended = ran(dir.path(), &["run", "--json", "--turns", "2", "--beside", "b.wasm", "c.wasm"]);
    let report: serde_json::Value = serde_json::from_str(&ended.stdout).expect("one JSON object");
    assert_eq!((ended.code, &report["exit"], &report["trap"]), (Some(1), &1.into(), &().into()));
    let turns = report["turns"].as_array().expect("turns");
    let told: Vec<_> =
        turns.iter().map(|turn| (turn["program"].as_str(), turn["turn"].as_u64(), turn["exit"].as_i64())).collect();
    let (b, c) = (Some("b.wasm"), Some("c.wasm"));
    assert_eq!(told, [(c, Some(1), Some(0)), (b, Some(1), Some(0)), (c, Some(2), Some(0)), (b, Some(2), Some(1))]);
}

#[test]
fn a_comparison_takes_turns_too() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path());
    let ended = ran(dir.path(), &["compare", "--turns", "3", "--beside", "c.wasm", "a.wasm"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("18 bytes") && ended.stdout.ends_with("identical\n"), "{}", ended.stdout);
}

#[test]
fn a_program_that_cannot_start_is_named() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path());
    for (args, code, words) in [
        (["run", "--beside", "none.wasm", "a.wasm"], 1, "none.wasm"),
        (["run", "--turns", "0", "a.wasm"], 2, "--turns"),
    ] {
        let ended = ran(dir.path(), &args);
        assert_eq!(ended.code, Some(code), "{}", ended.stderr);
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
    }
}
