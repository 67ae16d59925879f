//! `memctl compile`.

use std::fs;
use std::path::Path;

use crate::started::{Ended, GUESTS, memctl};
use tempfile::tempdir;
use wasmtime::{Engine, Precompiled};

fn hello(place: &Path) {
    fs::write(place.join("hello.wasm"), wat::parse_str(include_str!("hello.wat")).unwrap()).unwrap();
}

fn compile(place: &Path, args: &[&str]) -> Ended {
    memctl(place, &GUESTS[0], &[&["compile", "--board", "an505"], args].concat())
}

#[test]
fn an_image_is_written_beside_the_component() {
    let place = tempdir().unwrap();
    hello(place.path());
    let ended = compile(place.path(), &["hello.wasm"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("hello.cwasm: an image of") && ended.stdout.contains("pulley32"), "{}", ended.stdout);
    let image = fs::read(place.path().join("hello.cwasm")).unwrap();
    assert!(matches!(Engine::detect_precompiled(&image), Some(Precompiled::Component)));
}

#[test]
fn what_a_component_imports_of_memory_control_is_listed() {
    let place = tempdir().unwrap();
    let wat = r#"(component
        (import "wasi:memory-control/domain@0.1.0-draft" (instance (export "granule" (func (result u64)))))
        (import "wasi:memory-control/object@0.1.0-draft" (instance
            (export "object" (type $object (sub resource)))
            (export "[static]object.anonymous" (func (param "len" u64) (result (own $object)))))))"#;
    fs::write(place.path().join("app.wasm"), wat::parse_str(wat).unwrap()).unwrap();
    let ended = compile(place.path(), &["app.wasm", "--json", "--imports", "app.imports"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let listed = [
        "wasi:memory-control/domain@0.1.0-draft#granule",
        "wasi:memory-control/object@0.1.0-draft#object",
        "wasi:memory-control/object@0.1.0-draft#[static]object.anonymous",
    ];
    let lines = fs::read_to_string(place.path().join("app.imports")).unwrap();
    assert_eq!(lines.lines().collect::<Vec<_>>(), listed);
    let report: serde_json::Value = serde_json::from_str(&ended.stdout).expect("one JSON object");
    assert_eq!(report["imports"], serde_json::json!(listed));

    hello(place.path());
    let ended = compile(place.path(), &["hello.wasm", "--imports", "none.imports"]);
    assert_eq!(
        (ended.code, fs::read(place.path().join("none.imports")).unwrap()),
        (Some(0), vec![]),
        "{}",
        ended.stderr
    );
}

#[test]
fn the_same_component_becomes_the_same_image() {
    let place = tempdir().unwrap();
    hello(place.path());
    let images = ["one", "two"].map(|name| {
        let ended = compile(place.path(), &["hello.wasm", "--json", "-o", name]);
        let report: serde_json::Value = serde_json::from_str(&ended.stdout).expect("one JSON object");
        let image = fs::read(place.path().join(name)).unwrap();
        assert_eq!((&report["image_bytes"], &report["target"]), (&image.len().into(), &"pulley32".into()), "{report}");
        image
    });
    assert!(images[0] == images[1]);
}

#[test]
fn what_a_board_lacks_is_named_with_what_to_do() {
    let place = tempdir().unwrap();
    for guest in GUESTS.iter() {
        fs::write(place.path().join("out"), "before").unwrap();
        let ended = memctl(place.path(), guest, &["compile", "--board", "an505", "GUEST", "-o", "out"]);
        assert_eq!(ended.code, Some(1));
        for words in ["\n  wasi:filesystem/types@0.2", "\n  wasi:cli/environment@0.2", "without std", "--provides NAME"]
        {
            assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
        }
        assert!(!ended.stderr.contains("wasi:cli/stdout@"), "{}", ended.stderr);
        assert_eq!(fs::read(place.path().join("out")).unwrap(), b"before");
    }
}

#[test]
fn what_cannot_become_an_image_says_why() {
    let place = tempdir().unwrap();
    fs::write(place.path().join("text.wasm"), "text").unwrap();
    hello(place.path());
    for (args, wanted) in [
        (&["text.wasm"][..], "not WebAssembly"),
        (&["none.wasm"], "can't read the program"),
        (&["hello.wasm", "-o", "none/out"], "none/out"),
        (&["--board", "toaster", "hello.wasm"], "no board is called toaster"),
        (&["--board", "raspberry-pi-3", "hello.wasm"], "runs Linux"),
    ] {
        let args = if args[0] == "--board" {
            [&["compile"], args].concat()
        } else {
            [&["compile", "--board", "an505"], args].concat()
        };
        let ended = memctl(place.path(), &GUESTS[0], &args);
        assert_eq!(ended.code, Some(1), "{args:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(wanted), "{args:?}: {}", ended.stderr);
    }
}

#[test]
fn a_component_that_is_no_command_is_compiled_with_a_note() {
    let place = tempdir().unwrap();
    fs::write(place.path().join("library.wasm"), wat::parse_str("(component)").unwrap()).unwrap();
    let ended = compile(place.path(), &["library.wasm"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("does not export wasi:cli/run"), "{}", ended.stderr);
}
