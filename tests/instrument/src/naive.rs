//! The oracle's rewriter, as naive as can be: before each access it calls the host, which looks at the access and traps if it may not be.
//!
//! It knows instructions by the names that the parser prints, and has no table of them that could be wrong in the same way as another.

use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{
    CodeSection, EntityType, Function, ImportSection, Instruction, Module, SectionId, TypeSection, ValType,
};
use wasmparser::{ExternalKind, FunctionBody, Operator, Parser, Payload, TypeRef};

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
                Payload::FunctionSection(functions) => this.functions.extend(functions.into_iter().map(|ty| ty.expect("valid"))),
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

    /// The operands go to locals, are looked at, and come back.
    fn around(&self, function: &mut Function, operands: &[ValType], checks: &[Check]) {
        let locals: Vec<_> = (0..).zip(operands).map(|(place, ty)| self.local(place, *ty)).collect();
        for local in locals.iter().rev() {
            function.instruction(&Instruction::LocalSet(*local));
        }
        if self.tames {
            for check in checks {
                let len = if let Size::Operand(place) = check.size { Some((place, 63)) } else { None };
                for (place, most) in [(check.address, 1023)].into_iter().chain(len) {
                    function.instruction(&Instruction::LocalGet(locals[place]));
                    if operands[place] == ValType::I32 {
                        function.instruction(&Instruction::I32Const(most)).instruction(&Instruction::I32And);
                    } else {
                        function.instruction(&Instruction::I64Const(most.into())).instruction(&Instruction::I64And);
                    }
                    function.instruction(&Instruction::LocalSet(locals[place]));
                }
            }
        }
        for check in checks.iter().filter(|_| !self.tames) {
            let long = |function: &mut Function, place: usize| {
                function.instruction(&Instruction::LocalGet(locals[place]));
                if operands[place] == ValType::I32 {
                    function.instruction(&Instruction::I64ExtendI32U);
                }
            };
            function.instruction(&Instruction::I32Const(check.memory.cast_signed()));
            long(function, check.address);
            function.instruction(&Instruction::I64Const(check.offset.cast_signed()));
            match check.size {
                Size::Bytes(bytes) => {
                    function.instruction(&Instruction::I64Const(bytes.cast_signed()));
                }
                Size::Operand(place) => long(function, place),
            }
            function.instruction(&Instruction::I32Const(check.kind));
            function.instruction(&Instruction::Call(self.imported));
        }
        for local in &locals {
            function.instruction(&Instruction::LocalGet(*local));
        }
    }

    fn local(&self, place: u32, ty: ValType) -> u32 {
        let types = [ValType::I32, ValType::I64, ValType::F32, ValType::F64, ValType::V128];
        let at = types.iter().position(|other| *other == ty).expect("a number");
        self.locals + u32::try_from(at).expect("small") * 3 + place
    }

    fn look(&self, function: &mut Function, operator: &Operator<'_>) {
        use ValType::{I32, I64, V128};
        match *operator {
            Operator::MemoryFill { mem } => {
                let ty = self.address(mem);
                self.around(function, &[ty, I32, ty], &[Check::bulk(mem, 0, 2, STORE)]);
            }
            Operator::MemoryInit { mem, data_index } => {
                let segment = Check { kind: SEGMENT | NEW, ..Check::bulk(data_index, 1, 2, 0) };
                self.around(function, &[self.address(mem), I32, I32], &[segment, Check::bulk(mem, 0, 2, STORE)]);
            }
            Operator::DataDrop { data_index } => {
                let size = Size::Bytes(0);
                function.instruction(&Instruction::I32Const(0));
                self.around(function, &[I32], &[Check { memory: data_index, address: 0, offset: 0, size, kind: DROP | NEW }]);
                function.instruction(&Instruction::Drop);
            }
            Operator::MemoryCopy { dst_mem, src_mem } => {
                let (to, from) = (self.address(dst_mem), self.address(src_mem));
                let len = if to == from { to } else { I32 };
                // Both must be inside before either is looked at.
                let probe = Check { kind: PROBE | NEW, ..Check::bulk(dst_mem, 0, 2, 0) };
                let checks = [probe, Check::bulk(src_mem, 1, 2, 0), Check::bulk(dst_mem, 0, 2, STORE)];
                self.around(function, &[to, from, len], &checks);
            }
            _ => {
                let text = format!("{operator:?}");
                let Some((name, arg)) = text.split_once(" { memarg: MemArg {") else { return };
                if name.contains("Notify") {
                    return;
                }
                let memory = u32::try_from(number(arg, "memory: ")).expect("an index");
                let ty = match &name[..3] {
                    "I32" => I32,
                    "I64" => I64,
                    "F32" => ValType::F32,
                    "F64" => ValType::F64,
                    "V12" => V128,
                    _ if name.ends_with("Wait32") => I32,
                    _ if name.ends_with("Wait64") => I64,
                    _ => panic!("{name} is no access that the oracle knows"),
                };
                let loads = name.contains("Load") || name.contains("Wait");
                let mut operands = vec![self.address(memory)];
                if name.contains("Cmpxchg") {
                    operands.extend([ty, ty]);
                } else if name.contains("Wait") {
                    operands.extend([ty, I64]);
                } else if !name.contains("Load") || name.ends_with("Lane") {
                    operands.push(ty);
                }
                let mut kind = if loads { NEW } else { STORE | NEW };
                kind |= if name.contains("Atomic") { ATOMIC } else { 0 };
                kind |= if name.contains("Wait") { WAIT } else { 0 };
                let size = Size::Bytes(1 << number(arg, "max_align: "));
                let check = Check { memory, address: 0, offset: number(arg, "offset: "), size, kind };
                self.around(function, &operands, &[check]);
            }
        }
    }
}

enum Size {
    Bytes(u64),
    /// What the operand says.
    Operand(usize),
}

struct Check {
    memory: u32,
    /// Which operand.
    address: usize,
    offset: u64,
    size: Size,
    kind: i32,
}

impl Check {
    fn bulk(memory: u32, address: usize, len: usize, kind: i32) -> Self {
        Self { memory, address, offset: 0, size: Size::Operand(len), kind: kind | BULK }
    }
}

fn number(text: &str, name: &str) -> u64 {
    let (_, after) = text.split_once(name).expect("it is printed");
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().expect("a number")
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

    fn parse_type_section(&mut self, types: &mut TypeSection, section: wasmparser::TypeSectionReader<'_>) -> Result<(), Error> {
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
            all.extend(exports.filter(|export| export.kind == kind).map(|export| (export.index, export.name.to_owned())));
        }
    }
    all
}

