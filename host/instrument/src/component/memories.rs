//! What a core module of a component says about memories.

use wasmparser::{ExternalKind, MemoryType, Parser, Payload, TypeRef};

use crate::exports::asks_for_table;

/// A core module, and the memories that it imports, defines and exports.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memories<'a> {
    /// Module name and field of each imported memory.
    pub(crate) imported: Vec<(&'a str, &'a str)>,
    /// All memories, the imported ones first.
    pub(crate) types: Vec<MemoryType>,
    /// Names of exported memories.
    pub(crate) exported: Vec<(&'a str, u32)>,
    /// Whether it can have ranges protected while it runs.
    pub(crate) protects: bool,
}

impl<'a> Memories<'a> {
    /// Reads them from a valid module.
    pub(crate) fn of(module: &'a [u8], offset: usize) -> Result<Self, wasmparser::Error> {
        let mut memories = Self::default();
        let mut parser = Parser::new(u64::try_from(offset).unwrap_or(u64::MAX));
        parser.set_features(wasmparser::WasmFeatures::all());
        for payload in parser.parse_all(module) {
            match payload? {
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        let import = import?;
                        memories.protects |= asks_for_table(import.module);
                        if let TypeRef::Memory(ty) = import.ty {
                            memories.imported.push((import.module, import.name));
                            memories.types.push(ty);
                        }
                    }
                }
                Payload::MemorySection(types) => {
                    for ty in types {
                        memories.types.push(ty?);
                    }
                }
                Payload::ExportSection(exports) => {
                    for export in exports {
                        let export = export?;
                        if export.kind == ExternalKind::Memory {
                            memories.exported.push((export.name, export.index));
                        }
                    }
                    break;
                }
                _ => {}
            }
        }
        Ok(memories)
    }

    /// Whether it has a memory of its own.
    pub(crate) fn defines(&self) -> bool {
        self.types.len() > self.imported.len()
    }
}
