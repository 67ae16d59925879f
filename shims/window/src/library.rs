//! The functions of windows as modules of their own.

use std::collections::BTreeMap;

use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, EntityType, ExportKind, ExportSection, FunctionSection, ImportSection,
    MemorySection, MemoryType, Module, TypeSection, reencode::Reencode as _, reencode::RoundtripReencoder,
};

use crate::{
    Error, Windows,
    function::{Abi, Function},
    layout::Layout,
    link,
    shims::{Shims, number},
    windows,
};

/// A module for `wit_component::ComponentEncoder::library`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Library {
    /// The module name by which the program imports its functions: the library's name.
    pub name: &'static str,
    /// The module. It imports the program's memory as `env` `memory`.
    pub wasm: Vec<u8>,
}

/// How the first library exports what the second one, for addresses of 64 bits, passes on.
const WIDE: &str = "window64 ";

/// The libraries with the functions of windows that a core module imports, for a component of both. They have to be added to the component in this order: the
/// first has the windows, and a second one is there if the module imports functions with both kinds of addresses.
///
/// The program's module exports its memory as `memory`.
///
/// # Errors
/// [`Error`] says why not.
pub fn libraries(module: &[u8], windows: &Windows) -> Result<Vec<Library>, Error> {
    let layout = Layout::read(module)?;
    layout.refuse_imported_memory()?;
    // Each once, though a module may import a function twice.
    let named = layout.imports.values().map(|(function, _)| ((function.abi, function.name()), *function));
    let all: Vec<Function> = named.collect::<BTreeMap<_, _>>().into_values().collect();
    let (narrow, wide): (Vec<_>, Vec<_>) = all.iter().partition(|function| function.abi == Abi::Window);
    let both = !narrow.is_empty() && !wide.is_empty();
    let first = if narrow.is_empty() && !wide.is_empty() { Abi::Window64 } else { Abi::Window };
    let name = |function: Function| match function.abi {
        Abi::Window64 if both => format!("{WIDE}{}", function.name()),
        _ => function.name().to_owned(),
    };
    let mut libraries = vec![Library { name: first.module(), wasm: with_windows(&layout, windows, &all, name)? }];
    if both {
        let wasm = passing_on(&layout, &wide, name)?;
        libraries.push(Library { name: Abi::Window64.module(), wasm });
    }
    for library in &libraries {
        link::valid(&library.wasm)?;
    }
    Ok(libraries)
}

/// The module that defines the windows, and functions on them.
fn with_windows(
    layout: &Layout<'_>,
    windows: &Windows,
    functions: &[Function],
    name: impl Fn(Function) -> String,
) -> Result<Vec<u8>, Error> {
    let memory = layout.memory()?;
    let memory_type = layout.memories[0].ty;
    let mut memories = windows.memories(memory_type.page_size_log2)?;
    let mut types = TypeSection::new();
    let mut exports = ExportSection::new();
    let mut keys = BTreeMap::new();
    for (at, function) in functions.iter().enumerate() {
        let signature = function.signature(memory.address());
        types.ty().function(signature.params, signature.results);
        keys.insert(number(at), (*function, number(at)));
    }
    let mut shims = Shims::new(memory, link::references(&memories, 1), keys, 0);
    for (at, function) in functions.iter().enumerate() {
        if let Some(generated) = shims.for_all(number(at)) {
            exports.export(&name(*function), ExportKind::Func, generated);
        }
    }
    let (mut declared, mut code) = (FunctionSection::new(), CodeSection::new());
    for generated in shims.generated() {
        declared.function(generated.type_index);
        code.function(&generated.body);
    }
    let mut imports = ImportSection::new();
    let imported = MemoryType { maximum: None, ..RoundtripReencoder.memory_type(memory_type).map_err(reencode)? };
    imports.import("env", "memory", EntityType::Memory(imported));
    memories.push(windows::directory(memory_type.page_size_log2));
    let mut section = MemorySection::new();
    for memory in &memories {
        section.memory(*memory);
    }
    let mut data = DataSection::new();
    // The library is instantiated next after the program, and makes its memories next.
    let directory = link::directory(layout.memories.len(), windows);
    data.active(number(memories.len()), &ConstExpr::i32_const(0), directory.to_bytes());
    let mut module = Module::new();
    module.section(&types).section(&imports).section(&declared).section(&section).section(&exports);
    module.section(&code).section(&data);
    Ok(module.finish())
}

/// The module that gives functions of the first library the names that the program imports.
fn passing_on(
    layout: &Layout<'_>,
    functions: &[Function],
    name: impl Fn(Function) -> String,
) -> Result<Vec<u8>, Error> {
    let pointer = layout.memory()?.address();
    let (mut types, mut imports, mut exports) = (TypeSection::new(), ImportSection::new(), ExportSection::new());
    for (at, function) in functions.iter().enumerate() {
        let signature = function.signature(pointer);
        types.ty().function(signature.params, signature.results);
        imports.import(Abi::Window.module(), &name(*function), EntityType::Function(number(at)));
        exports.export(function.name(), ExportKind::Func, number(at));
    }
    let mut module = Module::new();
    module.section(&types).section(&imports).section(&exports);
    Ok(module.finish())
}

fn reencode(error: wasm_encoder::reencode::Error) -> Error {
    Error::Unsupported { what: error.to_string() }
}
