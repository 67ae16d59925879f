//! The oracle's rewriter, as naive as can be: before each access it calls the host, which looks at the access and traps if it may not be.
//!
//! It knows instructions by the names that the parser prints, and has no table of them that could be wrong in the same way as another.

mod look;

use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{CodeSection, EntityType, Function, ImportSection, Module, SectionId, TypeSection, ValType};
use wasmparser::{ExternalKind, FunctionBody, Parser, Payload, TypeRef};

/// The import that each access calls: memory, address, offset, size, and what kind of access ([`STORE`], [`ATOMIC`], [`BULK`]).
pub const CHECK: [&str; 2] = ["oracle", "check"];
/// It stores.
pub const STORE: i32 = 1;
/// It has to be aligned.
pub const ATOMIC: i32 = 2;
/// It may be of no length at all.
pub const BULK: i32 = 4;
/// It waits.
pub const WAIT: i32 = 8;
/// It is only asked whether it is inside: if not, what follows of the same instruction is not looked at.
pub const PROBE: i32 = 16;
/// As [`PROBE`], for a data segment in the place of a memory.
pub const SEGMENT: i32 = 32;
/// No access: the data segment is dropped.
pub const DROP: i32 = 64;
/// No access: a new instruction begins.
pub const NEW: i32 = 128;

/// The module with memories of a wasm page at least, addresses below a KiB, and lengths below 64 bytes.
///
/// # Errors
/// If the module can't be parsed.
///
/// # Panics
/// If it is not valid.
pub fn tame(wasm: &[u8]) -> Result<Vec<u8>, Error> {
    let mut naive = Naive { tames: true, done: [true; 2], ..Naive::new(wasm) };
    let mut module = Module::new();
    naive.parse_core_module(&mut module, Parser::new(0), wasm)?;
    Ok(module.finish())
}

/// A module that calls [`CHECK`] before each access.
///
/// # Errors
/// If the module can't be parsed.
///
/// # Panics
/// If it is not valid.
pub fn checked(wasm: &[u8]) -> Result<Vec<u8>, Error> {
    let mut naive = Naive::new(wasm);
    let mut module = Module::new();
    naive.parse_core_module(&mut module, Parser::new(0), wasm)?;
    Ok(module.finish())
}

#[derive(Default)]
struct Naive {
    /// Parameters of each type, and the type of each function.
    params: Vec<u32>,
    functions: Vec<u32>,
    /// Whether each memory's addresses are i64.
    memories: Vec<bool>,
    imported: u32,
    types: u32,
    next: u32,
    /// First of the locals that operands are kept in.
    locals: u32,
    done: [bool; 2],
    /// It only makes memories large, and addresses and lengths small.
    tames: bool,
}

impl Naive {
    fn new(wasm: &[u8]) -> Self {
        let mut this = Self::default();
        for payload in Parser::new(0).parse_all(wasm) {
            match payload.expect("a valid module") {
                Payload::TypeSection(types) => {
                    for ty in types.into_iter_err_on_gc_types() {
                        this.params.push(u32::try_from(ty.expect("valid").params().len()).expect("few"));
                        this.types += 1;
                    }
                }
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        match import.expect("valid").ty {
                            TypeRef::Func(ty) | TypeRef::FuncExact(ty) => {
                                this.functions.push(ty);
                                this.imported += 1;
                            }
                            TypeRef::Memory(memory) => this.memories.push(memory.memory64),
                            _ => {}
                        }
                    }
                }
                Payload::FunctionSection(functions) => {
                    this.functions.extend(functions.into_iter().map(|ty| ty.expect("valid")))
                }
                Payload::MemorySection(memories) => {
                    this.memories.extend(memories.into_iter().map(|memory| memory.expect("valid").memory64));
                }
                _ => {}
            }
        }
        this.next = this.imported;
        this
    }

    fn check_type(types: &mut TypeSection) {
        use ValType::{I32, I64};
        types.ty().function([I32, I64, I64, I64, I32], []);
    }

    fn check_import(&self, imports: &mut ImportSection) {
        imports.import(CHECK[0], CHECK[1], EntityType::Function(self.types));
    }

    fn address(&self, memory: u32) -> ValType {
        if self.memories[memory as usize] { ValType::I64 } else { ValType::I32 }
    }
}

impl Reencode for Naive {
    type Error = std::convert::Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, Error> {
        Ok(if self.tames || function < self.imported { function } else { function + 1 })
    }

    fn memory_type(&mut self, ty: wasmparser::MemoryType) -> Result<wasm_encoder::MemoryType, Error> {
        let mut ty = utils::memory_type(self, ty);
        if self.tames {
            let page = 1 << ty.page_size_log2.unwrap_or(16);
            ty.minimum = ty.minimum.max((1 << 16) / page);
            ty.maximum = ty.maximum.map(|maximum| maximum.max(ty.minimum));
        }
        Ok(ty)
    }

    fn parse_type_section(
        &mut self,
        types: &mut TypeSection,
        section: wasmparser::TypeSectionReader<'_>,
    ) -> Result<(), Error> {
        self.done[0] = true;
        utils::parse_type_section(self, types, section)?;
        if !self.tames {
            Self::check_type(types);
        }
        Ok(())
    }

    fn parse_import_section(
        &mut self,
        imports: &mut ImportSection,
        section: wasmparser::ImportSectionReader<'_>,
    ) -> Result<(), Error> {
        self.done[1] = true;
        utils::parse_import_section(self, imports, section)?;
        if !self.tames {
            self.check_import(imports);
        }
        Ok(())
    }

    fn intersperse_section_hook(
        &mut self,
        module: &mut Module,
        _after: Option<SectionId>,
        before: Option<SectionId>,
    ) -> Result<(), Error> {
        let past = |section: SectionId| before.is_none_or(|before| before as u8 > section as u8);
        if past(SectionId::Type) && !self.done[0] {
            self.done[0] = true;
            let mut types = TypeSection::new();
            Self::check_type(&mut types);
            module.section(&types);
        }
        if past(SectionId::Import) && !self.done[1] {
            self.done[1] = true;
            let mut imports = ImportSection::new();
            self.check_import(&mut imports);
            module.section(&imports);
        }
        Ok(())
    }

    fn parse_function_body(&mut self, code: &mut CodeSection, body: FunctionBody<'_>) -> Result<(), Error> {
        let mut locals = Vec::new();
        let mut count = self.params[self.functions[self.next as usize] as usize];
        self.next += 1;
        for local in body.get_locals_reader()? {
            let (number, ty) = local?;
            count += number;
            locals.push((number, self.val_type(ty)?));
        }
        self.locals = count;
        locals.extend([ValType::I32, ValType::I64, ValType::F32, ValType::F64, ValType::V128].map(|ty| (3, ty)));
        let mut function = Function::new(locals);
        let mut reader = body.get_operators_reader()?;
        while !reader.eof() {
            self.look(&mut function, &reader.clone().read()?);
            function.instruction(&self.parse_instruction(&mut reader)?);
        }
        code.function(&function);
        Ok(())
    }
}

/// The names that a module exports its memories and variables under.
///
/// # Panics
/// If the module is not valid.
#[must_use]
pub fn exports(wasm: &[u8], kind: ExternalKind) -> Vec<(u32, String)> {
    let mut all = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        if let Payload::ExportSection(exports) = payload.expect("a valid module") {
            let exports = exports.into_iter().map(|export| export.expect("valid"));
            all.extend(
                exports.filter(|export| export.kind == kind).map(|export| (export.index, export.name.to_owned())),
            );
        }
    }
    all
}
