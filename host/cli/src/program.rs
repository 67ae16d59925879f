//! The guest program: a command component, or a core module that becomes one.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use wasmparser::Parser;

use crate::componentize::componentize;

/// A component's bytes and where they came from.
pub struct Program {
    path: PathBuf,
    // Invariant: starts with a component's header.
    component: Vec<u8>,
}

impl Program {
    /// Reads a component, or a WASI preview 1 command module, which becomes a component as `memctl component` makes it.
    ///
    /// # Errors
    /// The file can't be read, is not WebAssembly in the binary format, or is a module that is no command or needs
    /// something that neither the adapter nor its own component types explain.
    pub fn load(path: &Path) -> Result<Self> {
        let shown = path.display();
        let bytes = fs::read(path).with_context(|| format!("{shown}: can't read the program"))?;
        let component = if Parser::is_component(&bytes) {
            bytes
        } else if Parser::is_core_wasm(&bytes) {
            if memctl_instrument::is_instrumented(&bytes).unwrap_or(false) {
                bail!(
                    "{shown}: an instrumented core module, whose adapter would not be: run the program as it was, with \
                     --instrument, or make a component of it first (memctl component) and instrument that"
                );
            }
            componentize(&bytes).with_context(|| format!("{shown}: can't turn this core module into a component"))?
        } else if bytes.starts_with(b"\0asm") {
            bail!("{shown}: this version of the WebAssembly binary format is unknown");
        } else {
            bail!("{shown}: not WebAssembly in the binary format (text is assembled by `wasm-tools parse`)");
        };
        Ok(Self { path: path.to_owned(), component })
    }

    /// Reads several.
    ///
    /// # Errors
    /// Those of [`Program::load`].
    pub fn load_all<'p>(paths: impl IntoIterator<Item = &'p Path>) -> Result<Vec<Self>> {
        paths.into_iter().map(Self::load).collect()
    }

    /// The same program with checks in all its core modules, for hosts that have no MMU to protect memory with.
    ///
    /// # Errors
    /// It can't be instrumented.
    pub fn instrumented(&self) -> Result<Self> {
        let outcome = memctl_instrument::instrument(&self.component, &memctl_instrument::Options::default())
            .with_context(|| format!("{}: can't be instrumented", self.path.display()))?;
        Ok(Self { path: self.path.clone(), component: outcome.wasm })
    }

    /// The component in the binary format.
    #[must_use]
    pub fn component(&self) -> &[u8] {
        &self.component
    }

    /// The file that it came from, without directories.
    #[must_use]
    pub fn name(&self) -> Cow<'_, str> {
        self.path.file_name().unwrap_or_default().to_string_lossy()
    }

    /// The file that it came from.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The bytes as text, for reports: what is not UTF-8 becomes U+FFFD.
pub(crate) fn as_text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(bytes: &[u8]) -> Result<Program> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("app.wasm");
        fs::write(&path, bytes).unwrap();
        Program::load(&path)
    }

    const HEADER: &[u8] = b"\0asm\x01\0\0\0";

    /// A module that exports a memory, and an empty function as `name`.
    fn module_exporting(name: &str) -> Vec<u8> {
        let name_len = u8::try_from(name.len()).unwrap();
        let mut module = HEADER.to_vec();
        module.extend([1, 4, 1, 0x60, 0, 0]); // one type, () -> ()
        module.extend([3, 2, 1, 0]); // one function of it
        module.extend([5, 3, 1, 0, 1]); // one memory, of a wasm page or more
        module.extend([7, name_len + 13, 2, 6]);
        module.extend(b"memory\x02\0");
        module.push(name_len);
        module.extend(name.bytes());
        module.extend([0, 0]); // function 0
        module.extend([10, 4, 1, 2, 0, 0x0b]); // its body
        module
    }

    #[test]
    fn a_preview_1_command_becomes_a_component() {
        let program = load(&module_exporting("_start")).unwrap();
        assert!(Parser::is_component(program.component()));
    }

    #[test]
    fn other_files_say_what_they_are() {
        for (bytes, reason) in [
            (&b"(module)"[..], "not WebAssembly"),
            (b"", "not WebAssembly"),
            (b"\0asm\x07\0\0\0", "version"),
            (HEADER, "_start"),
            (&module_exporting("main"), "_start"),
        ] {
            let error = format!("{:#}", load(bytes).err().unwrap());
            assert!(error.contains(reason), "{error}");
        }
        let error = format!("{:#}", Program::load(Path::new("/none/app.wasm")).err().unwrap());
        assert!(error.contains("/none/app.wasm"), "{error}");
    }
}
