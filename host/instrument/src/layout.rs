//! What a module consists of, as far as its rewriting has to know beforehand.

use memctl_core::{Bounds, Declaration};
use wasmparser::{
    FuncToValidate, FunctionBody, MemoryType, Parser, Payload, TypeRef, ValidPayload, Validator, ValidatorResources,
    WasmFeatures,
};

use crate::{Error, Options, exports, marker};

/// Proposals that may be used in what comes in and what goes out: those that wasmparser has on, and some.
pub(crate) fn features() -> WasmFeatures {
    WasmFeatures::default()
        | WasmFeatures::CUSTOM_PAGE_SIZES
        | WasmFeatures::WIDE_ARITHMETIC
        | WasmFeatures::LEGACY_EXCEPTIONS
        | WasmFeatures::COMPACT_IMPORTS
}

/// How the names of sections begin that annotate places in the code, such as branch hints.
pub(crate) const PLACES: &str = "metadata.code.";

/// A memory of the module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    pub(crate) ty: MemoryType,
    pub(crate) imported: bool,
    /// What is declared for it, rounded.
    pub(crate) bounds: Bounds,
}

/// A function that the module imports.
pub(crate) struct ImportedFunction<'a> {
    pub(crate) module: &'a str,
    pub(crate) field: &'a str,
    pub(crate) type_index: u32,
}

/// A valid module, but for its function bodies, which are validated when they are rewritten.
pub(crate) struct Layout<'a> {
    /// Its sections in order; function bodies are in `bodies`.
    pub(crate) sections: Vec<Payload<'a>>,
    pub(crate) bodies: Vec<(FuncToValidate<ValidatorResources>, FunctionBody<'a>)>,
    pub(crate) types: wasmparser::types::Types,
    pub(crate) type_count: u32,
    pub(crate) imported_functions: Vec<ImportedFunction<'a>>,
    pub(crate) function_count: u32,
    pub(crate) imported_globals: u32,
    pub(crate) global_count: u32,
    pub(crate) memories: Vec<Memory>,
}

impl<'a> Layout<'a> {
    pub(crate) fn read(wasm: &'a [u8]) -> Result<Self, Error> {
        let mut validator = Validator::new_with_features(features());
        let mut sections = Vec::new();
        let mut bodies = Vec::new();
        let mut imported_functions = Vec::new();
        let mut imported_globals = 0;
        let mut memories = Vec::new();
        let mut types = None;
        let memory = |ty, imported| Memory { ty, imported, bounds: Bounds::NONE };
        // One that was instrumented has such names, and is refused for that.
        let marked = marker::is_instrumented(wasm)?;
        let check_name = |name, offset| if marked { Ok(()) } else { refuse_name(name, offset) };
        for payload in Parser::new(0).parse_all(wasm) {
            let payload = payload?;
            match validator.payload(&payload)? {
                ValidPayload::Func(function, body) => bodies.push((function, body)),
                ValidPayload::End(all) => types = Some(all),
                ValidPayload::Ok | ValidPayload::Parser(_) => {}
            }
            match &payload {
                Payload::ImportSection(section) => {
                    for import in section.clone().into_imports() {
                        let import = import?;
                        check_name(import.module, section.range().start)?;
                        match import.ty {
                            TypeRef::Func(type_index) | TypeRef::FuncExact(type_index) => imported_functions
                                .push(ImportedFunction { module: import.module, field: import.name, type_index }),
                            TypeRef::Memory(ty) => memories.push(memory(ty, true)),
                            TypeRef::Global(_) => imported_globals += 1,
                            TypeRef::Table(_) | TypeRef::Tag(_) => {}
                        }
                    }
                }
                Payload::MemorySection(section) => {
                    for ty in section.clone() {
                        memories.push(memory(ty?, false));
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section.clone() {
                        check_name(export?.name, section.range().start)?;
                    }
                }
                Payload::CustomSection(section) => refuse(section)?,
                _ => {}
            }
            if !matches!(payload, Payload::CodeSectionEntry(_) | Payload::Version { .. } | Payload::End(_)) {
                sections.push(payload);
            }
        }
        let types = types.ok_or_else(|| Error::Internal { message: "the file has no end".to_owned() })?;
        let all = types.as_ref();
        Ok(Self {
            sections,
            bodies,
            type_count: all.core_type_count_in_module(),
            imported_functions,
            function_count: all.function_count(),
            imported_globals,
            global_count: all.global_count(),
            memories,
            types,
        })
    }

    /// Enters what is declared, by `options` or by the module, with `imported` for the memories that it imports.
    pub(crate) fn declare(&mut self, wasm: &[u8], options: &Options, imported: &[Bounds]) -> Result<(), Error> {
        for (memory, bounds) in self.memories.iter_mut().zip(imported) {
            memory.bounds = *bounds;
        }
        let mut declared = marker::declarations(wasm)?;
        if let Some(bounds) = options.bounds {
            if self.memories.first().is_none_or(|memory| memory.imported) {
                return Err(Error::NoMemory);
            }
            declared.retain(|declaration| declaration.memory != 0);
            declared.push(Declaration { memory: 0, bounds });
        }
        let memories = self.memories.len();
        for Declaration { memory: index, bounds } in declared {
            let Some(memory) = self.memories.get_mut(index as usize) else {
                return Err(Error::UnknownMemory {
                    memory: index,
                    memories: u32::try_from(memories).unwrap_or(u32::MAX),
                });
            };
            if memory.imported {
                return Err(Error::DeclaredForImport { memory: index });
            }
            let size = memory.initial_bytes();
            bounds.checked(size).map_err(|_| Error::Bounds { memory: index, bounds, size })?;
            memory.bounds = bounds.rounded(options.granule);
        }
        Ok(())
    }

    pub(crate) fn imported_memories(&self) -> usize {
        self.memories.iter().filter(|memory| memory.imported).count()
    }

    /// Sections with debug information.
    pub(crate) fn dwarf(&self) -> Vec<(&'a str, &'a [u8])> {
        let dwarf = self.sections.iter().filter_map(|payload| match payload {
            Payload::CustomSection(section) if memctl_dwarf::is_dwarf(section.name()) => {
                Some((section.name(), section.data()))
            }
            _ => None,
        });
        dwarf.collect()
    }

    /// Sections that annotate places in the code, which have moved.
    pub(crate) fn sections_on_places(&self) -> Vec<String> {
        let names = self.sections.iter().filter_map(|payload| match payload {
            Payload::CustomSection(section) => Some(section.name()).filter(|name| name.starts_with(PLACES)),
            _ => None,
        });
        names.map(str::to_owned).collect()
    }

    /// Where the contents of the code section begin in the file.
    pub(crate) fn code_start(&self) -> usize {
        let code = |payload: &Payload<'_>| match payload {
            Payload::CodeSectionStart { range, .. } => Some(range.start),
            _ => None,
        };
        self.sections.iter().find_map(code).unwrap_or_default()
    }

    /// The start function.
    pub(crate) fn start(&self) -> Option<u32> {
        self.sections.iter().find_map(|payload| match payload {
            Payload::StartSection { func, .. } => Some(*func),
            _ => None,
        })
    }

    /// Whether a debugger would find lines.
    pub(crate) fn has_debug_lines(&self) -> bool {
        self.sections.iter().any(|payload| matches!(payload, Payload::CustomSection(s) if s.name() == ".debug_line"))
    }

    pub(crate) fn name(&self) -> Option<String> {
        self.sections.iter().find_map(|payload| {
            let Payload::CustomSection(section) = payload else { return None };
            let wasmparser::KnownCustom::Name(names) = section.as_known() else { return None };
            names.into_iter().filter_map(Result::ok).find_map(|name| match name {
                wasmparser::Name::Module { name, .. } => Some(name.to_owned()),
                _ => None,
            })
        })
    }
}

impl Memory {
    /// Its initial size in bytes; that of one of 2^64 bytes is a byte less.
    pub(crate) fn initial_bytes(&self) -> u64 {
        let size = u128::from(self.ty.initial) << self.ty.page_size_log2.unwrap_or(16);
        u64::try_from(size).unwrap_or(u64::MAX)
    }
}

/// Refuses a name that only instrumentation gives.
fn refuse_name(name: &str, offset: usize) -> Result<(), Error> {
    if !name.starts_with(exports::RESERVED) {
        return Ok(());
    }
    Err(Error::Unsupported {
        offset,
        function: None,
        what: format!("the name {name:?}, which is instrumentation's own,"),
    })
}

fn refuse(section: &wasmparser::CustomSectionReader<'_>) -> Result<(), Error> {
    let name = section.name();
    if name == marker::SECTION {
        return Err(marker::read(section.data(), section.data_offset())?);
    }
    if name == "linking" || name.starts_with("reloc.") {
        let what = format!("an object file that is still to be linked (section {name:?})");
        return Err(Error::Unsupported { offset: section.range().start, function: None, what });
    }
    Ok(())
}
