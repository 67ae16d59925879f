//! Rewriting one core module.

use memctl_core::Bounds;
use memctl_dwarf::{Moved, MovedBody};
use wasm_encoder::{CodeSection, Module};
use wasmparser::{Payload, Validator};

use crate::{
    Error, MemoryReport, ModuleReport, Options,
    added::{Added, number},
    body::{Bodies, Failure, Tally},
    layout::{self, Layout},
    rename::Rename,
    runtime::Runtime,
    sections::Writer,
    shields::Guards,
};

/// Memories that a module may have, in wasmparser and engines that use it.
const MOST_MEMORIES: usize = 100;

/// What the module that defines an imported memory declares and exports.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ImportedShield {
    /// The memory's number in the module that defines it, before instrumentation.
    pub(crate) memory_at_definer: u32,
    /// What is declared for it, rounded.
    pub(crate) declared: Bounds,
}

/// An instrumented module.
#[derive(Clone, Debug)]
pub(crate) struct ModuleOutcome {
    pub(crate) wasm: Vec<u8>,
    pub(crate) report: ModuleReport,
}

/// What a module exports for modules that import its memories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exports {
    /// The shields, for whoever looks for them.
    ShieldsOnly,
    /// What the checks of an importing module need as well.
    Everything,
}

/// Instruments a module of a component. `imported` has an entry for each memory that it imports; what an importing module needs is exported under the names of
/// [`exports`].
pub(crate) fn instrument_module(
    wasm: &[u8],
    options: &Options,
    imported: &[ImportedShield],
    table: bool,
) -> Result<ModuleOutcome, Error> {
    instrument(wasm, options, imported, table, Exports::Everything)
}

/// What a module declares for each of its memories, rounded; nothing for those that it imports.
pub(crate) fn declared_bounds(wasm: &[u8], options: &Options) -> Result<Vec<Bounds>, Error> {
    let mut layout = Layout::read(wasm)?;
    layout.declare(wasm, options, &[])?;
    Ok(layout.memories.iter().map(|memory| memory.bounds).collect())
}

pub(crate) fn instrument(
    wasm: &[u8],
    options: &Options,
    imported: &[ImportedShield],
    table: bool,
    exports: Exports,
) -> Result<ModuleOutcome, Error> {
    let mut layout = Layout::read(wasm)?;
    let memories = layout.memories.len();
    if 2 * memories > MOST_MEMORIES {
        let what = format!(
            "a module with {memories} memories, which with their shields would be more than engines allow ({MOST_MEMORIES}),"
        );
        return Err(Error::Unsupported { offset: 0, function: None, what });
    }
    let bounds: Vec<Bounds> = imported.iter().map(|shield| shield.declared).collect();
    layout.declare(wasm, options, &bounds)?;
    if layout.imported_memories() > imported.len() {
        return Err(unknown_definer(&layout, imported.len()));
    }
    let mut report = ModuleReport {
        name: layout.name(),
        memories: layout.memories.iter().map(|m| MemoryReport { imported: m.imported, bounds: m.bounds }).collect(),
        table,
        left_out: layout.sections_on_places(),
        bytes_before: wasm.len() as u64,
        ..ModuleReport::default()
    };
    let imported_memories = number(layout.imported_memories());
    let mut rename = Rename {
        imported_memories,
        imported_globals: layout.imported_globals,
        imported_hulls: if table { 4 * imported_memories } else { 0 },
        ..Rename::default()
    };
    let guards = Guards::number(&layout, options, &rename, table);
    let mut added = Added::behind(layout.type_count, layout.function_count);
    guards.wrap(&layout, &mut rename, &mut added)?;
    guards.wrap_start(&layout, &mut rename, &mut added)?;
    let debug = layout.has_debug_lines();
    let mut bodies = Bodies {
        guards: &guards,
        rename,
        runtime: Runtime::new(&guards, added),
        tally: Tally::default(),
        failure: if debug || guards.in_force.is_some() { Failure::InPlace } else { Failure::Shared },
    };
    let mut code = CodeSection::new();
    let mut moved = Vec::new();
    for (function, body) in std::mem::take(&mut layout.bodies) {
        let rewritten = bodies.rewrite(function, &body)?;
        code.function(&rewritten.function);
        moved.push(MovedBody::new(body.range(), rewritten.function.byte_len(), rewritten.moved));
    }
    let Bodies { rename, runtime: Runtime { added, .. }, tally: Tally { loads, stores, bulk }, .. } = bodies;
    (report.loads, report.stores, report.bulk) = (loads, stores, bulk);
    for function in &added.functions {
        code.function(function.body.as_ref().ok_or_else(|| internal("a function was announced only"))?);
    }
    let dwarf = layout.dwarf();
    let mut new_dwarf = Vec::new();
    if !dwarf.is_empty() {
        let functions = moved.len() + added.functions.len();
        let moved = Moved::of(layout.code_start(), functions, &moved);
        (new_dwarf, report.debug) = memctl_dwarf::moved_with(&dwarf, &moved);
    }
    let mut writer = Writer {
        dwarf: new_dwarf,
        module: Module::new(),
        layout: &layout,
        rename,
        guards: &guards,
        added: &added,
        imported,
        exports,
        code,
        granule: options.granule.bytes(),
        memory_type: options.shield.memory_type(),
        next: 0,
    };
    writer.write()?;
    let wasm = writer.module.finish();
    Validator::new_with_features(layout::features()).validate_all(&wasm).map_err(internal)?;
    report.bytes_after = wasm.len() as u64;
    Ok(ModuleOutcome { wasm, report })
}

pub(crate) fn internal(what: impl ToString) -> Error {
    Error::Internal { message: what.to_string() }
}

fn unknown_definer(layout: &Layout<'_>, known: usize) -> Error {
    let imports = layout.sections.iter().filter_map(|payload| match payload {
        Payload::ImportSection(section) => Some(section.clone().into_imports()),
        _ => None,
    });
    let mut memories =
        imports.flatten().filter_map(Result::ok).filter(|i| matches!(i.ty, wasmparser::TypeRef::Memory(_)));
    let (module, field) = memories.nth(known).map_or(("", ""), |import| (import.module, import.name));
    Error::ImportedMemory { memory: number(known), module: module.to_owned(), field: field.to_owned() }
}
