//! Finds memmap2's source, and makes a file of it that can be included.

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const LIBRARY: &str = "/memmap2-0.9.12/src/lib.rs";

fn main() -> Result<(), Box<dyn Error>> {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("source");
    println!("cargo:rerun-if-changed=source/Cargo.toml");
    let library = fetched(&here)?;
    let folder = library.parent().ok_or("a file is in a folder")?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for file in fs::read_dir(folder)? {
        let file = file?.path();
        let text = fs::read_to_string(&file)?;
        let name = file.file_name().ok_or("a file has a name")?;
        let text = if file == library { without_inner_attributes(&text) } else { text };
        fs::write(out.join(name), text)?;
    }
    Ok(())
}

/// Where cargo has unpacked memmap2. If it hasn't, it does that now.
fn fetched(here: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let mut command = Command::new(env::var("CARGO")?);
    command.args(["metadata", "--format-version", "1", "--locked"]).current_dir(here);
    let output = command.output()?;
    let text = String::from_utf8(output.stdout)?;
    let library = text.split('"').find(|text| text.replace("\\\\", "/").ends_with(LIBRARY));
    let library = library.ok_or_else(|| {
        let error = String::from_utf8_lossy(&output.stderr);
        format!(
            "cargo can't fetch memmap2: {error}\nfor targets without WASI it has to; `cargo fetch` in {} tries again",
            here.display()
        )
    })?;
    Ok(PathBuf::from(library.replace("\\\\", "\\")))
}

/// An included file can have none of `#![...]` and `//!`.
fn without_inner_attributes(text: &str) -> String {
    let mut kept = String::new();
    let mut inside = false;
    for line in text.lines() {
        inside |= line.starts_with("#![");
        if !inside && !line.starts_with("//!") {
            kept += line;
        }
        // As many lines as before, for messages.
        kept.push('\n');
        inside &= !line.ends_with(']');
    }
    kept
}
