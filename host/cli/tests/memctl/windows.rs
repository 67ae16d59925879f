//! `memctl link-windows`, and the library beside a program.

use std::fs;
use std::path::Path;

use crate::started::{BACKENDS, Ended, memctl};

/// A command that uses three windows by functions with addresses of `32` or `64` bits, or both, and fails unless it found there what adds up to `sum`.
fn program(narrow: &str, wide: &str, sum: i32) -> String {
    format!(
        r#"(module
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            {}{}
            (memory (export "memory") 1)
            (func (export "_start") (local $sum i32) (local $window i32)
                {narrow}
                {wide}
                (call $exit (i32.ne (local.get $sum) (i32.const {sum})))))"#,
        if narrow.is_empty() { "" } else { NARROW },
        if wide.is_empty() { "" } else { WIDE },
    )
}

const NARROW: &str = r#"
    (import "memctl:window" "i32.store16" (func $store (param i32 i32 i32)))
    (import "memctl:window" "i32.load8_u" (func $load (param i32 i32) (result i32)))
    (import "memctl:window" "count" (func $count (result i32)))"#;
const WIDE: &str = r#"
    (import "memctl:window64" "copy_in" (func $copy_in (param i64 i32 i64 i32)))
    (import "memctl:window64" "i32.load8_u" (func $load64 (param i64 i32) (result i32)))"#;

/// Adds 30 + 3.
const USE_NARROW: &str = "
    (local.set $window (i32.const 2))
    (call $store (i32.const 70001) (i32.const 0x1e00) (local.get $window))
    (local.set $sum (i32.add (call $count) (call $load (i32.const 70002) (i32.const 2))))";
/// Adds 44 from past 4 GiB.
const USE_WIDE: &str = "
    (i32.store8 (i32.const 5) (i32.const 44))
    (call $copy_in (i64.const 0x100000007) (i32.const 5) (i64.const 1) (i32.const 3))
    (local.set $sum (i32.add (local.get $sum) (call $load64 (i64.const 0x100000007) (i32.const 3))))";

const ALL: [(&str, &str, i32); 3] = [(USE_NARROW, "", 33), ("", USE_WIDE, 44), (USE_NARROW, USE_WIDE, 77)];

const WINDOWS: [&str; 8] = ["--count", "2", "--size", "128KiB", "--count64", "1", "--size64", "5GiB"];

fn written(place: &Path, name: &str, wat: &str) {
    fs::write(place.join(name), wat::parse_str(wat).unwrap()).unwrap();
}

fn ran(place: &Path, args: &[&[&str]]) -> Ended {
    memctl(place, Path::new(""), &args.concat())
}

fn succeeds(place: &Path, args: &[&[&str]]) -> String {
    let ended = ran(place, args);
    assert_eq!(ended.code, Some(0), "{args:?}: {}", ended.stderr);
    ended.stdout
}

#[test]
fn a_program_runs_with_windows_linked_into_it() {
    let dir = tempfile::tempdir().unwrap();
    for (narrow, wide, sum) in ALL {
        written(dir.path(), "in.wasm", &program(narrow, wide, sum));
        let told = succeeds(dir.path(), &[&["link-windows"], &WINDOWS, &["in.wasm", "-o", "linked.wasm"]]);
        assert!(told.contains("64 bits") && told.contains("5.0 GiB"), "{told}");
        succeeds(dir.path(), &[&["component", "linked.wasm", "-o", "component.wasm"]]);
        for backend in BACKENDS {
            for name in ["linked.wasm", "component.wasm"] {
                let ended = ran(dir.path(), &[&["run", "--backend", backend, name]]);
                assert_eq!(ended.code, Some(0), "{name} on {backend}: {}", ended.stderr);
            }
        }
    }
}

#[test]
fn a_program_runs_with_windows_in_a_library_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    for (narrow, wide, sum) in ALL {
        written(dir.path(), "in.wasm", &program(narrow, wide, sum));
        succeeds(dir.path(), &[&["component", "--window-library"], &WINDOWS, &["in.wasm", "-o", "out.wasm"]]);
        for backend in BACKENDS {
            let ended = ran(dir.path(), &[&["run", "--backend", backend, "out.wasm"]]);
            assert_eq!(ended.code, Some(0), "on {backend}: {}", ended.stderr);
        }
    }
}

#[test]
fn a_linked_program_runs_with_checks_put_in() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), "in.wasm", &program(USE_NARROW, USE_WIDE, 77));
    succeeds(dir.path(), &[&["link-windows"], &WINDOWS, &["in.wasm", "-o", "linked.wasm"]]);
    let ended = ran(dir.path(), &[&["run", "--backend", "copy", "--instrument", "linked.wasm"]]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[test]
fn the_report_says_what_became_of_calls() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), "in.wasm", &program(USE_NARROW, "", 33));
    let told = succeeds(dir.path(), &[&["link-windows", "--json", "--count", "1", "in.wasm", "-o", "linked.wasm"]]);
    let report: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(report["windows"][0]["bytes"], 64 << 20);
    assert_eq!(report["functions"][0], "memctl:window i32.store16");
    // Of two loads and a store, one is for a window that isn't there and one for any.
    assert_eq!((&report["inlined"], &report["calls"]), (&1.into(), &1.into()));
    assert_eq!(report["no_windows"][0], 2);
    written(dir.path(), "none.wasm", "(module (memory 1))");
    let told = succeeds(dir.path(), &[&["link-windows", "--count", "1", "none.wasm", "-o", "linked.wasm"]]);
    assert!(told.contains("only its host"), "{told}");
}

#[test]
fn what_can_not_be_linked_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), "in.wasm", &program(USE_NARROW, "", 33));
    written(dir.path(), "component.wasm", "(component)");
    written(dir.path(), "import.wasm", r#"(module (import "env" "memory" (memory 1)))"#);
    let out = ["-o", "out.wasm"];
    for (args, code, part) in [
        (&["run", "in.wasm"][..], 1, "memctl link-windows"),
        (&["component", "in.wasm"], 1, "memctl link-windows"),
        (&["component", "--count", "1", "in.wasm"], 1, "--window-library"),
        (&["component", "--window-library", "in.wasm"], 1, "say how many"),
        (&["link-windows", "in.wasm"], 2, "--count"),
        (&["link-windows", "--count", "1", "--size64", "1GiB", "in.wasm"], 2, "--count64"),
        (&["link-windows", "--count", "1", "component.wasm"], 1, "--skip-wit-component"),
        (&["link-windows", "--count", "1", "import.wasm"], 1, "--import-memory"),
        (&["link-windows", "--count", "1", "--size", "5GiB", "in.wasm"], 1, "--count64"),
        (&["link-windows", "--count", "1", "none.wasm"], 1, "none.wasm"),
    ] {
        let with_out = if args[0] == "run" { &[][..] } else { &out };
        let ended = ran(dir.path(), &[args, with_out]);
        assert_eq!(ended.code, Some(code), "{args:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(part), "{args:?}: {}", ended.stderr);
        assert!(!dir.path().join("out.wasm").exists(), "{args:?}");
    }
}

/// Shows the object `o` in all of window 1, and stores there.
const BINDS: &str = r#"(module
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (import "wasi:memory-control/object@0.1.0-draft" "[static]object.open" (func $open (param i32 i32 i32)))
    (import "wasi:memory-control/window@0.1.0-draft" "bind"
        (func $bind (param i32 i32 i32 i64 i64 i32 i64 i32 i32 i32 i32 i32)))
    (import "memctl:window" "settle" (func $settle (param i32)))
    (import "memctl:window" "i32.store8" (func $store (param i32 i32 i32)))
    (memory (export "memory") 1)
    (data (i32.const 16) "o")
    (func (export "_start")
        (call $open (i32.const 16) (i32.const 1) (i32.const 32))
        (call $bind (i32.const 8) (i32.const 0) (i32.const 1) (i64.const 0) (i64.const 65536) (i32.load (i32.const 36))
            (i64.const 0) (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 48))
        (call $settle (i32.const 1))
        (call $store (i32.const 65535) (i32.const 7) (i32.const 1))
        (call $exit (i32.or (i32.load8_u (i32.const 32)) (i32.load8_u (i32.const 48))))))"#;

#[test]
fn a_run_says_how_windows_showed_their_objects() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), "in.wasm", BINDS);
    succeeds(dir.path(), &[&["link-windows", "--count", "1", "--size", "64KiB", "in.wasm", "-o", "linked.wasm"]]);
    for (flags, how) in [
        (&["--backend", "alias"][..], "aliased"),
        (&["--backend", "copy"], "copied"),
        (&["--backend", "copy", "--engine", "board"], "in_place"),
    ] {
        let object = ["--object", "o=64KiB"];
        let ended = ran(dir.path(), &[&["run", "--json", "--verbose"], flags, &object, &["linked.wasm"]]);
        assert_eq!(ended.code, Some(0), "{flags:?}: {}", ended.stderr);
        let report: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
        let counts = ["aliased", "copied", "in_place"].map(|name| (name, report[name].as_u64()));
        assert_eq!(counts, ["aliased", "copied", "in_place"].map(|name| (name, Some(u64::from(name == how)))));
        assert!(ended.stderr.contains(&how.replace('_', " ")), "{flags:?}: {}", ended.stderr);
    }
}
