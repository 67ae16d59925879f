//! clang, with what rustup installs for wasm32-wasip1, and the headers of a libc.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::Program;
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

    /// One compilation for each source, into files beside `output`, and the link.
    pub(crate) fn commands(&self, program: &Program, output: &Path) -> Vec<Command> {
        let mut commands = Vec::new();
        let mut link = Command::new(&self.linker);
        link.arg(self.libc.join("crt1-command.o"));
        for (n, source) in program.sources().iter().enumerate() {
            let object = output.with_extension(format!("{n}.o"));
            let mut command = Command::new(&self.clang);
            command.arg("--target=wasm32-wasi");
            program.put_compiler_args(&mut command);
            command.arg("-isystem").arg(&self.headers).arg("-c").arg(source).arg("-o").arg(&object);
            link.arg(&object);
            commands.push(command);
        }
        link.args(program.libraries().map(|name| self.libc.join(format!("lib{name}.a"))));
        link.arg(self.libc.join("libc.a")).args(&self.builtins).arg("-o").arg(output);
        link.args(program.linker_args());
        commands.push(link);
        commands
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
