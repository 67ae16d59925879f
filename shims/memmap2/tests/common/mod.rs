//! Files for tests.

#![allow(dead_code, unreachable_pub, reason = "each test program uses some of these")]

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::path::PathBuf;

/// A path that no other test uses.
pub fn path(name: &str) -> PathBuf {
    // A guest has the folder that its runner gave it: `memctl run --dir SOMEWHERE::/scratch`.
    let folder = if cfg!(target_os = "wasi") { PathBuf::from("/scratch") } else { std::env::temp_dir() };
    folder.join(format!("memmap2-shim-{name}"))
}

/// A new file for reading and writing, with these bytes.
pub fn file(name: &str, bytes: &[u8]) -> File {
    std::fs::write(path(name), bytes).expect("written");
    reopen(name)
}

/// The file of that name, for reading and writing.
pub fn reopen(name: &str) -> File {
    OpenOptions::new().read(true).write(true).open(path(name)).expect("opened")
}

/// What a reader of the file of that name gets.
pub fn content(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    File::open(path(name)).expect("opened").read_to_end(&mut bytes).expect("read");
    bytes
}

/// Bytes that differ from place to place.
pub fn pattern(len: usize) -> Vec<u8> {
    (0..=250).cycle().take(len).collect()
}
