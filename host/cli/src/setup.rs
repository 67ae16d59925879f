//! What the programs get, checked: the paths exist and are of the right kind.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::args::{EngineChoice, GuestArgs};
use crate::spec::{Access, DirSpec, EnvSpec, FeedSpec, HeapSpec, ObjectSource, ObjectSpec, QuotaSpec};

/// Everything that the programs of one run can see of this machine.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The arguments of each program, its name first, in the order in which they take turns.
    pub argvs: Vec<Vec<String>>,
    /// How many turns each program takes.
    pub turns: u32,
    /// Their environment.
    pub env: Vec<EnvSpec>,
    /// Their directories; the paths here are absolute and without symbolic links, and no two have one guest name.
    pub dirs: Vec<DirSpec>,
    /// Their objects; paths as for directories, and no two have one name.
    pub objects: Vec<ObjectSpec>,
    /// Their shared heaps, no two of one name.
    pub heaps: Vec<HeapSpec>,
    /// What devices write into objects; the paths are absolute.
    pub feeds: Vec<FeedSpec>,
    /// Changed limits.
    pub quotas: Vec<QuotaSpec>,
    /// Protection may be no more than advice.
    pub advisory_protection: bool,
    /// What compiles and runs the programs where windows are copied.
    pub engine: EngineChoice,
    /// What windows are multiples of there, if not the host page.
    pub granule: Option<u64>,
}

impl Setup {
    /// Checks what the flags ask for.
    ///
    /// # Errors
    /// A path doesn't exist or is of the wrong kind, a name is given twice, or an argument is not UTF-8.
    pub fn check(args: &GuestArgs) -> Result<Self> {
        let mut setup = Self {
            argvs: args.argvs()?,
            turns: args.turns,
            env: args.env.clone(),
            dirs: args.dirs.clone(),
            objects: args.objects.clone(),
            heaps: args.heaps.clone(),
            feeds: args.feeds.clone(),
            quotas: args.quotas.clone(),
            advisory_protection: args.advisory_protection,
            engine: args.engine,
            granule: args.granule.map(|size| size.0),
        };
        let mut guest_names = BTreeSet::new();
        for dir in &mut setup.dirs {
            let shown = dir.host.display().to_string();
            let form = "the form is HOST::GUEST[:ro]";
            dir.host = real_path(&dir.host).with_context(|| format!("--dir {shown}: no such directory; {form}"))?;
            if !dir.host.is_dir() {
                bail!("--dir {shown}: not a directory; {form}");
            }
            if !guest_names.insert(dir.guest.as_str()) {
                bail!("--dir {shown}: another --dir is called {} in the program already", dir.guest);
            }
        }
        let mut object_names = BTreeSet::new();
        for object in &mut setup.objects {
            if let ObjectSource::File(path, access) = &mut object.source {
                *path = check_object_file(&object.name, path, *access)?;
            }
            if !object_names.insert(object.name.as_str()) {
                bail!("--object {}: given twice", object.name);
            }
        }
        for feed in &mut setup.feeds {
            let shown = feed.path.display().to_string();
            let name = &feed.object;
            if !setup.objects.iter().any(|object| object.name == *name) {
                bail!("--feed {name}={shown}: no --object is called {name}");
            }
            feed.path = real_path(&feed.path).with_context(|| format!("--feed {name}={shown}: no such file"))?;
        }
        let mut heap_names = BTreeSet::new();
        if let Some(twice) = setup.heaps.iter().find(|heap| !heap_names.insert(heap.name.as_str())) {
            bail!("--heap {}: given twice", twice.name);
        }
        Ok(setup)
    }

    /// Every path with what the program may do to it.
    pub fn paths(&self) -> impl Iterator<Item = (&Path, Access)> {
        let dirs = self.dirs.iter().map(|dir| (dir.host.as_path(), dir.access));
        dirs.chain(self.objects.iter().filter_map(|object| object.source.file()))
    }

    /// The same with every path replaced by what `place` makes of it.
    #[must_use]
    pub fn with_paths(&self, place: impl Fn(&Path) -> PathBuf) -> Self {
        let mut setup = self.clone();
        for dir in &mut setup.dirs {
            dir.host = place(&dir.host);
        }
        for object in &mut setup.objects {
            if let ObjectSource::File(path, _) = &mut object.source {
                *path = place(path);
            }
        }
        setup
    }
}

fn real_path(path: &Path) -> Result<PathBuf> {
    Ok(fs::canonicalize(path)?)
}

fn check_object_file(name: &str, path: &Path, access: Access) -> Result<PathBuf> {
    let shown = path.display();
    let real = real_path(path).with_context(|| {
        format!(
            "--object {name}={shown}: no such file; the form is NAME=SIZE (such as 64KiB or 16MiB) or NAME=PATH[:ro]"
        )
    })?;
    let metadata = fs::metadata(&real)?;
    if !metadata.is_file() {
        bail!("--object {name}={shown}: not a regular file, so it can't be mapped");
    }
    if metadata.len() == 0 {
        bail!("--object {name}={shown}: the file is empty; give it a length first (truncate -s 1M {shown})");
    }
    open_object_file(&real, access).with_context(|| match access {
        Access::Read => format!("--object {name}={shown}: can't be read"),
        Access::ReadWrite => format!("--object {name}={shown}: can't be written; add :ro if reading is enough"),
    })?;
    Ok(real)
}

/// Opens an object's file with the access that its flag gives.
///
/// # Errors
/// Those of opening a file.
pub fn open_object_file(path: &Path, access: Access) -> std::io::Result<fs::File> {
    fs::OpenOptions::new().read(true).write(access == Access::ReadWrite).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Cli, Command};
    use clap::Parser;

    fn check(flags: &[&str]) -> Result<Setup> {
        match Cli::try_parse_from([&["memctl", "compare"], flags, &["app.wasm"]].concat()).unwrap().command {
            Command::Compare(args) => Setup::check(&args.guest),
            _ => unreachable!("the line says compare"),
        }
    }

    #[test]
    fn paths_are_made_absolute() {
        let dir = tempfile::tempdir().unwrap();
        let real = fs::canonicalize(dir.path()).unwrap();
        fs::write(real.join("o"), "x").unwrap();
        let setup = check(&[
            &format!("--dir={}/../{}::/d:ro", real.display(), real.file_name().unwrap().display()),
            &format!("--object=o={}/./o", real.display()),
        ])
        .unwrap();
        let paths: Vec<_> = setup.paths().collect();
        assert_eq!(paths, [(real.as_path(), Access::Read), (&real.join("o"), Access::ReadWrite)]);
    }

    #[test]
    fn an_error_names_the_flag_to_change() {
        let dir = tempfile::tempdir().unwrap();
        let here = dir.path().display();
        fs::write(dir.path().join("empty"), "").unwrap();
        fs::write(dir.path().join("file"), "x").unwrap();
        for (flags, wanted) in [
            (vec!["--dir=none".to_owned()], "--dir none: no such directory; the form is HOST::GUEST[:ro]"),
            (vec![format!("--dir={here}/file")], "not a directory"),
            (vec![format!("--dir={here}::/a"), format!("--dir={here}::/a")], "called /a in the program already"),
            (vec!["--object=f=none".to_owned()], "--object f=none: no such file; the form is"),
            (vec!["--object=f=16MB".to_owned()], "16MiB"),
            (vec![format!("--object=f={here}")], "not a regular file"),
            (vec![format!("--object=f={here}/empty")], "is empty"),
            (vec!["--object=f=1".to_owned(), "--object=f=2".to_owned()], "--object f: given twice"),
            (vec!["--feed=f=x".to_owned()], "--feed f=x: no --object is called f"),
            (vec!["--object=f=1".to_owned(), "--feed=f=none".to_owned()], "--feed f=none: no such file"),
        ] {
            let flags: Vec<_> = flags.iter().map(String::as_str).collect();
            let error = format!("{:#}", check(&flags).unwrap_err());
            assert!(error.contains(wanted), "{error}");
        }
    }
}
