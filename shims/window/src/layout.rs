//! What a module consists of, as far as linking has to know beforehand.

use std::collections::BTreeMap;

use memctl_core::Directory;
use wasm_encoder::{ValType, reencode::Reencode as _};
use wasmparser::{
    CustomSectionReader, DataKind, FunctionBody, MemoryType, Parser, Payload, TypeRef, Validator, WasmFeatures,
};

use crate::{
    Error,
    access::ACCESSES,
    convert::MemoryRef,
    function::{Abi, Function, Signature},
    shims::number,
};

/// Memories that a module may have, in wasmparser and engines that use it.
pub(crate) const MOST_MEMORIES: usize = 100;

/// How the names of sections begin that annotate places in the code, such as branch hints.
pub(crate) const PLACES: &str = "metadata.code.";

/// The mark of `memctl instrument`.
const INSTRUMENTED: &str = "memctl.instrumented";

/// Proposals that may be used in what comes in and what goes out: those that wasmparser has on, and some.
pub(crate) fn features() -> WasmFeatures {
    WasmFeatures::default()
        | WasmFeatures::CUSTOM_PAGE_SIZES
        | WasmFeatures::WIDE_ARITHMETIC
        | WasmFeatures::LEGACY_EXCEPTIONS
        | WasmFeatures::COMPACT_IMPORTS
}

/// A memory, and who defines it if that is another module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory<'a> {
    pub(crate) ty: MemoryType,
    pub(crate) imported: Option<(&'a str, &'a str)>,
}

/// A valid module that windows can be put into or beside.
pub(crate) struct Layout<'a> {
    /// Its sections in order; function bodies are in `bodies`.
    pub(crate) sections: Vec<Payload<'a>>,
    pub(crate) bodies: Vec<FunctionBody<'a>>,
    pub(crate) types: wasmparser::types::Types,
    pub(crate) memories: Vec<Memory<'a>>,
    pub(crate) imported_functions: u32,
    /// Functions of windows that it imports, by their number, with the number of their type.
    pub(crate) imports: BTreeMap<u32, (Function, u32)>,
}

impl<'a> Layout<'a> {
    pub(crate) fn read(wasm: &'a [u8]) -> Result<Self, Error> {
        if Parser::is_component(wasm) {
            return Err(Error::Component);
        }
        let types = Validator::new_with_features(features()).validate_all(wasm)?;
        let mut layout = Self {
            sections: Vec::new(),
            bodies: Vec::new(),
            types,
            memories: Vec::new(),
            imported_functions: 0,
            imports: BTreeMap::new(),
        };
        let mut imports = Vec::new();
        for payload in Parser::new(0).parse_all(wasm) {
            let payload = payload?;
            match &payload {
                Payload::ImportSection(section) => {
                    for import in section.clone().into_imports() {
                        imports.push(import?);
                    }
                }
                Payload::MemorySection(section) => {
                    for ty in section.clone() {
                        layout.memories.push(Memory { ty: ty?, imported: None });
                    }
                }
                Payload::DataSection(section) => {
                    for data in section.clone() {
                        let data = data?;
                        let elsewhere = matches!(data.kind, DataKind::Active { memory_index: 1.., .. });
                        if elsewhere && data.data.starts_with(&Directory::MAGIC) {
                            return Err(Error::AlreadyLinked);
                        }
                    }
                }
                Payload::CustomSection(section) => refuse(section)?,
                Payload::CodeSectionEntry(body) => {
                    layout.bodies.push(body.clone());
                    continue;
                }
                Payload::Version { .. } | Payload::End(_) => continue,
                _ => {}
            }
            layout.sections.push(payload);
        }
        let imported = imports.iter().filter_map(|import| match import.ty {
            TypeRef::Memory(ty) => Some(Memory { ty, imported: Some((import.module, import.name)) }),
            _ => None,
        });
        layout.memories = imported.chain(std::mem::take(&mut layout.memories)).collect();
        let pointer = layout.memory()?.address();
        for import in imports {
            if let TypeRef::Func(type_index) | TypeRef::FuncExact(type_index) = import.ty {
                if let Some(abi) = Abi::of(import.module) {
                    let function = layout.function(abi, import.name, type_index, pointer)?;
                    layout.imports.insert(layout.imported_functions, (function, type_index));
                }
                layout.imported_functions += 1;
            } else if Abi::of(import.module).is_some() {
                return Err(unknown(import.module, import.name));
            }
        }
        Ok(layout)
    }

    /// Memory 0.
    pub(crate) fn memory(&self) -> Result<MemoryRef, Error> {
        let Memory { ty, .. } = self.memories.first().ok_or(Error::NoMemory)?;
        Ok(MemoryRef { index: 0, memory64: ty.memory64, page_size_log2: ty.page_size_log2.unwrap_or(16) })
    }

    /// Whether memory 0 is another module's.
    pub(crate) fn refuse_imported_memory(&self) -> Result<(), Error> {
        match self.memories.first().and_then(|memory| memory.imported) {
            Some((module, field)) => Err(Error::ImportedMemory { module: module.to_owned(), field: field.to_owned() }),
            None => Ok(()),
        }
    }

    fn function(&self, abi: Abi, name: &str, type_index: u32, pointer: ValType) -> Result<Function, Error> {
        let function = Function::named(abi, name).ok_or_else(|| unknown(abi.module(), name))?;
        let types = self.types.as_ref();
        let ty = types[types.core_type_at_in_module(type_index)].unwrap_func();
        let mut encoder = wasm_encoder::reencode::RoundtripReencoder;
        let mut converted = |types: &[wasmparser::ValType]| -> Option<Vec<ValType>> {
            types.iter().map(|ty| encoder.val_type(*ty).ok()).collect()
        };
        let found = converted(ty.params()).zip(converted(ty.results()));
        let found = found.map(|(params, results)| Signature { params, results });
        let expected = function.signature(pointer);
        if found.as_ref() != Some(&expected) {
            return Err(Error::FunctionType {
                module: abi.module().to_owned(),
                field: name.to_owned(),
                expected: expected.to_string(),
                found: found.map_or_else(|| "something else".to_owned(), |found| found.to_string()),
            });
        }
        Ok(function)
    }

    /// How many locals a function has, its parameters included, and those that it declares.
    pub(crate) fn locals(&self, function: u32, body: &FunctionBody<'_>) -> Result<(u32, Vec<Declared>), Error> {
        let types = self.types.as_ref();
        let mut count = number(types[types.core_function_at(function)].unwrap_func().params().len());
        let mut declared = Vec::new();
        for group in body.get_locals_reader()? {
            let (locals, ty) = group?;
            count = count.saturating_add(locals);
            declared.push((locals, ty));
        }
        Ok((count, declared))
    }

    /// Sections with debug information.
    pub(crate) fn dwarf(&self) -> Vec<(&'a str, &'a [u8])> {
        let custom = self.custom().filter(|section| memctl_dwarf::is_dwarf(section.name()));
        custom.map(|section| (section.name(), section.data())).collect()
    }

    /// Sections that annotate places in the code, which have moved.
    pub(crate) fn sections_on_places(&self) -> Vec<String> {
        self.custom()
            .map(CustomSectionReader::name)
            .filter(|name| name.starts_with(PLACES))
            .map(str::to_owned)
            .collect()
    }

    fn custom(&self) -> impl Iterator<Item = &CustomSectionReader<'a>> {
        self.sections.iter().filter_map(|payload| match payload {
            Payload::CustomSection(section) => Some(section),
            _ => None,
        })
    }

    /// Where the contents of the code section begin in the file.
    pub(crate) fn code_start(&self) -> usize {
        let code = |payload: &Payload<'_>| match payload {
            Payload::CodeSectionStart { range, .. } => Some(range.start),
            _ => None,
        };
        self.sections.iter().find_map(code).unwrap_or_default()
    }
}

/// Locals of one type that a function declares: how many, and of which.
pub(crate) type Declared = (u32, wasmparser::ValType);

fn refuse(section: &CustomSectionReader<'_>) -> Result<(), Error> {
    match section.name() {
        INSTRUMENTED => Err(Error::Instrumented),
        name if name == "linking" || name.starts_with("reloc.") => Err(Error::Object { section: name.to_owned() }),
        _ => Ok(()),
    }
}

fn unknown(module: &str, field: &str) -> Error {
    const OTHERS: [&str; 8] = ["copy_in", "copy_out", "copy_between", "fill", "compare", "size", "settle", "count"];
    let all = ACCESSES.iter().map(|access| access.name).chain(OTHERS);
    let similar = all.map(|name| (distance(name, field), name)).min().filter(|(distance, _)| *distance <= 2);
    Error::UnknownFunction {
        module: module.to_owned(),
        field: field.to_owned(),
        similar: similar.map(|(_, name)| name.to_owned()),
    }
}

/// How many bytes of a text have to be inserted, left out or replaced to get another one (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
