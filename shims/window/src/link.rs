//! Putting windows into a module.

use memctl_core::Directory;
use memctl_dwarf::{Moved, MovedBody};
use wasm_encoder::{CodeSection, MemoryType, reencode::Error as Reencode};
use wasmparser::{Parser, Payload, Validator};

use crate::{
    Error, Linked, Report, WindowReport, Windows, body,
    convert::MemoryRef,
    function::Abi,
    layout::{self, Layout, MOST_MEMORIES},
    sections::Writer,
    shims::{Shims, number},
    windows,
};

/// Puts windows into a core module, and instructions in place of the functions of windows that it imports.
///
/// The windows stand behind the module's own memories, and behind them the *directory*, a memory that the module can't address and in which the host reads
/// where they are ([`Directory`]).
///
/// # Errors
/// [`Error`] says why not. There is no output then.
pub fn link(module: &[u8], windows: &Windows) -> Result<Linked, Error> {
    let layout = Layout::read(module)?;
    layout.refuse_imported_memory()?;
    let page_size_log2 = layout.memories[0].ty.page_size_log2;
    let mut memories = windows.memories(page_size_log2)?;
    let own = layout.memories.len();
    if own + memories.len() + 1 > MOST_MEMORIES {
        return Err(Error::TooManyMemories { count: own + memories.len() + 1 });
    }
    let shown = references(&memories, number(own));
    let mut report = Report {
        windows: reports(&shown, &memories),
        functions: layout.imports.values().map(|(f, _)| format!("{} {}", f.abi.module(), f.name())).collect(),
        bytes_before: module.len() as u64,
        left_out: layout.sections_on_places(),
        ..Report::default()
    };
    memories.push(windows::directory(page_size_log2));
    let removed: Vec<u32> = layout.imports.keys().copied().collect();
    let first = layout.types.as_ref().function_count() - number(removed.len());
    let shims = Shims::new(layout.memory()?, shown, layout.imports.clone(), first);
    let mut rename = Rename { removed, shims };
    let mut code = CodeSection::new();
    let mut moved = Vec::new();
    for (at, body) in layout.bodies.iter().enumerate() {
        let function = layout.imported_functions + number(at);
        let rewritten = body::rewrite(function, body, &layout, &mut rename, &mut report)?;
        code.function(&rewritten.function);
        moved.push(MovedBody::new(body.range(), rewritten.function.byte_len(), rewritten.moved));
    }
    report.no_windows.sort_unstable();
    report.no_windows.dedup();
    let directory = directory(own, windows);
    let mut writer = Writer::of(&layout, rename, memories, directory)?;
    let functions = moved.len() + writer.rename.shims.generated().count();
    let moved = Moved::of(layout.code_start(), functions, &moved);
    (writer.dwarf, report.debug) = memctl_dwarf::moved_with(&layout.dwarf(), &moved);
    let wasm = writer.write(code)?;
    valid(&wasm)?;
    report.bytes_after = wasm.len() as u64;
    Ok(Linked { wasm, report })
}

/// Whether a core module imports functions of windows.
///
/// # Errors
/// [`Error::Invalid`].
pub fn imports_windows(module: &[u8]) -> Result<bool, Error> {
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::ImportSection(section) = payload? {
            for import in section.into_imports() {
                if Abi::of(import?.module).is_some() {
                    return Ok(true);
                }
            }
        }
    }
    Ok(false)
}

/// The windows, of which the first has number `first` among the memories.
pub(crate) fn references(memories: &[MemoryType], first: u32) -> Vec<MemoryRef> {
    let reference = |(at, ty): (usize, &MemoryType)| MemoryRef {
        index: first + number(at),
        memory64: ty.memory64,
        page_size_log2: ty.page_size_log2.unwrap_or(16),
    };
    memories.iter().enumerate().map(reference).collect()
}

/// What stands in the directory of windows that are made behind `own` memories, of which the first is the guest's.
pub(crate) fn directory(own: usize, windows: &Windows) -> Directory {
    let count = windows.len();
    Directory { memory: number(own) + count, windows: (1..=count).rev().collect() }
}

pub(crate) fn valid(wasm: &[u8]) -> Result<(), Error> {
    let mut validator = Validator::new_with_features(layout::features());
    let result = validator.validate_all(wasm);
    result.map(drop).map_err(|error| Error::Internal { message: error.to_string() })
}

fn reports(windows: &[MemoryRef], memories: &[MemoryType]) -> Vec<WindowReport> {
    let report = |(at, (window, ty)): (usize, (&MemoryRef, &MemoryType))| WindowReport {
        number: number(at + 1),
        memory: window.index,
        memory64: window.memory64,
        bytes: ty.minimum << window.page_size_log2,
    };
    windows.iter().zip(memories).enumerate().map(report).collect()
}

/// Numbers of functions after linking: imports that are replaced are gone, and what stands for them comes last.
pub(crate) struct Rename {
    // Invariant: sorted.
    pub(crate) removed: Vec<u32>,
    pub(crate) shims: Shims,
}

impl Rename {
    /// The number of a function that is still there.
    pub(crate) fn kept(&self, function: u32) -> Option<u32> {
        let before = self.removed.binary_search(&function).err()?;
        Some(function - number(before))
    }
}

impl wasm_encoder::reencode::Reencode for Rename {
    type Error = Error;

    fn function_index(&mut self, function: u32) -> Result<u32, Reencode<Error>> {
        Ok(self.kept(function).or_else(|| self.shims.for_all(function)).unwrap_or(function))
    }
}
