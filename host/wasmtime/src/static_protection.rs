//! The static protection that a program declares, found in its bytes.
//!
//! A component's core modules are instantiated in the order in which it says so, and a module's memories are made one after the other: so they are told apart by
//! counting.

use memctl_core::{Bounds, Declaration, Malformed};
use wasmparser::{ComponentAlias, ComponentOuterAliasKind, Encoding, Instance, Parser, Payload, TypeRef};

/// What a program declares, memory by memory in the order in which they are made.
///
/// ```
/// use memctl_wasmtime::StaticProtection;
/// let nothing = StaticProtection::of(b"\0asm\x01\0\0\0")?;
/// assert!(nothing.is_empty());
/// # Ok::<(), memctl_wasmtime::DeclarationError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct StaticProtection {
    memories: Vec<Option<Bounds>>,
}

/// What a program declares can't be understood, or can't be told to belong to one of its memories.
#[derive(Debug, thiserror::Error)]
pub enum DeclarationError {
    /// The bytes are not a valid WebAssembly binary.
    #[error("not a WebAssembly binary that can be read: {0}")]
    Binary(#[from] wasmparser::BinaryReaderError),
    /// The section is malformed.
    #[error("core module {module}: {malformed}")]
    Section {
        /// The module's number in the binary, counted from 0 through nested components.
        module: usize,
        /// What is wrong.
        malformed: Malformed,
    },
    /// There is no such memory, or the module imports it.
    #[error("core module {module}: section \"{section}\" names memory {memory}, which the module doesn't define", section = Declaration::SECTION)]
    Memory {
        /// The module's number in the binary.
        module: usize,
        /// The index in the section.
        memory: u32,
    },
    /// The bounds are past the memory's initial size.
    #[error("core module {module}: section \"{section}\" protects {end:#x} bytes of memory {memory}, which begins with {size:#x}", section = Declaration::SECTION)]
    Size {
        /// The module's number in the binary.
        module: usize,
        /// The index in the section.
        memory: u32,
        /// Where the protected parts end.
        end: u64,
        /// The memory's initial size in bytes.
        size: u64,
    },
    /// The program instantiates a module that isn't in it.
    #[error(
        "a core module comes from outside the program, so that its memories can't be told from others: declare no protection, or seal at run time"
    )]
    Foreign,
}

/// A core module: what it declares for each memory that it defines.
#[derive(Clone, Debug, Default)]
struct Module {
    memories: Vec<Option<Bounds>>,
}

/// A component, as far as memories come from it.
#[derive(Clone, Debug, Default)]
struct Scope {
    /// Core modules by index; `None` for those from outside.
    modules: Vec<Option<Module>>,
    components: Vec<Option<Scope>>,
    /// Memories that instantiating this makes, or that something foreign may make.
    made: Vec<Made>,
}

#[derive(Clone, Debug)]
enum Made {
    Module(Module),
    Foreign,
}

impl StaticProtection {
    /// Finds what a component or a core module declares.
    ///
    /// # Errors
    /// [`DeclarationError`] names the module and what is wrong. A program that gets this error is not to be run: it would be less protected than it asked for.
    pub fn of(wasm: &[u8]) -> Result<Self, DeclarationError> {
        let made = if Parser::is_component(wasm) {
            read_component(&mut Reader::new(wasm), &[])?.made
        } else {
            vec![Made::Module(read_module(&mut Reader::new(wasm))?)]
        };
        let declares =
            |made: &Made| matches!(made, Made::Module(module) if module.memories.iter().any(Option::is_some));
        if !made.iter().any(declares) {
            return Ok(Self::default());
        }
        let mut memories = Vec::new();
        for made in made {
            match made {
                Made::Module(module) => memories.extend(module.memories),
                // What comes after it can't be counted any more.
                Made::Foreign => return Err(DeclarationError::Foreign),
            }
        }
        Ok(Self { memories })
    }

    /// What is declared for the memory that is made as number `number`, counted from 0.
    pub(crate) fn bounds(&self, number: usize) -> Option<Bounds> {
        self.memories.get(number).copied().flatten()
    }

    /// Whether nothing is declared.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.memories.iter().all(Option::is_none)
    }
}

/// The payloads of a binary, and how many modules began so far.
struct Reader<'a> {
    payloads: Box<dyn Iterator<Item = Result<Payload<'a>, wasmparser::BinaryReaderError>> + 'a>,
    modules: usize,
}

impl<'a> Reader<'a> {
    fn new(wasm: &'a [u8]) -> Self {
        Self { payloads: Box::new(Parser::new(0).parse_all(wasm)), modules: 0 }
    }
}

/// Reads up to the module's end.
fn read_module(reader: &mut Reader<'_>) -> Result<Module, DeclarationError> {
    let number = reader.modules;
    reader.modules += 1;
    let (mut imported, mut sizes, mut section) = (0_u32, Vec::new(), Vec::new());
    for payload in reader.payloads.by_ref() {
        match payload? {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    imported += u32::from(matches!(import?.ty, TypeRef::Memory(_)));
                }
            }
            Payload::MemorySection(memories) => {
                for memory in memories {
                    let memory = memory?;
                    sizes.push(memory.initial.saturating_mul(1 << memory.page_size_log2.unwrap_or(16)));
                }
            }
            Payload::CustomSection(custom) if custom.name() == Declaration::SECTION => {
                section.extend_from_slice(custom.data());
            }
            Payload::End(_) => break,
            _ => {}
        }
    }
    let mut memories = vec![None; sizes.len()];
    let declared =
        Declaration::parse(&section).map_err(|malformed| DeclarationError::Section { module: number, malformed })?;
    for Declaration { memory, bounds } in declared {
        let index = memory.checked_sub(imported).and_then(|index| usize::try_from(index).ok());
        let Some((slot, size)) = index.and_then(|index| memories.get_mut(index).zip(sizes.get(index))) else {
            return Err(DeclarationError::Memory { module: number, memory });
        };
        if bounds.checked(*size).is_err() {
            return Err(DeclarationError::Size { module: number, memory, end: bounds.read_only, size: *size });
        }
        *slot = Some(bounds);
    }
    Ok(Module { memories })
}

/// Reads up to the component's end. `outer` are the components around it, the innermost last.
fn read_component(reader: &mut Reader<'_>, outer: &[&Scope]) -> Result<Scope, DeclarationError> {
    let mut scope = Scope::default();
    while let Some(payload) = reader.payloads.next() {
        match payload? {
            Payload::ModuleSection { .. } => {
                let module = read_module(reader)?;
                scope.modules.push(Some(module));
            }
            Payload::ComponentSection { .. } => {
                let around: Vec<&Scope> = outer.iter().copied().chain([&scope]).collect();
                let nested = read_component(reader, &around)?;
                scope.components.push(Some(nested));
            }
            Payload::InstanceSection(instances) => {
                for instance in instances {
                    if let Instance::Instantiate { module_index, .. } = instance? {
                        let module = scope.modules.get(module_index as usize).cloned().flatten();
                        scope.made.push(module.map_or(Made::Foreign, Made::Module));
                    }
                }
            }
            Payload::ComponentInstanceSection(instances) => {
                for instance in instances {
                    if let wasmparser::ComponentInstance::Instantiate { component_index, .. } = instance? {
                        match scope.components.get(component_index as usize).cloned().flatten() {
                            Some(nested) => scope.made.extend(nested.made),
                            None => scope.made.push(Made::Foreign),
                        }
                    }
                }
            }
            Payload::ComponentAliasSection(aliases) => {
                for alias in aliases {
                    scope.alias(alias?, outer);
                }
            }
            Payload::ComponentImportSection(imports) => {
                for import in imports {
                    match import?.ty {
                        wasmparser::ComponentTypeRef::Module(_) => scope.modules.push(None),
                        wasmparser::ComponentTypeRef::Component(_) => scope.components.push(None),
                        _ => {}
                    }
                }
            }
            Payload::ComponentExportSection(exports) => {
                for export in exports {
                    let export = export?;
                    match export.kind {
                        wasmparser::ComponentExternalKind::Module => {
                            scope.modules.push(scope.modules.get(export.index as usize).cloned().flatten());
                        }
                        wasmparser::ComponentExternalKind::Component => {
                            scope.components.push(scope.components.get(export.index as usize).cloned().flatten());
                        }
                        _ => {}
                    }
                }
            }
            Payload::End(_) => break,
            Payload::Version { encoding: Encoding::Module, .. } => {}
            _ => {}
        }
    }
    Ok(scope)
}

impl Scope {
    /// An alias gives a module or component one more index.
    fn alias(&mut self, alias: ComponentAlias<'_>, outer: &[&Scope]) {
        let around = |count: u32| outer.len().checked_sub(count as usize).and_then(|at| outer.get(at)).copied();
        match alias {
            ComponentAlias::Outer { kind: ComponentOuterAliasKind::CoreModule, count, index } => {
                let from = if count == 0 { Some(&*self) } else { around(count) };
                let module = from.and_then(|scope| scope.modules.get(index as usize)).cloned().flatten();
                self.modules.push(module);
            }
            ComponentAlias::Outer { kind: ComponentOuterAliasKind::Component, count, index } => {
                let from = if count == 0 { Some(&*self) } else { around(count) };
                let component = from.and_then(|scope| scope.components.get(index as usize)).cloned().flatten();
                self.components.push(component);
            }
            ComponentAlias::InstanceExport { kind: wasmparser::ComponentExternalKind::Module, .. } => {
                self.modules.push(None);
            }
            ComponentAlias::InstanceExport { kind: wasmparser::ComponentExternalKind::Component, .. } => {
                self.components.push(None);
            }
            _ => {}
        }
    }
}
