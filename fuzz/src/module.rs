//! Core modules, put together section by section.

use wasm_encoder::{
    CodeSection, ConstExpr, DataCountSection, DataSection, EntityType, ExportKind, ExportSection, Function,
    FunctionSection, GlobalSection, GlobalType, ImportSection, MemArg, MemArgTarget, MemorySection, MemoryType, Module,
    TypeSection, ValType,
};

use crate::interface::{FUNCTIONS, MEMORY, NAMES};

/// The host function that cuts the published file off after so many bytes, as another process may.
pub(crate) const CUT: u32 = 24;
/// The host function that runs the bystander.
pub(crate) const OTHER: u32 = 25;

/// A module that imports all that there is, and exports its memory and its functions.
#[derive(Default)]
pub(crate) struct Parts {
    types: TypeSection,
    imports: ImportSection,
    functions: FunctionSection,
    exports: ExportSection,
    code: CodeSection,
    count: u32,
}

impl Parts {
    pub(crate) fn new() -> Self {
        let mut parts = Self::default();
        for function in FUNCTIONS {
            parts.import(&function.module(), function.name, function.params(), function.results());
        }
        parts.import("test", "cut", [ValType::I32], &[]);
        parts.import("test", "other", [], &[]);
        parts
    }

    fn import(&mut self, module: &str, name: &str, params: impl IntoIterator<Item = ValType>, results: &[ValType]) {
        let kind = self.kind(params.into_iter().collect(), results);
        self.imports.import(module, name, EntityType::Function(kind));
        self.count += 1;
    }

    fn kind(&mut self, params: Vec<ValType>, results: &[ValType]) -> u32 {
        let kind = self.types.len();
        self.types.ty().function(params, results.iter().copied());
        kind
    }

    /// Adds a function, exported under `name`.
    pub(crate) fn function(&mut self, name: &str, params: Vec<ValType>, results: &[ValType], body: &Function) {
        let kind = self.kind(params, results);
        self.functions.function(kind);
        self.exports.export(name, ExportKind::Func, self.count);
        self.code.function(body);
        self.count += 1;
    }

    /// What may be imported, alone: as wasm-smith takes it.
    pub(crate) fn only_imports(self) -> Vec<u8> {
        let mut module = Module::new();
        module.section(&self.types).section(&self.imports);
        module.finish()
    }

    /// The module. It has `globals` variables, names in its memory and a data segment more, which is passive.
    pub(crate) fn finish(mut self, globals: u32) -> Vec<u8> {
        let mut memories = MemorySection::new();
        memories.memory(MemoryType {
            minimum: MEMORY >> 16,
            maximum: Some(2 * MEMORY >> 16),
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
        self.exports.export("memory", ExportKind::Memory, 0);
        let mut variables = GlobalSection::new();
        for _ in 0..globals {
            let kind = GlobalType { val_type: ValType::I32, mutable: true, shared: false };
            variables.global(kind, &ConstExpr::i32_const(0));
        }
        let mut data = DataSection::new();
        data.passive([0x77; 5000]);
        for (name, at) in NAMES.iter().zip((0..).step_by(16)) {
            data.active(0, &ConstExpr::i32_const(at), name.iter().copied());
        }
        let mut module = Module::new();
        module.section(&self.types).section(&self.imports).section(&self.functions).section(&memories);
        module.section(&variables).section(&self.exports).section(&DataCountSection { count: data.len() });
        module.section(&self.code).section(&data);
        module.finish()
    }
}

/// The name under which [`trampolines`] exports a function of the interface.
pub(crate) fn trampoline(function: usize) -> String {
    format!("f{function}")
}

/// A module that passes on what it is called with, and fills its memory when told.
pub(crate) fn trampolines() -> Vec<u8> {
    let mut parts = Parts::new();
    for (at, function) in (0..).zip(FUNCTIONS) {
        let params: Vec<ValType> = function.params().collect();
        let mut body = Function::new([]);
        for (param, _) in (0..).zip(&params) {
            body.instructions().local_get(param);
        }
        body.instructions().call(at).end();
        parts.function(&format!("f{at}"), params, function.results(), &body);
    }
    let mut fill = Function::new([]);
    fill.instructions().local_get(0).local_get(1).local_get(2).memory_fill(0).end();
    parts.function("fill", vec![ValType::I32; 3], &[], &fill);
    let mut load = Function::new([]);
    let memarg = MemArg { offset: 0, align: 0, target: MemArgTarget::Memory(0), ordering: None };
    load.instructions().local_get(0).i32_load8_u(memarg).end();
    parts.function("load", vec![ValType::I32], &[ValType::I32], &load);
    parts.finish(0)
}
