//! The guests of boards, on Linux: what they print on `alias` they print wherever bytes are copied, whatever the granule.
//!
//! `cargo xtask board` does the same with the boards themselves.

mod scenes;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use scenes::{Scene, Scenes};

/// Engines and granules that are not those of this machine; the first is.
const WAYS: [&[&str]; 5] = [
    &["--backend", "alias"],
    &["--backend", "copy"],
    &["--backend", "copy", "--engine", "board"],
    &["--backend", "copy", "--engine", "board", "--granule", "256"],
    &["--backend", "copy", "--engine", "board", "--granule", "32"],
];

fn memctl(place: &Path, args: &[String]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_memctl"));
    command.current_dir(place).args(args).stdin(Stdio::null()).env_remove("MEMCTL_LOG");
    command.output().expect("memctl starts")
}

/// What a scene prints, and how it ends.
fn played(place: &Path, way: &[&str], scene: &Scene) -> (Option<i32>, String, String) {
    let way = way.iter().map(|flag| (*flag).to_owned());
    let Output { status, stdout, stderr } =
        memctl(place, &["run".to_owned()].into_iter().chain(way).chain(scene.flags()).collect::<Vec<_>>());
    let text = |bytes| String::from_utf8(bytes).expect("guests print ASCII");
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn every_scene_is_the_same_whatever_the_engine_and_the_granule() {
    let dir = tempfile::tempdir().expect("a place");
    let scenes = Scenes::read();
    scenes.make_guests(dir.path());
    for scene in scenes.on_linux() {
        let name = &scene.name;
        let (code, expected, said) = played(dir.path(), WAYS[0], scene);
        assert_eq!(code, Some(scene.exit), "{name}: {said}");
        assert!(!expected.contains("failed: "), "{name}: {expected}");
        for way in &WAYS[1..] {
            let (code, printed, said) = played(dir.path(), way, scene);
            assert_eq!((code, &printed), (Some(scene.exit), &expected), "{name} with {way:?}: {said}");
        }
    }
}

#[test]
fn a_store_through_null_and_one_to_a_constant_are_told_by_their_addresses() {
    let dir = tempfile::tempdir().expect("a place");
    let scenes = Scenes::read();
    scenes.make_guests(dir.path());
    let scene = scenes.on_linux().find(|scene| scene.guests.iter().any(|guest| guest == "nullstore")).expect("a scene");
    for way in WAYS {
        let (_, printed, said) = played(dir.path(), way, scene);
        for words in [
            "nullstore.wasm trapped in turn 2",
            "nullstore.wasm trapped in turn 4",
            "store to address 0x10 ",
            "store to address 0x1000 ",
        ] {
            assert!(said.contains(words), "{words} with {way:?}: {said}");
        }
        let turns = printed.lines().filter(|line| line.starts_with("witness: turn ")).count();
        assert_eq!(turns, 5, "who stands beside goes on: {printed}");
    }
}

#[test]
fn a_guest_fits_in_16_kib_and_imports_no_more_than_a_board_has() {
    let dir = tempfile::tempdir().expect("a place");
    let scenes = Scenes::read();
    scenes.make_guests(dir.path());
    for guest in scenes.guests() {
        let bytes = fs::read(dir.path().join(format!("{guest}.wasm"))).expect("it was made");
        let (mut memory, mut imports, mut depth) = (0, Vec::new(), 0);
        for payload in wasmparser::Parser::new(0).parse_all(&bytes) {
            match payload.expect("valid") {
                wasmparser::Payload::MemorySection(memories) => {
                    let first = memories.into_iter().next().expect("a memory").expect("valid");
                    assert_eq!((first.page_size_log2, first.maximum), (Some(0), Some(first.initial)), "{guest}");
                    memory = memory.max(first.initial);
                }
                wasmparser::Payload::ModuleSection { .. } | wasmparser::Payload::ComponentSection { .. } => depth += 1,
                wasmparser::Payload::End(_) => depth -= 1,
                wasmparser::Payload::ComponentImportSection(section) if depth == 0 => {
                    imports.extend(section.into_iter().map(|import| import.expect("valid").name.name.to_owned()));
                }
                _ => {}
            }
        }
        assert_eq!(memory, 16 << 10, "{guest}");
        let known =
            ["wasi:memory-control/", "wasi:cli/stdout@", "wasi:io/streams@", "wasi:io/error@", "memctl:board/test"];
        imports.retain(|import| !known.iter().any(|known| import.starts_with(known)));
        assert!(imports.is_empty(), "{guest} imports {imports:?}");
    }
}
