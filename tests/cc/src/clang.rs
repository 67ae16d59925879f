//! clang, with what rustup installs for wasm32-wasip1, and the headers of a libc.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::Program;
use crate::program::run;
use crate::toolchain::works;

/// A clang that can compile to WebAssembly, and what it needs beside itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clang {
    clang: PathBuf,
    // wasm-ld, of rustup's own LLVM: Debian 12's is too old for rustup's libc, which asks for __heap_end.
    linker: PathBuf,
    // crt1-command.o and libc.a.
    libc: PathBuf,
    // Rust's compiler-rt, for what C's long double and 128-bit numbers need.
    builtins: Option<PathBuf>,
    headers: PathBuf,
}

impl Clang {
    /// `$CLANG`, `clang` or a versioned one, rustup's libc and linker, and the headers of `$WASI_SYSROOT` or of the package wasi-libc.
    ///
    /// # Errors
    /// Something is missing; the error says what, and what to install.
    pub fn find() -> Result<Self> {
        let sysroot = Command::new("rustc").args(["--print", "sysroot"]).output().context("rustc can't be started")?;
        let sysroot = PathBuf::from(String::from_utf8(sysroot.stdout)?.trim());
        let target = sysroot.join("lib/rustlib/wasm32-wasip1/lib");
        let libc = target.join("self-contained");
        if !libc.join("libc.a").is_file() {
            bail!("rustup's libc for WASI is missing: rustup target add wasm32-wasip1");
        }
        Ok(Self { clang: clang()?, linker: linker(&sysroot)?, libc, builtins: builtins(&target)?, headers: headers()? })
    }

    /// The command `clang` for wasm32-wasi, with the libc's headers, for arguments of the caller's.
    #[must_use]
    pub fn clang(&self) -> Command {
        let mut command = Command::new(&self.clang);
        command.arg("--target=wasm32-wasi").arg("-isystem").arg(&self.headers);
        command
    }

    /// The compilation of each source, and its object.
    fn compilations(&self, program: &Program, output: &Path) -> Vec<(Command, PathBuf)> {
        let compilation = |(n, source): (usize, &PathBuf)| {
            let object = output.with_extension(format!("{n}.o"));
            let mut command = self.clang();
            program.put_compiler_args(&mut command);
            command.arg("-c").arg(source).arg("-o").arg(&object);
            (command, object)
        };
        program.sources().iter().enumerate().map(compilation).collect()
    }

    /// A library of the libc's. rustup has few; the headers may come with others, beside `include` in `lib`.
    fn library(&self, name: &str) -> PathBuf {
        let file = format!("lib{name}.a");
        let beside = self.headers.ancestors().find(|folder| folder.join("include").is_dir());
        let folders = beside.into_iter().flat_map(|sysroot| {
            ["lib/wasm32-wasip1", "lib/wasm32-wasi", "lib"].map(|folder| sysroot.join(folder).join(&file))
        });
        let ours = self.libc.join(&file);
        std::iter::once(ours.clone()).chain(folders).find(|path| path.is_file()).unwrap_or(ours)
    }

    /// One compilation for each source, into files beside `output`, and the link.
    pub(crate) fn commands(&self, program: &Program, output: &Path) -> Vec<Command> {
        let mut commands = Vec::new();
        let mut link = Command::new(&self.linker);
        link.arg(self.libc.join("crt1-command.o"));
        for (command, object) in self.compilations(program, output) {
            link.arg(object);
            commands.push(command);
        }
        link.args(program.libraries().map(|name| self.library(name)));
        link.arg(self.libc.join("libc.a")).args(&self.builtins).arg("-o").arg(output);
        link.args(program.linker_args());
        commands.push(link);
        commands
    }
}

impl Clang {
    /// Makes a component of a program, with the libc for WASI 0.2 and without preview 1. `types` is a folder of WIT with the world of its other
    /// imports.
    ///
    /// # Errors
    /// A part of the toolchain is missing, or the program is refused; the error has what was said.
    pub fn component(&self, program: &Program, types: &Path, output: &Path) -> Result<()> {
        let bin = self.linker.ancestors().nth(2).context("the linker is in rustup's folder")?;
        let libc = self.libc.ancestors().nth(3).context("the libc is in rustup's folder")?;
        let libc = libc.join("wasm32-wasip2/lib/self-contained");
        if !libc.join("libc.a").is_file() {
            bail!("rustup's libc for WASI 0.2 is missing: rustup target add wasm32-wasip2");
        }
        let mut link = Command::new(bin.join("wasm-component-ld"));
        link.arg("--wasm-ld-path").arg(&self.linker).arg("--component-type").arg(types);
        link.arg(libc.join("crt1-command.o"));
        for (mut command, object) in self.compilations(program, output) {
            run(&mut command)?;
            link.arg(object);
        }
        run(link.arg(libc.join("libc.a")).args(&self.builtins).arg("-o").arg(output))
    }
}

fn clang() -> Result<PathBuf> {
    let compiles = |name: &Path| {
        let mut command = Command::new(name);
        works(command.args(["--target=wasm32-wasi", "-x", "c", "-fsyntax-only", "/dev/null"]))
    };
    if let Some(named) = env::var_os("CLANG").map(PathBuf::from) {
        if !compiles(&named) {
            bail!("$CLANG is {}, and does not compile for wasm32-wasi", named.display());
        }
        return Ok(named);
    }
    let versioned = (14..30).rev().map(|version| format!("clang-{version}"));
    let candidates = ["clang".to_owned()].into_iter().chain(versioned);
    candidates
        .map(PathBuf::from)
        .find(|name| compiles(name))
        .context("no clang compiles for WebAssembly: apt install clang")
}

fn linker(sysroot: &Path) -> Result<PathBuf> {
    if let Some(named) = env::var_os("WASM_LD") {
        return Ok(named.into());
    }
    let host = fs::read_dir(sysroot.join("lib/rustlib"))?.filter_map(Result::ok);
    host.map(|entry| entry.path().join("bin/gcc-ld/wasm-ld"))
        .find(|path| path.is_file())
        .context("this Rust toolchain comes without wasm-ld; name one of LLVM 15 or later in $WASM_LD")
}

fn builtins(target: &Path) -> Result<Option<PathBuf>> {
    let files = fs::read_dir(target)?.filter_map(Result::ok).map(|entry| entry.path());
    let named = |path: &PathBuf| {
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        name.starts_with("libcompiler_builtins-") && name.ends_with(".rlib")
    };
    Ok(files.into_iter().find(named))
}

fn headers() -> Result<PathBuf> {
    let sysroots = env::var_os("WASI_SYSROOT").map(PathBuf::from).into_iter().chain(["/usr".into()]);
    let folders = sysroots.flat_map(|sysroot| {
        ["include/wasm32-wasip1", "include/wasm32-wasi", "include"].map(|folder| sysroot.join(folder))
    });
    folders
        .into_iter()
        .find(|folder| folder.join("wasi/api.h").is_file())
        .context("no headers of wasi-libc: apt install wasi-libc, or name a folder that has include/wasm32-wasip1 in $WASI_SYSROOT")
}
