//! Copies of what a program may change, so that every run starts from the same files.

use std::fs::{self, File, FileTimes};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use walkdir::{DirEntry, WalkDir};

use crate::progress::Progress;
use crate::setup::Setup;
use crate::spec::Access;

/// The files and directories that a program may change, as they were before any run.
#[derive(Debug)]
pub struct Originals {
    // Invariant: absolute, and none lies in another.
    roots: Vec<PathBuf>,
    // What belongs to no copy even if it lies in a root: the place that the copies go to.
    left_out: PathBuf,
}

/// One run's own copy of the originals.
#[derive(Debug)]
pub struct Replica {
    // Invariant: pairs of an original root and its copy; the originals are those of `Originals::roots`.
    roots: Vec<(PathBuf, PathBuf)>,
}

impl Originals {
    /// What `setup` lets the program change, but for the directory `left_out`, an absolute path without symbolic links: the
    /// copies should go there. A read-only path that holds or lies in a writable one belongs to it, so that the program sees
    /// its own changes there too.
    #[must_use]
    pub fn of(setup: &Setup, left_out: &Path) -> Self {
        let (mut roots, mut read_only) = (Vec::<PathBuf>::new(), Vec::new());
        for (path, access) in setup.paths() {
            match access {
                Access::ReadWrite => roots.push(path.to_owned()),
                Access::Read => read_only.push(path),
            }
        }
        loop {
            let (joining, apart): (Vec<_>, Vec<_>) =
                read_only.into_iter().partition(|path| roots.iter().any(|root| overlap(root, path)));
            if joining.is_empty() {
                break;
            }
            roots.extend(joining.into_iter().map(Path::to_owned));
            read_only = apart;
        }
        // A path sorts before everything that lies in it.
        roots.sort();
        let mut outermost: Vec<PathBuf> = Vec::new();
        for root in roots {
            if !outermost.iter().any(|outer| root.starts_with(outer)) {
                outermost.push(root);
            }
        }
        Self { roots: outermost, left_out: left_out.to_owned() }
    }

    /// Copies all of it into `place`, an empty directory, for the run called `run`.
    ///
    /// Symbolic links stay links, hard links become files of their own, times are kept; sockets, FIFOs and devices are left
    /// out with a warning. On an error, what was copied so far is left in `place`.
    ///
    /// # Errors
    /// Something can't be read, or `place` can't be written.
    pub fn copy_into(&self, place: &Path, run: &str) -> Result<Replica> {
        let mut total = 0;
        for root in &self.roots {
            for entry in self.walk(root) {
                let entry = entry?;
                if entry.file_type().is_file() {
                    total += entry.metadata()?.len();
                }
            }
        }
        let progress = Progress::bytes(format!("copying files for {run}"), total);
        let mut roots = Vec::new();
        for (number, root) in self.roots.iter().enumerate() {
            let copy = place.join(number.to_string());
            self.copy_tree(root, &copy, &progress)?;
            roots.push((root.clone(), copy));
        }
        Ok(Replica { roots })
    }

    /// All that lies in `root` and is copied.
    fn walk(&self, root: &Path) -> impl Iterator<Item = walkdir::Result<DirEntry>> {
        WalkDir::new(root).into_iter().filter_entry(|entry| entry.path() != self.left_out)
    }

    fn copy_tree(&self, root: &Path, copy: &Path, progress: &Progress) -> Result<()> {
        let mut directories = Vec::new();
        for entry in self.walk(root) {
            let entry = entry?;
            let below = entry.path().strip_prefix(root)?;
            // Joining an empty path would add a slash, and no file opens under such a name.
            let to = if below.as_os_str().is_empty() { copy.to_owned() } else { copy.join(below) };
            let kind = entry.file_type();
            let copied = if kind.is_dir() {
                directories.push((entry.path().to_owned(), to.clone()));
                fs::create_dir(&to)
            } else if kind.is_symlink() {
                fs::read_link(entry.path()).and_then(|target| std::os::unix::fs::symlink(target, &to))
            } else if kind.is_file() {
                copy_file(entry.path(), &to, progress)
            } else {
                tracing::warn!(
                    "{} is a special file: the copy of its directory goes without it",
                    entry.path().display()
                );
                Ok(())
            };
            copied.with_context(|| format!("can't copy {} to {}", entry.path().display(), to.display()))?;
        }
        // A directory's time changes with every entry, so it comes last; the innermost were found last.
        for (from, to) in directories.iter().rev() {
            keep_times(from, &File::open(to)?)?;
        }
        Ok(())
    }
}

fn overlap(one: &Path, other: &Path) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

fn copy_file(from: &Path, to: &Path, progress: &Progress) -> io::Result<()> {
    // As much as is copied between two signs of progress. io::copy lets the kernel do it.
    const STEP: u64 = 16 << 20;
    let (source, mut copy) = (File::open(from)?, File::create_new(to)?);
    loop {
        match io::copy(&mut (&source).take(STEP), &mut copy)? {
            0 => break,
            copied => progress.advance(copied),
        }
    }
    copy.set_permissions(source.metadata()?.permissions())?;
    keep_times(from, &copy)
}

fn keep_times(from: &Path, to: &File) -> io::Result<()> {
    let from = fs::metadata(from)?;
    to.set_times(FileTimes::new().set_accessed(from.accessed()?).set_modified(from.modified()?))
}

impl Replica {
    /// Where the run finds what the user calls `path`: in the copy, or where it always was if the program can't change it.
    #[must_use]
    pub fn of(&self, path: &Path) -> PathBuf {
        for (original, copy) in &self.roots {
            if let Ok(below) = path.strip_prefix(original) {
                return if below.as_os_str().is_empty() { copy.clone() } else { copy.join(below) };
            }
        }
        path.to_owned()
    }

    /// Whether `path` was copied.
    #[must_use]
    pub fn holds(&self, path: &Path) -> bool {
        self.roots.iter().any(|(original, _)| path.starts_with(original))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::DirSpec;

    fn setup(paths: &[(&str, Access)]) -> Setup {
        let dirs = paths.iter().map(|(host, access)| DirSpec {
            host: host.into(),
            guest: (*host).to_owned(),
            access: *access,
        });
        Setup {
            argvs: vec![],
            turns: 1,
            env: vec![],
            dirs: dirs.collect(),
            objects: vec![],
            heaps: vec![],
            feeds: vec![],
            quotas: vec![],
            advisory_protection: false,
            engine: crate::args::EngineChoice::default(),
            granule: None,
        }
    }

    #[test]
    fn what_overlaps_is_copied_once() {
        let originals = Originals::of(
            &setup(&[
                ("/a/b", Access::ReadWrite),
                ("/a/b/c", Access::ReadWrite),
                ("/a/b/d", Access::Read),
                ("/a-b", Access::Read),
                ("/x/y/z", Access::ReadWrite),
                ("/x/y", Access::Read),
                ("/x/y/w", Access::Read),
            ]),
            Path::new("/tmp/place"),
        );
        assert_eq!(originals.roots, [Path::new("/a/b"), Path::new("/x/y")]);
    }

    #[test]
    fn a_replica_has_the_same_files_links_and_times() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        fs::create_dir_all(root.join("sub")).unwrap();
        fs::write(root.join("sub/file"), "text").unwrap();
        std::os::unix::fs::symlink("sub/file", root.join("link")).unwrap();
        // The copies lie in what is copied, and are not copied themselves.
        let place = root.join("place");
        fs::create_dir(&place).unwrap();

        let originals = Originals::of(&setup(&[(root.to_str().unwrap(), Access::ReadWrite)]), &place);
        for run in ["alias", "copy"] {
            fs::create_dir(place.join(run)).unwrap();
        }
        originals.copy_into(&place.join("alias"), "alias").unwrap();
        let replica = originals.copy_into(&place.join("copy"), "copy").unwrap();
        let copy = replica.of(&root);
        assert!(replica.holds(&root) && copy.starts_with(&place));
        assert_eq!(fs::read(replica.of(&root.join("sub/file"))).unwrap(), b"text");
        assert_eq!(fs::read_link(copy.join("link")).unwrap(), Path::new("sub/file"));
        assert!(!copy.join("place").exists());
        for path in ["", "sub", "sub/file"] {
            let modified = |path: PathBuf| fs::metadata(path).unwrap().modified().unwrap();
            assert_eq!(modified(copy.join(path)), modified(root.join(path)), "{path}");
        }

        fs::write(copy.join("sub/file"), "changed").unwrap();
        assert_eq!(fs::read(root.join("sub/file")).unwrap(), b"text");
        assert_eq!(replica.of(Path::new("/elsewhere")), Path::new("/elsewhere"));
    }

    #[test]
    fn a_single_file_is_copied_too() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("o");
        fs::write(&file, "text").unwrap();
        let place = tempfile::tempdir().unwrap();
        let originals = Originals::of(&setup(&[(file.to_str().unwrap(), Access::ReadWrite)]), place.path());
        let replica = originals.copy_into(place.path(), "copy").unwrap();
        assert_eq!(fs::read(replica.of(&file)).unwrap(), b"text");
    }
}
