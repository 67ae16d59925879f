//! Memories with pages of one byte, as guests for boards have them.

use std::fs;
use std::path::Path;

use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, SourceMap};

use crate::started::{Ended, memctl};

macro_rules! wit {
    ($($file:literal),+) => { [$(($file, include_str!(concat!("../../../../wit/", $file)))),+] };
}

const PACKAGE: [(&str, &str); 8] = wit![
    "types.wit",
    "domain.wit",
    "object.wit",
    "mapping.wit",
    "protection.wit",
    "window.wit",
    "heap.wit",
    "file-object.wit"
];
const WORLD: &str = "package wasi:memory-control@0.1.0-draft;
world command { import object; import mapping; export wasi:cli/run@0.2.0; }";
const DEPENDENCIES: [(&str, &str); 3] = wit!["deps/clocks.wit", "deps/filesystem.wit", "deps/io.wit"];
const RUN: (&str, &str) = ("run.wit", "package wasi:cli@0.2.0; interface run { run: func() -> result; }");

/// A module with component types of its own, as bindings generators make it.
fn typed(wat: &str) -> Vec<u8> {
    let parsed = |files: &[(&str, &str)]| {
        let mut sources = SourceMap::default();
        files.iter().for_each(|(name, text)| sources.push_str(name, *text));
        sources.parse().map_err(|(sources, error)| error.render(&sources)).expect("an interface")
    };
    let mut resolve = Resolve::default();
    let dependencies = DEPENDENCIES.iter().chain([&RUN]).map(|file| parsed(&[*file])).collect();
    let package = [&PACKAGE[..], &[("world.wit", WORLD)]].concat();
    let package = resolve.push_groups(parsed(&package), dependencies).expect("the interface");
    let world = resolve.select_world(&[package], Some("command")).expect("a world");
    let mut module = wat::parse_str(wat).expect("a module");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("types");
    module
}

/// A command with a memory of 10,000 bytes that becomes one of 12,288: in its last granule it shows the object `o` and counts its turns there. Then it does `then`.
fn counting(then: &str) -> Vec<u8> {
    typed(&format!(
        r#"(module
            (import "wasi:memory-control/object@0.1.0-draft" "[static]object.open" (func $open (param i32 i32 i32)))
            (import "wasi:memory-control/mapping@0.1.0-draft" "[static]mapping.map"
                (func $map (param i32 i32 i64 i64 i32 i64 i32 i32 i32 i32 i32)))
            (memory (export "memory") 10000 12288 (pagesize 1))
            (data (i32.const 5000) "o")
            (func $begin (result i32)
                (if (i32.ne (memory.grow (i32.const 2288)) (i32.const 10000)) (then (return (i32.const 1))))
                (if (i32.ne (memory.grow (i32.const 1)) (i32.const -1)) (then (return (i32.const 1))))
                (call $open (i32.const 5000) (i32.const 1) (i32.const 5008))
                (if (i32.load8_u (i32.const 5008)) (then (return (i32.const 1))))
                (call $map (i32.const 0) (i32.const 0) (i64.const 8192) (i64.const 4096) (i32.load (i32.const 5012))
                    (i64.const 0) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 5016))
                (i32.load8_u (i32.const 5016)))
            (func (export "wasi:cli/run@0.2.0#run") (result i32)
                (if (i32.eq (memory.size) (i32.const 10000))
                    (then (if (call $begin) (then (return (i32.const 1))))))
                (if (i32.ne (memory.size) (i32.const 12288)) (then (return (i32.const 1))))
                (i32.store8 (i32.const 8192) (i32.add (i32.load8_u (i32.const 8192)) (i32.const 1)))
                {then}
                (i32.const 0)))"#
    ))
}

/// Backends, engines and programs with checks, as flags.
const WAYS: [&[&str]; 5] = [
    &["--backend", "alias"],
    &["--backend", "copy"],
    &["--backend", "copy", "--engine", "board", "--granule", "32"],
    &["--backend", "copy", "--instrument"],
    &["--backend", "copy", "--engine", "board", "--instrument"],
];

fn ran(place: &Path, args: &[&[&str]]) -> Ended {
    memctl(place, Path::new(""), &args.concat())
}

fn succeeds(place: &Path, args: &[&[&str]]) {
    let ended = ran(place, args);
    assert_eq!(ended.code, Some(0), "{args:?}: {}", ended.stderr);
}

#[test]
fn two_programs_with_pages_of_one_byte_share_an_object_in_turns() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("core.wasm"), counting("")).unwrap();
    succeeds(dir.path(), &[&["component", "core.wasm", "-o", "app.wasm"]]);
    for way in WAYS {
        fs::write(dir.path().join("object"), [0; 4096]).unwrap();
        let turns = ["--turns", "4", "--beside", "core.wasm", "--object", "o=object", "app.wasm"];
        succeeds(dir.path(), &[&["run"], way, &turns]);
        assert_eq!(fs::read(dir.path().join("object")).unwrap()[0], 8, "{way:?}");
    }
    let ended = ran(dir.path(), &[&["compare", "--instrument", "--turns", "2", "--object", "o=4096", "app.wasm"]]);
    assert!(ended.stdout.ends_with("identical\n"), "{}{}", ended.stdout, ended.stderr);
}

#[test]
fn a_memory_ends_at_its_last_byte() {
    let dir = tempfile::tempdir().unwrap();
    for (address, code) in [(12287, 0), (12288, 134)] {
        fs::write(dir.path().join("app.wasm"), counting(&format!("(i32.store8 (i32.const {address}) (i32.const 1))")))
            .unwrap();
        for way in WAYS {
            let ended = ran(dir.path(), &[&["run"], way, &["--object", "o=4096", "app.wasm"]]);
            assert_eq!(ended.code, Some(code), "{address} {way:?}: {}", ended.stderr);
            assert_eq!(ended.stderr.contains("out of bounds"), code != 0, "{way:?}: {}", ended.stderr);
        }
    }
}

#[test]
fn the_null_page_is_sealed_and_the_shield_is_small() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("core.wasm"), counting("(i32.store8 (i32.const 16) (i32.const 1))")).unwrap();
    succeeds(dir.path(), &[&["component", "core.wasm", "-o", "app.wasm"]]);
    succeeds(dir.path(), &[&["declare", "app.wasm", "--no-access", "4096", "-o", "declared.wasm"]]);
    succeeds(dir.path(), &[&["instrument", "declared.wasm", "--ranges", "2", "-o", "checked.wasm"]]);
    for (way, app) in [(WAYS[0], "declared.wasm"), (WAYS[1], "checked.wasm"), (WAYS[2], "checked.wasm")] {
        fs::write(dir.path().join("object"), [0; 4096]).unwrap();
        let turns = ["--turns", "2", "--object", "o=object", app];
        let ended = ran(dir.path(), &[&["run"], way, &turns]);
        assert_eq!(ended.code, Some(134), "{way:?}: {}", ended.stderr);
        for words in ["trapped in turn 1", "trapped in turn 2", "store to address 0x10"] {
            assert!(ended.stderr.contains(words), "{way:?}: {}", ended.stderr);
        }
        assert_eq!(fs::read(dir.path().join("object")).unwrap()[0], 2, "stores before the trap are published: {way:?}");
    }
    let shields = |name: &str| {
        let bytes = fs::read(dir.path().join(name)).unwrap();
        let text = wasmparser::Parser::new(0).parse_all(&bytes).filter_map(|payload| match payload.unwrap() {
            wasmparser::Payload::MemorySection(memories) => Some(memories.into_iter().map(Result::unwrap).collect()),
            _ => None,
        });
        text.collect::<Vec<Vec<_>>>().concat()
    };
    let sizes: Vec<_> =
        shields("checked.wasm").iter().map(|ty| ty.initial << ty.page_size_log2.unwrap_or(16)).collect();
    assert_eq!(sizes, [10_000, 128 + 2 * 24]);
}

#[test]
fn checks_for_a_small_granule_need_one() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("core.wasm"), counting("(i32.store8 (i32.const 16) (i32.const 1))")).unwrap();
    succeeds(dir.path(), &[&["component", "core.wasm", "-o", "app.wasm"]]);
    let instrument = ["instrument", "app.wasm", "--no-access", "32", "--granule", "32", "-o", "checked.wasm"];
    succeeds(dir.path(), &[&instrument]);
    for (granule, words) in [("32", "store to address 0x10"), ("64", "declares can't be had here")] {
        let flags = ["--backend", "copy", "--granule", granule, "--object", "o=4096", "--turns", "2", "checked.wasm"];
        let ended = ran(dir.path(), &[&["run"], &flags]);
        assert!(ended.stderr.contains(words), "where the granule is {granule}: {}", ended.stderr);
    }
}

#[test]
fn a_device_writes_before_each_round_unless_somebody_is_in_its_way() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("app.wasm"), counting("")).unwrap();
    fs::write(dir.path().join("bytes"), [[100; 4096], [200; 4096]].concat()).unwrap();
    for way in WAYS {
        fs::write(dir.path().join("object"), [0; 4096]).unwrap();
        let flags = ["--turns", "3", "--object", "o=object", "--feed", "o=bytes", "app.wasm"];
        let ended = ran(dir.path(), &[&["run"], way, &flags]);
        // The program's mapping needs no lease, so that the device gets none from the second round on.
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert_eq!(fs::read(dir.path().join("object")).unwrap()[..2], [103, 100], "{way:?}");
        assert!(ended.stderr.contains("--feed o: 4096 bytes are lost"), "{}", ended.stderr);
    }
}
