//! What to compile.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{Toolchain, root};

/// Sources of a program in C, and how to compile them: optimized with `-O2`, with names for backtraces and without other debug information.
#[derive(Clone, Debug, Default)]
pub struct Program {
    sources: Vec<PathBuf>,
    includes: Vec<PathBuf>,
    flags: Vec<OsString>,
    libraries: Vec<String>,
    linker: Vec<String>,
}

impl Program {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A file to compile.
    #[must_use]
    pub fn source(mut self, file: impl Into<PathBuf>) -> Self {
        self.sources.push(file.into());
        self
    }

    /// A folder with headers. Those that are named first win, and all of them over the libc's.
    #[must_use]
    pub fn include(mut self, folder: impl Into<PathBuf>) -> Self {
        self.includes.push(folder.into());
        self
    }

    /// An argument for the compiler, `-DNAME=1` for instance.
    #[must_use]
    pub fn flag(mut self, flag: impl Into<OsString>) -> Self {
        self.flags.push(flag.into());
        self
    }

    /// A library of the libc's, `wasi-emulated-signal` for instance.
    #[must_use]
    pub fn library(mut self, name: &str) -> Self {
        self.libraries.push(name.to_owned());
        self
    }

    /// An argument for the linker, `--initial-memory=1048576` for instance.
    #[must_use]
    pub fn linker_arg(mut self, arg: &str) -> Self {
        self.linker.push(arg.to_owned());
        self
    }

    /// `shims/mman`: its header, before all others, and its functions.
    ///
    /// # Panics
    /// If the repository isn't there.
    #[must_use]
    pub fn mman(mut self) -> Self {
        let shim = root().join("shims/mman");
        let files = fs::read_dir(shim.join("src")).expect("shims/mman/src").filter_map(Result::ok);
        let mut files: Vec<_> = files.map(|file| file.path()).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "c"));
        files.sort();
        self.includes.insert(0, shim.join("include"));
        self.sources.extend(files);
        self
    }

    /// Makes a WASI preview 1 command module of it, the file `output`. Folders on the way are made.
    ///
    /// # Errors
    /// The compiler or the linker refuses it; the error has what they said.
    pub fn build(&self, toolchain: &Toolchain, output: &Path) -> Result<PathBuf> {
        if let Some(folder) = output.parent() {
            fs::create_dir_all(folder).with_context(|| format!("{}: can't be made", folder.display()))?;
        }
        for mut command in toolchain.commands(self, output) {
            run(&mut command)?;
        }
        Ok(output.to_owned())
    }

    /// Makes a program for this machine of it with `$CC` or `cc`. [`Program::mman`] would not work there, and is not needed.
    ///
    /// # Errors
    /// The compiler refuses it, or can't be started.
    pub fn build_native(&self, output: &Path) -> Result<PathBuf> {
        self.build_native_by(Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into())), output)
    }

    /// Makes a program for this machine, or another one, with a C compiler of the caller's: `zig cc -target x86-linux-musl` for instance.
    ///
    /// # Errors
    /// The compiler refuses it, or can't be started.
    pub fn build_native_by(&self, mut compiler: Command, output: &Path) -> Result<PathBuf> {
        if let Some(folder) = output.parent() {
            fs::create_dir_all(folder).with_context(|| format!("{}: can't be made", folder.display()))?;
        }
        self.put_compiler_args(&mut compiler);
        compiler.args(&self.sources).arg("-o").arg(output);
        run(&mut compiler)?;
        Ok(output.to_owned())
    }

    pub(crate) fn put_compiler_args(&self, command: &mut Command) {
        command.args(["-O2", "-g0"]).args(self.includes.iter().flat_map(|folder| ["-I".as_ref(), folder.as_os_str()]));
        command.args(&self.flags);
    }

    pub(crate) fn sources(&self) -> &[PathBuf] {
        &self.sources
    }

    pub(crate) fn libraries(&self) -> impl Iterator<Item = &str> {
        self.libraries.iter().map(String::as_str)
    }

    /// Arguments for the linker itself.
    pub(crate) fn linker_args(&self) -> &[String] {
        &self.linker
    }

    /// Libraries and arguments for the linker, through a compiler.
    pub(crate) fn link_args(&self) -> impl Iterator<Item = String> {
        let libraries = self.libraries().map(|name| format!("-l{name}"));
        libraries.chain(self.linker.iter().map(|arg| format!("-Wl,{arg}")))
    }
}

/// Runs a compiler, quietly unless it fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("can't start {}", command.get_program().display()))?;
    if !output.status.success() {
        bail!("{command:?} failed: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
