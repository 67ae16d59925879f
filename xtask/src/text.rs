//! Real text that every machine has after the build: the sources of this project's own dependencies.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use walkdir::WalkDir;

use crate::host;
use crate::shell::{self, Shell};

/// No more than this is taken, in bytes; the concatenation comes on top.
const ENOUGH: u64 = 48 << 20;

/// Text files in one directory.
pub(crate) struct Text {
    /// The directory, which the files' names are relative to.
    pub(crate) place: PathBuf,
    /// Every file below it, the concatenation included.
    pub(crate) files: Vec<PathBuf>,
    /// Their lengths together, in bytes.
    pub(crate) bytes: u64,
}

/// The name of the concatenation of all other files.
const WHOLE: &str = "all.txt";

/// Fills `place` with copies of the dependencies' sources and their concatenation, in place of what was there.
///
/// Only ASCII text is taken: versions of wc disagree about words in anything else.
pub(crate) fn collect(shell: &Shell, place: &Path) -> Result<Text> {
    if place.exists() {
        fs::remove_dir_all(place)?;
    }
    fs::create_dir_all(place)?;
    let mut whole = BufWriter::new(fs::File::create(place.join(WHOLE))?);
    let (mut files, mut bytes) = (vec![PathBuf::from(WHOLE)], 0);
    for package in sources(shell)? {
        for entry in WalkDir::new(&package).sort_by_file_name() {
            let entry = entry?;
            let wanted = ["rs", "md", "toml"].iter().any(|end| entry.path().extension().is_some_and(|e| e == *end));
            if !wanted || !entry.file_type().is_file() {
                continue;
            }
            let content = fs::read(entry.path())?;
            if content.is_empty() || !is_plain(&content) {
                continue;
            }
            let name = entry.path().strip_prefix(package.parent().unwrap_or(&package))?.to_owned();
            let copy = place.join(&name);
            fs::create_dir_all(copy.parent().context("a file lies in a directory")?)?;
            fs::write(&copy, &content)?;
            whole.write_all(&content)?;
            bytes += content.len() as u64;
            files.push(name);
        }
        if bytes >= ENOUGH {
            break;
        }
    }
    whole.flush()?;
    if bytes == 0 {
        bail!("cargo's registry has no sources of this project's dependencies");
    }
    Ok(Text { place: place.to_owned(), files, bytes: 2 * bytes })
}

/// The folders of the dependencies that this machine builds, as cargo unpacked them, in the order of their names.
fn sources(shell: &Shell) -> Result<Vec<PathBuf>> {
    let host = host::triple(shell)?;
    let args = ["metadata", "--format-version", "1", "--filter-platform", &host];
    let metadata: Value = serde_json::from_slice(&shell::read(&mut shell.cargo(args))?)?;
    let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    let mut folders: Vec<_> = packages
        .iter()
        .filter(|package| package["source"].is_string())
        .filter_map(|package| Path::new(package["manifest_path"].as_str()?).parent().map(Path::to_owned))
        .collect();
    folders.sort();
    Ok(folders)
}

/// Whether all of it is printable ASCII or white space.
fn is_plain(content: &[u8]) -> bool {
    content.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_printable_ascii() {
        assert!(is_plain(b"fn main() {\n\t}\r\n"));
        assert!(!is_plain("— dash".as_bytes()));
        assert!(!is_plain(b"\0"));
        assert!(!is_plain(b"\x1b[0m"));
    }
}
