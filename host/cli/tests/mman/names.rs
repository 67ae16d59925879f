//! The shim's functions are those that a program gets, in whatever way it comes to them.

use std::process::Command;

use memctl_cc::{Toolchain, root};

use crate::guests::{BARE, PROTECTING, assert_same, guests, program, run, run_without_folders, source};

const SOURCES: &[&str] = &["names.c", "elsewhere.c"];
const EXPECTED: &str = "through a pointer: yes
a part: 0
from a file without the header: -1 ENOMEM
the rest: 0
mmap64: mapped
";

#[test]
fn pointers_and_files_without_the_header_mean_the_shim() {
    for guest in guests(SOURCES) {
        assert_same(EXPECTED, &run(BARE, &guest, &[]), &guest.display().to_string());
    }
}

#[test]
fn the_libcs_emulation_beside_it_changes_nothing() {
    let place = tempfile::tempdir().unwrap();
    for toolchain in Toolchain::all() {
        let output = place.path().join(format!("{toolchain}.wasm"));
        let guest = program(SOURCES)
            .flag("-D_WASI_EMULATED_MMAN")
            .library("wasi-emulated-mman")
            .mman()
            .build(&toolchain, &output)
            .unwrap();
        assert_same(EXPECTED, &run(BARE, &guest, &[]), &toolchain.to_string());
    }
}

#[test]
fn the_header_compiles_as_cpp() {
    let include = root().join("shims/mman/include");
    let place = tempfile::tempdir().unwrap();
    for toolchain in Toolchain::all() {
        let mut compiler = match &toolchain {
            Toolchain::Zig(zig) => zig.zig(),
            Toolchain::Clang(clang) => clang.clang(),
        };
        if let Toolchain::Zig(_) = &toolchain {
            compiler.args(["c++", "-target", "wasm32-wasi"]);
        }
        compile(
            compiler.args(["-std=c++17", "-Wall", "-Wextra", "-Werror", "-I"]).arg(&include),
            &place.path().join("a.o"),
        );
    }
}

fn compile(compiler: &mut Command, output: &std::path::Path) {
    let output = compiler.arg("-c").arg(source("header.cc")).arg("-o").arg(output).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_readmes_program_changes_its_file() {
    let place = tempfile::tempdir().unwrap();
    for toolchain in Toolchain::all() {
        let example = memctl_cc::Program::new().source(root().join("shims/mman/examples/upper.c")).mman();
        let guest = example.build(&toolchain, &place.path().join(format!("{toolchain}.wasm"))).unwrap();
        for flags in [PROTECTING[0], BARE] {
            let words = place.path().join("words.txt");
            std::fs::write(&words, "some words\n").unwrap();
            let folder = format!("--dir={}::.", place.path().display());
            let ended = run_without_folders(&[flags, &[&folder]].concat(), &guest, &["words.txt"]);
            assert_same("11 bytes\n", &ended, &format!("{toolchain} {flags:?}"));
            assert_eq!(std::fs::read(&words).unwrap(), b"SOME WORDS\n");
        }
    }
}

#[test]
fn one_command_makes_a_component() {
    let place = tempfile::tempdir().unwrap();
    let component = place.path().join("component.wasm");
    for guest in guests(SOURCES) {
        let mut memctl = Command::new(env!("CARGO_BIN_EXE_memctl"));
        let made = memctl.arg("component").arg(&guest).arg("-o").arg(&component).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        assert!(wasmparser::Parser::is_component(&std::fs::read(&component).unwrap()));
        assert_same(EXPECTED, &run(BARE, &component, &[]), &guest.display().to_string());
    }
}
