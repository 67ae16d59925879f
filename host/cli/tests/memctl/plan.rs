//! `memctl plan`: what it says of small programs can be checked by hand, and what it says is missing is what is missing.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::{TempDir, tempdir};

use crate::started::{Ended, memctl};

/// A command with a memory of `bytes` bytes, in which it declares nothing.
fn command(bytes: u32) -> String {
    format!(
        r#"(component
          (core module $main
            (memory (export "memory") {bytes} {bytes} (pagesize 1))
            (func (export "run") (result i32) (i32.const 0)))
          (core instance $i (instantiate $main))
          (func $run (result (result)) (canon lift (core func $i "run")))
          (instance $of-run (export "run" (func $run)))
          (export "wasi:cli/run@0.2.0" (instance $of-run)))"#
    )
}

/// A place with the command in it, as `app.wasm`.
fn place(bytes: u32) -> (TempDir, PathBuf) {
    let place = tempdir().unwrap();
    let app = place.path().join("app.wasm");
    fs::write(&app, wat::parse_str(command(bytes)).unwrap()).unwrap();
    (place, app)
}

/// The JSON of a plan that ends with `code`.
fn planned(place: &Path, app: &Path, code: i32, args: &[&str]) -> Value {
    let Ended { code: ended, stdout, stderr } = memctl(place, app, &[&["plan", "--json"], args].concat());
    assert_eq!(ended, Some(code), "{args:?}: {stderr}");
    serde_json::from_str(&stdout).unwrap()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// A board with flash, `ram` bytes of RAM, and this protection.
fn board(place: &Path, ram: u64, protection: &str) {
    let text = format!(
        r#"[[board]]
        name = "mine"
        title = "Mine"
        cpu = "Cortex-M33"
        target = "thumbv8m.main-none-eabi"
        word = 32
        system = "firmware"
        memory = [
            {{ name = "flash", kind = "flash", origin = 0x0800_0000, length = "1MiB" }},
            {{ name = "SRAM", kind = "ram", origin = 0x2000_0000, length = "{ram}" }},
        ]
        protection = {protection}"#
    );
    fs::write(place.join("boards.toml"), text).unwrap();
}

const MINE: [&str; 4] = ["--boards", "boards.toml", "--board", "mine"];
const V8: &str = r#"{ unit = "pmsav8", regions = 16 }"#;

#[test]
fn a_small_program_fits_every_board_of_the_list() {
    let (place, app) = place(16384);
    let list = memctl(place.path(), &app, &["plan", "--list"]).stdout;
    for name in [
        "an505",
        "an386",
        "an500",
        "rv32",
        "esp32-s3-box-3",
        "esp32-c6",
        "stm32h747",
        "ox64",
        "ox64-bare",
        "rpi3",
        "lattepanda",
    ] {
        assert!(list.contains(name), "{name} is not in the list");
        let Ended { code, stdout, stderr } = memctl(place.path(), &app, &["plan", "--board", name, "GUEST"]);
        assert_eq!(code, Some(0), "{name}: {stderr}");
        assert!(stdout.ends_with("fits\n") && !stdout.contains("does not"), "{name}: {stdout}");
    }
}

#[test]
fn everything_has_a_place_of_its_own_inside_its_bank() {
    let (place, app) = place(16384);
    fs::write(place.path().join("table.bin"), [1; 100]).unwrap();
    for name in ["an505", "an386", "rv32", "stm32h747", "ox64-bare"] {
        let objects = ["--object", "frames=5000", "--object", "table=./table.bin:ro", "--heap", "h=4KiB..8KiB"];
        let report = planned(place.path(), &app, 0, &[&objects[..], &["--board", name, "GUEST", "GUEST"]].concat());
        let held = &report["protection"][0];
        let shown = number(&held["left"]) - number(&held["left_with_objects"]);
        assert!(
            (1..=4).contains(&shown),
            "{name}: {shown} regions for an object and a heap, which may lie side by side"
        );
        let placed = report["placed"].as_array().unwrap();
        let kinds: Vec<_> = placed.iter().map(|placed| placed["kind"].as_str().unwrap()).collect();
        for (kind, count) in
            [("firmware", 1), ("image", 2), ("kernel", 1), ("shared", 1), ("partition", 2), ("object", 2), ("heap", 1)]
        {
            assert_eq!(kinds.iter().filter(|other| **other == kind).count(), count, "{name}: {kind}");
        }
        let end = |placed: &Value| number(&placed["start"]) + number(&placed["bytes"]);
        for pair in placed.windows(2) {
            assert!(end(&pair[0]) <= number(&pair[1]["start"]), "{name}: {pair:?}");
        }
        for placed in placed {
            let bank = report["banks"].as_array().unwrap().iter().find(|bank| bank["bank"] == placed["bank"]).unwrap();
            let (origin, bytes) = (number(&bank["origin"]), number(&bank["bytes"]));
            assert!(number(&placed["start"]) >= origin && end(placed) <= origin + bytes, "{name}: {placed}");
            let flash = ["firmware", "image"].contains(&placed["kind"].as_str().unwrap()) || placed["name"] == "table";
            assert_eq!(bank["kind"], if flash { "flash" } else { "ram" }, "{name}: {placed}");
        }
    }
}

#[test]
fn the_regions_are_those_of_the_program_and_their_registers_cover_its_partition() {
    let (place, app) = place(16384);
    let report = planned(place.path(), &app, 0, &["--board", "an505", "GUEST"]);
    let held = &report["protection"][0];
    assert_eq!(
        (held["regions"].as_array().unwrap().len(), number(&held["left"]), &held["refused"]),
        (3, 13, &Value::Null)
    );
    // Flash of 1 MiB at 0x10000000: privileged and unprivileged read-only, executable, attribute 0.
    assert_eq!(held["regions"][0]["registers"][0], serde_json::json!(["RBAR", 0x1000_0006]));
    assert_eq!(held["regions"][0]["registers"][1], serde_json::json!(["RLAR", 0x100f_ffe1]));
    let partition = report["placed"].as_array().unwrap().iter().find(|placed| placed["kind"] == "partition").unwrap();
    let (start, bytes) = (number(&partition["start"]), number(&partition["bytes"]));
    let region =
        held["regions"].as_array().unwrap().iter().find(|region| region["what"] == "partition of app.wasm").unwrap();
    assert_eq!(number(&region["registers"][0][1]), start | 0b011);
    assert_eq!(number(&region["registers"][1][1]), start + bytes - 32 + 1);
    let needs = &report["programs"][0]["partition"];
    let sum: u64 =
        ["stack", "interpreter", "memories", "tables", "runtime"].iter().map(|part| number(&needs[part])).sum();
    assert!(bytes >= sum && bytes < sum + 32, "{bytes} for {sum}");
    assert_eq!(number(&needs["memories"]), 16385);
}

#[test]
fn what_does_not_fit_fits_with_as_much_more_as_was_said() {
    let (place, app) = place(200 << 10);
    board(place.path(), 128 << 10, V8);
    let args = [&MINE[..], &["GUEST"]].concat();
    let mut ram = 128 << 10;
    // First the partition has no room, then, with that, what comes after it.
    for _ in 0..4 {
        let Ended { code, stdout, .. } = memctl(place.path(), &app, &[&["plan"], &args[..]].concat());
        if code == Some(0) {
            break;
        }
        assert!(stdout.contains("does not fit: ") && stdout.contains(" more of ram are needed"), "{stdout}");
        let report = planned(place.path(), &app, 1, &args);
        assert_eq!(report["fits"], false);
        ram += number(&report["misfits"][0]["missing"]);
        board(place.path(), ram, V8);
    }
    let report = planned(place.path(), &app, 0, &args);
    assert_eq!(number(&report["banks"][1]["left"]), 0, "not a byte was too much");
    board(place.path(), ram - 1, V8);
    planned(place.path(), &app, 1, &args);
    board(place.path(), 512 << 10, V8);
    let flash = planned(place.path(), &app, 1, &[&args[..], &["--firmware-flash", "1MiB"]].concat());
    assert_eq!(flash["misfits"][0]["kind"], "image");
    assert_eq!(flash["misfits"][0]["missing"], report["programs"][0]["image_bytes"]);
}

#[test]
fn too_few_regions_is_a_reason_not_to_fit() {
    let (place, app) = place(16384);
    board(place.path(), 512 << 10, r#"{ unit = "pmsav8", regions = 2 }"#);
    let Ended { code, stdout, .. } = memctl(place.path(), &app, &[&["plan"], &MINE[..], &["GUEST"]].concat());
    assert_eq!(code, Some(1));
    assert!(stdout.contains("3 regions are needed and the unit has 2"), "{stdout}");
    assert!(stdout.contains("2 is partition of app.wasm"), "{stdout}");
    board(place.path(), 512 << 10, r#"{ unit = "none", reason = "it is old" }"#);
    let report = planned(place.path(), &app, 0, &[&MINE[..], &["GUEST"]].concat());
    let rule =
        |name: &str| report["rules"].as_array().unwrap().iter().find(|rule| rule["rule"] == name).unwrap().clone();
    assert_eq!(rule("a program's faults stay in its partition")["by"], "nobody");
    assert_eq!(rule("a program's faults stay in its partition")["how"], "it is old");
    assert_eq!(rule("a program reaches its own memories only")["by"], "interpreter");
}

#[test]
fn the_keeper_of_declared_protection_is_hardware_or_instrumentation_or_nobody() {
    let (place, app) = place(16384);
    let fine = |args: &[&str]| assert_eq!(memctl(place.path(), &app, args).code, Some(0), "{args:?}");
    fine(&["declare", "GUEST", "-o", "sealed.wasm", "--no-access", "4KiB"]);
    fine(&["instrument", "sealed.wasm", "-o", "checked.wasm"]);
    for (board, program, keeper) in [
        ("an505", "app.wasm", "not asked for"),
        ("an505", "sealed.wasm", "nobody"),
        ("an505", "checked.wasm", "instrumentation"),
        ("rpi3", "sealed.wasm", "hardware"),
        ("esp32-s3-box-3", "checked.wasm", "instrumentation"),
    ] {
        let report = planned(place.path(), &app, 0, &["--board", board, program]);
        let name = format!("{program}: its null page and constants");
        let rule = report["rules"].as_array().unwrap().iter().find(|rule| rule["rule"] == name.as_str()).unwrap();
        assert_eq!(rule["by"], keeper, "{board} {program}");
    }
}

#[test]
fn an_image_is_as_long_as_memctl_compile_makes_it_and_imports_are_looked_at_alike() {
    let (place, app) = place(16384);
    let made = memctl(place.path(), &app, &["compile", "--board", "an386", "GUEST", "-o", "app.cwasm"]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let report = planned(place.path(), &app, 0, &["--board", "an386", "GUEST"]);
    let image = fs::metadata(place.path().join("app.cwasm")).unwrap().len();
    assert_eq!(number(&report["programs"][0]["image_bytes"]), image);
    let import = r#"(component (import "acme:leds/panel" (instance (export "on" (func))))"#;
    let greedy = command(16).replace("(component", import);
    fs::write(&app, wat::parse_str(greedy).unwrap()).unwrap();
    let report = planned(place.path(), &app, 1, &["--board", "an386", "GUEST"]);
    assert_eq!(report["programs"][0]["missing"], serde_json::json!(["acme:leds/panel"]));
    planned(place.path(), &app, 0, &["--board", "an386", "--provides", "acme:leds/panel", "GUEST"]);
    planned(place.path(), &app, 0, &["--board", "rpi3", "GUEST"]);
}

#[test]
fn errors_say_what_is_there_instead() {
    let (place, app) = place(16);
    let unknown = memctl(place.path(), &app, &["plan", "--board", "an506", "GUEST"]);
    assert_eq!(unknown.code, Some(1));
    assert!(unknown.stderr.contains("an505") && unknown.stderr.contains("--boards FILE"), "{}", unknown.stderr);
    assert_eq!(memctl(place.path(), &app, &["plan", "GUEST"]).code, Some(2));
    assert_eq!(memctl(place.path(), &app, &["plan", "--board", "an505"]).code, Some(2));
    assert_eq!(memctl(place.path(), &app, &["plan", "--list", "--board", "an505"]).code, Some(2));
    let missing = memctl(place.path(), &app, &["plan", "--board", "an505", "none.wasm"]);
    assert_eq!(missing.code, Some(1));
    assert!(missing.stderr.contains("none.wasm"), "{}", missing.stderr);
    let huge = memctl(place.path(), &app, &["plan", "--board", "an505", "--object", "x=16777215TiB", "GUEST"]);
    assert_eq!(huge.code, Some(1), "{}", huge.stderr);
    assert!(huge.stdout.contains("does not fit: object x"), "{}", huge.stdout);
}
