//! Core modules, made into components.

use anyhow::{Context, Result, bail};
use memctl_window::Library;
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER,
};
use wasmparser::{Parser, Payload};
use wit_component::{ComponentEncoder, LibraryInfo, StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, SourceMap, UnresolvedPackageGroup};

/// What the names of the interface's core imports begin with.
const INTERFACE: &str = "wasi:memory-control/";

/// What a command of WASI 0.2 exports; a version follows.
const RUN: &str = "wasi:cli/run@0.2";

/// The world that has everything: what a module doesn't import, its component doesn't either.
const WORLD: &str = "imports-with-files";

macro_rules! wit {
    ($($file:literal),+) => { [$(($file, include_str!(concat!("../../../wit/", $file)))),+] };
}

const PACKAGE: [(&str, &str); 9] = wit![
    "types.wit",
    "domain.wit",
    "object.wit",
    "file-object.wit",
    "mapping.wit",
    "protection.wit",
    "window.wit",
    "heap.wit",
    "world.wit"
];
const DEPENDENCIES: [(&str, &str); 3] = wit!["deps/clocks.wit", "deps/filesystem.wit", "deps/io.wit"];

/// A command component of a WASI preview 1 command module, or of a module that exports `wasi:cli/run` by the canonical ABI's name and has component types
/// from a bindings generator, as guests for boards do. One that imports the interface by the canonical ABI's names, as C programs
/// do, and has no component types of its own gets the interface's.
///
/// # Errors
/// It is no command, or needs something that neither the adapter nor its component types explain.
pub fn componentize(module: &[u8]) -> Result<Vec<u8>> {
    if memctl_window::imports_windows(module)? {
        bail!(
            "it imports functions of windows, and has none: put them in first with `memctl link-windows --count N`, or beside it with \
             `memctl component --window-library --count N`"
        );
    }
    with_libraries(module, &[])
}

/// The same, with libraries whose functions the module imports, and which import its memory.
///
/// # Errors
/// Those of [`componentize`], and what a library lacks.
pub fn with_libraries(module: &[u8], libraries: &[Library]) -> Result<Vec<u8>> {
    let facts = Facts::of(module)?;
    if !facts.starts && !facts.runs {
        bail!("it exports neither _start nor {RUN}#run: a command is needed, not a library");
    }
    if facts.runs && !facts.typed {
        bail!("it exports {RUN}#run, but no bindings generator put component types into it");
    }
    let mut module = module.to_vec();
    if facts.calls && !facts.typed_for_us {
        let (resolve, package) = interface().context("the interface that comes with memctl")?;
        let world = resolve.select_world(&[package], Some(WORLD))?;
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    }
    let mut encoder = ComponentEncoder::default().module(&module)?;
    for library in libraries {
        let next = LibraryInfo { instantiate_after_shims: false, arguments: Vec::new() };
        encoder = encoder.library(library.name, &library.wasm, next)?;
    }
    if facts.starts {
        encoder = encoder.adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER)?;
    }
    encoder.encode()
}

/// What decides about a module.
#[derive(Default)]
struct Facts {
    /// It is a command of preview 1.
    starts: bool,
    /// It is a command of WASI 0.2.
    runs: bool,
    /// It calls the interface.
    calls: bool,
    /// A bindings generator has put component types into it.
    typed: bool,
    /// It has said what the interface is. It may have said so of other interfaces only.
    typed_for_us: bool,
}

impl Facts {
    fn of(module: &[u8]) -> Result<Self> {
        let mut facts = Self::default();
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        facts.calls |= import?.module.starts_with(INTERFACE);
                    }
                }
                Payload::ExportSection(exports) => {
                    for export in exports {
                        let name = export?.name;
                        facts.starts |= name == "_start";
                        facts.runs |= name.starts_with(RUN) && name.ends_with("#run");
                    }
                }
                Payload::CustomSection(section) if section.name().starts_with("component-type") => {
                    let names = |window: &[u8]| window == INTERFACE.as_bytes();
                    facts.typed = true;
                    facts.typed_for_us |= section.data().windows(INTERFACE.len()).any(names);
                }
                _ => {}
            }
        }
        Ok(facts)
    }
}

fn interface() -> Result<(Resolve, wit_parser::PackageId)> {
    let mut resolve = Resolve::default();
    let dependencies = DEPENDENCIES.iter().map(|file| parsed(&[*file])).collect::<Result<Vec<_>>>()?;
    let package = resolve.push_groups(parsed(&PACKAGE)?, dependencies)?;
    Ok((resolve, package))
}

fn parsed(files: &[(&str, &str)]) -> Result<UnresolvedPackageGroup> {
    let mut sources = SourceMap::default();
    for (name, text) in files {
        sources.push_str(name, *text);
    }
    sources.parse().map_err(|(sources, error)| anyhow::anyhow!("{}", error.render(&sources)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A command that calls `granule` by its canonical-ABI name.
    const CALLS: &str = r#"(module
        (import "wasi:memory-control/domain@0.1.0-draft" "granule" (func $granule (result i64)))
        (memory (export "memory") 1)
        (func (export "_start") (drop (call $granule))))"#;

    #[test]
    fn a_module_that_calls_the_interface_becomes_a_component_that_imports_no_more_of_it() {
        let component = componentize(&wat::parse_str(CALLS).unwrap()).unwrap();
        let mut imported = Vec::new();
        for payload in Parser::new(0).parse_all(&component) {
            if let Payload::ComponentImportSection(imports) = payload.unwrap() {
                imported.extend(imports.into_iter().map(|import| import.unwrap().name.name.to_owned()));
            }
        }
        imported.retain(|name| name.starts_with(INTERFACE));
        assert_eq!(imported, ["wasi:memory-control/domain@0.1.0-draft"]);
    }

    #[test]
    fn a_call_that_the_interface_does_not_have_is_named() {
        let module = wat::parse_str(CALLS.replace("\"granule\"", "\"granules\"")).unwrap();
        let error = format!("{:#}", componentize(&module).unwrap_err());
        assert!(error.contains("granules"), "{error}");
    }
}
