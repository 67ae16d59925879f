//! Writing a module's sections: as they were, renumbered, with what is added.

use memctl_core::Directory;
use wasm_encoder::{
    CodeSection, ConstExpr, CustomSection, DataCountSection, DataSection, ElementSection, ExportSection,
    FunctionSection, GlobalSection, ImportSection, MemorySection, MemoryType, Module, Section, SectionId, StartSection,
    TableSection, TagSection, TypeSection, reencode::Reencode as _,
};
use wasmparser::Payload;

use crate::{
    Error,
    layout::{Layout, PLACES},
    link::Rename,
    names,
    shims::number,
};

/// The order of sections in a file.
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
pub(crate) struct Writer<'l, 'a> {
    layout: &'l Layout<'a>,
    pub(crate) rename: Rename,
    /// Debug information that is still to be written.
    pub(crate) dwarf: Vec<(&'static str, Vec<u8>)>,
    /// Sections that are ready, by their place in [`ORDER`].
    ready: [Vec<u8>; ORDER.len()],
    /// How many memories are added: windows and the directory.
    added: u32,
}

impl<'l, 'a> Writer<'l, 'a> {
    /// Gets ready all sections but those of functions: afterwards it is known which functions have to be generated.
    pub(crate) fn of(
        layout: &'l Layout<'a>,
        rename: Rename,
        memories: Vec<MemoryType>,
        directory: Directory,
    ) -> Result<Self, Error> {
        let mut writer =
            Self { layout, rename, dwarf: Vec::new(), ready: Default::default(), added: number(memories.len()) };
        let mut memory_section = MemorySection::new();
        let mut data = DataSection::new();
        for payload in &layout.sections {
            match payload {
                Payload::MemorySection(section) => {
                    writer.rename.parse_memory_section(&mut memory_section, section.clone())?;
                }
                Payload::DataSection(section) => writer.rename.parse_data_section(&mut data, section.clone())?,
                other => writer.section(other)?,
            }
        }
        for memory in memories {
            memory_section.memory(memory);
        }
        writer.put(SectionId::Memory, memory_section);
        let place = number(layout.memories.len()) + writer.added - 1;
        data.active(place, &ConstExpr::i32_const(0), directory.to_bytes());
        writer.put(SectionId::Data, data);
        Ok(writer)
    }

    fn put(&mut self, id: SectionId, section: impl Section) {
        if let Some(place) = place(id) {
            section.append_to(&mut self.ready[place]);
        }
    }

    fn section(&mut self, payload: &Payload<'_>) -> Result<(), Error> {
        let rename = &mut self.rename;
        match payload {
            Payload::TypeSection(old) => {
                let mut section = TypeSection::new();
                rename.parse_type_section(&mut section, old.clone())?;
                self.put(SectionId::Type, section);
            }
            Payload::ImportSection(old) => {
                let section = imports(rename, old)?;
                if !section.is_empty() {
                    self.put(SectionId::Import, section);
                }
            }
            Payload::TableSection(old) => {
                let mut section = TableSection::new();
                rename.parse_table_section(&mut section, old.clone())?;
                self.put(SectionId::Table, section);
            }
            Payload::TagSection(old) => {
                let mut section = TagSection::new();
                rename.parse_tag_section(&mut section, old.clone())?;
                self.put(SectionId::Tag, section);
            }
            Payload::GlobalSection(old) => {
                let mut section = GlobalSection::new();
                rename.parse_global_section(&mut section, old.clone())?;
                self.put(SectionId::Global, section);
            }
            Payload::ExportSection(old) => {
                let mut section = ExportSection::new();
                rename.parse_export_section(&mut section, old.clone())?;
                self.put(SectionId::Export, section);
            }
            Payload::StartSection { func, .. } => {
                let function_index = rename.start_section(*func)?;
                self.put(SectionId::Start, StartSection { function_index });
            }
            Payload::ElementSection(old) => {
                let mut section = ElementSection::new();
                rename.parse_element_section(&mut section, old.clone())?;
                self.put(SectionId::Element, section);
            }
            Payload::DataCountSection { count, .. } => {
                self.put(SectionId::DataCount, DataCountSection { count: count + 1 });
            }
            _ => {}
        }
        Ok(())
    }

    /// The module. `code` has its own functions.
    pub(crate) fn write(mut self, mut code: CodeSection) -> Result<Vec<u8>, Error> {
        let mut functions = FunctionSection::new();
        for payload in &self.layout.sections {
            if let Payload::FunctionSection(section) = payload {
                self.rename.parse_function_section(&mut functions, section.clone())?;
            }
        }
        for generated in self.rename.shims.generated() {
            functions.function(generated.type_index);
            code.function(&generated.body);
        }
        if !functions.is_empty() {
            self.put(SectionId::Function, functions);
            self.put(SectionId::Code, code);
        }
        let mut out = Module::HEADER.to_vec();
        let sections = &self.layout.sections;
        let last = sections.iter().rposition(|payload| !matches!(payload, Payload::CustomSection(_)));
        for (at, payload) in sections.iter().enumerate() {
            if let Payload::CustomSection(section) = payload {
                self.custom(&mut out, section);
                continue;
            }
            let upto = match payload.as_section() {
                Some((id, _)) if Some(at) != last => upto(id),
                _ => ORDER.len(),
            };
            for ready in &mut self.ready[..upto] {
                out.append(ready);
            }
        }
        Ok(out)
    }

    fn custom(&mut self, out: &mut Vec<u8>, section: &wasmparser::CustomSectionReader<'_>) {
        if section.name().starts_with(PLACES) {
            // Left out: the report says so.
        } else if memctl_dwarf::is_dwarf(section.name()) {
            for (name, data) in std::mem::take(&mut self.dwarf) {
                CustomSection { name: name.into(), data: data.into() }.append_to(out);
            }
        } else if section.name() == "name"
            && let Ok(names) = names::rewritten(section, &mut self.rename, number(self.layout.memories.len()))
        {
            names.append_to(out);
        } else {
            CustomSection { name: section.name().into(), data: section.data().into() }.append_to(out);
        }
    }
}

fn imports(rename: &mut Rename, old: &wasmparser::ImportSectionReader<'_>) -> Result<ImportSection, Error> {
    let mut section = ImportSection::new();
    let mut function = 0;
    for import in old.clone().into_imports() {
        let import = import?;
        let is_function = matches!(import.ty, wasmparser::TypeRef::Func(_) | wasmparser::TypeRef::FuncExact(_));
        if !is_function || rename.kept(function).is_some() {
            section.import(import.module, import.name, rename.entity_type(import.ty)?);
        }
        function += u32::from(is_function);
    }
    Ok(section)
}

fn place(id: SectionId) -> Option<usize> {
    ORDER.iter().position(|known| *known == id)
}

/// The place in [`ORDER`] behind a section.
fn upto(id: u8) -> usize {
    ORDER.iter().position(|known| u8::from(*known) == id).map_or(0, |place| place + 1)
}
