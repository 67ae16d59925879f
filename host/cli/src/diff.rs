//! The first place where two runs differ.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use walkdir::WalkDir;

/// Something that is not the same after two runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What differs, in the user's words: `stdout`, `object frames`, `file /data/log.txt`.
    pub subject: String,
    /// How it differs.
    pub found: Found,
}

/// How a thing differs between a left and a right run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Both are bytes, and not the same ones.
    Bytes(ByteDifference),
    /// They are different kinds of things, each said in a few words.
    Words {
        /// On the left.
        left: String,
        /// On the right.
        right: String,
    },
}

/// The first byte that two streams don't have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByteDifference {
    /// Its place, in bytes from the start.
    pub offset: u64,
    /// Its line, the first being 1.
    pub line: u64,
    /// The surroundings on the left, escaped.
    pub left: String,
    /// The surroundings on the right, escaped.
    pub right: String,
    /// How many characters of the surroundings come before the byte, on both sides.
    pub column: usize,
}

/// How much of the line is shown before the first different byte, in bytes.
const BEFORE: u64 = 32;
/// How much is shown from it on, in bytes.
const AFTER: usize = 40;
/// How much is compared at a time, in bytes.
const CHUNK: usize = 64 << 10;

/// Finds the first byte in which `left` and `right` differ. Both are read from their start.
///
/// ```
/// use std::io::Cursor;
/// let found = memctl_cli::diff::first_difference(&mut Cursor::new("a\nbc"), &mut Cursor::new("a\nbd"))?.unwrap();
/// assert_eq!((found.offset, found.line), (3, 2));
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// Those of reading and seeking.
pub fn first_difference<L: Read + Seek, R: Read + Seek>(
    left: &mut L,
    right: &mut R,
) -> io::Result<Option<ByteDifference>> {
    left.rewind()?;
    right.rewind()?;
    let mut offset = 0u64;
    let (mut chunk_left, mut chunk_right) = (Vec::new(), Vec::new());
    loop {
        read_chunk(left, &mut chunk_left)?;
        read_chunk(right, &mut chunk_right)?;
        if chunk_left != chunk_right {
            break;
        }
        if chunk_left.is_empty() {
            return Ok(None);
        }
        offset += chunk_left.len() as u64;
    }
    offset += chunk_left.iter().zip(&chunk_right).take_while(|(l, r)| l == r).count() as u64;
    // Only now are lines of interest, and up to here both sides have the same.
    let Line { number, start } = line_at(left, offset)?;
    let from = start.max(offset.saturating_sub(BEFORE));
    let (column, left) = surroundings(left, from, offset)?;
    let (_, right) = surroundings(right, from, offset)?;
    Ok(Some(ByteDifference { offset, line: number, left, right, column }))
}

struct Line {
    // The first line is 1.
    number: u64,
    // Its first byte.
    start: u64,
}

/// The line that byte `offset` is in.
fn line_at(stream: &mut (impl Read + Seek), offset: u64) -> io::Result<Line> {
    stream.rewind()?;
    let mut line = Line { number: 1, start: 0 };
    let mut before = stream.take(offset);
    let (mut chunk, mut chunk_start) = (Vec::new(), 0);
    loop {
        read_chunk(&mut before, &mut chunk)?;
        if chunk.is_empty() {
            return Ok(line);
        }
        for (at, _) in chunk.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
            line = Line { number: line.number + 1, start: chunk_start + at as u64 + 1 };
        }
        chunk_start += chunk.len() as u64;
    }
}

fn read_chunk(from: &mut impl Read, chunk: &mut Vec<u8>) -> io::Result<()> {
    chunk.clear();
    from.take(CHUNK as u64).read_to_end(chunk)?;
    Ok(())
}

/// The text from `from` to a little after `offset`, or to the end of the line, and the width of its part before `offset`.
fn surroundings(stream: &mut (impl Read + Seek), from: u64, offset: u64) -> io::Result<(usize, String)> {
    stream.seek(SeekFrom::Start(from))?;
    let mut before = Vec::new();
    stream.by_ref().take(offset - from).read_to_end(&mut before)?;
    let mut after = Vec::new();
    stream.take(AFTER as u64).read_to_end(&mut after)?;
    let ends = after.len() < AFTER;
    let shown = after.iter().position(|byte| *byte == b'\n').map_or(after.len(), |newline| newline + 1);
    let mut text = before.escape_ascii().to_string();
    let column = text.chars().count();
    text.extend(after[..shown].escape_ascii().map(char::from));
    let whole_line = shown < after.len() || after.ends_with(b"\n");
    if ends && shown == after.len() {
        text.push_str("<end>");
    } else if !whole_line {
        text.push_str("...");
    }
    Ok((column, text))
}

/// Compares two files, which are called `subject` in the answer.
///
/// # Errors
/// One of the files can't be read.
pub fn compare_files(subject: &str, left: &Path, right: &Path) -> Result<Option<Difference>> {
    let open = |path: &Path| File::open(path).with_context(|| format!("can't read {}", path.display()));
    let found = first_difference(&mut open(left)?, &mut open(right)?)
        .with_context(|| format!("can't compare {} with {}", left.display(), right.display()))?;
    Ok(found.map(|found| Difference { subject: subject.to_owned(), found: Found::Bytes(found) }))
}

/// Compares all that is below two directories, in the order of the names. `guest` is what the guest calls them.
///
/// # Errors
/// Something below can't be read.
pub fn compare_trees(guest: &str, left: &Path, right: &Path) -> Result<Vec<Difference>> {
    let (entries_left, entries_right) = (entries(left)?, entries(right)?);
    let mut names: Vec<_> = entries_left.keys().chain(entries_right.keys()).collect();
    names.sort();
    names.dedup();
    let mut differences = Vec::new();
    for name in names {
        let subject = format!("file {}", Path::new(guest).join(name).display());
        match (entries_left.get(name), entries_right.get(name)) {
            (Some(Entry::File), Some(Entry::File)) => {
                differences.extend(compare_files(&subject, &left.join(name), &right.join(name))?);
            }
            (left, right) if left == right => {}
            (left, right) => {
                let words = |entry: Option<&Entry>| entry.map_or("missing".to_owned(), Entry::words);
                differences
                    .push(Difference { subject, found: Found::Words { left: words(left), right: words(right) } });
            }
        }
    }
    Ok(differences)
}

#[derive(PartialEq, Eq)]
enum Entry {
    Directory,
    File,
    Link(PathBuf),
    Other,
}

impl Entry {
    fn words(&self) -> String {
        match self {
            Self::Directory => "a directory".to_owned(),
            Self::File => "a file".to_owned(),
            Self::Link(target) => format!("a symbolic link to {}", target.display()),
            Self::Other => "a special file".to_owned(),
        }
    }
}

fn entries(root: &Path) -> Result<BTreeMap<PathBuf, Entry>> {
    let mut entries = BTreeMap::new();
    for entry in WalkDir::new(root).min_depth(1) {
        let entry = entry?;
        let kind = entry.file_type();
        let kind = if kind.is_dir() {
            Entry::Directory
        } else if kind.is_file() {
            Entry::File
        } else if kind.is_symlink() {
            Entry::Link(fs::read_link(entry.path())?)
        } else {
            Entry::Other
        };
        entries.insert(entry.path().strip_prefix(root)?.to_owned(), kind);
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn bytes(left: &[u8], right: &[u8]) -> Option<ByteDifference> {
        first_difference(&mut Cursor::new(left), &mut Cursor::new(right)).unwrap()
    }

    #[test]
    fn equal_streams_have_no_difference() {
        assert_eq!(bytes(b"", b""), None);
        assert_eq!(bytes(b"a\nb", b"a\nb"), None);
        let long = vec![7; 3 * CHUNK];
        assert_eq!(bytes(&long, &long), None);
    }

    #[test]
    fn a_difference_is_shown_in_its_line() {
        let found = bytes(b"one\ntwo x\nthree", b"one\ntwo \xff\nthree").unwrap();
        assert_eq!((found.offset, found.line, found.column), (8, 2, 4));
        assert_eq!((found.left.as_str(), found.right.as_str()), (r"two x\n", r"two \xff\n"));
    }

    #[test]
    fn an_early_end_is_a_difference() {
        let found = bytes(b"one\n", b"one\ntwo").unwrap();
        assert_eq!((found.offset, found.line), (4, 2));
        assert_eq!((found.left.as_str(), found.right.as_str()), ("<end>", "two<end>"));
    }

    #[test]
    fn long_lines_are_cut_around_the_difference() {
        let mut left = vec![b'.'; 2 * CHUNK];
        let mut right = left.clone();
        left[CHUNK + 5] = b'\t';
        right[CHUNK + 5] = b'R';
        let found = bytes(&left, &right).unwrap();
        assert_eq!((found.offset, found.line, found.column), (CHUNK as u64 + 5, 1, 32));
        assert_eq!(found.right.len(), 32 + AFTER + 3);
        assert_eq!(&found.left[32..34], r"\t");
        assert_eq!(&found.right[32..33], "R");
    }

    #[test]
    fn lines_are_counted_across_chunks() {
        let mut left = b"x\n".repeat(CHUNK);
        let mut right = left.clone();
        left.push(b'l');
        right.push(b'r');
        assert_eq!(bytes(&left, &right).unwrap().line, CHUNK as u64 + 1);
    }

    #[test]
    fn trees_differ_in_content_kind_and_presence() {
        let dir = tempfile::tempdir().unwrap();
        let side = |name: &str| {
            let side = dir.path().join(name);
            fs::create_dir_all(side.join("sub")).unwrap();
            fs::write(side.join("same"), "x").unwrap();
            side
        };
        let (left, right) = (side("left"), side("right"));
        assert_eq!(compare_trees("/d", &left, &right).unwrap(), []);
        fs::write(left.join("sub/b"), "1").unwrap();
        fs::write(right.join("sub/b"), "2").unwrap();
        fs::write(right.join("a"), "").unwrap();
        fs::write(left.join("c"), "").unwrap();
        std::os::unix::fs::symlink("same", right.join("c")).unwrap();
        let found = compare_trees("/d", &left, &right).unwrap();
        let subjects: Vec<_> = found.iter().map(|difference| difference.subject.as_str()).collect();
        assert_eq!(subjects, ["file /d/a", "file /d/c", "file /d/sub/b"]);
        assert_eq!(found[0].found, Found::Words { left: "missing".into(), right: "a file".into() });
        assert_eq!(found[1].found, Found::Words { left: "a file".into(), right: "a symbolic link to same".into() });
        assert!(matches!(&found[2].found, Found::Bytes(ByteDifference { offset: 0, .. })));
    }
}
