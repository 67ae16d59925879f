//! Counts lines, words and bytes of files that it maps, and prints them as `wc FILE...` does.
//!
//! `file-scan [--read] PATH...`: a directory stands for all files below it. With `--read` the bytes are read through WASI instead, to compare.

mod count;
mod report;
mod source;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{fs, io};

use count::Counts;
use source::{Reader, Scanner, Source};

const USAGE: &str = "usage: file-scan [--read] PATH...";

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut source: Box<dyn Source> = if arguments.first().is_some_and(|first| first == "--read") {
        arguments.remove(0);
        Box::new(Reader::default())
    } else {
        Box::new(Scanner::default())
    };
    if arguments.is_empty() {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    }

    let mut found = Vec::new();
    for argument in &arguments {
        walk(PathBuf::from(argument), &mut found);
    }
    let width = report::width(found.iter().filter_map(|found| found.len.as_ref().ok().copied()));
    let (mut total, mut failed) = (Counts::default(), false);
    let files = found.len();
    for Found { path, len } in found {
        match len.and_then(|_| source.count(&path)) {
            Ok(counts) => {
                println!("{}", report::line(&counts, width, &path.display().to_string()));
                total += counts;
            }
            Err(error) => {
                eprintln!("file-scan: {}: {}", path.display(), report::reason(&error));
                failed = true;
            }
        }
    }
    if arguments.len() > 1 || files > 1 {
        println!("{}", report::line(&total, width, "total"));
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// A path to count, and the length in bytes of the file that was found there.
struct Found {
    path: PathBuf,
    len: io::Result<u64>,
}

/// Adds `path`, or all files below it in the order of their names.
fn walk(path: PathBuf, found: &mut Vec<Found>) {
    match entries(&path) {
        Ok(Entries::File { len }) => found.push(Found { path, len: Ok(len) }),
        Ok(Entries::Directory(paths)) => paths.into_iter().for_each(|path| walk(path, found)),
        Err(error) => found.push(Found { path, len: Err(error) }),
    }
}

/// What stands at a path.
enum Entries {
    File {
        len: u64,
    },
    /// The paths in it, sorted.
    Directory(Vec<PathBuf>),
}

fn entries(path: &Path) -> io::Result<Entries> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_dir() {
        return Ok(Entries::File { len: metadata.len() });
    }
    let paths = fs::read_dir(path)?.map(|entry| Ok(entry?.path()));
    let mut paths = paths.collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(Entries::Directory(paths))
}
