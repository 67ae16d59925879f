//! Two symbols at the ends of a guest's constants, which no linker defines: `memctl_rodata_begin` and `memctl_rodata_end`.
//!
//! wasm-ld puts the segments of all objects whose name begins with `.rodata.` into one, `.rodata`, and orders the result by name: what begins with
//! `.tdata` first, then `.rodata`, `.data`, others, and `.bss` last (lld/wasm/Writer.cpp, `createOutputSegments`); what is equal by that order stays in
//! the order of creation. So a segment `.rodata_memctl_end` lies behind all constants and before all variables. Rust can't ask for one: `#[link_section]`
//! names custom sections on WebAssembly. Hence an object file of our own, byte by byte, in a static library that is part of this crate's rlib. The linker takes it only
//! if something uses the symbols.
//!
//! Format: <https://github.com/WebAssembly/tool-conventions/blob/main/Linking.md>.

use std::path::Path;
use std::{env, fs, io};

/// Name of the static library.
const LIBRARY: &str = "memctl_guest_marks";

/// Base-2 logarithm of where constants end: the granule of most hosts, 4096. On a host with a larger one the constants in the last granule aren't sealed.
const ALIGNMENT: u8 = 12;

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    if env::var("CARGO_CFG_TARGET_ARCH").as_deref() != Ok("wasm32") {
        return Ok(());
    }
    let folder = env::var("OUT_DIR").expect("cargo sets it");
    fs::write(Path::new(&folder).join(format!("lib{LIBRARY}.a")), archive("marks.o", &object()))?;
    println!("cargo:rustc-link-search=native={folder}");
    println!("cargo:rustc-link-lib=static={LIBRARY}");
    Ok(())
}

/// A segment of one byte and the symbol at its start.
struct Mark {
    segment: &'static str,
    alignment: u8,
    symbol: &'static str,
}

const MARKS: [Mark; 2] = [
    // Merged into `.rodata`, so that this exists before what is to lie behind it, whatever the order of the objects.
    Mark { segment: ".rodata.memctl_begin", alignment: 0, symbol: "memctl_rodata_begin" },
    Mark { segment: ".rodata_memctl_end", alignment: ALIGNMENT, symbol: "memctl_rodata_end" },
];

fn object() -> Vec<u8> {
    const CUSTOM: u8 = 0;
    const IMPORT: u8 = 2;
    const DATA: u8 = 11;
    const SEGMENT_INFO: u8 = 5;
    const SYMBOL_TABLE: u8 = 8;
    const HIDDEN_VISIBILITY: u8 = 4;

    let count = || vec![u8::try_from(MARKS.len()).expect("two")];
    let (mut data, mut segments, mut symbols) = (count(), count(), count());
    for (index, mark) in (0..).zip(&MARKS) {
        // An active segment of memory 0 at `i32.const index`; its contents, one byte.
        data.extend([0, 0x41, index, 0x0b, 1, 0]);
        segments.extend(name(mark.segment));
        segments.extend([mark.alignment, 0]);
        // Kind 1: data. Behind the name: segment, offset in it, size.
        symbols.extend([1, HIDDEN_VISIBILITY]);
        symbols.extend(name(mark.symbol));
        symbols.extend([index, 0, 1]);
    }
    // A memory of at least 0 pages.
    let memory = [vec![1], name("env"), name("__linear_memory"), vec![2, 0, 0]].concat();
    let version = 2;
    let linking =
        [name("linking"), vec![version], section(SEGMENT_INFO, &segments), section(SYMBOL_TABLE, &symbols)].concat();
    let sections = [section(IMPORT, &memory), section(DATA, &data), section(CUSTOM, &linking)].concat();
    [b"\0asm\x01\0\0\0".as_slice(), &sections].concat()
}

fn section(id: u8, contents: &[u8]) -> Vec<u8> {
    [&[id], leb(contents.len()).as_slice(), contents].concat()
}

fn name(name: &str) -> Vec<u8> {
    [leb(name.len()), name.as_bytes().to_vec()].concat()
}

/// Unsigned LEB128.
fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(number & 0x7f).expect("7 bits");
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// A Unix archive with one member. Without a table of symbols: linkers look into the members.
fn archive(name: &str, member: &[u8]) -> Vec<u8> {
    let (time, owner, group, mode) = (0, 0, 0, 644);
    let header = format!("{:<16}{time:<12}{owner:<6}{group:<6}{mode:<8}{:<10}`\n", format!("{name}/"), member.len());
    let padding: &[u8] = if member.len().is_multiple_of(2) { b"" } else { b"\n" };
    [b"!<arch>\n", header.as_bytes(), member, padding].concat()
}
