//! The drivers with their libraries, compiled for guests and for this machine, once.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use memctl_cc::{Program, Toolchain};

use crate::Database;
use crate::sources::Sources;

/// What was built of one database.
#[derive(Clone, Debug)]
pub struct Programs {
    /// Which one.
    pub database: Database,
    /// The crate that the library's sources come from.
    pub origin: String,
    /// What compiled the guests.
    pub toolchain: String,
    /// The guest.
    pub guest: PathBuf,
    /// The same program for this machine, by the same compiler.
    pub native: PathBuf,
    /// The same by `$CC` or `cc`: compilers differ by more than what is measured here.
    pub native_by_cc: PathBuf,
    /// LMDB only: what the guest is without memory control, with the mmap that wasi-libc emulates.
    pub emulated: Option<PathBuf>,
    /// LMDB only: the guest with the file format of 64-bit machines (`MDB_VL32`).
    pub wide: Option<PathBuf>,
    /// LMDB only, and only where zig is there: the same program for this machine with numbers of 32 bits, as the guest has.
    pub native32: Option<PathBuf>,
}

/// Builds what is not built yet.
///
/// # Errors
/// There is no compiler, or it refuses the sources.
pub fn build(database: Database) -> Result<Programs> {
    // Tests on several threads ask for the same files.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let sources = Sources::of(database)?;
    let toolchain = Toolchain::find()?;
    let maker = Maker { database, origin: &sources.origin, toolchain: &toolchain };
    let program = program(database, &sources.folder);
    let guest = for_guests(database, program.clone());
    let lmdb = database == Database::Lmdb;
    let emulated = guest.clone().flag("-D_WASI_EMULATED_MMAN").library("wasi-emulated-mman");
    Ok(Programs {
        database,
        origin: sources.origin.clone(),
        toolchain: toolchain.to_string(),
        guest: maker.guest("guest", &guest.clone().mman())?,
        native: maker.native(&for_this_machine(database, program.clone()))?,
        native_by_cc: maker.native_by_cc(&for_this_machine(database, program.clone()))?,
        emulated: lmdb.then(|| maker.guest("emulated", &emulated)).transpose()?,
        wide: lmdb.then(|| maker.guest("wide", &guest.flag("-DMDB_VL32").mman())).transpose()?,
        native32: if lmdb { maker.native32(&program)? } else { None },
    })
}

fn examples() -> PathBuf {
    memctl_cc::root().join("examples")
}

/// What every build has in common.
fn program(database: Database, library: &Path) -> Program {
    let ours = files(database);
    match database {
        Database::Lmdb => put(Program::new(), &ours)
            .source(library.join("midl.c"))
            .include(library)
            .flag("-DNDEBUG")
            .flag("-DMDB_USE_ROBUST=0"),
        Database::Sqlite => put(Program::new(), &ours)
            .source(library.join("sqlite3.c"))
            .include(library)
            .flag("-DSQLITE_THREADSAFE=0")
            .flag("-DSQLITE_OMIT_LOAD_EXTENSION")
            .flag("-DSQLITE_ENABLE_FTS5")
            .flag("-DSQLITE_MAX_MMAP_SIZE=0x7fff0000")
            .flag("-DHAVE_MREMAP=0")
            .flag("-DHAVE_PREAD=1")
            .flag("-DHAVE_PWRITE=1"),
    }
}

/// The sources that lie in this repository.
fn files(database: Database) -> Vec<PathBuf> {
    let own: &[&str] = match database {
        // It includes the library's mdb.c.
        Database::Lmdb => &["lmdb/driver.c", "lmdb/unit.c"],
        Database::Sqlite => &["sqlite/driver.c", "sqlite/calls.c"],
    };
    own.iter().copied().chain(["driver/driver.c"]).map(|file| examples().join(file)).collect()
}

fn put(program: Program, files: &[PathBuf]) -> Program {
    files.iter().fold(program, |program, file| program.source(file))
}

fn for_guests(database: Database, program: Program) -> Program {
    let program = program.flag("-D_WASI_EMULATED_GETPID").library("wasi-emulated-getpid");
    match database {
        Database::Lmdb => program.flag("-D_WASI_EMULATED_SIGNAL").library("wasi-emulated-signal"),
        // SQLite includes sys/mman.h itself only where it knows that there is one.
        Database::Sqlite => program.flag("-include").flag("sys/mman.h"),
    }
}

fn for_this_machine(database: Database, program: Program) -> Program {
    match database {
        Database::Lmdb => program.flag("-pthread"),
        // For sqrt and its like, which Linux has in a library of its own.
        Database::Sqlite => program.flag("-Wl,--no-as-needed").flag("-lm"),
    }
}

/// Builds into the target folder, and again only what has changed.
struct Maker<'a> {
    database: Database,
    origin: &'a str,
    toolchain: &'a Toolchain,
}

impl Maker<'_> {
    fn guest(&self, name: &str, program: &Program) -> Result<PathBuf> {
        let output = self.output(&format!("{name}.wasm"));
        self.unless_built(&output, &format!("{} {program:?}", self.toolchain), || {
            program.build(self.toolchain, &output).map(drop)
        })
    }

    fn native(&self, program: &Program) -> Result<PathBuf> {
        let output = self.output("native");
        self.unless_built(&output, &format!("{} {program:?}", self.toolchain), || {
            program.build_native_by(self.native_compiler(), &output).map(drop)
        })
    }

    fn native_compiler(&self) -> Command {
        match self.toolchain {
            Toolchain::Zig(zig) => {
                let mut command = zig.zig();
                // As other compilers do: not for this very processor.
                command.args(["cc", "-mcpu=baseline"]);
                command
            }
            Toolchain::Clang(_) => Command::new(std::env::var_os("CLANG").unwrap_or_else(|| "clang".into())),
        }
    }

    fn native_by_cc(&self, program: &Program) -> Result<PathBuf> {
        let output = self.output("native_by_cc");
        self.unless_built(&output, &format!("{program:?}"), || program.build_native(&output).map(drop))
    }

    /// With zig, which has a C library for every machine.
    fn native32(&self, program: &Program) -> Result<Option<PathBuf>> {
        let Toolchain::Zig(zig) = self.toolchain else { return Ok(None) };
        if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
            return Ok(None);
        }
        let output = self.output("native32");
        let mut compiler = zig.zig();
        compiler.args(["cc", "-target", "x86-linux-musl"]);
        let made = self.unless_built(&output, &format!("{compiler:?} {program:?}"), || {
            program.build_native_by(compiler, &output).map(drop)
        });
        made.map(Some)
    }

    fn output(&self, name: &str) -> PathBuf {
        memctl_cc::target().join("real").join(self.database.name()).join(name)
    }

    fn unless_built(&self, output: &Path, how: &str, make: impl FnOnce() -> Result<()>) -> Result<PathBuf> {
        let stamp_file = output.with_extension("stamp");
        let stamp = format!("{} {how} {:016x}", self.origin, contents()?);
        if !output.is_file() || fs::read_to_string(&stamp_file).ok().as_ref() != Some(&stamp) {
            eprintln!("compiling {}", output.strip_prefix(memctl_cc::root()).unwrap_or(output).display());
            fs::create_dir_all(output.parent().context("an output lies in a folder")?)?;
            make()?;
            fs::write(&stamp_file, &stamp)?;
        }
        Ok(output.to_owned())
    }
}

/// A number for all C in this repository that goes into the programs.
fn contents() -> Result<u64> {
    let mut hasher = DefaultHasher::new();
    let root = memctl_cc::root();
    let folders = ["driver", "lmdb", "sqlite"].map(|name| examples().join(name));
    let shim = ["src", "include", "include/sys"].map(|name| root.join("shims/mman").join(name));
    for folder in folders.into_iter().chain(shim) {
        let mut files = fs::read_dir(&folder)
            .with_context(|| folder.display().to_string())?
            .map(|entry| Ok(entry?.path()))
            .collect::<Result<Vec<_>>>()?;
        files.sort();
        for file in files {
            if file.extension().is_some_and(|extension| extension == "c" || extension == "h") {
                fs::read(&file)?.hash(&mut hasher);
            }
        }
    }
    Ok(hasher.finish())
}
