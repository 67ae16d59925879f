//! Writing a module's sections: as they were, renumbered, with what is added.

use wasm_encoder::{
    CodeSection, ConstExpr, CustomSection, DataCountSection, DataSection, ExportKind, ExportSection, FunctionSection,
    GlobalSection, ImportSection, MemorySection, Module, SectionId, TypeSection, reencode::Reencode as _,
};
use wasmparser::Payload;

use crate::{
    Error,
    added::{Added, number},
    exports::{self, Hull},
    layout::{self, Layout},
    marker,
    module::{Exports, ImportedShield, internal},
    names,
    rename::Rename,
    shields::Guards,
};

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

/// A module that is being written.
pub(crate) struct Writer<'a> {
    /// Debug information that is still to be written.
    pub(crate) dwarf: Vec<(&'static str, Vec<u8>)>,
    pub(crate) module: Module,
    pub(crate) layout: &'a Layout<'a>,
    pub(crate) rename: Rename,
    pub(crate) guards: &'a Guards,
    pub(crate) added: &'a Added,
    pub(crate) imported: &'a [ImportedShield],
    pub(crate) exports: Exports,
    pub(crate) code: CodeSection,
    pub(crate) granule: u64,
    pub(crate) memory_type: wasm_encoder::MemoryType,
    /// Sections of [`ORDER`] before this one are written.
    pub(crate) next: usize,
}

impl Writer<'_> {
    pub(crate) fn write(&mut self) -> Result<(), Error> {
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
                        self.module.section(&marker::producers(producers)?);
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
            self.module.section(&marker::producers(None)?);
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
        if section.name().starts_with(layout::PLACES) {
            // Left out: the report says so.
        } else if memctl_dwarf::is_dwarf(section.name()) {
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
