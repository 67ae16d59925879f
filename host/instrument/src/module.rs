//! Rewriting one core module.

use memctl_core::Bounds;
use wasm_encoder::{
    CodeSection, ConstExpr, CustomSection, DataCountSection, DataSection, ExportKind, ExportSection, FunctionSection,
    GlobalSection, ImportSection, MemorySection, Module, SectionId, TypeSection, reencode::Reencode as _,
};
use wasmparser::{Payload, Validator};

use crate::{
    DebugInfo, Error, MemoryReport, ModuleReport, Options,
    added::{Added, number},
    body::{Bodies, Failure, Tally},
    debug,
    exports::{self, Hull},
    layout::{self, Layout},
    marker,
    moved::{Moved, MovedBody},
    names,
    rename::Rename,
    runtime::Runtime,
    shields::Guards,
};

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
    let bounds: Vec<Bounds> = imported.iter().map(|shield| shield.declared).collect();
    layout.declare(wasm, options, &bounds)?;
    if layout.imported_memories() > imported.len() {
        return Err(unknown_definer(&layout, imported.len()));
    }
    let mut report = ModuleReport {
        name: layout.name(),
        memories: layout.memories.iter().map(|m| MemoryReport { imported: m.imported, bounds: m.bounds }).collect(),
        table,
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
        moved.push(MovedBody::new(body.range(), rewritten));
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
        report.debug = match debug::rewritten(&dwarf, &moved) {
            Ok(sections) => {
                new_dwarf = sections;
                let left_out = dwarf.iter().map(|(name, _)| *name).filter(|name| debug::is_index(name));
                DebugInfo::Rewritten { left_out: left_out.map(str::to_owned).collect() }
            }
            Err(why) => DebugInfo::LeftOut(why),
        };
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

fn internal(what: impl ToString) -> Error {
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

/// Sections that may have to be there after instrumentation, in their order in a file.
const ORDER: [SectionId; 13] = [
    SectionId::Type,
    SectionId::Import,
    SectionId::Function,
    SectionId::Table,
    SectionId::Memory,
    SectionId::Tag,
    SectionId::Global,
    SectionId::Export,
    SectionId::Start,
    SectionId::Element,
    SectionId::DataCount,
    SectionId::Code,
    SectionId::Data,
];

struct Writer<'a> {
    /// Debug information that is still to be written.
    dwarf: Vec<(&'static str, Vec<u8>)>,
    module: Module,
    layout: &'a Layout<'a>,
    rename: Rename,
    guards: &'a Guards,
    added: &'a Added,
    imported: &'a [ImportedShield],
    exports: Exports,
    code: CodeSection,
    granule: u64,
    memory_type: wasm_encoder::MemoryType,
    /// Sections of [`ORDER`] before this one are written.
    next: usize,
}

impl Writer<'_> {
    fn write(&mut self) -> Result<(), Error> {
        let sections = &self.layout.sections;
        let custom = |payload: &Payload<'_>| matches!(payload, Payload::CustomSection(_));
        let last = sections.iter().rposition(|payload| !custom(payload)).map_or(0, |last| last + 1);
        let mut producers = None;
        for (at, payload) in sections.iter().enumerate() {
            let id = match payload {
                Payload::TypeSection(_) => SectionId::Type,
                Payload::ImportSection(_) => SectionId::Import,
                Payload::FunctionSection(_) => SectionId::Function,
                Payload::TableSection(_) => SectionId::Table,
                Payload::MemorySection(_) => SectionId::Memory,
                Payload::TagSection(_) => SectionId::Tag,
                Payload::GlobalSection(_) => SectionId::Global,
                Payload::ExportSection(_) => SectionId::Export,
                Payload::StartSection { .. } => SectionId::Start,
                Payload::ElementSection(_) => SectionId::Element,
                Payload::DataCountSection { .. } => SectionId::DataCount,
                Payload::CodeSectionStart { .. } => SectionId::Code,
                Payload::DataSection(_) => SectionId::Data,
                Payload::CustomSection(section) => {
                    if at >= last {
                        self.fill_up(ORDER.len())?;
                    }
                    if section.name() == "producers" {
                        producers = Some((section.data(), section.data_offset()));
                        self.module.section(&CustomSection {
                            name: "producers".into(),
                            data: section_bytes(&marker::producers(producers)?).into(),
                        });
                    } else {
                        self.custom(section);
                    }
                    continue;
                }
                other => return Err(internal(format!("an unexpected section {other:?}"))),
            };
            let place = ORDER.iter().position(|known| *known == id).unwrap_or_default();
            self.fill_up(place)?;
            self.section(id, Some(payload))?;
            self.next = place + 1;
        }
        self.fill_up(ORDER.len())?;
        if producers.is_none() {
            let data = section_bytes(&marker::producers(None)?);
            self.module.section(&CustomSection { name: "producers".into(), data: data.into() });
        }
        let data = marker::contents(self.granule);
        self.module.section(&CustomSection { name: marker::SECTION.into(), data: data.into() });
        Ok(())
    }

    /// Writes sections that the module doesn't have, up to a place in [`ORDER`].
    fn fill_up(&mut self, to: usize) -> Result<(), Error> {
        for id in &ORDER[self.next.min(to)..to] {
            self.section(*id, None)?;
        }
        self.next = self.next.max(to);
        Ok(())
    }

    /// Writes a section with what is added to it, if there is anything in it.
    fn section(&mut self, id: SectionId, old: Option<&Payload<'_>>) -> Result<(), Error> {
        match id {
            SectionId::Type => self.types(old),
            SectionId::Import => self.imports(old),
            SectionId::Function => self.functions(old),
            SectionId::Memory => self.memories(old),
            SectionId::Global => self.globals(old),
            SectionId::Export => self.export_all(old),
            SectionId::Code => {
                if !self.code.is_empty() {
                    self.module.section(&std::mem::take(&mut self.code));
                }
                Ok(())
            }
            SectionId::Data => self.data(old),
            SectionId::DataCount => {
                if let Some(Payload::DataCountSection { count, .. }) = old {
                    self.module.section(&DataCountSection { count: count + number(self.guards.defined().len()) });
                }
                Ok(())
            }
            _ => self.unchanged(old),
        }
    }

    fn unchanged(&mut self, old: Option<&Payload<'_>>) -> Result<(), Error> {
        match old {
            Some(Payload::TableSection(section)) => {
                let mut tables = wasm_encoder::TableSection::new();
                self.rename.parse_table_section(&mut tables, section.clone())?;
                self.module.section(&tables);
            }
            Some(Payload::TagSection(section)) => {
                let mut tags = wasm_encoder::TagSection::new();
                self.rename.parse_tag_section(&mut tags, section.clone())?;
                self.module.section(&tags);
            }
            Some(Payload::StartSection { func, .. }) => {
                let function_index = self.rename.start_section(*func)?;
                self.module.section(&wasm_encoder::StartSection { function_index });
            }
            Some(Payload::ElementSection(section)) => {
                let mut elements = wasm_encoder::ElementSection::new();
                self.rename.parse_element_section(&mut elements, section.clone())?;
                self.module.section(&elements);
            }
            _ => {}
        }
        Ok(())
    }

    fn types(&mut self, old: Option<&Payload<'_>>) -> Result<(), Error> {
        let mut types = TypeSection::new();
        if let Some(Payload::TypeSection(section)) = old {
            self.rename.parse_type_section(&mut types, section.clone())?;
        }
        for (params, results) in &self.added.types {
            types.ty().function(params.iter().copied(), results.iter().copied());
        }
        if !types.is_empty() {
            self.module.section(&types);
        }
        Ok(())
    }

    fn imports(&mut self, old: Option<&Payload<'_>>) -> Result<(), Error> {
        let mut imports = ImportSection::new();
        if let Some(Payload::ImportSection(section)) = old {
            self.rename.parse_import_section(&mut imports, section.clone())?;
        }
        for (import, shield) in self.imported.iter().enumerate().take(self.guards.imported().len()) {
            imports.import(
                &exports::module(number(import)),
                &exports::shield(shield.memory_at_definer),
                self.memory_type,
            );
        }
        for (import, part, ty) in self.guards.imported_hulls() {
            let field = exports::hull(self.imported[import].memory_at_definer, part);
            imports.import(&exports::module(number(import)), &field, ty);
        }
        if !imports.is_empty() {
            self.module.section(&imports);
        }
        Ok(())
    }

    fn functions(&mut self, old: Option<&Payload<'_>>) -> Result<(), Error> {
        let mut functions = FunctionSection::new();
        if let Some(Payload::FunctionSection(section)) = old {
            self.rename.parse_function_section(&mut functions, section.clone())?;
        }
        for function in &self.added.functions {
            functions.function(function.type_index);
        }
        if !functions.is_empty() {
            self.module.section(&functions);
        }
        Ok(())
    }

    fn memories(&mut self, old: Option<&Payload<'_>>) -> Result<(), Error> {
        let mut memories = MemorySection::new();
        if let Some(Payload::MemorySection(section)) = old {
            self.rename.parse_memory_section(&mut memories, section.clone())?;
        }
        for _ in self.guards.defined() {
            memories.memory(self.memory_type);
        }
        if !memories.is_empty() {
            self.module.section(&memories);
        }
        Ok(())
    }

    fn globals(&mut self, old: Option<&Payload<'_>>) -> Result<(), Error> {
        let mut globals = GlobalSection::new();
        if let Some(Payload::GlobalSection(section)) = old {
            self.rename.parse_global_section(&mut globals, section.clone())?;
        }
        for (ty, value) in self.guards.new_globals() {
            globals.global(ty, &value);
        }
        if !globals.is_empty() {
            self.module.section(&globals);
        }
        Ok(())
    }

    fn export_all(&mut self, old: Option<&Payload<'_>>) -> Result<(), Error> {
        let mut section = ExportSection::new();
        if let Some(Payload::ExportSection(old)) = old {
            self.rename.parse_export_section(&mut section, old.clone())?;
        }
        let imported = self.guards.imported().len();
        for (defined, guard) in self.guards.defined().iter().enumerate() {
            let memory = number(imported + defined);
            section.export(&exports::shield(memory), ExportKind::Memory, guard.shield);
            let hulls = guard.hulls.filter(|_| self.exports == Exports::Everything);
            for (part, global) in Hull::ALL.into_iter().zip(hulls.into_iter().flatten()) {
                section.export(&exports::hull(memory, part), ExportKind::Global, global);
            }
        }
        if !section.is_empty() {
            self.module.section(&section);
        }
        Ok(())
    }

    fn data(&mut self, old: Option<&Payload<'_>>) -> Result<(), Error> {
        let mut data = DataSection::new();
        if let Some(Payload::DataSection(section)) = old {
            self.rename.parse_data_section(&mut data, section.clone())?;
        }
        for guard in self.guards.defined() {
            data.active(guard.shield, &ConstExpr::i32_const(0), self.guards.contents(guard));
        }
        if !data.is_empty() {
            self.module.section(&data);
        }
        Ok(())
    }

    fn custom(&mut self, section: &wasmparser::CustomSectionReader<'_>) {
        if debug::is_dwarf(section.name()) {
            for (name, data) in std::mem::take(&mut self.dwarf) {
                self.module.section(&CustomSection { name: name.into(), data: data.into() });
            }
        } else if section.name() == "name"
            && let Ok(names) = names::rewritten(section, self.rename.without_wrappers(), self.added, self.guards)
        {
            self.module.section(&names);
        } else {
            self.module.section(&CustomSection { name: section.name().into(), data: section.data().into() });
        }
    }
}

fn section_bytes(section: &impl wasm_encoder::Encode) -> Vec<u8> {
    let mut bytes = Vec::new();
    section.encode(&mut bytes);
    bytes
}
