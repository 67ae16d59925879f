//! `memctl declare`, `memctl instrument` and `--instrument`: what is protected traps at the same address, with an MMU and with checks.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::{TempDir, tempdir};

use crate::started::{Ended, GUESTS, memctl};

/// A command that does `body`, in a memory with constants from 64 KiB to 72 KiB, data behind them and then the stack.
fn command(body: &str) -> String {
    format!(
        r#"(component
          (core module $main
            (memory (export "memory") 4)
            (global $__stack_pointer (mut i32) (i32.const 131072))
            (func (export "run") (result i32) {body} (i32.const 0))
            (data $.rodata (i32.const 65536) "{}")
            (data $.data (i32.const 73728) "data"))
          (core instance $i (instantiate $main))
          (func $run (result (result)) (canon lift (core func $i "run")))
          (instance $of-run (export "run" (func $run)))
          (export "wasi:cli/run@0.2.0" (instance $of-run)))"#,
        "c".repeat(8192)
    )
}

/// A place with the command in it, as `app.wasm`.
fn place(body: &str) -> (TempDir, PathBuf) {
    let place = tempdir().unwrap();
    let app = place.path().join("app.wasm");
    fs::write(&app, wat::parse_str(command(body)).unwrap()).unwrap();
    (place, app)
}

fn fine(place: &Path, app: &Path, args: &[&str]) -> String {
    let Ended { code, stdout, stderr } = memctl(place, app, args);
    assert_eq!(code, Some(0), "{args:?}: {stderr}");
    stdout
}

const LOADS_NULL: &str = "(drop (i32.load (i32.const 8)))";
const STORES_A_CONSTANT: &str = "(i32.store (i32.const 69998) (i32.const 1))";
const KEEPS_TO_IT: &str = "(drop (i32.load (i32.const 73724))) (i32.store (i32.const 73728) (i32.const 1))";

#[test]
fn what_is_declared_traps_with_checks_as_with_an_mmu() {
    for (body, address, kind) in [(LOADS_NULL, "0x8", "load"), (STORES_A_CONSTANT, "0x1116e", "store")] {
        let (place, app) = place(body);
        fine(place.path(), &app, &["run", "GUEST"]);
        fine(place.path(), &app, &["declare", "GUEST", "-o", "sealed.wasm", "--rodata"]);
        let compared = memctl(place.path(), &app, &["compare", "--instrument", "sealed.wasm"]);
        assert_eq!(compared.code, Some(0), "{}{}", compared.stdout, compared.stderr);
        assert!(compared.stdout.contains("identical"), "{}", compared.stdout);
        for args in [
            &["run", "--backend", "alias", "sealed.wasm"][..],
            &["run", "--backend", "copy", "--instrument", "sealed.wasm"],
        ] {
            let Ended { code, stderr, .. } = memctl(place.path(), &app, args);
            assert_eq!(code, Some(134), "{stderr}");
            assert!(stderr.contains(address) && stderr.contains(kind), "{stderr}");
        }
    }
}

#[test]
fn protection_is_advice_only_if_that_is_asked_for() {
    let (place, app) = place(STORES_A_CONSTANT);
    fine(place.path(), &app, &["declare", "GUEST", "-o", "sealed.wasm", "--rodata"]);
    let refused = memctl(place.path(), &app, &["run", "--backend", "copy", "sealed.wasm"]);
    assert!(refused.code.is_some_and(|code| code != 0) && refused.stderr.contains("protect"), "{}", refused.stderr);
    fine(place.path(), &app, &["run", "--backend", "copy", "--advisory-protection", "sealed.wasm"]);
    let Ended { code, .. } =
        memctl(place.path(), &app, &["run", "--backend", "alias", "--advisory-protection", "sealed.wasm"]);
    assert_eq!(code, Some(134), "an MMU protects all the same");
}

#[test]
fn a_program_that_keeps_to_what_is_declared_runs_as_before() {
    let (place, app) = place(KEEPS_TO_IT);
    fine(place.path(), &app, &["declare", "GUEST", "-o", "sealed.wasm", "--rodata"]);
    fine(place.path(), &app, &["instrument", "sealed.wasm", "-o", "checked.wasm"]);
    for backend in ["alias", "copy"] {
        fine(place.path(), &app, &["run", "--backend", backend, "checked.wasm"]);
    }
}

#[test]
fn bounds_are_typed_or_found() {
    let (place, app) = place("");
    let found = fine(place.path(), &app, &["declare", "GUEST", "-o", "sealed.wasm", "--rodata"]);
    assert!(found.contains("0x10000") && found.contains("0x12000"), "{found}");
    let typed = fine(place.path(), &app, &["declare", "sealed.wasm", "-o", "sealed.wasm", "--read-only", "72KiB"]);
    assert!(typed.contains("no access below 0x0, read-only below 0x12000"), "{typed}");
    let checked = ["instrument", "sealed.wasm", "-o", "checked.wasm", "--json"];
    let report: serde_json::Value = serde_json::from_str(&fine(place.path(), &app, &checked)).unwrap();
    let memory = &report["modules"][0]["memories"][0];
    assert_eq!((memory["no_access"].as_u64(), memory["read_only"].as_u64()), (Some(0), Some(73728)));
}

#[test]
fn the_table_says_what_was_done() {
    let (place, app) = place(KEEPS_TO_IT);
    let args = ["instrument", "--no-access", "4KiB", "--read-only", "128KiB", "GUEST", "-o", "checked.wasm"];
    let table = fine(place.path(), &app, &args);
    assert!(table.contains("none to 0x1000, read to 0x20000") && table.contains("main"), "{table}");
}

#[test]
fn a_refusal_says_why_and_leaves_the_output_as_it_was() {
    let (place, app) = place("");
    fs::write(place.path().join("out.wasm"), "before").unwrap();
    fs::write(place.path().join("text.wasm"), "(module)").unwrap();
    fine(place.path(), &app, &["instrument", "GUEST", "-o", "checked.wasm"]);
    for (args, why) in [
        (&["instrument", "checked.wasm"][..], "already instrumented"),
        (&["instrument", "text.wasm"], "not WebAssembly"),
        (&["instrument", "none.wasm"], "none.wasm"),
        (&["instrument", "--granule", "48", "GUEST"], "power of two"),
        (&["instrument", "--no-access", "8KiB", "--read-only", "4KiB", "GUEST"], "not in order"),
        (&["declare", "--read-only", "1GiB", "GUEST"], "initial size"),
        (&["declare", "--read-only", "4KiB", "text.wasm"], "text.wasm"),
    ] {
        let args = [args, &["-o", "out.wasm"]].concat();
        let Ended { code, stderr, .. } = memctl(place.path(), &app, &args);
        assert_eq!(code, Some(1), "{args:?}: {stderr}");
        assert!(stderr.contains(why), "{args:?}: {stderr}");
        assert_eq!(fs::read(place.path().join("out.wasm")).unwrap(), b"before");
    }
    let Ended { code, .. } = memctl(place.path(), &app, &["declare", "GUEST", "-o", "out.wasm"]);
    assert_eq!(code, Some(2), "no bounds are given");
}

#[test]
fn a_stack_below_the_data_is_told_with_the_flags_that_move_it() {
    let place = tempdir().unwrap();
    for guest in GUESTS.iter() {
        let Ended { code, stderr, .. } =
            memctl(place.path(), guest, &["declare", "GUEST", "-o", "sealed.wasm", "--rodata"]);
        assert_eq!(code, Some(1));
        assert!(stderr.contains("--no-stack-first") && stderr.contains("--global-base=65536"), "{stderr}");
    }
}

#[test]
fn real_programs_run_with_checks() {
    let place = tempdir().unwrap();
    fs::write(place.path().join("words"), "some words\n").unwrap();
    for guest in GUESTS.iter() {
        for task in [&["echo", "a", "b"][..], &["cat-file", "/d/words"]] {
            let args = [&["compare", "--instrument", "--dir", ".::/d", "GUEST"], task].concat();
            let Ended { code, stdout, stderr } = memctl(place.path(), guest, &args);
            assert_eq!(code, Some(0), "{stdout}{stderr}");
        }
        let Ended { code, stderr, .. } = memctl(place.path(), guest, &["run", "--instrument", "GUEST", "trap"]);
        assert_eq!(code, Some(134));
        assert!(stderr.contains("`unreachable` instruction executed"), "{stderr}");
    }
}

#[test]
fn a_core_module_is_instrumented_as_a_component_or_not_run() {
    let place = tempdir().unwrap();
    fine(place.path(), &GUESTS[1], &["instrument", "GUEST", "-o", "checked.wasm"]);
    let Ended { code, stderr, .. } = memctl(place.path(), &GUESTS[1], &["run", "checked.wasm", "echo"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("--instrument"), "{stderr}");
}

/// A command whose `body` can ask for random bytes (a number; where the list goes) and write to stdout (the stream; start, length; where
/// the result goes). Lists are put at 3000 less than the top of the null page.
fn command_with_host(body: &str) -> String {
    format!(
        r#"(component
          (import "wasi:random/random@0.2.0" (instance $random
            (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))
          (import "wasi:io/error@0.2.0" (instance $errors (export "error" (type (sub resource)))))
          (alias export $errors "error" (type $error))
          (import "wasi:io/streams@0.2.0" (instance $streams
            (export "output-stream" (type $stream (sub resource)))
            (alias outer 1 $error (type $inner-error))
            (export "error" (type $own-error (eq $inner-error)))
            (type $failure (variant (case "last-operation-failed" (own $own-error)) (case "closed")))
            (export "stream-error" (type $stream-error (eq $failure)))
            (export "[method]output-stream.blocking-write-and-flush" (func
              (param "self" (borrow $stream)) (param "contents" (list u8))
              (result (result (error $stream-error)))))))
          (alias export $streams "output-stream" (type $stream))
          (import "wasi:cli/stdout@0.2.0" (instance $stdout
            (alias outer 1 $stream (type $inner-stream))
            (export "output-stream" (type $own-stream (eq $inner-stream)))
            (export "get-stdout" (func (result (own $own-stream))))))
          (core module $memory
            (memory (export "memory") 4)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 62536)))
          (core instance $m (instantiate $memory))
          (alias core export $m "memory" (core memory $memory))
          (core func $random-bytes (canon lower (func $random "get-random-bytes")
            (memory $memory) (realloc (core func $m "realloc"))))
          (core func $write (canon lower (func $streams "[method]output-stream.blocking-write-and-flush")
            (memory $memory)))
          (core func $get-stdout (canon lower (func $stdout "get-stdout")))
          (core module $main
            (import "host" "random" (func $random (param i64 i32)))
            (import "host" "stdout" (func $stdout (result i32)))
            (import "host" "write" (func $write (param i32 i32 i32 i32)))
            (func (export "run") (result i32) {body} (i32.const 0)))
          (core instance $i (instantiate $main (with "host" (instance
            (export "random" (func $random-bytes)) (export "stdout" (func $get-stdout)) (export "write" (func $write))))))
          (func $run (result (result)) (canon lift (core func $i "run")))
          (instance $of-run (export "run" (func $run)))
          (export "wasi:cli/run@0.2.0" (instance $of-run)))"#
    )
}

#[test]
fn the_host_is_stopped_where_the_guest_would_be() {
    let stdout = |start: u32, len: u32, result: u32| {
        format!("(call $write (call $stdout) (i32.const {start}) (i32.const {len}) (i32.const {result}))")
    };
    let random = |len: u32, list: u32| format!("(call $random (i64.const {len}) (i32.const {list}))");
    for (body, ended) in [
        (stdout(8, 4, 131_072), Some(("load", "0x8"))),
        (stdout(65535, 4, 131_072), Some(("load", "0xffff"))),
        (stdout(8, 0, 131_072), None),
        (stdout(65536, 4, 131_072), None),
        (stdout(65536, 4, 65536), Some(("store", "0x10000"))),
        (random(16, 131_072), Some(("store", "0xf448"))),
        (random(0, 131_072), None),
        (random(0, 65536), Some(("store", "0x10000"))),
    ] {
        let place = tempdir().unwrap();
        let app = place.path().join("app.wasm");
        fs::write(&app, wat::parse_str(command_with_host(&body)).unwrap()).unwrap();
        let bounds = ["--no-access", "64KiB", "--read-only", "128KiB"];
        fine(place.path(), &app, &[&["declare", "GUEST", "-o", "sealed.wasm"][..], &bounds].concat());
        for args in [&["--backend", "alias"][..], &["--backend", "copy", "--instrument"]] {
            let Ended { code, stderr, .. } = memctl(place.path(), &app, &[&["run"], args, &["sealed.wasm"]].concat());
            assert_eq!(code, Some(if ended.is_some() { 134 } else { 0 }), "{args:?} {body}: {stderr}");
            if let Some((kind, address)) = ended {
                assert!(
                    stderr.contains(&format!("{kind} ")) && stderr.contains(&format!("{address} ")),
                    "{args:?} {body}: {stderr}"
                );
            }
        }
    }
}

#[test]
fn bounds_for_the_checks_take_the_place_of_what_is_declared() {
    let (place, app) = place(STORES_A_CONSTANT);
    fine(place.path(), &app, &["declare", "GUEST", "-o", "sealed.wasm", "--rodata"]);
    fine(place.path(), &app, &["instrument", "--no-access", "4KiB", "sealed.wasm", "-o", "checked.wasm"]);
    for backend in ["alias", "copy"] {
        fine(place.path(), &app, &["run", "--backend", backend, "checked.wasm"]);
    }
}
