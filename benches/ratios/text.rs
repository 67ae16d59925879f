//! Real text: the sources of the project's dependencies, which any machine has after the build.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use walkdir::WalkDir;

/// Writes a file of `len` bytes of text, from the start again if there are fewer. At most `at_a_time` of them are written at
/// a time: file systems with large folios keep what was written together in memory that lies together.
pub(crate) fn write(path: &Path, len: usize, at_a_time: usize) -> Result<()> {
    let mut text = Vec::with_capacity(len);
    for entry in WalkDir::new(sources()?).sort_by_file_name() {
        let entry = entry?;
        if entry.path().extension().is_some_and(|extension| extension == "rs" || extension == "md") {
            text.extend(fs::read(entry.path())?);
        }
        if text.len() >= len {
            break;
        }
    }
    ensure!(!text.is_empty(), "no sources of dependencies");
    // A new file: what is in memory of an old one stays as it lies.
    _ = fs::remove_file(path);
    let mut file = File::create(path)?;
    let mut rest = len;
    while rest > 0 {
        let part = rest.min(text.len());
        for part in text[..part].chunks(at_a_time) {
            file.write_all(part)?;
        }
        rest -= part;
    }
    file.sync_all()?;
    Ok(())
}

/// Where cargo unpacks crates.
fn sources() -> Result<PathBuf> {
    let home = match std::env::var_os("CARGO_HOME") {
        Some(home) => PathBuf::from(home),
        None => std::env::home_dir().unwrap_or_default().join(".cargo"),
    };
    let sources = home.join("registry/src");
    ensure!(sources.is_dir(), "{} is no directory: are dependencies vendored?", sources.display());
    Ok(sources)
}
